// How a check went. Exactly this is printed as JSON.
import { escapeText } from "../wire/escape.ts";
import { CannotCheck, type Check, Failure, type Outcome } from "./check.ts";
import { type Lesson, lessons } from "./lessons.ts";

const MAX_LENGTH = 2000; // characters of what was expected, and of what came

interface Base {
  name: string;
  what: string;
  /** How long it took, in milliseconds. */
  ms: number;
}

/** A promise that was kept. */
export interface Passed extends Base {
  status: "passed";
  /** What should be known in spite of that. */
  remark?: string;
}

/** A promise that was broken. */
export interface Failed extends Base {
  status: "failed";
  expected: string;
  actual: string;
  /** What that means. */
  hint: string;
  /** The heading to read. */
  read: string;
  /** The page where it is. */
  page: string;
  /** The last lines that the program printed during the check, if the checker has started it. */
  printed: string[];
}

/** A promise that was not looked at. */
export interface Skipped extends Base {
  status: "skipped";
  reason: string;
}

/** How a check went. */
export type Result = Passed | Failed | Skipped;

/** The result of a check that was not run. */
export function skipped<Run>({ name, what }: Check<Run>, reason: string, ms = 0): Skipped {
  return { status: "skipped", name, what, ms, reason };
}

/**
 * The result of a check that was run.
 *
 * @param time How long it took, in milliseconds.
 * @param printed What the program has printed in the meantime.
 */
export function resultOf<Run>(
  check: Check<Run>,
  outcome: Outcome,
  time: number,
  printed: string[] = [],
): Result {
  const { name, what } = check;
  const ms = Math.round(time);
  if (outcome instanceof CannotCheck) return skipped(check, outcome.message, ms);
  if (outcome instanceof Failure) {
    // What is in these is cut already, and says how long it was.
    const expected = escapeText(outcome.expected, MAX_LENGTH);
    const actual = escapeText(outcome.actual, MAX_LENGTH);
    const cause = causeOf(check, outcome);
    const { page, heading } = lessons[cause.read];
    return {
      ...{ status: "failed", name, what, ms, expected, actual },
      ...{ hint: cause.hint, page, read: heading, printed },
    };
  }
  const remark = outcome === null ? {} : { remark: outcome };
  return { status: "passed", name, what, ms, ...remark };
}

/** What a failure of a check means: what was found out, or else what follows from what was seen. */
export function causeOf<Run>(check: Check<Run>, failure: Failure): { hint: string; read: Lesson } {
  const cause = failure.meaning ?? check.causes?.[failure.seen] ?? check;
  return typeof cause === "string" ? { hint: cause, read: check.read } : cause;
}

/** How all checks went: whether all have passed, some have failed, or some were not run. */
export type Status = "passed" | "failed" | "incomplete";

/** How many of the checks went like this. */
export function countOf(results: Result[], wanted: Result["status"]): number {
  return results.filter(({ status }) => status === wanted).length;
}

/** What the results of all checks amount to. */
export function statusOf(results: Result[]): Status {
  if (results.some(({ status }) => status === "failed")) return "failed";
  return results.every(({ status }) => status === "passed") ? "passed" : "incomplete";
}
