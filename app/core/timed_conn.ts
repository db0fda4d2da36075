import { nameOf } from "./address.ts";
import { deadlineClock, DeadlineError, type Phase } from "./deadlines.ts";
import { fairTurns } from "./fair_turns.ts";

const FIRST_BUFFER_LENGTH = 1024; // bytes; enough for a chat, and cheap with 10,000 idle clients
const MAX_BUFFER_LENGTH = 64 * 1024; // bytes
const BUFFER_GROWTH = 4; // times, when a read has filled it
const MAX_LINGER_LENGTH = 256 * 1024; // bytes
const STOP_GRACE = 1000; // milliseconds; a lost packet is sent again after 200, and some clients pause
const NEVER = Infinity;

/** The connection below a `TimedConn`, such as a `Deno.Conn`. */
export interface Conn extends Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close"> {
  readonly remoteAddr: Deno.Addr;
  setNoDelay?(): void;
}

/** The maximum times of a connection, in milliseconds. */
export interface TimedConnOptions {
  /** For the peer to send something. The default is 60 s. */
  idleTimeout?: number;
  /** For the peer to take the next bytes. The default is 30 s. */
  writeTimeout?: number;
  /** For the peer to read the last bytes before the connection is closed. The default is 2 s. */
  lingerTimeout?: number;
}

const DEFAULTS: Required<TimedConnOptions> = {
  idleTimeout: 60_000,
  writeTimeout: 30_000,
  lingerTimeout: 2_000,
};

/** What a read waits for, and its deadline. */
export interface Wait {
  phase: Phase;
  /** The deadline, on the clock for deadlines. */
  due: number;
  /** The whole time until the deadline, in milliseconds, for the error. */
  timeout: number;
}

/**
 * A connection on which no wait lasts forever. It owns the connection below, and closes it when it is
 * disposed. One caller at a time may read, and one may write.
 */
export class TimedConn implements Disposable {
  readonly #conn: Conn;
  readonly #options: TimedConnOptions;
  readonly #turn = fairTurns.join();
  readonly #onTime = (now: number) => this.#checkDeadlines(now);
  readonly #onBytes = (n: number | null) => this.#endRead(n);
  readonly #onError = (error: Error) => this.#failRead(error);
  #buffer = new Uint8Array(FIRST_BUFFER_LENGTH);

  #isReading = false; // also after its deadline: a read cannot be cancelled
  #readDue = NEVER;
  #wait: Wait | undefined; // of the read, unless it waits for anything
  #resolve: (bytes: Uint8Array | null) => void = () => {};
  #reject: (error: Error) => void = () => {};

  #writeDue = NEVER;
  #isLate = false; // with a write
  #isStopping = false;
  #isClosed = false;

