// The engine of all checks: what a check is, how it fails, and how it is run.
import { TIMED_OUT } from "../core/timeout.ts";
import type { Lesson } from "./lessons.ts";
import { inTime, Stopwatch } from "./running_time.ts";

const TOO_SLOW =
  "Each step comes in time, but all together take too long. Look for a pause, or for " +
  "work that is done again and again.";
const MAX_TRIES = 3; // of a check that fails while the checker itself does not run

/** One promise that a server or client keeps, and how to find out whether it does. */
export interface Check<Run> {
  name: string;
  /** What it tests, in one sentence. */
  what: string;
  /** What it means when it fails, if nothing more exact is known. */
  hint: string;
  /** What it means if this was seen. */
  causes?: Causes;
  /** Where the tutorial explains it. */
  read: Lesson;
  /** Checks without which a failure of this one would mean something else. */
  needs?: string[];
  /** How much longer than others it may take, in milliseconds. */
  extraTime?: number;
  /** Throws a `Failure` if the promise is broken. Returns a remark if a pass needs one. */
  run: (run: Run) => Promise<string | void>;
}

/** What a check is run with. It owns what the check opens, and closes it when it is disposed. */
export interface CheckRun extends AsyncDisposable {
  /** How far a long check is, for people who watch it. */
  progress: string;
  /** How long the whole check may take, in milliseconds. */
  readonly limit: number;
  /** Ends at once what the check has started, when the whole program ends. */
  abort(): void;
}

/** What was seen instead of what was expected. What a failure means follows from it. */
export type Seen =
  | "silence" // nothing came in time
  | "stall" // a part of it, and then nothing more
  | "slow" // all of it, but it took too long
  | "end" // the end instead of it
  | "loss" // a part of it, and then the end
  | "gap" // what comes later, with something left out
  | "repeat" // what had come already
  | "other bytes"
  | "fewer" // a smaller number
  | "more" // more than that, or a greater number
  | "success" // where an error was due
  | "error" // where a success was due
  | "no output" // an output that lacks something
  | "other";

/** What a failure means, and where the tutorial explains that if it is not where it explains the check. */
export type Cause = string | { hint: string; read: Lesson };

/** Causes by what was seen. */
export type Causes = Partial<Record<Seen, Cause>>;

/** What is known about a failure. */
export interface FailureOptions {
  /** The error from which it comes. */
  cause?: unknown;
  seen?: Seen;
}

/** The error for a server or client that does something else than it should. */
export class Failure extends Error {
  readonly expected: string;
  actual: string;
  readonly seen: Seen;
  /** What it means, if that was found out. */
  meaning: Cause | undefined;

  constructor(expected: string, actual: string, { cause, seen = "other" }: FailureOptions = {}) {
    super(`Expected ${expected}, not ${actual}`, { cause });
    this.expected = expected;
    this.actual = actual;
    this.seen = seen;
  }

  /** Whether nothing came, or nothing more. */
  get isSilence(): boolean {
    return this.seen === "silence" || this.seen === "stall";
  }

  /** Whether the end came, too early. */
  get isEnd(): boolean {
    return this.seen === "end" || this.seen === "loss";
  }

  /** Notes what it means, if that was found out, and returns the failure. */
  because(meaning: Cause | undefined): this {
    this.meaning = meaning ?? this.meaning;
    return this;
  }
}

/**
 * The failure of a connection that ended, or stayed silent. If the other program has ended, that is why,
 * and not what the check is about.
 */
export class LostConnection extends Failure {}

/** The error for a check that this machine cannot run, whatever the server or client does. */
export class CannotCheck extends Error {}

/**
 * What to do with an error that a promise throws: if it is a failure, say what that means, and throw it again.
 *
 *     await probe(run).catch(explainWith({ "silence": "The server waits for the end of a line." }));
 *
 * @param explain The causes by what was seen, or how to find out.
 */
export function explainWith(
  explain: Causes | ((failure: Failure) => Cause | undefined | Promise<Cause | undefined>),
): (error: unknown) => Promise<never> {
  return async (error) => {
    if (!(error instanceof Failure)) throw error;
    const meaning = typeof explain === "function" ? await explain(error) : explain[error.seen];
    throw error.because(meaning);
  };
}

/** What to do with an error that a promise throws: if it is a failure, say at which of several inputs it was. */
export function atInput(input: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof Failure) error.actual += `, at ${input}`;
    throw error;
  };
}

/** What came of a check: what went wrong, or a remark, or nothing special. */
export type Outcome = Failure | CannotCheck | string | null;

/** Runs a check in the time that it may take. */
export async function tryRun<Run extends CheckRun>(
  run: Run,
  check: (run: Run) => Promise<string | void>,
): Promise<Outcome> {
  await using owned = run;
  try {
    const remark = await inTime(check(owned), owned.limit);
    if (remark !== TIMED_OUT) return remark ?? null;
    return new LostConnection(
      `the end of the check within ${owned.limit / 1000} s`,
      owned.progress || "no end",
      { seen: "slow" },
    ).because(TOO_SLOW);
  } catch (error) {
    if (error instanceof Failure || error instanceof CannotCheck) return error;
    throw error;
  }
}

/**
 * Tries something again if it failed while the checker did not run for a while: the other program, or
 * the checker, may have given up because of that.
 */
export async function tryFairly(attempt: () => Promise<Outcome>): Promise<Outcome> {
  for (let tries = 1;; tries++) {
    using stopwatch = new Stopwatch();
    const outcome = await attempt();
    if (!(outcome instanceof Failure) || !stopwatch.hasLostTime || tries === MAX_TRIES) {
      return outcome;
    }
  }
}
