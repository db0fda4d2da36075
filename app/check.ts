// Is your server or client right? Checks an echo, application or chat server, or an echo or application
// client, in whatever language it is written, and keeps you company while you write it.
import { splitWords } from "./check/command_words.ts";
import { type Exercise, exercises, findExercise, numberOf, sideOf } from "./check/exercises.ts";
import type { Job, Report, Subject } from "./check/job.ts";
import { isKindName, type KindName, kinds } from "./check/kinds.ts";
import { Printer, standardOutput, wrap } from "./check/printer.ts";
import { nextExercise, Progress } from "./check/progress.ts";
import type { CheckRun } from "./check/check.ts";
import { Happenings } from "./check/watch.ts";
import {
  fail,
  failUsage,
  flag,
  integer,
  readAddress,
  readCommandLine,
  seconds,
  STOP_SIGNALS,
  text,
} from "./core/command_line.ts";
import { printNow } from "./core/output.ts";
import { escapeText } from "./wire/escape.ts";

const LOOPBACK = /^(127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|::1|localhost)$/i;
const PROGRESS_INTERVAL = 200; // milliseconds
const CLEAR_LINE = "\r\x1b[K";
const CLEAR_SCREEN = "\x1b[2J\x1b[3J\x1b[H";
const INTERRUPTED = 130; // exit code, as shells have it for Ctrl-C
const PATIENCE = 30; // seconds
const KINDS = `${Object.keys(kinds).slice(0, -1).join(", ")} or ${Object.keys(kinds).at(-1)}`;

const settings = {
  "only": text("NAMES", "run only these checks, separated by commas"),
  "timeout": seconds(5, "maximum time for each step of the server or client"),
  "patience": {
    ...seconds(PATIENCE, "time after which the client gives up on a silent server"),
    initial: undefined as number | undefined,
  },
  "port": integer(
    "PORT",
    0,
    { min: 0, max: 65_535 },
    "port of a program whose command has no {port}; 0 takes a free one",
  ),
};
const { options, args } = readCommandLine(
  `deno run --allow-net --allow-run app/check.ts <what> -- <command>
deno run --allow-net app/check.ts <what> <host> <port>
deno task check [<what> …]

Checks whether a server or a client does what the tutorial says. <what> is an exercise, by its name or
number, or a kind: echo, app or chat for servers, echo-client or app-client for clients. Without it, all
exercises are listed, with what has passed so far.

The checker starts the program by its command. In the command, {port} stands for the port on which a
server must listen, and {host} and {port} stand for the address to which a client must connect:
  deno task check echo-server -- python3 my_server.py {port}
A server may also run already, at <host> and <port>. Before each check, a client is started anew.
"deno task check" grants all permissions that are needed, and keeps the progress in the folder where it
is typed, in .sockets-progress.json.

"all FILE" grades many programs and prints a table. Each line of the file has what stands after "check.ts"
here; what begins with # is a comment.

The exit code is 0 if all checks have passed, 1 if not, and 2 if the command line is wrong. If the first
check fails, the rest is skipped, because all other checks build on it. So it is if a server ends that
the checker cannot start again.

With --json it prints {"version","kind","exercise","status","stopped","printed","notes","checks":[{"name",
"what","status","ms"}]}. "status" is "passed", "failed" or, of all, "incomplete", and of one check,
"skipped". A check that has failed also has "expected", "actual", "hint", "read" and "printed", one that
was skipped has "reason", and one that has passed may have "remark". "stopped" says why checks were
skipped, or is null. With "all", it prints a list of these.

Programs that have left their group of processes are ended where the checker may run "ps".`,
  {
    ...settings,
    "hint": flag("print the hint of the exercise"),
    "list": flag("list the checks, and run none"),
    "watch": flag("check again whenever a file of the program changes"),
    "json": flag("print the results as JSON"),
    "remote": flag("check a server on another machine, which should be yours"),
  },
);
const folder = workingFolder();
const progress = Progress.read(folder);
const interrupted = new AbortController();
for (const signal of STOP_SIGNALS) {
  Deno.addSignalListener(signal, () => {
    interrupted.abort();
    Deno.exit(INTERRUPTED);
  });
}

const command = commandOf(Deno.args);
const [what, ...rest] = args.slice(0, args.length - (command?.length ?? 0));
if (progress.problem !== undefined) console.error(progress.problem);
if (what === undefined) {
  if (command !== undefined) failUsage(`Missing exercise, or kind: ${KINDS}`);
  printExercises();
} else if (what === "all") {
  Deno.exit(await gradeAll());
} else {
  const { exercise, kind } = find(what);
  if (options.hint) printHint(exercise);
  else if (options.list) printChecks(kind, exercise);
  else {
    const job = readJob(what, rest, command, options);
    Deno.exit(options.watch ? await keepWatching(job) : await grade(job));
  }
}

