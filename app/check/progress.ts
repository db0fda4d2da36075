// Which exercises are done: a small file in the folder where the learner works.
import { escapeText } from "../wire/escape.ts";
import { type Exercise, exercises } from "./exercises.ts";

const FILE_NAME = ".sockets-progress.json";
const VERSION = 1;
const MAX_PROBLEM = 400; // characters

/** What is known about one exercise. */
export interface Entry {
  /** How many of the checks have passed in the last run. */
  passed: number;
  checks: number;
  /** Whether all have passed once. */
  done: boolean;
}

/** The progress of a learner. */
export class Progress {
  readonly #path: string;
  readonly #entries: Map<string, Entry>;
  /** Why the file cannot be used. It is then not written either. */
  readonly problem: string | undefined;

  private constructor(path: string, entries: Map<string, Entry>, problem?: string) {
    this.#path = path;
    this.#entries = entries;
    this.problem = problem;
  }

  /** Reads the progress in a folder. Without the permission to do that, nothing is known. */
  static read(folder: string): Progress {
    const path = `${folder}/${FILE_NAME}`;
    if (!may("read", path)) return new Progress(path, new Map());
    try {
      return new Progress(path, parse(Deno.readTextFileSync(path)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return new Progress(path, new Map());
      const problem = `Cannot use ${path}, and leaves it as it is: ${(error as Error).message}`;
      return new Progress(path, new Map(), escapeText(problem, MAX_PROBLEM));
    }
  }

  /** What is known about an exercise. */
  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  isDone(name: string): boolean {
    return this.#entries.get(name)?.done ?? false;
  }

  /** Notes how a run of all checks of an exercise went, and writes it down if that is possible. */
  note(name: string, { passed, checks }: Omit<Entry, "done">): string | undefined {
    const done = this.isDone(name) || passed === checks;
    this.#entries.set(name, { passed, checks, done });
    if (this.problem !== undefined || !may("write", this.#path)) return undefined;
    try {
      const text = { version: VERSION, exercises: Object.fromEntries(this.#entries) };
      const fresh = `${this.#path}.${Deno.pid}`; // so that nobody ever reads half of it
      Deno.writeTextFileSync(fresh, `${JSON.stringify(text, null, 2)}\n`);
      Deno.renameSync(fresh, this.#path);
      return undefined;
    } catch (error) {
      return `Cannot write the progress: ${(error as Error).message}`;
    }
  }
}

/** Whether a file may be used. If not, nobody is asked: the progress is not worth a question. */
function may(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}

/** Reads the text of a file, in which only what is known about exercises may stand. */
function parse(text: string): Map<string, Entry> {
  const value: unknown = JSON.parse(text);
  const { version, exercises: entries } = Object(value) as Record<string, unknown>;
  if (version !== VERSION) throw new Error(`Its version is not ${VERSION}`);
  const result = new Map<string, Entry>();
  for (const [name, entry] of Object.entries(Object(entries) as Record<string, unknown>)) {
    if (!isEntry(entry)) throw new Error(`What it says about ${JSON.stringify(name)} is wrong`);
    result.set(name, entry);
  }
  return result;
}

function isEntry(value: unknown): value is Entry {
  const { passed, checks, done } = Object(value) as Record<string, unknown>;
  return Number.isInteger(passed) && Number.isInteger(checks) && typeof done === "boolean";
}

/** The first exercise that is not done. */
export function nextExercise(progress: Progress): Exercise | undefined {
  return exercises.find(({ name }) => !progress.isDone(name));
}
