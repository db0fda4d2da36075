// Is your server or client right? Checks an echo, application, chat or web server, or an echo or application
// client, in whatever language it is written, and keeps you company while you write it.
import { gradeLines, readLines } from "./check/batch.ts";
import type { Exercise } from "./check/exercises.ts";
import type { Job } from "./check/job.ts";
import {
  chooseChecks,
  findWhat,
  jobOptions,
  KINDS,
  parseJobLine,
  readJob,
  splitAtCommand,
} from "./check/job_line.ts";
import { type KindName, kinds } from "./check/kinds.ts";
import { standardOutput } from "./check/printer.ts";
import { Progress } from "./check/progress.ts";
import { Session } from "./check/session.ts";
import { keepWatching } from "./check/watch.ts";
import { failUsage, flag, orFailUsage, readCommandLine } from "./core/command_line.ts";
import { printSync } from "./core/output.ts";
import { onStopSignal } from "./core/stop_signals.ts";

const INTERRUPTED = 130; // exit code, as shells have it for Ctrl-C

const { before, command } = splitAtCommand(Deno.args);
const { options, args: [what, ...words] } = readCommandLine(
  `deno run --allow-net --allow-run app/check.ts <what> -- <command>
deno run --allow-net app/check.ts <what> <host> <port>
deno task check [<what> …]

Checks whether a server or a client does what the tutorial says. <what> is an exercise, by its name or
number, or a kind: echo, app, chat or http for servers, echo-client or app-client for clients. Without
it, all exercises are listed, with what has passed so far.

The checker starts the program by its command. In the command, {port} stands for the port on which a
server must listen, and {host} and {port} stand for the address to which a client must connect:
  deno task check echo-server -- python3 my_server.py {port}
A server may also run already, at <host> and <port>. Before each check, a client is started anew.
"deno task check" grants all permissions that are needed, and keeps the progress in the folder where it
is typed, in .sockets-progress.json.

"all FILE" grades many programs and prints a table. Each line of the file has what stands after "check.ts"
here. A # begins a comment. All programs are started in the folder where the command is typed.

The exit code is 0 if all checks have passed, 1 if not, and 2 if the command line or the file is wrong. If
the first check fails, the rest is skipped, because all other checks build on it. So it is if a server ends
that the checker cannot start again.

With --json it prints {"version","kind","exercise","subject","status","stopped","printed","notes",
"checks":[{"name","what","status","ms"}]}. "subject" has the "words" of the command, or the "address" of a
server that runs. "status" is "passed", "failed" or, of all, "incomplete", and of one check, "skipped". A
check that has failed also has "expected", "actual", "hint", "read", "page" and "printed", one that was
skipped has "reason", and one that has passed may have "remark". "stopped" says why checks were skipped, or
is null. With "all", it prints a list of these.

Programs that have left their group of processes are ended where the checker may run "ps".`,
  {
    ...jobOptions,
    "hint": flag("print the hint of the exercise"),
    "list": flag("list the checks, and run none"),
    "watch": flag("check again whenever a file of the program changes"),
    "json": flag("print the results as JSON"),
    "remote": flag("check a server on another machine, which should be yours"),
  },
  before,
);
const folder = workingFolder();
const progress = Progress.read(folder);
const session = new Session(standardOutput(), progress);
const interrupted = new AbortController();
onStopSignal(() => {
  interrupted.abort();
  Deno.exit(INTERRUPTED);
});

if (progress.problem !== undefined) console.error(progress.problem);
if (what === undefined) {
  const wantsChecks = command !== undefined || options.watch || options.json;
  if (wantsChecks) failUsage(`Missing exercise, or kind: ${KINDS}`);
  session.printExercises();
} else if (what === "all") {
  Deno.exit(await gradeAll(words) ? 0 : 1);
} else {
  const { exercise, kind } = orFailUsage(() => findWhat(what));
  if (options.hint) printHint(exercise);
  else if (options.list) printChecks(kind, exercise);
  else {
    const job = orFailUsage(() => readJob(what, words, command, folder, options));
    Deno.exit(await (options.watch ? watch(job) : grade(job)) ? 0 : 1);
  }
}

/** Where the learner has typed the command: `deno task` runs elsewhere. */
function workingFolder(): string {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "INIT_CWD" });
  return (state === "granted" ? Deno.env.get("INIT_CWD") : undefined) ?? ".";
}

function printHint(exercise: Exercise | undefined): void {
  if (exercise === undefined) return failUsage("Only exercises have a --hint");
  session.printHint(exercise);
}

function printChecks(kind: KindName, exercise: Exercise | undefined): void {
  const chosen = orFailUsage(() => chooseChecks(kind, exercise, options.only));
  const width = Math.max(...chosen.map((name) => name.length));
  for (const { name, what } of kinds[kind].checks) {
    if (chosen.includes(name)) printSync(`${name.padEnd(width)}  ${what}`);
  }
}

/** Runs a job, prints what comes of it, and returns whether all checks have passed. */
async function grade(job: Job): Promise<boolean> {
  if (options.json) {
    const report = await session.runAndNote(job, interrupted.signal);
    printSync(JSON.stringify(report));
    return report.status === "passed";
  }
  const report = await session.runAndPrint(job, interrupted.signal);
  session.printNext(job, report);
  return report.status === "passed";
}

/** Checks again whenever a file of the program changes. */
function watch(job: Job): Promise<boolean> {
  if (!("words" in job.subject)) return failUsage("--watch needs the program's command, after --");
  if (options.json) failUsage("--watch prints for people, and not as JSON");
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) failUsage("--watch needs a terminal");
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") {
    failUsage("--watch needs --allow-read, as `deno task check` has it");
  }
  return keepWatching(session, job, job.subject.words, interrupted.signal);
}

/** Grades all programs of a file, and returns whether all of them have passed all checks. */
async function gradeAll([path, unexpected]: string[]): Promise<boolean> {
  if (path === undefined) return failUsage("Missing file with the commands");
  if (unexpected !== undefined) failUsage(`Unexpected argument ${unexpected}`);
  if (command !== undefined) failUsage("Unexpected command: the commands stand in the file");
  if (options.watch) failUsage("--watch is for one program, and not for a file");
  const read = (words: string[]) => parseJobLine(words, folder, options);
  const lines = readLines(path.startsWith("/") ? path : `${folder}/${path}`, read);
  const run = (job: Job) => session.run(job, interrupted.signal);
  const reports = await gradeLines(lines, run, options.json);
  const passed = reports.filter(({ status }) => status === "passed").length;
  if (options.json) printSync(JSON.stringify(reports));
  else printSync(`\n${passed} of ${reports.length} passed all checks`);
  return passed === reports.length;
}
