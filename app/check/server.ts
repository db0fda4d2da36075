// A server under check: one that runs somewhere, or a program that the checker starts.
import { formatAddress, type HostAndPort } from "../core/address.ts";
import { pause, TIMED_OUT } from "../core/timeout.ts";
import { CannotCheck } from "./check.ts";
import {
  type Command,
  describeEnd,
  type End,
  Family,
  HOST,
  Program,
  START_TIME,
} from "./program.ts";
import { inTime, Stopwatch } from "./running_time.ts";

const MAX_REFUSALS = 3; // in a row: then nobody listens
const REFUSAL_INTERVAL = 50; // milliseconds
const DYING_TIME = 500; // milliseconds from a lost connection until the program below it has ended
const SERVER_PORTS = { min: 10_000, max: 30_000 }; // where a free port is looked for
const MAX_TRIES = 20; // to find one
const FREE_TIME = 2000; // milliseconds from the end of a program until its port is free

/** A server under check. Disposing it kills what the checker has started. */
export interface Server extends Disposable {
  readonly address: HostAndPort;
  /**
   * Connects to it.
   *
   * @throws {Error} If this takes longer than the timeout, in milliseconds, or fails.
   */
  connect(timeout: number): Promise<Deno.TcpConn>;
  /** Looks whether it has ended, which may take a moment. */
  hasEnded(timeout: number): Promise<boolean>;
  /** Why nobody has ever listened. */
  whyAbsent(): string;
  /** How it has ended, if we can know that. */
  readonly ending: End | undefined;
  /** Where to look for more, after a sentence. */
  readonly whereToLook: string;
  /** How long it may take until it listens, in milliseconds. */
  readonly startTime: number;
  /** Starts it again, if that is possible. */
  restart(): Promise<boolean>;
  /** The last lines that it has printed since the last call. */
  takeLines(): string[];
  /** Ends what the checker has started, and says what its user should know about that. */
  end(): Promise<string[]>;
}

/** A server that somebody else has started. */
export class RunningServer implements Server {
  readonly address: HostAndPort;
  readonly ending = undefined; // only its terminal knows
  readonly whereToLook = "; look at its terminal";
  readonly startTime = 0;

  constructor(address: HostAndPort) {
    this.address = address;
  }

  connect(timeout: number): Promise<Deno.TcpConn> {
    return connectInTime(this.address, timeout);
  }

  /** Nobody listens any more. But one refusal may be a full queue, on systems that refuse then. */
  async hasEnded(timeout: number): Promise<boolean> {
    const start = performance.now();
    for (let refusals = 0; refusals < MAX_REFUSALS;) {
      try {
        (await this.connect(timeout)).close();
        refusals = 0;
        if (performance.now() - start > DYING_TIME) return false;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) return false;
        refusals++;
      }
      await pause(REFUSAL_INTERVAL);
    }
    return true;
  }

  whyAbsent(): string {
    const { hostname, port } = this.address;
    const absent = `No server is listening on ${formatAddress(this.address)}`;
    const other = hostname.startsWith("127.") ? findOnIPv6(port) : undefined;
    return other === undefined ? `${absent}; start it first` : `${absent}, but on ${other}`;
  }

  restart(): Promise<boolean> {
    return Promise.resolve(false);
  }

  takeLines(): string[] {
    return [];
  }

  end(): Promise<string[]> {
    return Promise.resolve([]);
  }

  [Symbol.dispose](): void {} // it is not ours
}

/** A server that the checker starts. */
export class StartedServer implements Server {
  readonly address: HostAndPort;
  readonly whereToLook = "";
  readonly #command: Command;
  readonly #family = new Family();
  #program: Program;
  #ending: End | undefined;
  #hasListened = false;
  #isOver = false;
  #isInBackground = false; // something has listened after the program itself had ended
  #lines = 0; // that were taken

  /**
   * Starts the server.
   *
   * @throws {CannotCheck} If it cannot be started.
   */
  constructor(command: Command) {
    this.#command = command;
    const port = command.port === 0 ? findFreePort() : ifFree(command.port);
    this.address = { hostname: HOST, port };
    this.#program = this.#start();
  }

