// A program under check: how it is started, what is kept of its output, and how it is ended for sure.
import { withTimeout } from "../core/timeout.ts";
import { escapeText } from "../wire/escape.ts";
import { CannotCheck } from "./check.ts";
import { Lines, Output } from "./output.ts";

const MAX_OUTPUT = 2 * 1024 * 1024; // bytes that are kept of the beginning, and of the end
const LAST_OUTPUT = 500; // milliseconds for the output to end when the program has
const FIRST_SIGNAL_CODE = 128; // exit code of a program that a signal has ended, less the signal

// Programs that a program starts inherit this, also those that have left the group of their parent.
const MARK = "SOCKETS_CHECK_ID";

// Colours would be escaped. And what Python prints would wait in its buffer until it ends.
const ENVIRONMENT = { NO_COLOR: "1", PYTHONUNBUFFERED: "1" };

/** Where the servers under check listen that the checker starts, and its own for clients. */
export const HOST = "127.0.0.1";

/** How long a program may take from its start until it listens, or connects: it may be compiled first. */
export const START_TIME = 15_000; // milliseconds

/** How to start a program. */
export interface Command {
  /** The program and its arguments. `{host}` and `{port}` in them stand for the server's address. */
  words: [string, ...string[]];
  /** The folder where it is started. */
  folder: string;
  /** The port of a command that always uses the same one; 0 takes a free one. */
  port: number;
}

/** How a program has ended. */
export interface End {
  code: number;
  /** The name, or the number, of the signal that has ended it. */
  signal: string | undefined;
}

/** How a program has ended, and what it has printed. */
export interface Exit extends End {
  stdout: string;
  stderr: string;
  /** How many bytes in the middle of its outputs are missing, because it has printed too much. */
  left: number;
}

/** The programs of one run, with all that they start. Several runs may go on at the same time. */
export class Family {
  readonly id: string = crypto.randomUUID();
  /** How many programs had left the group of the one that started them, as daemons do. */
  strays = 0;
  readonly #groups = new Set<number>();

  /** Adds a program, which is a group of processes. */
  add({ pid }: Deno.ChildProcess): void {
    this.#groups.add(pid);
  }

  /**
   * Kills all of its programs, wherever they are. Only `ps` knows their environment: where it is missing,
   * or this program may not run it, strays stay.
   */
  kill(): void {
    for (const { pid, group } of findMarked(`${MARK}=${this.id}`)) {
      if (!this.#groups.has(group)) this.strays++;
      try {
        Deno.kill(pid, "SIGKILL");
      } catch { /* it has ended in the meantime */ }
    }
  }

  /** Says what its user should know about the strays. */
  notes(program: string): string[] {
    if (this.strays === 0) return [];
    const what = this.strays === 1 ? "a program" : `${this.strays} programs`;
    return [`${program} left ${what} running in the background, which the checker has ended`];
  }
}

/** A program that runs, until it ends or is killed. It is a group of processes. */
export class Program {
  /** Its end, which its output may outlive for a moment. */
  readonly ending: Promise<End>;
  readonly exiting: Promise<Exit>;
  /** The last lines that it has printed. */
  readonly lines: Lines = new Lines();
  readonly #child: Deno.ChildProcess;
  #hasEnded = false;

  /**
   * Starts a program.
   *
   * @param command What to start, and where.
   * @param port What stands in the place of `{port}`.
   * @param family What it belongs to, with all that it starts itself.
   * @throws {CannotCheck} If it cannot be started.
   */
  constructor({ words, folder }: Command, port: number, family: Family) {
    const [program, ...args] = words.map((word) =>
      word.replaceAll("{host}", HOST).replaceAll("{port}", String(port))
    ) as [string, ...string[]];
    try {
      this.#child = new Deno.Command(program, {
        args,
        detached: Deno.build.os !== "windows",
        cwd: folder,
        env: { ...ENVIRONMENT, [MARK]: family.id },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    } catch (error) {
      throw new CannotCheck(
        escapeText(`Cannot run ${program}: ${(error as Error).message}`, Infinity),
      );
    }
    family.add(this.#child);
    this.ending = waitForEnd(this.#child);
    this.exiting = this.#collect();
  }

  /** Kills the group of processes. */
  kill(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    try {
      killGroup(this.#child);
    } catch { /* it has ended already */ }
  }

  async #collect(): Promise<Exit> {
    const outputs = [this.#child.stdout, this.#child.stderr]
      .map((stream) => new Output(stream, MAX_OUTPUT, this.lines));
    const end = await this.ending;
    this.kill(); // what it has started in the background would keep its output open
    await withTimeout(Promise.all(outputs.map(({ ended }) => ended)), LAST_OUTPUT);
    const printed = await Promise.all(outputs.map((output) => output.close()));
    const [stdout, stderr] = printed.map(({ text }) => text) as [string, string];
    const left = printed.reduce((sum, { left }) => sum + left, 0);
    return { ...end, stdout, stderr, left };
  }
}

/** Says how a program has ended. */
export function describeEnd({ code, signal }: End): string {
  return signal === undefined ? `exit code ${code}` : `signal ${signal}`;
}

/** Waits for a program to end. Deno has no names for the real-time signals, which end programs as well. */
async function waitForEnd(child: Deno.ChildProcess): Promise<End> {
  try {
    const { code, signal } = await child.status;
    return { code, signal: signal ?? undefined };
  } catch (error) {
    const [, signal] = /^Invalid signal: (\d+)$/.exec((error as Error).message) ?? [];
    if (signal === undefined) throw error;
    return { code: FIRST_SIGNAL_CODE + Number(signal), signal }; // as shells have it
  }
}

/** Kills a program, and those that it has started, if we may and the system has groups of processes. */
function killGroup(child: Deno.ChildProcess): void {
  if (Deno.build.os === "windows") return child.kill("SIGKILL");
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) child.kill("SIGKILL"); // with --allow-run=PROGRAM
  }
}

/** The processes that have this in their environment, with their groups, as far as we may know. */
function findMarked(mark: string): { pid: number; group: number }[] {
  if (Deno.build.os === "windows") return [];
  if (Deno.permissions.querySync({ name: "run", command: "ps" }).state !== "granted") return [];
  const withEnvironment = Deno.build.os === "linux" ? "axeww" : "-axEww";
  const args = [withEnvironment, "-o", "pid=", "-o", "pgid=", "-o", "args="];
  try {
    const { stdout } = new Deno.Command("ps", { args, stderr: "null" }).outputSync();
    const lines = new TextDecoder().decode(stdout).split("\n");
    return lines.filter((line) => line.includes(mark)).map((line) => {
      const [pid, group] = line.trim().split(/ +/, 2).map(Number) as [number, number];
      return { pid, group };
    });
  } catch {
    return []; // there is no `ps`
  }
}
