// From the words of a command line, or of a line in a file, to a job. Wrong words are a `UsageError`.
import type { HostAndPort } from "../core/address.ts";
import {
  duration,
  integer,
  parseAddress,
  parseWords,
  text,
  UsageError,
} from "../core/command_line.ts";
import { type Exercise, findExercise } from "./exercises.ts";
import type { Job, Subject } from "./job.ts";
import { isKindName, type KindName, kinds } from "./kinds.ts";

const LOOPBACK = /^(127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|::1|localhost)$/i;
const PATIENCE = 30_000; // milliseconds
/** The names of all kinds, for messages. */
export const KINDS: string = `${Object.keys(kinds).slice(0, -1).join(", ")} or ${
  Object.keys(kinds).at(-1)
}`;

/** The options that jobs have. */
export const jobOptions = {
  "only": text("NAMES", "run only these checks, separated by commas"),
  "timeout": duration(5_000, "maximum time for each step of the server or client"),
  "patience": {
    ...duration(PATIENCE, "time after which the client gives up on a silent server"),
    initial: undefined as number | undefined,
  },
  "port": integer(
    "PORT",
    0,
    { min: 0, max: 65_535 },
    "port of a program whose command has no {port}; 0 takes a free one",
  ),
};

/** The values of these options. Times are in milliseconds. */
export interface JobSettings {
  only: string | undefined;
  timeout: number;
  patience: number | undefined;
  port: number;
  /** Whether a server may run on another machine. */
  remote: boolean;
}

/**
 * The job that stands on one line, with its own options.
 *
 * @param folder Where the command is started.
 * @param defaults The values of options that the line does not have.
 */
export function parseJobLine(line: string[], folder: string, defaults: JobSettings): Job {
  const { before, command } = splitAtCommand(line);
  const { options, args: [what = "", ...words] } = parseWords(before, jobOptions, defaults);
  const settings = { ...options, remote: defaults.remote };
  return readJob(what, words, command, folder, settings);
}

/** An exercise, or a kind of server or client. A name that both have means the exercise. */
export function findWhat(what: string): { exercise: Exercise | undefined; kind: KindName } {
  const exercise = findExercise(what);
  if (exercise) return { exercise, kind: exercise.kind };
  if (isKindName(what)) return { exercise, kind: what };
  throw new UsageError(`Unknown exercise or kind: ${what} is no exercise, and not ${KINDS}`);
}

/** What stands before "--", and the program's command after it, whatever is in that. */
export function splitAtCommand(
  words: string[],
): { before: string[]; command: string[] | undefined } {
  const separator = words.indexOf("--");
  if (separator === -1) return { before: words, command: undefined };
  return { before: words.slice(0, separator), command: words.slice(separator + 1) };
}

/** The checks that --only names, or those of the exercise, or all. */
export function chooseChecks(
  kind: KindName,
  exercise: Exercise | undefined,
  only: string | undefined,
): string[] {
  const all = kinds[kind].checks.map(({ name }) => name);
  if (only === undefined) return exercise?.checks ?? all;
  for (const name of only.split(",")) {
    if (!all.includes(name)) {
      throw new UsageError(`Wrong --only: there is no check "${name}", see --list`);
    }
  }
  return only.split(",");
}

/**
 * The job that words describe.
 *
 * @param what An exercise or a kind.
 * @param words What else stands before "--".
 * @param command What stands after it.
 * @param folder Where the command is started.
 */
export function readJob(
  what: string,
  words: string[],
  command: string[] | undefined,
  folder: string,
  settings: JobSettings,
): Job {
  const { exercise, kind } = findWhat(what);
  return {
    kind,
    exercise: exercise?.name ?? null,
    checks: chooseChecks(kind, exercise, settings.only),
    subject: readSubject(kind, words, command, settings),
    folder,
    port: settings.port,
    timeout: settings.timeout,
    patience: settings.patience ?? exercise?.patience ?? PATIENCE,
  };
}

function readSubject(
  kind: KindName,
  words: string[],
  command: string[] | undefined,
  { port, remote }: JobSettings,
): Subject {
  const { side } = kinds[kind];
  const hasAddress = command === undefined && side === "server";
  if (hasAddress && words.length === 0) {
    throw new UsageError("Missing -- and the server's command, or its host and port");
  }
  const unexpected = words[hasAddress ? 2 : 0];
  if (unexpected !== undefined) {
    throw new UsageError(`Unexpected argument ${unexpected}: the ${side}'s command comes after --`);
  }
  if (hasAddress) return { address: readServerAddress(words, remote) };
  const [program, ...args] = command ?? [];
  if (program === undefined) throw new UsageError(`Missing -- and the ${side}'s command`);
  if (port === 0 && !command!.some((word) => word.includes("{port}"))) {
    throw new UsageError(
      `The ${side}'s command has no {port}, and there is no --port that it always uses`,
    );
  }
  return { words: [program, ...args] };
}

function readServerAddress(words: string[], remote: boolean): HostAndPort {
  const address = parseAddress(words);
  if (!remote && !LOOPBACK.test(address.hostname)) {
    throw new UsageError(
      `Cannot check ${address.hostname}: without --remote, only 127.x.x.x, ::1 and localhost`,
    );
  }
  return address;
}