  /** Connects. At first, it waits until the server listens: the first connection is one that counts. */
  async connect(timeout: number): Promise<Deno.TcpConn> {
    using stopwatch = new Stopwatch();
    while (true) {
      const hadEnded = this.#ending !== undefined; // if not, another program of it may listen since then
      try {
        const conn = await connectInTime(this.address, timeout);
        this.#hasListened = true;
        if (this.#ending !== undefined) this.#isInBackground = true;
        return conn;
      } catch (error) {
        const mayStart = this.startTime > 0 && !hadEnded && stopwatch.elapsed < this.startTime;
        if (!mayStart || !(error instanceof Deno.errors.ConnectionRefused)) throw error;
        await pause(REFUSAL_INTERVAL);
      }
    }
  }

  get startTime(): number {
    return this.#hasListened ? 0 : START_TIME;
  }

  async hasEnded(): Promise<boolean> {
    await inTime(this.#program.exiting, DYING_TIME);
    return this.#ending !== undefined;
  }

  whyAbsent(): string {
    const name = formatAddress(this.address);
    if (this.#ending === undefined) {
      const other = findOnIPv6(this.address.port);
      if (other !== undefined) return `The server listens on ${other}, and not on ${name}`;
      const time = `${START_TIME / 1000} s`;
      return `The server runs, but does not listen on ${name} within ${time}; if it always uses ` +
        "the same port, name that with --port";
    }
    return `The server ended before it listened on ${name}, with ${describeEnd(this.#ending)}`;
  }

  get ending(): End | undefined {
    return this.#ending;
  }

  async restart(): Promise<boolean> {
    if (!await this.#stop() || this.#isOver) return false;
    try {
      this.#program = this.#start();
      return true;
    } catch (error) {
      if (error instanceof CannotCheck) return false; // its file is gone, as while it is compiled
      throw error;
    }
  }

  takeLines(): string[] {
    const lines = this.#program.lines.since(this.#lines);
    this.#lines = this.#program.lines.count;
    return lines;
  }

  async end(): Promise<string[]> {
    const isFree = await this.#stop();
    const { words: [program] } = this.#command;
    const notes = this.#isInBackground
      ? [`${program} ended while a program that it had started went on in the background`]
      : this.#family.notes(program);
    if (!isFree) {
      const name = formatAddress(this.address);
      notes.push(`A program still listens on ${name}, which the checker cannot end`);
    }
    return notes;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#kill();
  }

  #kill(): void {
    this.#program.kill();
    this.#family.kill();
  }

  #start(): Program {
    const program = new Program(this.#command, this.address.port, this.#family);
    this.#ending = undefined;
    this.#hasListened = false;
    this.#lines = 0;
    program.ending.then((ending) => {
      if (program === this.#program) this.#ending = ending;
    });
    return program;
  }

  /** Ends the server, and waits for a moment until nobody listens any more. */
  async #stop(): Promise<boolean> {
    this.#kill();
    await inTime(this.#program.exiting, DYING_TIME);
    const end = performance.now() + FREE_TIME;
    while (true) {
      try {
        ifFree(this.address.port);
        return true;
      } catch {
        if (performance.now() > end) return false;
        await pause(REFUSAL_INTERVAL);
      }
    }
  }
}

/**
 * Returns a port, if it is free.
 *
 * @throws {CannotCheck} If somebody listens there, or listening is not permitted.
 */
function ifFree(port: number): number {
  try {
    Deno.listen({ hostname: HOST, port }).close();
    return port;
  } catch (error) {
    const name = formatAddress({ hostname: HOST, port });
    throw new CannotCheck(
      error instanceof Deno.errors.AddrInUse
        ? `Cannot start the server: another program listens on ${name}`
        : `Cannot look for a free port: ${(error as Error).message}`,
    );
  }
}

/** Where somebody listens on a port by IPv6, as a server does for which `localhost` means that. */
function findOnIPv6(port: number): string | undefined {
  const hostname = "::1";
  const { state } = Deno.permissions.querySync({ name: "net", host: `[${hostname}]:${port}` });
  if (state !== "granted") return undefined; // nobody should be asked for that
  try {
    Deno.listen({ hostname, port }).close();
    return undefined;
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse;
    return isTaken ? formatAddress({ hostname, port }) : undefined; // there may be no IPv6
  }
}

/**
 * Finds a port that is free. It lies below those that systems give to clients, so that no client gets it
 * before the server listens there.
 */
function findFreePort(): number {
  for (let tries = 1;; tries++) {
    const { min, max } = SERVER_PORTS;
    const port = min + Math.floor(Math.random() * (max - min));
    try {
      return ifFree(port);
    } catch (error) {
      if (tries === MAX_TRIES) throw error;
    }
  }
}

async function connectInTime(address: HostAndPort, timeout: number): Promise<Deno.TcpConn> {
  const late = new AbortController();
  const connecting = Deno.connect({ ...address, signal: late.signal });
  const conn = await inTime(connecting, timeout);
  if (conn !== TIMED_OUT) return conn;
  late.abort();
  connecting.then((conn) => conn.close(), () => {});
  throw new Error(`no connection within ${timeout / 1000} s`);
}