  constructor(conn: Conn, options: TimedConnOptions = {}) {
    this.#conn = conn;
    this.#options = options;
    deadlineClock.watch(this.#onTime);
    try {
      // Without this, small answers in a row wait for the peer's acknowledgement (Nagle's algorithm).
      conn.setNoDelay?.();
    } catch {
      /* some systems refuse this if the peer is gone: then the first read fails */
    }
  }

  /** The address of the peer. */
  get name(): string {
    return nameOf(this.#conn.remoteAddr);
  }

  /**
   * Reads what has arrived, or waits for it.
   *
   * @param wait What to wait for. By default it is anything, for the idle timeout.
   * @returns The bytes, which are valid until the next read. It is `null` if the peer will send no
   * more, or if the connection was asked to stop and nothing has begun.
   * @throws {DeadlineError} If nothing arrives in time. It is then still possible to write, and to linger.
   */
  read(wait?: Wait): Promise<Uint8Array | null> {
    const turn = this.#turn.next();
    return turn ? turn.then(() => this.#read(wait)) : this.#read(wait);
  }

  /**
   * Writes all the bytes.
   *
   * @throws {DeadlineError} If the peer does not read them. The connection is then closed.
   */
  async writeAll(bytes: Uint8Array): Promise<void> {
    const timeout = this.#timeout("writeTimeout");
    try {
      for (let rest = bytes; rest.length > 0;) {
        this.#writeDue = deadlineClock.after(timeout); // moves on whenever the peer takes some bytes
        const sent = await this.#conn.write(rest);
        if (sent === rest.length) break;
        rest = rest.subarray(sent);
      }
    } catch (error) {
      throw this.#isLate ? new DeadlineError("write", timeout) : error;
    } finally {
      this.#writeDue = NEVER;
    }
  }

  /** Half-closes: nothing more will be sent. */
  async closeWrite(): Promise<void> {
    await this.#inTime("write", this.#timeout("writeTimeout"), () => this.#conn.closeWrite());
  }

  /**
   * Half-closes, and gives the peer a moment to read the last bytes. If the connection was closed at
   * once with unread input, a reset would destroy them.
   */
  async linger(): Promise<void> {
    const timeout = this.#timeout("lingerTimeout");
    const wait: Wait = { phase: "write", due: deadlineClock.after(timeout), timeout };
    try {
      await this.#inTime("write", timeout, () => this.#conn.closeWrite());
      for (let drained = 0; drained < MAX_LINGER_LENGTH;) {
        const bytes = await this.#read(wait);
        if (bytes === null) return;
        drained += bytes.length;
      }
    } catch { /* the peer is gone, so there is no reason to wait */ }
  }

  /** From now on, an idle read returns `null`. */
  stop(): void {
    this.#isStopping = true;
    if (this.#isReading) this.#readDue = this.#dueOf(this.#wait);
  }

  /** Closes the connection. Reads and writes that wait then fail. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    deadlineClock.unwatch(this.#onTime);
    this.#turn.leave();
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #timeout(name: keyof TimedConnOptions): number {
    return this.#options[name] ?? DEFAULTS[name];
  }

  #read(wait: Wait | undefined): Promise<Uint8Array | null> {
    this.#wait = wait;
    this.#readDue = this.#dueOf(wait);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (this.#isReading) return; // an earlier read, whose deadline has passed, still runs
      this.#isReading = true;
      this.#conn.read(this.#buffer).then(this.#onBytes, this.#onError);
    });
  }

  #endRead(n: number | null): void {
    this.#isReading = false;
    this.#readDue = NEVER;
    if (n === null) return this.#resolve(null);
    this.#resolve(this.#buffer.subarray(0, n));
    if (n === this.#buffer.length && n < MAX_BUFFER_LENGTH) {
      this.#buffer = new Uint8Array(n * BUFFER_GROWTH); // fewer reads for much data
    }
  }

  #failRead(error: Error): void {
    this.#isReading = false;
    this.#readDue = NEVER;
    // If a write was late, the connection was closed for that, and the read fails for the same reason.
    const timeout = this.#timeout("writeTimeout");
    this.#reject(this.#isLate ? new DeadlineError("write", timeout) : error);
  }

  #dueOf(wait: Wait | undefined): number {
    if (this.#isStopping && !hasBegun(wait)) return deadlineClock.after(STOP_GRACE);
    return wait ? wait.due : deadlineClock.after(this.#timeout("idleTimeout"));
  }

  #checkDeadlines(now: number): void {
    if (now >= this.#readDue) this.#endWait();
    if (now >= this.#writeDue) {
      this.#isLate = true;
      this.close(); // nothing else ends a write
    }
  }

  #endWait(): void {
    this.#readDue = NEVER;
    if (this.#isStopping && !hasBegun(this.#wait)) return this.#resolve(null);
    const { phase, timeout } = this.#wait ??
      { phase: "idle", timeout: this.#timeout("idleTimeout") };
    this.#reject(new DeadlineError(phase, timeout));
  }

  /** Runs something that only closing can cancel, and closes the connection if it takes too long. */
  async #inTime(phase: Phase, timeout: number, act: () => Promise<unknown>): Promise<void> {
    this.#writeDue = deadlineClock.after(timeout);
    try {
      await act();
    } catch (error) {
      throw this.#isLate ? new DeadlineError(phase, timeout) : error;
    } finally {
      this.#writeDue = NEVER;
    }
  }
}

function hasBegun(wait: Wait | undefined): boolean {
  return wait !== undefined && wait.phase !== "idle";
}