/** Where the learner has typed the command: `deno task` runs elsewhere. */
function workingFolder(): string {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "INIT_CWD" });
  return (state === "granted" ? Deno.env.get("INIT_CWD") : undefined) ?? ".";
}

/** An exercise, or a kind of server or client. A name that both have means the exercise. */
function find(what: string): { exercise?: Exercise; kind: KindName } {
  const exercise = findExercise(what);
  if (exercise) return { exercise, kind: exercise.kind };
  if (isKindName(what)) return { kind: what };
  return failUsage(`Unknown exercise or kind: ${what} is no exercise, and not ${KINDS}`);
}

/** What stands after "--" is the program's command, whatever is in it. */
function commandOf(words: string[]): string[] | undefined {
  const separator = words.indexOf("--");
  return separator === -1 ? undefined : words.slice(separator + 1);
}

/** The job that a command line describes. If it is wrong, the program ends. */
function readJob(
  what: string,
  words: string[],
  command: string[] | undefined,
  { only, timeout, patience, port }: {
    only: string | undefined;
    timeout: number;
    patience: number | undefined;
    port: number;
  },
): Job {
  const { exercise, kind } = find(what);
  const checks = chooseChecks(kind, exercise, only);
  const subject = readSubject(kind, words, command, port);
  return {
    kind,
    exercise: exercise?.name ?? null,
    checks,
    subject,
    folder,
    port,
    timeout,
    patience: patience ?? (exercise?.patience ?? PATIENCE) * 1000,
  };
}

/** The checks that --only names, or those of the exercise, or all. */
function chooseChecks(kind: KindName, exercise: Exercise | undefined, only?: string): string[] {
  const all = kinds[kind].checks.map(({ name }) => name);
  if (only === undefined) return exercise?.checks ?? all;
  for (const name of only.split(",")) {
    if (!all.includes(name)) failUsage(`Wrong --only: there is no check "${name}", see --list`);
  }
  return only.split(",");
}

function readSubject(
  kind: KindName,
  words: string[],
  command: string[] | undefined,
  port: number,
): Subject {
  const { side } = kinds[kind];
  if (command === undefined && side === "server") {
    if (words.length === 0) failUsage("Missing -- and the server's command, or its host and port");
    return { address: readServerAddress(words) };
  }
  if (words.length > 0) {
    failUsage(`Unexpected argument ${words[0]}: the ${side}'s command comes after --`);
  }
  const [program, ...programArgs] = command ?? [];
  if (program === undefined) return failUsage(`Missing -- and the ${side}'s command`);
  if (port === 0 && !command!.some((word) => word.includes("{port}"))) {
    failUsage(`The ${side}'s command has no {port}, and there is no --port that it always uses`);
  }
  return { words: [program, ...programArgs] };
}

function readServerAddress(words: string[]) {
  const address = readAddress(words);
  if (!options.remote && !LOOPBACK.test(address.hostname)) {
    failUsage(
      `Cannot check ${address.hostname}: without --remote, only 127.x.x.x, ::1 and localhost`,
    );
  }
  return address;
}

/** Runs a job, prints what comes of it, and returns the exit code. */
async function grade(job: Job): Promise<number> {
  if (options.json) {
    const report = await run(job, { signal: interrupted.signal });
    note(job, report);
    printNow(JSON.stringify(report));
    return exitCodeOf(report);
  }
  const report = await runAndPrint(
    job,
    new Printer(standardOutput(), job.checks),
    interrupted.signal,
  );
  printNext(job, report);
  return exitCodeOf(report);
}

/** Runs a job, and prints results as they come. If nothing could be checked, it says why. */
async function runAndPrint(job: Job, printer: Printer, signal: AbortSignal): Promise<Report> {
  let hasBegun = false;
  const report = await run(job, {
    signal,
    onResult(result, stop) {
      hasBegun ||= result.status !== "skipped";
      if (hasBegun || stop === undefined) printer.print(result, stop);
    },
  });
  if (signal.aborted) return report;
  if (hasBegun || report.stopped === null) printer.end(report);
  else {
    console.error(report.stopped);
    if (report.printed.length > 0) console.error("The last that it printed:");
    for (const line of report.printed) console.error(`  ${line}`);
  }
  note(job, report);
  return report;
}

function run(
  job: Job,
  { signal, onResult = () => {} }: {
    signal: AbortSignal;
    onResult?: (result: Report["checks"][number], stop: string | undefined) => void;
  },
): Promise<Report> {
  const watch = (name: string, run: CheckRun) => showProgress(name, run, signal);
  return kinds[job.kind as KindName].run(job, { signal, onResult, watch });
}

