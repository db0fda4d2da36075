// Runs checks one after the other, whatever they check, and says why if it stops before the last.
import type { Check, CheckRun } from "./check.ts";
import { type Result, skipped } from "./result.ts";

/** What is checked: a server or a client. Disposing it kills what it has started. */
export interface Target<Run extends CheckRun> extends Disposable {
  /** Runs one check, and finds out whether it makes sense to run more. */
  grade(check: Check<Run>): Promise<Graded>;
  /** The last lines that it has printed since the last call. */
  takeLines(): string[];
  /** Ends what it has started, and says what its user should know about that. */
  end(): Promise<string[]>;
}

/** A result, and why no further check can be run, if that is so. */
export interface Graded {
  result: Result;
  stop?: string | undefined;
}

/** Is told of a run that begins, and shows how far it is until it is disposed. */
export type Watch = (name: string, run: CheckRun) => Disposable;

/** How to run checks. */
export interface RunOptions {
  /** Is called with each result. */
  onResult: (result: Result, stop: string | undefined) => void;
  /** Ends the run, after which no more results come. */
  signal?: AbortSignal;
}

/**
 * Runs the chosen checks. The first of all checks is what the others build on: if it fails, what they
 * say about their own failures would be false. So it is run in any case, and shown if it fails.
 *
 * @returns Why it has stopped before the last check, if it has.
 */
export async function runChecks<Run extends CheckRun>(
  all: Check<Run>[],
  chosen: Check<Run>[],
  target: Target<Run>,
  { onResult, signal }: RunOptions,
): Promise<string | undefined> {
  const base = all[0]!;
  const failed = new Set<string>();
  let stop: string | undefined;
  const report = (graded: Graded) => {
    stop = graded.stop;
    if (graded.result.status === "failed") failed.add(graded.result.name);
    onResult(graded.result, stop);
  };
  if (chosen[0] !== base) {
    const graded = await target.grade(base);
    if (signal?.aborted) return;
    if (graded.stop !== undefined) {
      chosen = chosen.filter((check) => check !== base);
      report(graded);
    }
  }
  for (const check of chosen) {
    const missing = check.needs?.find((name) => failed.has(name));
    if (stop !== undefined) report({ result: skipped(check, stop), stop });
    else if (missing !== undefined) report({ result: skipped(check, `it needs ${missing}`) });
    else {
      const graded = await target.grade(check);
      if (signal?.aborted) return;
      report(graded);
    }
  }
  return stop;
}

/** Why nothing is checked after the first check has failed. */
export function buildsOn({ name }: { name: string }): string {
  return `Every other check builds on ${name}`;
}
