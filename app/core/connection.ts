// The thin layer between the protocol, which is pure, and the sockets.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { escapeText } from "../wire/escape.ts";
import { type Message, MessageDecoder, type MessageOptions } from "../wire/message.ts";

const READ_SIZE = 16 * 1024; // bytes a connection reads at once
const MOST_QUEUED = 64 * 1024; // bytes of answers; with more, no further message is taken
const LINGER_LENGTH = 256 * 1024; // bytes
const STOP_GRACE = 20; // milliseconds in which a message that has already arrived is still noticed
const FIRST_RETRY_DELAY = 5; // milliseconds
const LAST_RETRY_DELAY = 1_000; // milliseconds

/** How long a connection waits, in milliseconds. What it accepts, in bytes, is in `MessageOptions`. */
export interface ConnectionOptions extends Omit<MessageOptions, "copy"> {
  /** From the first byte of a message, or from the beginning, until its header is here. 10 s. */
  headerTimeout?: number;
  /** From the first byte of a message until all of it is here. 30 s. */
  messageTimeout?: number;
  /** Between two messages. 60 s. */
  idleTimeout?: number;
  /** Until a peer that does not read takes the next bytes. 30 s. */
  writeTimeout?: number;
  /** For the peer to read the last bytes before the connection is closed. 2 s. */
  lingerTimeout?: number;
  /** When this aborts, no further message is waited for; one that has begun is still read. */
  signal?: AbortSignal;
}

/** The error for a peer that took too long. */
export class DeadlineError extends Error {
  override readonly name: string = "DeadlineError";
  /** What was waited for: a new message, the rest of one, or the peer to read. */
  readonly phase: "idle" | "header" | "content" | "write";

  constructor(phase: DeadlineError["phase"], milliseconds: number) {
    const what = {
      idle: "No message came",
      header: "The header did not arrive",
      content: "The content did not arrive",
      write: "The peer did not read",
    };
    super(`${what[phase]} within ${milliseconds / 1000} s`);
    this.phase = phase;
  }
}

/**
 * A connection over which messages are received and sent. It owns the `Deno.Conn`, and closes it when
 * it is disposed. One caller at a time may receive, and one send.
 */
