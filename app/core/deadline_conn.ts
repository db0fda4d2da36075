import {
  IDLE_TIMEOUT,
  LINGER_TIMEOUT,
  MAX_LINGER_LENGTH,
  STOP_GRACE,
  WRITE_TIMEOUT,
} from "../wire/limits.ts";
import { formatAddress } from "./address.ts";
import { type Deadline, deadlineClock, DeadlineError } from "./deadlines.ts";
import { fairTurns } from "./fair_turns.ts";
import { pauseForOthers } from "./fair_work.ts";

const FIRST_BUFFER_LENGTH = 1024; // bytes; enough for a chat, and cheap with 10,000 idle clients
const MAX_BUFFER_LENGTH = 64 * 1024; // bytes
const BUFFER_GROWTH = 4; // times, when a read has filled it

/** The connection below a `DeadlineConn`, such as a `Deno.Conn`. */
export interface Conn extends Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close"> {
  readonly remoteAddr: Deno.Addr;
  setNoDelay?(): void;
}

/** The maximum times of a connection, in milliseconds. */
export interface DeadlineConnOptions {
  /** For the peer to send something. The default is 60 s. */
  idleTimeout?: number;
  /** For the peer to take the next bytes. The default is 30 s. */
  writeTimeout?: number;
  /** For the peer to read the last bytes before the connection is closed. The default is 2 s. */
  lingerTimeout?: number;
}

/** Somebody who waits for bytes, and until when. */
interface Reader extends Deadline {
  resolve: (bytes: Uint8Array | null) => void;
  reject: (error: unknown) => void;
}

/**
 * A connection on which no wait lasts forever. It owns the connection below, and closes it when it is
 * disposed. One caller at a time may read, and one may write.
 */
export class DeadlineConn implements Disposable {
  readonly #conn: Conn;
  readonly #options: DeadlineConnOptions;
  readonly #turns = fairTurns.join();
  readonly #onTick = (now: number) => this.#checkDeadlines(now);
  #buffer = new Uint8Array(FIRST_BUFFER_LENGTH);
  #reader: Reader | undefined;
  #reading: Promise<number | null> | undefined; // it goes on when its reader is late: nothing cancels it
  #busySince: number | undefined; // since all input has been there before it was asked for
  #writeDeadline: Deadline | undefined;
  #lateWrite: DeadlineError | undefined; // the reason for which this connection has closed itself
  #isStopping = false;
  #isClosed = false;

