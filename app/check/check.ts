// The engine of all checks: what a check is, how it fails, and how it is run.
import { TIMED_OUT } from "../core/timeout.ts";
import type { Lesson } from "./lessons.ts";
import { inTime, Stopwatch } from "./running_time.ts";

const MAX_TRIES = 3; // of a check that fails while the checker itself does not run

/** One promise that a server or client keeps, and how to find out whether it does. */
export interface Check<Run> {
  name: string;
  /** What it tests, in one sentence. */
  what: string;
  /** What it means when it fails. */
  hint: string;
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

/** The error for a server or client that does something else than it should. */
export class Failure extends Error {
  readonly expected: string;
  readonly actual: string;

  constructor(expected: string, actual: string, cause?: unknown) {
    super(`Expected ${expected}, not ${actual}`, { cause });
    this.expected = expected;
    this.actual = actual;
  }
}

/**
 * The failure of a connection that ended, or stayed silent. If the other program has ended, that is why,
 * and not what the check is about.
 */
export class LostConnection extends Failure {}

/** The error for a check that this machine cannot run, whatever the server or client does. */
export class CannotCheck extends Error {}

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
    );
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