function exitCodeOf({ status }: Report): number {
  return status === "passed" ? 0 : 1;
}

/** Shows on a terminal how far a run is, and ends it when the signal is given. */
function showProgress(name: string, run: CheckRun, signal: AbortSignal): Disposable {
  const isShown = Deno.stderr.isTerminal();
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  const show = () => write(`${CLEAR_LINE}… ${name}  ${escapeText(run.progress, 60)}`);
  const timer = isShown ? setInterval(show, PROGRESS_INTERVAL) : undefined;
  const stop = () => {
    if (isShown) write(CLEAR_LINE);
    run.abort();
  };
  if (signal.aborted) run.abort();
  signal.addEventListener("abort", stop);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      signal.removeEventListener("abort", stop);
      if (isShown) write(CLEAR_LINE);
    },
  };
}

/** Writes down what has passed of an exercise, if all of its checks were run. */
function note(job: Job, { checks, stopped }: Report): void {
  const exercise = job.exercise === null ? undefined : findExercise(job.exercise);
  if (exercise === undefined || options.only !== undefined) return;
  const passed = checks.filter(({ status }) => status === "passed").length;
  if (passed === 0 && stopped !== null && checks.every(({ status }) => status === "skipped")) {
    return;
  }
  const problem = progress.note(exercise.name, { passed, checks: job.checks.length });
  if (problem !== undefined) console.error(problem);
}

/** Says what comes next, after an exercise. */
function printNext({ exercise: name }: Job, { status }: Report): void {
  if (name === null || options.only !== undefined || !Deno.stdout.isTerminal()) return;
  if (status !== "passed") printNow(`A hint: deno task check ${name} --hint`);
  else {
    printNow(`\nExercise ${numberOf(findExercise(name)!)}, ${name}, is done.`);
    printSuggestion();
  }
}

function printSuggestion(): void {
  const next = nextExercise(progress);
  if (next === undefined) return printNow("All exercises are done.");
  const { name, title, minutes } = next;
  const program = sideOf(next) === "server" ? "my_server.py {port}" : "my_client.py {host} {port}";
  printNow(`Next is exercise ${numberOf(next)}, ${title.toLowerCase()} (some ${minutes} minutes):`);
  printNow(`  deno task check ${name} -- python3 ${program}`);
}

/** Lists the exercises, with what has passed of each. */
function printExercises(): void {
  const nameWidth = Math.max(...exercises.map(({ name }) => name.length));
  const titleWidth = Math.max(...exercises.map(({ title }) => title.length));
  for (const exercise of exercises) {
    const { name, title, step, minutes, difficulty } = exercise;
    const entry = progress.get(name);
    const mark = entry === undefined ? " " : entry.done ? "✓" : "✗";
    const state = entry && (!entry.done || entry.passed < entry.checks)
      ? `${entry.passed} of ${entry.checks} passed`
      : entry
      ? "done"
      : `${minutes} minutes, ${["easy", "medium", "hard"][difficulty - 1]}`;
    const number = String(numberOf(exercise)).padStart(2);
    printNow(
      `${mark} ${number}  ${name.padEnd(nameWidth)}  ${
        title.padEnd(titleWidth)
      }  step ${step}  ${state}`,
    );
  }
  printNow("");
  printSuggestion();
}

function printChecks(kind: KindName, exercise: Exercise | undefined): void {
  const chosen = chooseChecks(kind, exercise, options.only);
  const width = Math.max(...chosen.map((name) => name.length));
  for (const { name, what } of kinds[kind].checks) {
    if (chosen.includes(name)) printNow(`${name.padEnd(width)}  ${what}`);
  }
}

function printHint(exercise: Exercise | undefined): void {
  if (exercise === undefined) return failUsage("Only exercises have a --hint");
  printWrapped(exercise.hint);
}

function printWrapped(text: string): void {
  for (const line of wrap(text, standardOutput().width)) printNow(line);
}

/** Checks again whenever a file of the program changes, until its user quits. */
async function keepWatching(job: Job): Promise<number> {
  if (!("words" in job.subject)) failUsage("--watch needs the program's command, after --");
  if (options.json) failUsage("--watch prints for people, and not as JSON");
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) failUsage("--watch needs a terminal");
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") {
    failUsage("--watch needs --allow-read, as `deno task check` has it");
  }
  using happenings = new Happenings(folder, job.subject.words);
  interrupted.signal.addEventListener("abort", () => happenings[Symbol.dispose]());
  let round = beginRound(job);
  while (true) {
    const happening = await happenings.next();
    const key = "key" in happening ? happening.key : "a";
    if (key === "q") {
      await round.end();
      return round.exitCode;
    }
    if (key === "a") {
      await round.end();
      round = beginRound(job);
    } else if (key === "h") printHintOf(job);
    else if (key === "l") printExercises();
  }
}

