// Is your server or client right? Checks an echo, application or chat server, or an echo or application
// client, in whatever language it is written.
import { appChecks, probeApp } from "./check/app_checks.ts";
import { appClientChecks } from "./check/app_client_checks.ts";
import { botChecks } from "./check/bot_checks.ts";
import { chatChecks, probeChat } from "./check/chat_checks.ts";
import type { Check, CheckRun } from "./check/check_run.ts";
import { ClientGrader } from "./check/client_grader.ts";
import type { ClientCommand, ClientRun } from "./check/client_run.ts";
import { countChecks, probeCount } from "./check/count_checks.ts";
import { echoChecks, probeEcho } from "./check/echo_checks.ts";
import { echoClientChecks } from "./check/echo_client_checks.ts";
import { gradeAll, type Graded, type Result } from "./check/grade.ts";
import { probeReverse, reverseChecks } from "./check/reverse_checks.ts";
import { type Probe, ServerGrader } from "./check/server_grader.ts";
import type { ServerAddress, ServerRun } from "./check/server_run.ts";
import {
  duration,
  fail,
  failUsage,
  flag,
  integer,
  onStopSignal,
  readAddress,
  readCommandLine,
  text,
} from "./core/command_line.ts";
import { printSync } from "./core/output.ts";
import { escapeText } from "./wire/escape.ts";

const LOOPBACK = /^(127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|::1|localhost)$/i;
const PROGRESS_INTERVAL = 200; // milliseconds
const CLEAR_LINE = "\r\x1b[K";
const INTERRUPTED = 130; // exit code, as shells have it for Ctrl-C

/** A kind of server or client. */
interface Kind {
  checks: { name: string; what: string }[];
  /** Runs the checks that were chosen. */
  grade: () => AsyncGenerator<Graded>;
}

const kinds: Record<string, Kind> = {
  "echo": serverKind(echoChecks, probeEcho),
  "app": serverKind(appChecks, probeApp),
  "chat": serverKind(chatChecks, probeChat),
  "echo-client": clientKind(echoClientChecks),
  "app-client": clientKind(appClientChecks),
  // The exercises of the tutorial.
  "count": serverKind(countChecks, probeCount),
  "reverse": serverKind(reverseChecks, probeReverse),
  "bot": clientKind(botChecks),
};
const KINDS = `${Object.keys(kinds).slice(0, -1).join(", ")} or ${Object.keys(kinds).at(-1)}`;

const { options, args } = readCommandLine(
  `deno run --allow-net app/check.ts echo|app|chat <host> <port>
deno run --allow-net --allow-run app/check.ts echo-client|app-client -- <command>

Checks whether a server or a client does what the tutorial says. A server must be listening at the
address. A client is started by its command, for each check, against a server that behaves well or
badly. In the command, {host} and {port} stand for the address of that server, as in
  deno run --allow-net --allow-run app/check.ts echo-client -- python3 my_client.py {host} {port}
The exercises of the tutorial have kinds of their own: count and reverse for servers, bot for a client.

The exit code is 0 if all checks have passed, 1 if not, and 2 if the command line is wrong. If the
server ends, the rest of the checks is skipped. If the first check fails, the rest is skipped too,
because all other checks build on it.

With --json it prints {"stopped","checks":[{"name","what","ok","ms","expected","actual","hint",
"read"}]}. "stopped" says why checks were skipped, or is null. "ok" is null for a check that was
skipped. The last four are null unless a check has failed, but "actual" may be a remark.`,
  {
    "only": text("NAMES", "run only these checks, separated by commas"),
    "list": flag("list the checks, and run none"),
    "json": flag("print the results as JSON"),
    "timeout": duration(5_000, "maximum time for each step of the server or client"),
    "remote": flag("check a server on another machine, which should be yours"),
    "patience": duration(30_000, "time after which the client gives up on a silent server"),
    "port": integer(
      "PORT",
      0,
      { min: 0, max: 65_535 },
      "port to listen on, for a client whose command has no {port}; 0 takes a free one",
    ),
  },
);
const [kindName, ...words] = args;
const [passed, failed] = Deno.stdout.isTerminal() && !Deno.noColor
  ? ["\x1b[32m✓\x1b[0m", "\x1b[31m✗\x1b[0m"]
  : ["✓", "✗"];

const kind = readKind();
const width = Math.max(...choose(kind.checks).map(({ name }) => name.length));
if (options.list) {
  for (const { name, what } of choose(kind.checks)) printSync(`${name.padEnd(width)}  ${what}`);
  Deno.exit(0);
}

