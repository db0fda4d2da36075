// What the checks of clients are run with: a server of our own, and the client that is started against it.
import { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import { formatAddress } from "../core/address.ts";
import { pause, TIMED_OUT, withTimeout } from "../core/timeout.ts";
import { escapeText } from "../wire/escape.ts";
import { CannotCheck, type Cause, type CheckRun, Failure } from "./check.ts";
import { ByteStore, ERROR } from "./output.ts";
import {
  type Command,
  describeEnd,
  type Exit,
  type Family,
  HOST,
  Program,
  START_TIME,
} from "./program.ts";
import { inTime, Stopwatch } from "./running_time.ts";

/** How long a client is silent that has sent what it wants to send now. */
export const QUIET = 100; // milliseconds
const MIB = 1024 * 1024; // bytes
const MAX_GATHERED = 16 * MIB; // bytes that a client may send before it gets an answer
const MAX_WRITE = 64 * 1024; // bytes of an answer for which a client has the timeout to take them
const MAX_SHOWN = 100; // characters of an output
const LAST_OUTPUT = 500; // milliseconds for the output to end when the client has
const MAX_PAUSE = 500; // milliseconds
const MAX_SINGLE = 500; // bytes that are sent one by one
const MAX_STEPS = 12; // times the timeout, for a check that starts the client many times
const SETTLE_TIME = 200; // milliseconds from the client's end until its connections are closed
const COMPLAINT = /error|exception|traceback|failed|refused|reset by peer|timed? ?out/i;
const NOTICED =
  "The client has noticed that something went wrong, and has printed it, but ends with exit " +
  "code 0, as if all were well.";
const NO_CONNECTION: Cause = {
  hint: "The client does not connect to the address that stands in the place of {host} and {port}.",
  read: "command",
};
const UNPRINTABLE = /[^\P{Cc}\n\r\t]/u; // all of C0 and C1, but for what a line may have
const WATCH_INTERVAL = 20; // milliseconds

/** How to start a client, and how long it may take. Times are in milliseconds. */
export interface ClientCommand extends Command {
  /** For the client to send something, and to end when it has its answer. */
  timeout: number;
  /** After which the client itself gives up on a silent server. */
  patience: number;
}

/** One run of a check of a client. It owns the server and the client, which it kills at the end. */
export class ClientRun implements CheckRun {
  readonly command: ClientCommand;
  progress = "";
  #server: Server | undefined;
  readonly #family: Family;
  #program: Program | undefined;
  readonly #peers = new Set<Peer>();
  #isOver = false;

  /** @param family What the clients of this run, and what they start, belong to. */
  constructor(command: ClientCommand, family: Family) {
    this.command = command;
    this.#family = family;
  }

  get limit(): number {
    const { timeout, patience } = this.command;
    return MAX_STEPS * timeout + patience;
  }

  /** A pause that the client should bear, in milliseconds: an answer has it at most twice. */
  get pause(): number {
    return Math.min(MAX_PAUSE, this.command.patience / 4);
  }

  /** How long the client may take from its start until it connects, in milliseconds. */
  get #startTime(): number {
    return Math.max(START_TIME, this.command.timeout);
  }

  /**
   * Starts the client, and serves each of its connections until the client ends.
   *
   * @param serve What our server does with a connection.
   * @param patience How long the client may take to end when that is done, in milliseconds.
   * @returns How the client ended.
   * @throws {Failure} If the client does not connect, or does not end, or if `serve` throws it.
   */
  async against(
    serve: (peer: Peer) => Promise<void>,
    patience: number = this.command.timeout,
  ): Promise<Exit> {
    using service = new Service(serve);
    const port = await this.#listen((peer) => service.run(peer));
    const exiting = this.#start(port);
    const exit = await this.#waitForExit(exiting, service, patience);
    for (const peer of this.#peers) peer.hasClientEnded = true;
    await pause(WATCH_INTERVAL); // a connection may not have been accepted yet
    await service.settle(SETTLE_TIME);
    await this.#closeServer();
    await service.settle(Infinity); // soon, as all connections are closed

    const { failure, connections } = service;
    if (failure instanceof Failure && exit !== undefined && exit.code !== 0) {
      failure.actual += `; ${describeExit(exit)}`;
    }
    if (failure !== undefined) throw failure;
    if (connections === 0) {
      const actual = exit ? describeExit(exit) : `none within ${this.#startTime / 1000} s`;
      const name = formatAddress({ hostname: HOST, port });
      throw new Failure(`a connection to ${name}`, actual).because(NO_CONNECTION);
    }
    if (exit === undefined) throw stillRuns(patience);
    return exit;
  }

  /** Starts the client where nobody listens. */
  async againstNobody(): Promise<Exit> {
    const port = await this.#listen(() => Promise.resolve());
    await this.#closeServer();
    const { patience } = this.command;
    const exit = await inTime(this.#start(port), patience);
    if (exit === TIMED_OUT) throw stillRuns(patience);
    return exit;
  }

  /** Ends the client, and all programs that it has started. */
  abort(): void {
    this.#isOver = true;
    this.#program?.kill();
    this.#family.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    await this.#closeServer();
  }

  /** Waits for the client to end. If it does not, or if its connection is not as it should be, ends it. */
  async #waitForExit(
    exiting: Promise<Exit>,
    service: Service,
    patience: number,
  ): Promise<Exit | undefined> {
    while (service.failure === undefined) {
      const exit = await withTimeout(exiting, WATCH_INTERVAL);
      if (exit !== TIMED_OUT) return exit;
      const limit = service.connections === 0 ? this.#startTime : patience;
      if (service.idleTime > limit) break;
    }
    const grace = service.failure === undefined ? 0 : LAST_OUTPUT;
    const exit = await withTimeout(exiting, grace);
    this.#program?.kill();
    return exit === TIMED_OUT ? undefined : exit;
  }

  async #listen(handle: (peer: Peer) => Promise<void>): Promise<number> {
    const cannotListen = (error: Error) => {
      const name = formatAddress({ hostname: HOST, port: this.command.port });
      return new CannotCheck(`Cannot listen on ${name}: ${error.message}`);
    };
    try {
      // Only Node's sockets can reset, but they throw a missing permission where nobody can catch it.
      Deno.listen({ hostname: HOST, port: this.command.port }).close();
    } catch (error) {
      throw cannotListen(error as Error);
    }
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const peer = new Peer(socket, this.command.timeout);
      this.#peers.add(peer);
      handle(peer);
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.on("error", (error) => reject(cannotListen(error)));
      server.listen(this.command.port, HOST, resolve);
    });
    return (server.address() as { port: number }).port;
  }

  async #closeServer(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    this.#peers.clear();
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise((closed) => server.close(closed));
  }

  /** Starts the client. It becomes a group of processes, which can be killed as a whole. */
  #start(port: number): Promise<Exit> {
    if (this.#isOver) throw new Failure("a client that is started", "the end of the check");
    this.#program = new Program(this.command, port, this.#family);
    return this.#program.exiting;
  }
}

