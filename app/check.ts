// Is your server right? Checks an echo, application or chat server, in whatever language it is written.
import { appChecks, probeApp } from "./check/app_checks.ts";
import { chatChecks, probeChat } from "./check/chat_checks.ts";
import {
  failUsage,
  flag,
  readAddress,
  readCommandLine,
  seconds,
  text,
} from "./core/command_line.ts";
import {
  type Check,
  CheckRun,
  echoChecks,
  Failure,
  probeEcho,
  TIMED_OUT,
  withTimeout,
} from "./check/echo_checks.ts";
import { escapeText } from "./wire/escape.ts";

const MAX_STEPS = 4; // times the timeout, for a check of many steps
const LOOPBACK = /^(127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|::1|localhost)$/i;
const PROGRESS_INTERVAL = 200; // milliseconds

interface Kind {
  checks: Check[];
  /** What a good server does at any time. */
  probe: (checkRun: CheckRun) => Promise<void>;
}

/** How a check went. Exactly this is printed as JSON. */
interface Result {
  name: string;
  what: string;
  ok: boolean;
  /** Milliseconds. */
  ms: number;
  expected: string | null;
  /** For a check that passed `null`, or a remark. */
  actual: string | null;
}

const kinds = new Map<string, Kind>([
  ["echo", { checks: echoChecks, probe: probeEcho }],
  ["app", { checks: appChecks, probe: probeApp }],
  ["chat", { checks: chatChecks, probe: probeChat }],
]);

const { options, args } = readCommandLine(
  `deno run --allow-net app/check.ts echo|app|chat <host> <port>

Finds out whether the echo, application or chat server at an address does what the tutorial says.
The exit code is 0 if it does, 1 if a check has failed, and 2 if the command line is wrong. When the
server is gone, the rest of the checks are not made.

With --json it prints {"checks":[{"name","what","ok","ms","expected","actual"}]}, in which the last
two are null for a check that has passed, but for a remark in "actual".`,
  {
    "only": text("NAMES", "make only these checks; commas separate them"),
    "list": flag("list the checks, and make none"),
    "json": flag("print the results as JSON"),
    "timeout": seconds(5, "for each step of the server; 4 times as long for a whole check"),
    "remote": flag("check a server on another machine, which should be yours"),
  },
);
const [passed, failed] = Deno.stdout.isTerminal() && !Deno.noColor
  ? ["\x1b[32m✓\x1b[0m", "\x1b[31m✗\x1b[0m"]
  : ["✓", "✗"];

const kind = readKind();
const checks = readChecks();
const width = Math.max(...checks.map(({ name }) => name.length));
if (options.list) {
  for (const { name, what } of checks) console.log(`${name.padEnd(width)}  ${what}`);
  Deno.exit(0);
}

const address = readCheckedAddress();
const started = performance.now();
const results: Result[] = [];
let serves = false; // the server, when it was last seen
for (const check of checks) {
  const { result, gone } = await runCheck(check);
  results.push(result);
  if (!options.json) print(result, check.hint);
  if (gone) break;
}
if (options.json) console.log(JSON.stringify({ checks: results }));
else printSummary();
Deno.exit(results.every(({ ok }) => ok) ? 0 : 1);

/** Makes a check, and looks whether the server still serves others. */
async function runCheck({ name, what, run }: Check): Promise<{ result: Result; gone: boolean }> {
  const started = performance.now();
  let outcome = await tryRun(name, run);
  const ms = Math.round(performance.now() - started);
  let gone = isRefusal(outcome);
  if (serves || !(outcome instanceof Failure)) {
    const after = await tryRun(name, kind.probe);
    serves = !(after instanceof Failure);
    gone ||= isRefusal(after);
    if (after instanceof Failure && !(outcome instanceof Failure)) {
      outcome = new Failure("a server that goes on serving others", after.actual);
    }
  }
  const { expected, actual } = outcome instanceof Failure
    ? { expected: escapeText(outcome.expected), actual: escapeText(outcome.actual) }
    : { expected: null, actual: outcome };
  return { result: { name, what, ok: expected === null, ms, expected, actual }, gone };
}

/** Tries something out in the time that it may take, and returns what went wrong, or a remark. */
async function tryRun(name: string, run: Check["run"]): Promise<Failure | string | null> {
  using checkRun = new CheckRun(address, options.timeout);
  using _ = showProgress(name, checkRun);
  const limit = MAX_STEPS * options.timeout;
  try {
    const remark = await withTimeout(run(checkRun), limit);
    if (remark !== TIMED_OUT) return remark ?? null;
    return new Failure(`the end within ${limit / 1000} s`, checkRun.progress || "no end");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** Tells whether nobody listens, or no longer. */
function isRefusal(outcome: unknown): boolean {
  return outcome instanceof Failure && outcome.cause instanceof Deno.errors.ConnectionRefused;
}

/** Shows on a terminal how far a long check is. */
function showProgress(name: string, checkRun: CheckRun): Disposable {
  if (!Deno.stderr.isTerminal()) return { [Symbol.dispose]() {} };
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  const clear = "\r\x1b[K";
  const timer = setInterval(
    () => write(`${clear}… ${name}  ${checkRun.progress}`),
    PROGRESS_INTERVAL,
  );
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      write(clear);
    },
  };
}

function print({ name, what, ok, ms, expected, actual }: Result, hint: string) {
  const remark = ok && actual !== null ? `: ${actual}` : "";
  console.log(`${ok ? passed : failed} ${name.padEnd(width)}  ${what}${remark} (${ms} ms)`);
  if (!ok) console.log(`    expected: ${expected}\n    actual:   ${actual}\n    ${hint}`);
}

function printSummary() {
  const right = results.filter(({ ok }) => ok).length;
  const left = checks.length - results.length;
  const time = ((performance.now() - started) / 1000).toFixed(1);
  const counts = [`${right} passed`, `${results.length - right} failed`];
  if (left > 0) counts.push(`${left} not made, as nobody listens`);
  console.log(
    `\n${checks.length} ${checks.length === 1 ? "check" : "checks"}: ${
      counts.join(", ")
    } (${time} s)`,
  );
}

function readKind(): Kind {
  const [name] = args;
  if (name === undefined) failUsage("Missing kind of server: echo, app or chat");
  return kinds.get(name) ?? failUsage(`Unknown kind of server: ${name} is not echo, app or chat`);
}

function readChecks(): Check[] {
  if (options.only === undefined) return kind.checks;
  return options.only.split(",").map((name) =>
    kind.checks.find((check) => check.name === name) ??
      failUsage(`Wrong --only: there is no check "${name}" (try --list)`)
  );
}

function readCheckedAddress(): { hostname: string; port: number } {
  const address = readAddress(args.slice(1));
  if (!options.remote && !LOOPBACK.test(address.hostname)) {
    failUsage(
      `Cannot check ${address.hostname}: without --remote, only 127.x.x.x, ::1 and localhost`,
    );
  }
  return address;
}