const started = performance.now();
const results: Result[] = [];
let stopped: string | null = null;
for await (const { result, stop = null } of kind.grade()) {
  results.push(result);
  stopped = stop;
  const hasBegun = results.some(({ ok }) => ok !== null);
  if (options.json) continue;
  if (stop !== null && !hasBegun) fail(stop);
  print(result);
}
if (options.json) printSync(JSON.stringify({ stopped, checks: results }));
else printSummary();
Deno.exit(results.every(({ ok }) => ok) ? 0 : 1);

function serverKind(checks: Check<ServerRun>[], probe: Probe): Kind {
  return {
    checks,
    grade() {
      const grader = new ServerGrader(readServerAddress(), options.timeout, probe, watch);
      return gradeAll(checks, choose(checks), grader);
    },
  };
}

function clientKind(checks: Check<ClientRun>[]): Kind {
  return {
    checks,
    grade: () => gradeAll(checks, choose(checks), new ClientGrader(readClientCommand(), watch)),
  };
}

/** Shows on a terminal how far a run is. Ctrl-C ends the run, and with it a client. */
function watch(name: string, run: CheckRun): Disposable {
  const isShown = Deno.stderr.isTerminal();
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  const show = () => write(`${CLEAR_LINE}… ${name}  ${escapeText(run.progress)}`);
  const timer = isShown ? setInterval(show, PROGRESS_INTERVAL) : undefined;
  const stop = () => {
    if (isShown) write(CLEAR_LINE);
    run.abort();
    Deno.exit(INTERRUPTED);
  };
  const signals = onStopSignal(stop);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      signals[Symbol.dispose]();
      if (isShown) write(CLEAR_LINE);
    },
  };
}

function print({ name, what, ok, ms, expected, actual, hint, read }: Result): void {
  const title = name.padEnd(width);
  if (ok === null) {
    printSync(`- ${title}  skipped${actual === null ? "" : `: ${actual}`}`);
    return;
  }
  const remark = ok && actual !== null ? `: ${actual}` : "";
  printSync(`${ok ? passed : failed} ${title}  ${what}${remark} (${ms} ms)`);
  if (ok) return;
  printSync(`    expected: ${expected}`);
  printSync(`    actual:   ${actual}`);
  printSync(`    ${hint}`);
  printSync(`    Read "${read}" in README.md.`);
}

function printSummary(): void {
  const count = (wanted: boolean | null) => results.filter(({ ok }) => ok === wanted).length;
  const counts = [`${count(true)} passed`, `${count(false)} failed`];
  if (count(null) > 0) counts.push(`${count(null)} skipped`);
  const time = ((performance.now() - started) / 1000).toFixed(1);
  const checks = `${results.length} ${results.length === 1 ? "check" : "checks"}`;
  printSync(`\n${checks}: ${counts.join(", ")} (${time} s)`);
  if (stopped !== null) printSync(`${stopped}.`);
}

function readKind(): Kind {
  if (kindName === undefined) failUsage(`Missing kind of server or client: ${KINDS}`);
  if (Object.hasOwn(kinds, kindName)) return kinds[kindName]!;
  return failUsage(`Unknown kind of server or client: ${kindName} is not ${KINDS}`);
}

/** The checks that --only names, or all. */
function choose<Named extends { name: string }>(checks: Named[]): Named[] {
  if (options.only === undefined) return checks;
  return options.only.split(",").map((name) =>
    checks.find((check) => check.name === name) ??
      failUsage(`Wrong --only: there is no check "${name}", see --list`)
  );
}

function readServerAddress(): ServerAddress {
  const address = readAddress(words);
  if (!options.remote && !LOOPBACK.test(address.hostname)) {
    failUsage(
      `Cannot check ${address.hostname}: without --remote, only 127.x.x.x, ::1 and localhost`,
    );
  }
  return address;
}

/** What stands after "--" is the client's command, whatever is in it. */
function readClientCommand(): ClientCommand {
  const separator = Deno.args.indexOf("--");
  const command = separator === -1 ? [] : Deno.args.slice(separator + 1);
  const unexpected = words.slice(0, words.length - command.length);
  if (unexpected.length > 0) {
    failUsage(`Unexpected argument ${unexpected[0]}: the client's command comes after --`);
  }
  if (command.length === 0) failUsage(`Missing -- and the client's command`);
  const { port, timeout, patience } = options;
  if (port === 0 && !command.some((word) => word.includes("{port}"))) {
    failUsage("The client's command has no {port}, and there is no --port that it always uses");
  }
  return { words: command, port, timeout, patience };
}
