// What the checks of servers are run with: connections to the server, each step with a deadline.
import { connect as connectWithNode, type Socket } from "node:net";
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import type { HostAndPort } from "../core/address.ts";
import { pause, TIMED_OUT, withTimeout } from "../core/timeout.ts";
import { escapeBytes } from "../wire/escape.ts";
import { classify, classifyNoise, countBytes, includes, KIB, MIB, noise } from "./bytes.ts";
import { CannotCheck, type Cause, type CheckRun, Failure, LostConnection } from "./check.ts";
import { inTime } from "./running_time.ts";
import type { Server } from "./server.ts";

const MAX_STEPS = 4; // times the timeout, for a check of many steps
const READ_SIZE = 64 * KIB; // bytes
const MAX_SHOWN = 24; // bytes, of those that are wrong
const SLOW_CONNECT = 500; // milliseconds; a connection that is dropped is tried again after a second
const GULP = MIB; // bytes
const GULP_PAUSE = 10; // milliseconds
const MIN_GAP = 10; // milliseconds between two resets, once the server was too slow to accept them all
const MAX_GAP = 160;
const MAX_RAW = 1024; // bytes of an answer that are looked at
const RAW_PART = 1 / 5; // of the timeout, for an answer that may not come

/** What it means when a client waits for as long as another one is connected. */
export const ONE_AT_A_TIME: Cause = {
  hint:
    "The server serves one client at a time: as long as another one is connected, this one waits.",
  read: "oneAtATime",
};
/** What it means when a server ends a connection from which it should read, or to which it should write. */
export const GIVES_UP =
  "The server gives up on a client that does not read at once, or fails. Look at what it has printed.";

/** One run of a check of a server. It owns all its connections. */
export class ServerRun implements CheckRun {
  /** How long the server may take for one step, in milliseconds. */
  readonly timeout: number;
  readonly limit: number;
  progress = "";
  /** How many connections the server has accepted. */
  connections = 0;
  readonly #server: Server;
  /** How many were open at the same time. */
  mostOpen = 0;
  #open = 0;
  readonly #clients: Client[] = [];
  readonly #close = new Set<() => boolean>();
  #isOver = false;

  constructor(server: Server, timeout: number, extraTime: number = 0) {
    this.#server = server;
    this.timeout = timeout;
    this.limit = MAX_STEPS * timeout + extraTime + server.startTime;
  }

  /** Where the server listens. */
  get address(): HostAndPort {
    return this.#server.address;
  }

  /** Connects to the server. */
  async connect(): Promise<Client> {
    if (this.#isOver) throw new LostConnection("a connection", "the end of the check");
    try {
      const conn = await this.#server.connect(this.timeout);
      this.connections++;
      const close = this.#own(() => conn.close());
      this.#open++;
      this.mostOpen = Math.max(this.mostOpen, this.#open);
      const client = new Client(conn, this, () => {
        if (close()) this.#open--;
      });
      this.#clients.push(client);
      return client;
    } catch (error) {
      throw lost("a connection", error);
    }
  }

  /** Connects, sends some bytes, waits until the first come back, and ends with a reset (RST). */
  async reset(bytes?: Uint8Array): Promise<void> {
    const { hostname, port } = this.address;
    const socket: Socket = connectWithNode(port, hostname);
    this.#own(() => socket.destroy());
    const expected = bytes ? "an echo that begins" : "a connection";
    const done = new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("end", () => reject(new LostConnection(expected, "the end", { seen: "end" })));
      socket.on("close", () => resolve());
      socket.on("data", () => socket.resetAndDestroy());
      socket.on("connect", () => {
        this.connections++;
        if (bytes) socket.write(bytes);
        else socket.resetAndDestroy();
      });
    });
    await step(done, this.timeout, expected);
  }

  /**
   * Resets this many connections, one after the other. A server whose queue of connections (the
   * backlog) is short, and that needs a moment for each, makes us wait: then we slow down.
   */
  async resetMany(number: number): Promise<void> {
    let gap = 0;
    for (let i = 1; i <= number; i++) {
      const start = performance.now();
      await this.reset();
      if (performance.now() - start > SLOW_CONNECT) gap = Math.min(2 * gap || MIN_GAP, MAX_GAP);
      if (gap > 0) await pause(gap);
      this.progress = `${i} of ${number} connections reset`;
    }
  }

