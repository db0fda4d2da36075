// Runs the checks of a kind one after the other, and says why if it stops before the last.
import { escapeText } from "../wire/escape.ts";
import { CannotCheck, type Check, type CheckRun, Failure, type Outcome } from "./check_run.ts";
import { lessons } from "./lessons.ts";

const MAX_LENGTH = 2000; // characters of what was expected, and of what came

/** How a check went. Exactly this is printed as JSON. */
export interface Result {
  name: string;
  what: string;
  /** `null` for a check that was skipped. */
  ok: boolean | null;
  /** Milliseconds. */
  ms: number;
  expected: string | null;
  /** For a check that did not fail `null`, or a remark. */
  actual: string | null;
  /** What the failure means. */
  hint: string | null;
  /** The heading in README.md to read. */
  read: string | null;
}

/** A result, and why no further check can be run, if that is so. */
export interface Graded {
  result: Result;
  stop?: string | undefined;
}

/** Runs one check, and finds out whether it makes sense to run more. */
export interface Grader<Run extends CheckRun> {
  grade(check: Check<Run>): Promise<Graded>;
}

/** Shows how far a run is, until it is disposed. */
export type Watch = (name: string, run: CheckRun) => Disposable;

/**
 * Grades the chosen checks. The first of all checks is what the others build on: if it fails, what they
 * say about their own failures would be false. So it is run in any case, and shown if it fails.
 */
export async function* gradeAll<Run extends CheckRun>(
  all: Check<Run>[],
  chosen: Check<Run>[],
  grader: Grader<Run>,
): AsyncGenerator<Graded> {
  const base = all[0]!;
  let stop: string | undefined;
  if (chosen[0] !== base) {
    const graded = await grader.grade(base);
    stop = graded.stop;
    if (stop !== undefined) {
      chosen = chosen.filter((check) => check !== base);
      yield graded;
    }
  }
  const failed = new Set<string>();
  for (const check of chosen) {
    const missing = check.needs?.find((name) => failed.has(name));
    let graded: Graded;
    if (stop !== undefined) graded = { result: skipped(check), stop };
    else if (missing !== undefined) graded = { result: skipped(check, `it needs ${missing}`) };
    else graded = await grader.grade(check);
    stop = graded.stop;
    if (graded.result.ok === false) failed.add(check.name);
    yield graded;
  }
}

/** Why nothing is checked after the first check has failed. */
export function buildsOn({ name }: { name: string }): string {
  return `Every other check builds on ${name}`;
}

/** The result of a check that was not run. */
export function skipped<Run>({ name, what }: Check<Run>, reason: string | null = null): Result {
  return { name, what, ok: null, ms: 0, expected: null, actual: reason, hint: null, read: null };
}

/** The result of a check that was run. */
export function resultOf<Run>(
  check: Check<Run>,
  outcome: Outcome,
  milliseconds: number,
): Result {
  const { name, what, hint, read } = check;
  const ms = Math.round(milliseconds);
  if (outcome instanceof CannotCheck) return { ...skipped(check, outcome.message), ms };
  if (!(outcome instanceof Failure)) {
    return { name, what, ok: true, ms, expected: null, actual: outcome, hint: null, read: null };
  }
  return {
    name,
    what,
    ok: false,
    ms,
    // What is in them is cut already, and says how long it was.
    expected: escapeText(outcome.expected, MAX_LENGTH),
    actual: escapeText(outcome.actual, MAX_LENGTH),
    hint,
    read: lessons[read],
  };
}