interface Round {
  exitCode: number;
  end(): Promise<void>;
}

/** Runs a job in the background, on a clear screen. */
function beginRound(job: Job): Round {
  const over = new AbortController();
  const abort = () => over.abort();
  interrupted.signal.addEventListener("abort", abort);
  const round: Round = {
    exitCode: 1,
    async end() {
      over.abort();
      await running;
      interrupted.signal.removeEventListener("abort", abort);
    },
  };
  const running = work();
  return round;

  async function work(): Promise<void> {
    const { subject: { words } } = job as { subject: { words: string[] } };
    printNow(`${CLEAR_SCREEN}${job.exercise ?? job.kind} -- ${escapeText(words.join(" "))}\n`);
    const printer = new Printer({ ...standardOutput(), folds: true }, job.checks);
    const report = await runAndPrint(job, printer, over.signal);
    if (over.signal.aborted) return;
    round.exitCode = exitCodeOf(report);
    if (report.status === "passed") printNext(job, report);
    printNow("\nWaiting for a change. Keys: h hint, l list, a again, q quit");
  }
}

function printHintOf({ exercise: name }: Job): void {
  const exercise = name === null ? undefined : findExercise(name);
  printNow("");
  printWrapped(exercise?.hint ?? "Only exercises have a hint.");
}

/** Grades all programs of a file, and prints a table. */
async function gradeAll(): Promise<number> {
  const [path, unexpected] = rest;
  if (path === undefined) failUsage("Missing file with the commands");
  if (unexpected !== undefined) failUsage(`Unexpected argument ${unexpected}`);
  const jobs = readJobs(path);
  const width = Math.max(...jobs.map(({ line }) => line.length));
  const reports: Report[] = [];
  for (const { line, job } of jobs) {
    const report = await run(job, { signal: interrupted.signal });
    reports.push(report);
    if (options.json) continue;
    const { checks, status, stopped } = report;
    const passed = checks.filter(({ status }) => status === "passed").length;
    const failed = checks.filter(({ status }) => status === "failed").map(({ name }) => name);
    const problem = stopped ?? (failed.length > 0 ? `fails ${failed.join(", ")}` : "");
    const mark = status === "passed" ? "✓" : "✗";
    const count = `${passed} of ${checks.length}`.padStart(8);
    printNow(`${mark} ${line.padEnd(width)} ${count}  ${problem}`.trimEnd());
  }
  const passed = reports.filter(({ status }) => status === "passed").length;
  if (options.json) printNow(JSON.stringify(reports));
  else printNow(`\n${reports.length} programs: ${passed} passed all checks`);
  return passed === reports.length ? 0 : 1;
}

/** Reads the lines of a file, each of which describes a job. */
function readJobs(path: string): { line: string; job: Job }[] {
  let content: string;
  try {
    content = Deno.readTextFileSync(path.startsWith("/") ? path : `${folder}/${path}`);
  } catch (error) {
    return fail(`Cannot read ${escapeText(path)}: ${escapeText((error as Error).message)}`);
  }
  const lines = content.split("\n").map((line) => line.trim());
  const used = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (used.length === 0) fail(`There is no command in ${escapeText(path)}`);
  return used.map((line) => ({ line: escapeText(line, 100), job: readLine(line) }));
}

/** The job of one line, in which options have the form --NAME=VALUE. */
function readLine(line: string): Job {
  const values = { ...options };
  try {
    const words = splitWords(line);
    const command = commandOf(words);
    const [what = "", ...others] = command ? words.slice(0, words.indexOf("--")) : words;
    const plain = others.filter((word) => !word.startsWith("--"));
    for (const word of others.filter((word) => word.startsWith("--"))) {
      const [, name = "", value = ""] = /^--([^=]+)=(.+)$/s.exec(word) ?? [];
      if (name === "only") values.only = value;
      else if (name === "timeout") values.timeout = settings.timeout.read(value);
      else if (name === "patience") values.patience = settings.patience.read(value);
      else if (name === "port") values.port = settings.port.read(value);
      else throw new SyntaxError(`${word} is not --NAME=VALUE of only, timeout, patience or port`);
    }
    return readJob(what, plain, command, values);
  } catch (error) {
    return failUsage(`Wrong line "${line}": ${(error as Error).message}`);
  }
}