  /** Connects this many clients, one after the other. */
  async connectMany(number: number): Promise<Client[]> {
    const clients: Client[] = [];
    while (clients.length < number) clients.push(await this.connect());
    return clients;
  }

  /** Sends these bytes on a connection of their own, and returns whatever comes back in a short time. */
  async exchange(request: Uint8Array, { finish = false } = {}): Promise<Uint8Array> {
    const buffer = new Uint8Array(MAX_RAW);
    let length = 0;
    try {
      using client = await this.connect();
      await client.send(request);
      if (finish) await client.finish();
      while (length < buffer.length) {
        const timeout = this.timeout * RAW_PART;
        const n = await client.read(buffer.subarray(length), "an answer", { timeout });
        if (n === null) break;
        length += n;
      }
    } catch { /* no more is coming */ }
    return buffer.subarray(0, length);
  }

  /** Whether a client that is still connected has been sent more bytes than its own. */
  async hasStrayBytes(): Promise<boolean> {
    await Promise.all(this.#clients.map((client) => client.drain()));
    return this.#clients.some(({ sent, received }) => received > sent);
  }

  /** Closes all connections. */
  closeAll(): void {
    for (const close of [...this.#close]) close();
    this.#open = 0;
  }

  abort(): void {
    this.#isOver = true;
    this.closeAll();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    return Promise.resolve();
  }

  /** Makes sure that something is closed once, at the end or before that. Returns whether it was open. */
  #own(close: () => void): () => boolean {
    const closeOnce = () => {
      const isOpen = this.#close.delete(closeOnce);
      if (isOpen) close();
      return isOpen;
    };
    this.#close.add(closeOnce);
    if (this.#isOver) closeOnce();
    return closeOnce;
  }
}

/**
 * A connection on which no step takes longer than the server may take for it. The end of the check closes it,
 * or `using` does so before: a server may serve one client at a time.
 */
export class Client implements Disposable {
  /** How many bytes the server has taken, and returned. */
  sent = 0;
  received = 0;
  readonly #conn: Deno.Conn;
  readonly #run: ServerRun;
  readonly #close: () => void;
  #writing: Promise<void> | undefined; // by `pour`

  constructor(conn: Deno.Conn, run: ServerRun, close: () => void) {
    this.#conn = conn;
    this.#run = run;
    this.#close = close;
  }

  /** Sends all the bytes. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const writing = this.#conn.write(bytes.subarray(at));
      const n = await this.#step(writing, `all ${countBytes(bytes.length)} taken`);
      at += n;
      this.sent += n;
    }
  }

  /** Says that nothing more will be sent (half-close). */
  async finish(): Promise<void> {
    await this.#step(this.#conn.closeWrite(), "a connection that is still open");
  }

  /** Reads some bytes; `null` is the end. */
  async read(
    buffer: Uint8Array,
    expected: string,
    options: ReadOptions = {},
  ): Promise<number | null> {
    const n = await this.#step(this.#conn.read(buffer), expected, options);
    this.received += n ?? 0;
    return n;
  }

  /** Reads as many bytes as these, which they must be. */
  async expect(bytes: Uint8Array): Promise<void> {
    const buffer = new Uint8Array(bytes.length);
    const expected = bytes.length <= MAX_SHOWN
      ? escapeBytes(bytes)
      : `${countBytes(bytes.length)} back`;
    for (let at = 0; at < bytes.length;) {
      const n = await this.read(buffer.subarray(at), expected, { part: at });
      if (n === null) throw this.#atEnd(expected, at);
      compare(buffer.subarray(0, at + n), bytes, at);
      at += n;
    }
  }

  /** Reads the end. */
  async expectEnd(): Promise<void> {
    const buffer = new Uint8Array(16);
    const n = await this.read(buffer, "the end");
    if (n === null) return;
    const more = `${escapeBytes(buffer.subarray(0, n))} more`;
    throw new Failure("the end", more, { seen: "more" });
  }

  /** Sends the bytes, and expects them back. */
  async echo(bytes: Uint8Array): Promise<void> {
    await both(this.send(bytes), this.expect(bytes));
  }

  /**
   * Sends noise without reading, up to this length in all, or until the server takes no more. A
   * server that keeps everything gets slower and slower, and so we become more patient with it, up to
   * the timeout.
   *
   * @param patience How long it may take nothing at first, in milliseconds.
   * @returns Whether it took no more.
   */
  async pour(length: number, patience = this.#run.timeout / 10): Promise<boolean> {
    while (this.sent < length) {
      const start = performance.now();
      this.#writing ??= this.#write(noise(this.sent, Math.min(READ_SIZE, length - this.sent)));
      try {
        if (await inTime(this.#writing, patience) === TIMED_OUT) return true;
      } catch (error) {
        const failure = lost(`${countBytes(length)} taken`, error, this.received);
        throw failure instanceof Failure ? failure.because(GIVES_UP) : failure;
      }
      const limit = Math.max(patience, 4 * (performance.now() - start));
      patience = Math.min(this.#run.timeout, limit);
      this.#run.progress = `${countBytes(this.sent)} sent`;
    }
    return false;
  }

  /** Sends the rest of this much noise. */
  async pourRest(length: number): Promise<void> {
    await this.#writing;
    await this.send(noise(this.sent, length - this.sent));
  }

  /** Reads this much noise. */
  async expectNoise(length: number): Promise<void> {
    const expected = `all ${countBytes(length)} back`;
    while (this.received < length) {
      const more = await this.#readNoise(expected);
      if (!more) throw this.#atEnd(expected, this.received);
    }
  }

  /** Reads this much noise, and the end. */
  async expectNoiseToEnd(length: number): Promise<void> {
    const expected = `all ${countBytes(length)}, then the end`;
    while (await this.#readNoise(expected, length));
    if (this.received < length) throw this.#atEnd(expected, this.received);
    if (this.received > length) {
      throw new Failure(expected, this.came("the end"), { seen: "more" });
    }
  }

  /**
   * Reads, for a while, what there is: with bytes unread, closing would be a reset.
   *
   * @returns Whether this piece was in it.
   */
  async drain(piece = new Uint8Array()): Promise<boolean> {
    let hasPiece = false;
    const buffer = new Uint8Array(READ_SIZE);
    try {
      while (true) {
        const n = await withTimeout(this.#conn.read(buffer), this.#run.timeout / 10);
        if (typeof n !== "number") break; // the end, or nothing more
        this.received += n;
        hasPiece ||= piece.length > 0 && includes(buffer.subarray(0, n), piece);
      }
    } catch { /* the server has closed it */ }
    return hasPiece;
  }

  /** Half-closes, and counts the bytes that come after that, or were on their way. */
  async countRest(): Promise<number> {
    const before = this.received;
    await this.finish().catch(endIfReset);
    await this.drain();
    return this.received - before;
  }

  /** Says how much had come before something happened. */
  came(what: string): string {
    return came(this.received, what);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.sent += await this.#conn.write(bytes);
    this.#writing = undefined;
  }

  /**
   * Reads some noise. After each gulp it waits a moment: the server's buffers fill again, and each time
   * there may be room for only a part of what it writes. A server that forgets the rest has luck once, but
   * not always.
   */
  async #readNoise(expected: string, length = Infinity): Promise<boolean> {
    const buffer = new Uint8Array(READ_SIZE);
    const start = this.received;
    const part = start < length ? start : 0; // then only the end is missing
    const n = await this.read(buffer, expected, { part });
    if (n === null) return false;
    const came = buffer.subarray(0, n);
    if (!equals(came, noise(start, n))) {
      const seen = classifyNoise(came, start);
      const asIf = seen === "gap" ? ", as if some were lost" : "";
      throw new Failure(expected, `others after the first ${countBytes(start)}${asIf}`, { seen });
    }
    this.#run.progress = `${countBytes(this.received)} came back`;
    if (Math.floor(this.received / GULP) > Math.floor(start / GULP)) await pause(GULP_PAUSE);
    return true;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #atEnd(expected: string, part: number): LostConnection {
    return new LostConnection(expected, this.came("the end"), { seen: part > 0 ? "loss" : "end" });
  }

  #step<T>(
    promise: Promise<T>,
    expected: string,
    { timeout = this.#run.timeout, part = 0 }: ReadOptions = {},
  ): Promise<T> {
    return step(promise, timeout, expected, this.received, part);
  }
}

/** How to wait for bytes. */
export interface ReadOptions {
  /** In milliseconds, if not the usual one. */
  timeout?: number | undefined;
  /** How many bytes of what is expected have come. */
  part?: number;
}

/**
 * Waits for a step of a connection, and fails if it takes too long.
 *
 * @param received How many bytes had come before it.
 * @param part How many of them are a part of what is expected.
 */
async function step<T>(
  promise: Promise<T>,
  timeout: number,
  expected: string,
  received = 0,
  part = 0,
): Promise<T> {
  let result: T | typeof TIMED_OUT;
  try {
    result = await inTime(promise, timeout);
  } catch (error) {
    throw error instanceof Failure ? error : lost(expected, error, received, part);
  }
  if (result !== TIMED_OUT) return result;
  const seen = part > 0 ? "stall" : "silence";
  throw new LostConnection(expected, came(received, `nothing within ${timeout / 1000} s`), {
    seen,
  });
}

/** The failure that an error of a connection means. */
function lost(expected: string, error: unknown, received = 0, part = 0): Error {
  const code = codeOf(error);
  if (OUR_OWN_LIMITS.has(code)) return new CannotCheck(OUR_OWN_LIMITS.get(code)!);
  const actual = came(received, WORDS.get(code) ?? (error as Error).message);
  const seen = !WORDS.has(code) ? "other" : part > 0 ? "loss" : "end";
  return new LostConnection(expected, actual, { cause: error, seen });
}

/** Says how many bytes had come before something happened. */
function came(received: number, what: string): string {
  return received === 0 ? what : `${countBytes(received)}, then ${what}`;
}

/** The code of an error of a socket, whether Deno or Node has thrown it. */
function codeOf(error: unknown): string {
  const { BrokenPipe, ConnectionReset, ConnectionAborted, ConnectionRefused } = Deno.errors;
  if (error instanceof BrokenPipe) return "EPIPE";
  if (error instanceof ConnectionReset) return "ECONNRESET";
  if (error instanceof ConnectionAborted) return "ECONNABORTED";
  if (error instanceof ConnectionRefused) return "ECONNREFUSED";
  return (error as { code?: string } | undefined)?.code ?? "";
}

const WORDS = new Map([
  ["EPIPE", "the server has closed the connection"],
  ["ECONNABORTED", "the server has closed the connection"],
  ["ECONNRESET", "the server has reset the connection"],
  ["ECONNREFUSED", "nobody is listening"],
]);

/** What the server cannot help: the checker itself lacks something. */
const OUR_OWN_LIMITS = new Map([
  ["EMFILE", "the checker cannot open that many connections at once (see `ulimit -n`)"],
  ["ENFILE", "this machine cannot open that many files at once"],
  [
    "EADDRNOTAVAIL",
    "this machine has no address from which to connect there, or no free port left",
  ],
  ["ENETUNREACH", "this machine has no network that leads there"],
  ["EAFNOSUPPORT", "this machine has no network of this kind"],
]);

/** Whether a failure means that nobody was listening. */
export function isRefusal(failure: Failure): boolean {
  return codeOf(failure.cause) === "ECONNREFUSED";
}

/** Whether an error means that the server has closed the connection by force, or no longer reads from it. */
export function isReset(error: unknown): boolean {
  if (!(error instanceof LostConnection)) return false;
  return ["EPIPE", "ECONNABORTED", "ECONNRESET"].includes(codeOf(error.cause));
}

/** A connection that was closed by force has ended too, though not politely. */
export function endIfReset(error: unknown): undefined {
  if (!isReset(error)) throw error;
}

/** Sends while receiving. Where both fail, what came tells more. */
export async function both<T>(sending: Promise<unknown>, receiving: Promise<T>): Promise<T> {
  sending.catch(() => {});
  const received = await receiving;
  await sending;
  return received;
}

/** Fails where bytes differ from those expected; shows them from a little before that place. */
function compare(actual: Uint8Array, expected: Uint8Array, start: number) {
  for (let i = start; i < actual.length; i++) {
    if (actual[i] === expected[i]) continue;
    const from = Math.max(0, i - MAX_SHOWN / 2);
    const place = from === 0 ? "" : ` after the first ${countBytes(from)}`;
    const show = (bytes: Uint8Array) => escapeBytes(bytes.subarray(from, from + MAX_SHOWN)) + place;
    const seen = classify(actual.subarray(i), expected.subarray(0, i), expected.subarray(i));
    throw new Failure(show(expected), show(actual), { seen });
  }
}
