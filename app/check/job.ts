// One thing to check: a server or client, by its kind or as the solution of an exercise.
import { CannotCheck, type Check, type CheckRun } from "./check.ts";
import { type Result, skipped, type Status, statusOf } from "./result.ts";
import { runChecks, type RunOptions, type Target, type Watch } from "./runner.ts";
import type { ServerAddress } from "./server.ts";

const REPORT_VERSION = 1;

/** What is checked: a server that runs, or the command of a server or client. */
export type Subject = { address: ServerAddress } | { words: [string, ...string[]] };

/** What to check, and how. Times are in milliseconds. */
export interface Job {
  kind: string;
  /** The name of the exercise, or `null`. */
  exercise: string | null;
  /** The names of the checks to run. */
  checks: string[];
  subject: Subject;
  /** The folder where a command is started. */
  folder: string;
  /** The port of a command that always uses the same one; 0 takes a free one. */
  port: number;
  /** For each step of the server or client. */
  timeout: number;
  /** After which a client gives up on a silent server. */
  patience: number;
}

/** What came of a job. Exactly this is printed as JSON. */
export interface Report {
  /** The version of this form. */
  version: number;
  kind: string;
  exercise: string | null;
  subject: Subject;
  status: Status;
  /** Why checks were skipped, or `null`. */
  stopped: string | null;
  /** The last lines of a program that could not be checked at all. */
  printed: string[];
  /** What else should be known. */
  notes: string[];
  checks: Result[];
}

/** How to run a job. */
export interface JobOptions extends RunOptions {
  /** Is told of each run of a check. */
  watch: Watch;
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
  options: JobOptions,
): Promise<Report> {
  const { kind, exercise, subject } = job;
  const chosen = job.checks.map((name) => all.find((check) => check.name === name)!);
  const checks: Result[] = [];
  const onResult = (result: Result, stop: string | undefined) => {
    checks.push(result);
    options.onResult(result, stop);
  };
  let stopped: string | undefined;
  let printed: string[] = [];
  let notes: string[] = [];
  try {
    using target = open();
    using _ = onAbort(options.signal, () => target[Symbol.dispose]());
    stopped = await runChecks(all, chosen, target, { ...options, onResult });
    if (checks.every(({ status }) => status === "skipped")) printed = target.takeLines();
    notes = await target.end();
  } catch (error) {
    if (!(error instanceof CannotCheck)) throw error;
    stopped = error.message;
    for (const check of chosen) onResult(skipped(check, stopped), stopped);
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

/** Calls a function when a signal is given, until it is disposed. */
function onAbort(signal: AbortSignal | undefined, act: () => void): Disposable {
  signal?.addEventListener("abort", act);
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", act) };
}
