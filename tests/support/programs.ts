// Starts the real scripts as processes, and talks to them the way a user or a peer would.
import { concat } from "@std/bytes/concat";
import { connect, createServer, type Socket } from "node:net";

const ROOT = new URL("../../", import.meta.url);
const PATIENCE = 30_000; // milliseconds to wait for a line, or a client, that must come
const A_MOMENT = 5_000; // milliseconds until a program has started that another test starts

/**
 * Whether `close()` cancels a write that waits for the peer. Before Deno 2.9.5, the write goes on, and
 * the connection stays open, for as long as the peer does not read.
 */
export const CLOSE_CANCELS_WRITES: boolean = isAtLeast(Deno.version.deno, [2, 9, 5]);

function isAtLeast(version: string, least: number[]): boolean {
  const numbers = version.split(/[.+-]/).map(Number);
  const i = least.findIndex((number, i) => numbers[i] !== number);
  return i === -1 || numbers[i]! > least[i]!;
}

/** Tells whether a command is installed and succeeds. */
export function works(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, cwd: ROOT }).outputSync().success;
  } catch {
    return false;
  }
}

/** Whether this machine has IPv6, at least on loopback. Some containers have not. */
export const HAS_IPV6: boolean = canListenOn("::1");

function canListenOn(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

const givenPorts = new Set<number>();

/**
 * A port that is free now, for a program that cannot say which one it got. It lies below those that the
 * system gives to clients, and is given once in a file, so that no other test gets it in the meantime.
 */
export function findFreePort(): number {
  while (true) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (givenPorts.has(port)) continue;
    givenPorts.add(port);
    try {
      if (stopListening(Deno.listen({ hostname: "127.0.0.1", port }))) return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/**
 * Closes a listener that does not wait for a client, and returns whether its port is free then. On Linux, a
 * program that another test is starting has all sockets of this process for a moment, and listens with them.
 */
export function stopListening(listener: Deno.TcpListener): boolean {
  const { port } = listener.addr;
  listener.close();
  return isSoonFree(port);
}

/** Returns whether nobody listens on a port of 127.0.0.1, or of ::1, any more, at least after a moment. */
export function isSoonFree(port: number): boolean {
  if (Deno.build.os !== "linux") return true;
  const place = port.toString(16).toUpperCase().padStart(4, "0");
  // As the system writes it, in words with their bytes in the order of this machine.
  const listening = new RegExp(` (?:0100007F|0{24}01000000):${place} 0+:0000 0A `);
  const files = HAS_IPV6 ? ["/proc/net/tcp", "/proc/net/tcp6"] : ["/proc/net/tcp"];
  const end = performance.now() + A_MOMENT;
  while (files.some((file) => listening.test(Deno.readTextFileSync(file)))) {
    if (performance.now() > end) return false;
  }
  return true;
}

/**
 * A running program whose output is collected and can be waited for. Disposing it kills it. One that is
 * still there after its lifetime is killed, so that a test that waits for it without end fails.
 */
export class Program implements AsyncDisposable {
  /** For the programs that are started from now on, in milliseconds: several times what the longest test takes. */
  static lifetime = 300_000;
  /** What it has printed so far. */
  stdout = "";
  stderr = "";
  /** Resolves when it has ended and all its output is here. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #waiting = new Set<() => void>();
  #running = true;
  #overdue = false;

  /** Starts `command`, by default this Deno, in the package's folder, and by default as this user. */
  constructor(
    args: string[],
    command: string = Deno.execPath(),
    env: Record<string, string> = {},
    stdin: "null" | "piped" = "null",
    user: { uid?: number; gid?: number } = {},
  ) {
    this.#child = new Deno.Command(command, {
      args,
      cwd: user.uid === undefined ? ROOT : "/", // where another user may be
      env: { NO_COLOR: "1", ...env },
      ...user,
      stdin,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    if (stdin === "piped") this.#keys = this.#child.stdin.getWriter();
    const collected = Promise.all([
      this.#collect(this.#child.stdout, (text) => this.stdout += text),
      this.#collect(this.#child.stderr, (text) => this.stderr += text),
    ]);
    const guard = new Guard(this.pid);
    const { lifetime } = Program;
    const timer = setTimeout(() => {
      this.#overdue = true;
      console.error(`Still running after ${lifetime / 1000} s: ${args.join(" ")}`);
      this.killIfRunning("SIGKILL");
    }, lifetime);
    this.ended = this.#child.status.then(async (status) => {
      clearTimeout(timer);
      await guard[Symbol.asyncDispose]();
      await collected;
      this.#running = false;
      this.#wake();
      return status;
    });
  }

  /** Waits until stdout, or stderr, has this text, so many times; throws if that does not come. */
  async prints(
    text: RegExp | string,
    to: "stdout" | "stderr" = "stdout",
    count: number = 1,
  ): Promise<RegExpExecArray> {
    const pattern = typeof text === "string"
      ? new RegExp(RegExp.escape(text), "g")
      : new RegExp(text, `${text.flags}g`);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, PATIENCE);
    try {
      while (true) {
        const match = this[to].matchAll(pattern).drop(count - 1).next().value;
        if (match) return match;
        if (late || !this.#running) {
          throw new Error(`${pattern} was not printed, but:\n${this.stdout}${this.stderr}`);
        }
        await new Promise<void>((wake) => this.#waiting.add(wake));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** Types on its stdin, if that is piped. */
  async types(text: string): Promise<void> {
    await this.#keys!.write(new TextEncoder().encode(text));
  }

  /** Ends its stdin. */
  async endInput(): Promise<void> {
    await this.#keys!.close();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends a signal to a program that may have ended by itself, also in this moment. */
  killIfRunning(signal: Deno.Signal): void {
    if (!this.#running) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended; its output is still on its way
    }
  }

  /** Asks it to stop, and waits until it has ended without an error. */
  async stop(): Promise<void> {
    this.kill("SIGTERM");
    const { code } = await this.ended;
    // Windows cannot send the signal: there the program is ended at once, with another code.
    if (code !== 0 && Deno.build.os !== "windows") throw new Error(`Exit code ${code}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.killIfRunning("SIGKILL");
    await this.#keys?.close().catch(() => {}); // it may be closed, or the program gone
    await this.ended;
    if (this.#overdue) throw new Error("It had to be killed after its lifetime");
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, add: (text: string) => void) {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      add(text);
      this.#wake();
    }
  }

  #wake() {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/**
 * Ends a program when those who have started it are gone, even if they were killed: then the system closes
 * the input of this shell, which waits for that. It is deaf to the keys that stop the tests. Dispose it
 * when the program has ended, whose number the system may give to another one. Windows has no such shell.
 */
export class Guard implements AsyncDisposable {
  static readonly #SCRIPT = `trap "" HUP INT QUIT TERM; read -r _
    kill -TERM $0; sleep 2; kill -KILL $0`;
  readonly #shell: Deno.ChildProcess | undefined;

  /** @param pid The program's number. */
  constructor(pid: number) {
    if (Deno.build.os === "windows") return;
    this.#shell = new Deno.Command("sh", {
      args: ["-c", Guard.#SCRIPT, String(pid)],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#shell === undefined) return;
    this.#shell.kill("SIGKILL");
    await this.#shell.status;
    await this.#shell.stdin.close();
  }
}

const RUN = ["run", "--no-prompt", "--allow-net", "--allow-read", "--allow-write"];

/** A script of this package that listens: started on a free port, and ready when this resolves. */
export function startServer(
  script: string,
  ...args: string[]
): Promise<Program & { port: number }> {
  return startServerOn("127.0.0.1", script, ...args);
}

/** The same, on another address than 127.0.0.1. */
export function startServerOn(
  hostname: string,
  script: string,
  ...args: string[]
): Promise<Program & { port: number }> {
  return listening(new Program([...RUN, script, hostname, "0", ...args]));
}

/** The same, with so few file descriptors (`ulimit -n`). Needs a POSIX shell. */
export function startLimitedServer(
  descriptors: number,
  script: string,
  ...args: string[]
): Promise<Program & { port: number }> {
  return listening(limited(descriptors, [...RUN, script, "127.0.0.1", "0", ...args]));
}

function limited(descriptors: number, args: string[]): Program {
  const command = `ulimit -n ${descriptors}; exec "$0" "$@"`;
  return new Program(["-c", command, Deno.execPath(), ...args], "sh");
}

/** app/server.ts with actions of one's own, which `code` adds, as the tutorial says. */
export function startServerWithActions(
  code: string,
  ...args: string[]
): Promise<Program & { port: number }> {
  return listening(new Program([...serverWithActions(code), ...args]));
}

/** The same, printing errors on standard output as well. Needs a POSIX shell. */
export function startServerWithOneOutput(code: string): Promise<Program & { port: number }> {
  const words = ["-c", `exec "$0" "$@" 2>&1`, Deno.execPath(), ...serverWithActions(code)];
  return listening(new Program(words, "sh"));
}

function serverWithActions(code: string): string[] {
  const script = `import { actions } from "./app/libserver.ts";
    ${code}
    await import("./app/server.ts");`;
  return ["eval", script, "--", "127.0.0.1", "0"];
}

async function listening(program: Program): Promise<Program & { port: number }> {
  const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

/** A running relay; `web` is the port of its page, if it has one. */
export type Relay = Program & { port: number; web: number };

/** A relay to a port, on a free port, ready when this resolves. */
export function startRelay(to: number, ...args: string[]): Promise<Relay> {
  return ready(new Program(relayWords(to, args)), args);
}

/** The same, with so few file descriptors (`ulimit -n`). Needs a POSIX shell. */
export function startLimitedRelay(
  descriptors: number,
  to: number,
  ...args: string[]
): Promise<Relay> {
  return ready(limited(descriptors, relayWords(to, args)), args);
}

function relayWords(to: number, args: string[]): string[] {
  const addresses = ["--listen", "127.0.0.1:0", "--to", `127.0.0.1:${to}`];
  const script = ["run", "--no-prompt", "--allow-net=127.0.0.1", "app/relay.ts"];
  return [...script, ...addresses, ...args];
}

async function ready(program: Program, args: string[]): Promise<Relay> {
  const [, port] = await program.prints(/Listening on 127\.0\.0\.1:(\d+)\nPassing on .*\n/);
  const web = args.includes("--web")
    ? (await program.prints(/http:\/\/127\.0\.0\.1:(\d+)\/\n/))[1]
    : 0;
  return Object.assign(program, { port: Number(port), web: Number(web) });
}

/** Runs a script of this package to its end. */
export async function runScript(
  script: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const program = new Program(["run", "--no-prompt", "--allow-net", script, ...args]);
  const { code } = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Runs a client script to its end, against a server that treats its connection as `answer` does. */
export async function runAgainst(
  answer: (socket: Socket) => void,
  script: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on("error", () => {}));
    answer(socket);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    const { port } = server.address() as { port: number };
    return { port, ...await runScript(script, "127.0.0.1", String(port), ...args) };
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
  }
}

/** Connects to a port of loopback, sends some bytes, and ends the connection with a reset (RST). */
export function connectAndReset(
  port: number,
  bytes: Uint8Array = new Uint8Array(),
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", reject);
    socket.on("close", () => resolve());
    socket.on("connect", () => {
      if (bytes.length === 0) socket.resetAndDestroy();
      else socket.write(bytes, () => socket.resetAndDestroy());
    });
  });
}

/** Sends, and ends the connection with a reset (RST) when the echo begins. */
export function resetInEcho(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", reject);
    socket.on("close", () => resolve());
    socket.on("data", () => socket.resetAndDestroy());
    socket.write(bytes);
  });
}

/** Accepts a client. If none comes, this fails, and nobody can connect any more. */
export async function accept(listener: Deno.TcpListener): Promise<Deno.TcpConn> {
  const timer = setTimeout(() => listener[Symbol.dispose](), PATIENCE);
  try {
    return await listener.accept();
  } finally {
    clearTimeout(timer);
  }
}

/** Writes all the bytes. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/**
 * Sends the bytes and half-closes, while other things happen. Should those fail before the promise is
 * awaited, its own failure is not one that nobody catches, which would end all tests of the file.
 */
export function sendAndHalfClose(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  const sent = writeAll(conn, bytes).then(() => conn.closeWrite());
  sent.catch(() => {});
  return sent;
}

/** Reads to the end of the stream. */
export async function readToEnd(conn: Deno.Conn): Promise<Uint8Array> {
  return concat(await Array.fromAsync(readable(conn)));
}

async function* readable(conn: Deno.Conn) {
  const buffer = new Uint8Array(64 * 1024);
  for (let n; (n = await conn.read(buffer)) !== null;) yield buffer.slice(0, n);
}

/** Reads until the peer ends or resets the connection; tells how many bytes came, and which it was. */
export async function readToReset(conn: Deno.Conn): Promise<[number, string]> {
  const buffer = new Uint8Array(64 * 1024);
  let length = 0;
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) length += n;
    return [length, "end"];
  } catch (error) {
    return [length, (error as Error).name];
  }
}

/** Sends the bytes while reading, half-closes, and returns all that comes back. */
export async function exchange(port: number, bytes: Uint8Array): Promise<Uint8Array> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const [received] = await Promise.all([readToEnd(conn), sendAndHalfClose(conn, bytes)]);
  return received;
}

/** Bytes that look random and are the same every time. */
export function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A connection on which neither side can write any more, since neither reads. */
export async function stuck(port: number): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = noise(1024 * 1024);
  let stalled = false;
  while (!stalled) {
    const write = conn.write(bytes);
    let timer;
    stalled = await Promise.race([
      write.then(() => false, () => true),
      new Promise<boolean>((resolve) => timer = setTimeout(resolve, 500, true)),
    ]);
    clearTimeout(timer);
    if (stalled) write.catch(() => {});
  }
  return conn;
}