export class MessageConnection implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #timeouts;
  readonly #signal: AbortSignal | undefined;
  readonly #decoder: MessageDecoder;
  readonly #buffer = new Uint8Array(READ_SIZE);
  readonly #readAlarm = new Alarm();
  readonly #writeAlarm = new Alarm();
  readonly #stop = () => {
    if (this.#isIdle()) this.#readAlarm.set(performance.now() + STOP_GRACE, this.#interrupt);
  };
  #queue: Uint8Array[] = [];
  #queued = 0; // bytes
  #isReading = false; // also after the deadline: a read cannot be taken back
  #resolve: (n: number | null | undefined) => void = () => {};
  #reject: (error: Error) => void = () => {};
  readonly #interrupt = () => this.#resolve(undefined);
  #headerDue: number; // when the header must be here that is on its way, or is the first
  #messageDue = Infinity;

  constructor(conn: Deno.Conn, options: ConnectionOptions = {}) {
    const {
      headerTimeout = 10_000,
      messageTimeout = 30_000,
      idleTimeout = 60_000,
      writeTimeout = 30_000,
      lingerTimeout = 2_000,
      signal,
      ...limits
    } = options;
    this.#conn = conn;
    this.#timeouts = { headerTimeout, messageTimeout, idleTimeout, writeTimeout, lingerTimeout };
    this.#signal = signal;
    this.#signal?.addEventListener("abort", this.#stop);
    this.#decoder = new MessageDecoder(limits);
    this.#headerDue = performance.now() + headerTimeout;
    // Without this, small answers in a row wait for the peer's acknowledgement (Nagle's algorithm).
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
  }

  /**
   * Receives the next message. Its content is valid until the next call: later reads overwrite it.
   *
   * @returns The message, or `undefined` if the peer has said that it will send no more, or `signal`
   * has aborted and no message has begun.
   * @throws {DeadlineError} If it does not come in time.
   * @throws As `MessageDecoder.next` and `MessageDecoder.end` for what is not a message.
   */
  async receive(): Promise<Message | undefined> {
    while (true) {
      const message = this.next();
      if (message) return message;
      if (this.#queued > 0) {
        await this.#flush();
        continue;
      }
      const { due, phase, timeout } = this.#deadline();
      const n = await this.#read(due);
      if (n === undefined) { // late, or interrupted
        if (this.#signal?.aborted && this.#isIdle()) return undefined;
        throw new DeadlineError(phase, timeout);
      }
      if (n === null) {
        this.#decoder.end();
        return undefined;
      }
      this.#decoder.push(this.#buffer.subarray(0, n));
    }
  }

  /**
   * The next message, if it is here already and not too many answers are queued, with the same errors
   * as `receive`.
   */
  next(): Message | undefined {
    if (this.#queued >= MOST_QUEUED) return undefined;
    const message = this.#decoder.next();
    if (message) this.#headerDue = this.#messageDue = Infinity;
    return message;
  }

  /**
   * Keeps the bytes, an answer to what was received last, to send them with other answers in one
   * write: at the latest before `receive` waits for the peer, or `send` sends something else.
   */
  queue(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queued += bytes.length;
  }

  /**
   * Sends all the bytes, behind those that are queued.
   *
   * @throws {DeadlineError} If the peer does not read them. The connection is closed then.
   */
  send(bytes: Uint8Array): Promise<void> {
    this.queue(bytes);
    return this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = this.#queue.length === 1 ? this.#queue[0]! : concat(this.#queue);
    this.#queue = [];
    this.#queued = 0;
    const { writeTimeout } = this.#timeouts;
    let late = false;
    const giveUp = () => {
      late = true;
      close(this.#conn); // nothing else ends a write
    };
    try {
      for (let sent = 0; sent < bytes.length;) {
        this.#writeAlarm.set(performance.now() + writeTimeout, giveUp);
        sent += await this.#conn.write(bytes.subarray(sent));
      }
    } catch (error) {
      throw late ? new DeadlineError("write", writeTimeout) : error;
    } finally {
      this.#writeAlarm.set(Infinity, giveUp);
    }
  }

  /**
   * Says that nothing more will be sent, and gives the peer a moment to read what was: closing at
   * once, with input unread, would destroy it by a reset.
   */
  async linger(): Promise<void> {
    const due = performance.now() + this.#timeouts.lingerTimeout;
    try {
      await this.#conn.closeWrite();
      for (let drained = 0; drained < LINGER_LENGTH;) {
        const n = await this.#read(due);
        if (n === null || n === undefined) return;
        drained += n;
      }
    } catch { /* the peer has gone, and with it the reason to wait */ }
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#stop);
    this.#readAlarm.clear();
    this.#writeAlarm.clear();
    close(this.#conn);
  }

  #isIdle(): boolean {
    return this.#decoder.bufferedLength === 0;
  }

  /** By when the next bytes must be here. Deadlines are absolute: trickled bytes do not move them. */
  #deadline(): { due: number; phase: DeadlineError["phase"]; timeout: number } {
    const { headerTimeout, messageTimeout, idleTimeout } = this.#timeouts;
    const now = performance.now();
    if (this.#isIdle()) {
      const wait = this.#signal?.aborted ? STOP_GRACE : idleTimeout;
      const due = Math.min(this.#headerDue, now + wait);
      return { due, phase: "idle", timeout: idleTimeout };
    }
    if (this.#messageDue === Infinity) {
      this.#headerDue = Math.min(this.#headerDue, now + headerTimeout);
      this.#messageDue = now + messageTimeout;
    }
    return this.#decoder.phase === "content" || this.#messageDue < this.#headerDue
      ? { due: this.#messageDue, phase: "content", timeout: messageTimeout }
      : { due: this.#headerDue, phase: "header", timeout: headerTimeout };
  }

  /**
   * Reads into the buffer; `undefined` when it is late or interrupted. The read itself cannot be
   * taken back without closing the connection: it goes on, and the next call waits for it.
   */
  #read(due: number): Promise<number | null | undefined> {
    this.#readAlarm.set(due, this.#interrupt);
    if (!this.#isReading) {
      this.#isReading = true;
      this.#conn.read(this.#buffer).then((n) => {
        this.#isReading = false;
        this.#resolve(n);
      }, (error) => {
        this.#isReading = false;
        this.#reject(error);
      });
    }
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }
}

/** A timer that is set often and seldom rings: it is armed again only where it must ring earlier. */
class Alarm {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armedFor = Infinity;
  #due = Infinity;
  #ring = () => {};

  /** Sets the time, as `performance.now()` counts it; `Infinity` is never. */
  set(due: number, ring: () => void): void {
    this.#due = due;
    this.#ring = ring;
    if (due < this.#armedFor) this.#arm();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#armedFor = this.#due = Infinity;
  }

  #arm() {
    clearTimeout(this.#timer);
    this.#armedFor = this.#due;
    this.#timer = setTimeout(() => this.#wake(), Math.ceil(this.#due - performance.now()));
  }

  #wake() {
    this.#armedFor = Infinity;
    if (this.#due === Infinity) return;
    if (performance.now() < this.#due) return this.#arm();
    this.#due = Infinity;
    this.#ring();
  }
}

/** How a server treats its connections as a whole. */
export interface ServeOptions {
  /** When this aborts, no more connections are accepted. Those that are open may end by themselves. */
  stop: AbortSignal;
  /** When this aborts, all connections are closed. */
  kill: AbortSignal;
  /** How many connections may be open at once; more are accepted and closed. The default is 1000. */
  maxConnections?: number;
  /** Takes what the operator should know. The default is `console.error`. */
  report?: (line: string) => void;
}

/**
 * Accepts connections until it is told to stop, whatever clients do, and waits until all have ended.
 *
 * @param listener Where they come in. It is closed at the end.
 * @param handle What to do with each. It owns the connection, and closes it.
 */
export async function serve(
  listener: Deno.Listener,
  handle: (conn: Deno.Conn) => Promise<void>,
  { stop, kill, maxConnections = 1000, report = console.error }: ServeOptions,
): Promise<void> {
  const open = new Map<Deno.Conn, Promise<void>>();
  const beginToStop = () => {
    listener.close(); // ends the accept that waits
    if (open.size > 0) {
      report(`Finishing what has begun, ${open.size} open; once more to stop at once`);
    }
  };
  const closeAll = () => open.forEach((_, conn) => close(conn));
  if (stop.aborted) beginToStop();
  else stop.addEventListener("abort", beginToStop);
  kill.addEventListener("abort", closeAll);

  let delay = FIRST_RETRY_DELAY;
  while (!stop.aborted) {
    let conn: Deno.Conn;
    try {
      conn = await listener.accept();
      delay = FIRST_RETRY_DELAY;
    } catch (error) {
      if (stop.aborted) break;
      if (error instanceof Deno.errors.NotConnected) continue; // the client has gone already
      report(`Cannot accept, trying again in ${delay} ms: ${(error as Error).message}`);
      await pause(delay, stop); // out of descriptors, it would fail again at once
      delay = Math.min(2 * delay, LAST_RETRY_DELAY);
      continue;
    }
    const name = nameOf(conn.remoteAddr);
    if (open.size >= maxConnections) {
      report(`Turned away ${name}: ${maxConnections} connections are open`);
      close(conn);
      continue;
    }
    const handling = handle(conn)
      .catch((error: Error) => report(`Connection to ${name} failed: ${error.message}`))
      .finally(() => open.delete(conn));
    open.set(conn, handling);
  }
  await Promise.all(open.values());
  kill.removeEventListener("abort", closeAll);
}

/** Where to connect to, and how. */
export interface ConnectOptions {
  /** A host name or address, and a port; or the path of a Unix socket. */
  address: { hostname: string; port: number } | { path: string };
  /** Whether to speak TLS. */
  tls?: boolean;
  /** Certificates to trust beside the system's, as PEM. */
  caCerts?: string[];
  /** Until the connection stands, in milliseconds. The default is 5 s. */
  timeout?: number;
}

/** Connects, in time or not at all. */
export async function connect(
  { address, tls = false, caCerts = [], timeout = 5_000 }: ConnectOptions,
): Promise<Deno.Conn> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeout);
  try {
    if ("path" in address) return await Deno.connect({ transport: "unix", ...address });
    const conn = await Deno.connect({ ...address, signal: late.signal });
    conn.setNoDelay(true);
    if (!tls) return conn;
    const secure = await Deno.startTls(conn, { hostname: address.hostname, caCerts });
    late.signal.addEventListener("abort", () => close(secure));
    try {
      await secure.handshake();
    } catch (error) {
      close(secure);
      throw error;
    }
    return secure;
  } catch (error) {
    throw late.signal.aborted ? new Error(`No connection within ${timeout / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Names an address as people write it: `127.0.0.1:65432`, `[::1]:65432`, `unix:/tmp/socket`. */
export function nameOf(address: Deno.Addr): string {
  if ("path" in address) {
    return address.path ? `unix:${escapeText(address.path)}` : "a local client";
  }
  if (!("hostname" in address)) return address.transport;
  const { hostname, port } = address;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function close(resource: Disposable & { close(): void }) {
  try {
    resource.close();
  } catch { /* it is closed already */ }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
