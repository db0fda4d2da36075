// Runs the checks of a job one after the other, whatever they check, and says why if it stops before the last.
import { CannotCheck, type Check, type CheckRun } from "./check.ts";
import type { Job, Report } from "./job.ts";
import { type Result, skipped, statusOf } from "./result.ts";

const REPORT_VERSION = 1;

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

/** How to run a job. */
export interface RunOptions {
  /** Is called with each result. */
  onResult: (result: Result) => void;
  /** Is told of each run of a check. */
  watch: Watch;
  /** Ends the run, after which no more results come. */
  signal?: AbortSignal;
}

/**
 * Runs the checks of a job, and ends what it has started.
 *
 * @param all All checks of the kind.
 * @param open Begins with what is to be checked.
 */
export async function runJob<Run extends CheckRun>(
  job: Job,
  all: Check<Run>[],
  open: () => Target<Run>,
  { onResult, signal }: RunOptions,
): Promise<Report> {
  const { kind, exercise, subject } = job;
  const chosen = job.checks.map((name) => all.find((check) => check.name === name)!);
  const checks: Result[] = [];
  const report = (result: Result) => {
    checks.push(result);
    onResult(result);
  };
  let stopped: string | undefined;
  let printed: string[] = [];
  let notes: string[] = [];
  try {
    using target = open();
    using _ = onAbort(signal, () => target[Symbol.dispose]());
    stopped = await runChecks(all[0]!, chosen, target, report, signal);
    if (checks.every(({ status }) => status === "skipped")) printed = target.takeLines();
    notes = await target.end();
  } catch (error) {
    if (!(error instanceof CannotCheck)) throw error;
    stopped = error.message;
    for (const check of chosen) report(skipped(check, stopped));
  }
  const status = statusOf(checks);
  return {
    version: REPORT_VERSION,
    kind,
    exercise,
    subject,
    status,
    stopped: stopped ?? null,
    printed,
    notes,
    checks,
  };
}

/**
 * Runs the chosen checks. The first of all checks is what the others build on: if it fails, what they
 * say about their own failures would be false. So it is run in any case, and shown if it fails.
 *
 * @returns Why it has stopped before the last check, if it has.
 */
async function runChecks<Run extends CheckRun>(
  first: Check<Run>,
  chosen: Check<Run>[],
  target: Target<Run>,
  report: (result: Result) => void,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const failed = new Set<string>();
  let stop: string | undefined;
  if (chosen[0] !== first) {
    const graded = await target.grade(first);
    if (signal?.aborted) return;
    stop = graded.stop;
    if (stop !== undefined) {
      chosen = chosen.filter((check) => check !== first);
      report(graded.result);
    }
  }
  for (const check of chosen) {
    const missing = check.needs?.find((name) => failed.has(name));
    if (stop !== undefined) report(skipped(check, stop));
    else if (missing !== undefined) report(skipped(check, `first, ${missing} must pass`));
    else {
      const graded = await target.grade(check);
      if (signal?.aborted) return;
      stop = graded.stop;
      if (graded.result.status === "failed") failed.add(check.name);
      report(graded.result);
    }
  }
  return stop;
}

/** Why nothing is checked after the first check has failed. */
export function buildsOn({ name }: { name: string }): string {
  return `Every other check builds on ${name}`;
}

/** Calls a function when a signal is given, until it is disposed. */
function onAbort(signal: AbortSignal | undefined, act: () => void): Disposable {
  signal?.addEventListener("abort", act);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", act) };
}
