// Watch mode: checks again whenever the learner's files change, or a key is pressed.
import { fail } from "../core/command_line.ts";
import { printSync } from "../core/output.ts";
import { pause } from "../core/timeout.ts";
import { escapeText } from "../wire/escape.ts";
import { findExercise } from "./exercises.ts";
import type { Job } from "./job.ts";
import type { Session } from "./session.ts";

const CLEAR_SCREEN = "\x1b[2J\x1b[3J\x1b[H";
const KEYS = "Keys: h hint, l list, a again, q quit";

const SETTLE_TIME = 100; // milliseconds from the first change until an editor has written everything
const IGNORED = /(^|[\\/])(\.[^\\/]+|node_modules|__pycache__|target)([\\/]|$)/; // of the path in the folder

/**
 * Runs a job again and again, until its user quits.
 *
 * @param words The command of the program. The files in it say which others belong to the program.
 * @param interrupted Ends it at once.
 * @returns Whether all checks have passed in the last run.
 */
export async function keepWatching(
  session: Session,
  job: Job,
  words: string[],
  interrupted: AbortSignal,
): Promise<boolean> {
  using happenings = watchFolder(job.folder, words);
  interrupted.addEventListener("abort", () => happenings[Symbol.dispose]());
  while (true) {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, interrupted]);
    const running = runOnClearScreen(session, job, words, signal);
    const isLast = await waitForReason(session, job, happenings);
    over.abort();
    const hasPassed = await running;
    if (isLast) return hasPassed;
  }
}

/** Begins to collect what happens. If a folder in it may not be read, say, the program ends. */
function watchFolder(folder: string, words: string[]): Happenings {
  try {
    return new Happenings(folder, words);
  } catch (error) {
    return fail(`Cannot watch ${folder}: ${(error as Error).message}`);
  }
}

/** Runs a job once, and returns whether all checks have passed. */
async function runOnClearScreen(
  session: Session,
  job: Job,
  words: string[],
  signal: AbortSignal,
): Promise<boolean> {
  const title = `${job.exercise ?? job.kind} -- ${escapeText(words.join(" "))}`;
  printSync(`${CLEAR_SCREEN}${title}\n`);
  const report = await session.runAndPrint(job, signal, { ...session.paper, folds: true });
  if (signal.aborted) return false;
  const hasPassed = report.status === "passed";
  if (hasPassed) session.printNext(job, report);
  printSync(`\nWaiting for a change. ${KEYS}`);
  return hasPassed;
}

/** Waits until there is a reason to run again, or, if this returns true, to quit. */
async function waitForReason(
  session: Session,
  job: Job,
  happenings: Happenings,
): Promise<boolean> {
  while (true) {
    switch (await happenings.next()) {
      case "change":
      case "a":
        return false;
      case "q":
        return true;
      case "h":
        printHint(session, job);
        break;
      case "l":
        session.printExercises();
    }
  }
}

function printHint(session: Session, { exercise: name }: Job): void {
  const exercise = name === null ? undefined : findExercise(name);
  printSync("");
  if (exercise) session.printHint(exercise);
  else printSync("Only exercises have a hint.");
}

/** Something that happened: a file has changed, or a key was pressed. */
type Happening = "change" | string;

/** Collects what happens, until it is disposed. */
class Happenings implements Disposable {
  readonly #waiting: Happening[] = [];
  readonly #watcher: Deno.FsWatcher;
  readonly #isSource: (path: string) => boolean;
  #wake: () => void = () => {};

  constructor(folder: string, words: string[]) {
    const root = Deno.realPathSync(folder);
    const files = words.filter((word) => isFile(`${root}/${word}`) || isFile(word));
    const endings = new Set(files.map(endingOf));
    this.#isSource = (path) =>
      !IGNORED.test(path.slice(root.length)) &&
      (endings.size === 0 || endings.has(endingOf(path)));
    this.#watcher = Deno.watchFs(root);
    this.#watchFiles();
    Deno.stdin.setRaw(true, { cbreak: true }); // keys at once, and Ctrl-C as usual
    this.#readKeys();
  }

  /** What happens next. */
  async next(): Promise<Happening> {
    while (this.#waiting.length === 0) await new Promise<void>((wake) => this.#wake = wake);
    return this.#waiting.shift()!;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    Deno.stdin.setRaw(false);
  }

  #add(happening: Happening): void {
    this.#waiting.push(happening);
    this.#wake();
  }

  async #watchFiles(): Promise<void> {
    let isSettling = false;
    for await (const { kind, paths } of this.#watcher) {
      if (kind === "access" || isSettling || !paths.some(this.#isSource)) continue;
      isSettling = true;
      pause(SETTLE_TIME).then(() => {
        isSettling = false;
        this.#add("change");
      });
    }
  }

  async #readKeys(): Promise<void> {
    const buffer = new Uint8Array(64);
    while (true) {
      const n = await Deno.stdin.read(buffer);
      if (n === null) return this.#add("q"); // Ctrl-D, or the terminal is gone
      const typed = new TextDecoder().decode(buffer.subarray(0, n));
      if (typed.startsWith("\x1b")) continue; // an arrow, or another key with a name
      for (const key of typed) this.#add(key);
    }
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What stands after the last point of a file's name. */
function endingOf(path: string): string {
  return /\.[^./\\]+$/.exec(path)?.[0] ?? "";
}