/** The failure of a client that does not end within this many milliseconds. */
function stillRuns(patience: number): Failure {
  const actual = `it still runs after ${patience / 1000} s`;
  return new Failure("the client ends", actual, { seen: "stall" });
}

/** What our server does with the connections of one client. */
class Service implements Disposable {
  connections = 0;
  /** The first error. */
  failure: unknown;
  readonly #serve: (peer: Peer) => Promise<void>;
  #running = 0;
  readonly #stopwatch = new Stopwatch();
  #lastEnd = 0; // on the stopwatch

  constructor(serve: (peer: Peer) => Promise<void>) {
    this.#serve = serve;
  }

  /** For how long nothing is left to do, in milliseconds. */
  get idleTime(): number {
    return this.#running > 0 ? 0 : this.#stopwatch.elapsed - this.#lastEnd;
  }

  async run(peer: Peer): Promise<void> {
    this.connections++;
    this.#running++;
    try {
      await this.#serve(peer);
    } catch (error) {
      this.failure ??= error;
    }
    this.#running--;
    this.#lastEnd = this.#stopwatch.elapsed;
  }

  /** Waits until nothing is left to do, but not longer than this many milliseconds. */
  async settle(limit: number): Promise<void> {
    const start = performance.now();
    while (this.#running > 0 && performance.now() - start < limit) await pause(WATCH_INTERVAL);
  }

  [Symbol.dispose](): void {
    this.#stopwatch[Symbol.dispose]();
  }
}

/** The server's side of a connection with the client. */
export class Peer {
  /** Whether the client has closed the connection before it had read everything. */
  isLost = false;
  /** Whether the client's program has ended. */
  hasClientEnded = false;
  readonly #socket: Socket;
  readonly #timeout: number;
  readonly #received = new ByteStore();
  #lastByte = 0; // time
  #hasFinished = false; // the client, with sending
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(socket: Socket, timeout: number) {
    this.#socket = socket;
    this.#timeout = timeout;
    socket.setNoDelay(true); // one write, one piece
    socket.on("data", (bytes: Buffer) => {
      this.#received.push(bytes);
      if (this.#received.length > MAX_GATHERED) socket.pause();
      this.#lastByte = performance.now();
      this.#wake();
    });
    socket.on("end", () => {
      this.#hasFinished = true;
      this.#wake();
    });
    socket.on("error", () => this.isLost = true);
    socket.on("close", () => {
      this.#hasFinished = true;
      this.#isClosed = true;
      this.#wake();
    });
  }

  /**
   * Waits until the client sends something, and then falls silent.
   *
   * @param expected What is waited for, for the failure.
   * @param silence For how long it must be silent, in milliseconds; 0 returns what there is.
   * @returns All that it has sent; `undefined` if it has finished.
   */
  async gather(
    expected = "a client that sends something",
    silence: number = QUIET,
  ): Promise<Uint8Array | undefined> {
    using stopwatch = new Stopwatch();
    while (!this.#hasFinished) {
      const quiet = this.#received.length === 0 ? 0 : performance.now() - this.#lastByte;
      if (this.#received.length > 0 && quiet >= silence) break;
      if (this.#received.length > MAX_GATHERED) {
        throw new Failure(
          "a client that waits for an answer to what it has sent",
          `more than ${MAX_GATHERED / MIB} MiB without a pause`,
        );
      }
      if (this.#received.length === 0 && stopwatch.elapsed > this.#timeout) {
        const actual = `nothing within ${this.#timeout / 1000} s`;
        throw new Failure(expected, actual, { seen: "silence" });
      }
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      await withTimeout(woken, QUIET - quiet);
    }
    return this.#received.length === 0 ? undefined : this.#received.take();
  }

  /** Sends bytes. If the client has closed the connection, that is noted. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length; sent += MAX_WRITE) {
      if (this.#isClosed) {
        this.isLost = true;
        return;
      }
      await this.#write(bytes.subarray(sent, sent + MAX_WRITE));
    }
  }

  /**
   * Sends bytes in pieces that end at these places, with a pause between two pieces. If timers are late,
   * pauses get shorter: a client has a deadline, and many small pieces must not take longer than few.
   */
  async sendInPieces(bytes: Uint8Array, ends: number[], gap: number): Promise<void> {
    let due = performance.now();
    let start = 0;
    for (const end of [...ends, bytes.length]) {
      if (end <= start) continue; // for a very short message, some ends are the same
      if (start > 0) await pause(Math.max(0, due - performance.now()));
      if (this.isLost) return;
      await this.send(bytes.subarray(start, end));
      start = end;
      due += gap;
    }
  }

  /** Sends bytes in single bytes, or, if they are many, the first and the last of them. */
  async sendSingly(bytes: Uint8Array, time: number): Promise<void> {
    const ends: number[] = [];
    for (let end = 1; end < bytes.length && end <= MAX_SINGLE; end++) ends.push(end);
    ends.push(bytes.length - 1);
    await this.sendInPieces(bytes, ends, time / ends.length);
  }

  /** Says that nothing more will be sent. */
  finish(): void {
    if (!this.#isClosed) this.#socket.end();
  }

  /** Ends the connection by a reset (RST). */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const written = new Promise<void>((resolve) =>
      this.#socket.write(Buffer.from(bytes), () => resolve())
    );
    if (await inTime(written, this.#timeout) !== TIMED_OUT) return;
    throw new Failure("a client that reads", `none of it read within ${this.#timeout / 1000} s`);
  }
}

/** Says how a client has ended, with the last line that names an error, or else with its last line. */
function describeExit(exit: Exit): string {
  const lines = (exit.stderr.trim() || exit.stdout.trim()).split("\n");
  const line = lines.findLast((line) => ERROR.test(line)) ?? lines.at(-1)!;
  return `${describeEnd(exit)}${line === "" ? "" : ` after "${escapeText(line, MAX_SHOWN)}"`}`;
}

/** Expects a client to have succeeded. */
export function expectSuccess(exit: Exit): void {
  if (exit.code !== 0) throw new Failure("exit code 0", describeExit(exit), { seen: "error" });
}

/** Expects a client to have told of an error. */
export function expectError(exit: Exit): void {
  if (exit.code !== 0) return;
  const failure = new Failure("an exit code other than 0", describeExit(exit), { seen: "success" });
  const hasComplained = COMPLAINT.test(exit.stdout) || COMPLAINT.test(exit.stderr);
  throw failure.because(hasComplained ? NOTICED : undefined);
}

/** Runs the client against a server that takes everything and never answers. */
export async function expectImpatience(clientRun: ClientRun): Promise<void> {
  const { patience, timeout } = clientRun.command;
  const start = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - start) / 1000);
    clientRun.progress = `${seconds} of ${patience / 1000} s`;
  }, 1000);
  try {
    const serve = async (peer: Peer) => void await peer.gather();
    expectError(await clientRun.against(serve, patience + timeout));
  } finally {
    clearInterval(timer);
  }
}

/** Expects an output without control characters. */
export function expectPrintable({ stdout, stderr }: Exit): void {
  const place = UNPRINTABLE.exec(stdout + stderr);
  if (place === null) return;
  const from = Math.max(0, place.index - 20);
  const shown = escapeText((stdout + stderr).slice(from, place.index + 20));
  throw new Failure("control characters that are escaped, or not printed", `"${shown}"`);
}