  constructor(conn: Conn, options: DeadlineConnOptions = {}) {
    this.#conn = conn;
    this.#options = options;
    deadlineClock.watch(this.#onTick);
    try {
      // Without this, small answers in a row wait for the peer's acknowledgement (Nagle's algorithm).
      conn.setNoDelay?.();
    } catch {
      /* some systems refuse this if the peer is gone: then the first read fails */
    }
  }

  /** The address of the peer. */
  get peerAddress(): string {
    return formatAddress(this.#conn.remoteAddr);
  }

  /**
   * Reads what has arrived, or waits for it.
   *
   * @param deadline What to wait for. By default it is anything, for the idle timeout.
   * @returns The bytes, which are valid until the next read. It is `null` if the peer will send no
   * more, or if the connection was asked to stop and nothing has begun.
   * @throws {DeadlineError} If nothing arrives in time. It is then still possible to write, and to linger.
   */
  read(deadline?: Deadline): Promise<Uint8Array | null> {
    const pause = this.#turns.next() ?? this.#pauseWhileBusy();
    return pause ? pause.then(() => this.#read(deadline)) : this.#read(deadline);
  }

  /**
   * Writes all the bytes.
   *
   * @throws {DeadlineError} If the peer does not read them. The connection is then closed.
   */
  async writeAll(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      // A write may take a part only. The deadline moves on whenever the peer takes some bytes.
      sent += await this.#inTime(this.#writeTimeout, this.#conn.write(bytes.subarray(sent)));
    }
  }

  /** Half-closes: nothing more will be sent. */
  async closeWrite(): Promise<void> {
    await this.#inTime(this.#writeTimeout, this.#conn.closeWrite());
  }

  /**
   * Half-closes, and gives the peer a moment to read the last bytes. If the connection was closed at
   * once with unread input, a reset would destroy them.
   */
  async linger(): Promise<void> {
    const { lingerTimeout: timeout = LINGER_TIMEOUT } = this.#options;
    const deadline = deadlineClock.deadline("write", timeout);
    try {
      await this.#inTime(timeout, this.#conn.closeWrite());
      let drained = 0;
      while (drained < MAX_LINGER_LENGTH) {
        const bytes = await this.#read(deadline);
        if (bytes === null) return;
        drained += bytes.length;
      }
    } catch { /* the peer is gone, so there is no reason to wait */ }
  }

  /** From now on, a peer that has begun nothing has a moment left. Then `read` returns `null`. */
  stop(): void {
    this.#isStopping = true;
    if (this.#reader?.phase === "idle") this.#reader.due = deadlineClock.after(STOP_GRACE);
  }

  /** Closes the connection. Reads and writes that wait then fail. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    deadlineClock.unwatch(this.#onTick);
    this.#turns.leave();
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #writeTimeout(): number {
    return this.#options.writeTimeout ?? WRITE_TIMEOUT;
  }

  #idleDeadline(): Deadline {
    return deadlineClock.deadline("idle", this.#options.idleTimeout ?? IDLE_TIMEOUT);
  }

  #pauseWhileBusy(): Promise<void> | undefined {
    return this.#busySince === undefined ? undefined : pauseForOthers(this.#busySince);
  }

  #read({ phase, due, timeout } = this.#idleDeadline()): Promise<Uint8Array | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
    this.#reader = { phase, due, timeout, resolve, reject };
    if (this.#isStopping) this.stop(); // which may leave this reader a moment only
    this.#reading ??= this.#conn.read(this.#buffer); // or an earlier one, whose reader was late
    this.#reading.then(
      (n) => this.#passOn(n),
      (error) => this.#endRead()?.reject(this.#lateWrite ?? error),
    );
    return promise;
  }

  /** Passes on what has been read to whoever waits for it. If nobody does, the next reader finds it. */
  #passOn(n: number | null): void {
    const reader = this.#endRead();
    if (!reader) return;
    reader.resolve(n === null ? null : this.#buffer.subarray(0, n));
    if (n !== this.#buffer.length) { // the socket was empty, so Deno had to ask for news
      this.#busySince = undefined;
      return;
    }
    this.#busySince ??= performance.now();
    if (n < MAX_BUFFER_LENGTH) this.#buffer = new Uint8Array(n * BUFFER_GROWTH); // fewer reads for much data
  }

  /** Ends the read, and returns who waits for it. */
  #endRead(): Reader | undefined {
    const reader = this.#reader;
    if (!reader) return undefined;
    this.#reader = undefined;
    this.#reading = undefined;
    return reader;
  }

  /** Waits for something that only closing can cancel, and closes the connection if it takes too long. */
  async #inTime<T>(timeout: number, operation: Promise<T>): Promise<T> {
    this.#writeDeadline = deadlineClock.deadline("write", timeout);
    try {
      return await operation;
    } catch (error) {
      throw this.#lateWrite ?? error;
    } finally {
      this.#writeDeadline = undefined;
    }
  }

  #checkDeadlines(now: number): void {
    const reader = this.#reader;
    if (reader && now >= reader.due) {
      this.#reader = undefined; // the read goes on
      if (this.#isStopping && reader.phase === "idle") reader.resolve(null);
      else reader.reject(new DeadlineError(reader.phase, reader.timeout));
    }
    const write = this.#writeDeadline;
    if (write && now >= write.due) {
      this.#lateWrite = new DeadlineError(write.phase, write.timeout);
      this.close(); // nothing else ends a write
    }
  }
}
