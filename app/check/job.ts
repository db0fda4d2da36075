// One thing to check, a server or client, by its kind or as the solution of an exercise, and what came of it.
import type { HostAndPort } from "../core/address.ts";
import type { Result, Status } from "./result.ts";

/** What is checked: a server that runs, or the command of a server or client. */
export type Subject = { address: HostAndPort } | { words: [string, ...string[]] };

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
