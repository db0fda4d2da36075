// Runs app/check.ts against servers and clients, and compares what it says with what is wrong with them.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { appChecks } from "../../app/check/app_checks.ts";
import { appClientChecks } from "../../app/check/app_client_checks.ts";
import { botChecks } from "../../app/check/bot_checks.ts";
import { chatChecks } from "../../app/check/chat_checks.ts";
import { countChecks } from "../../app/check/count_checks.ts";
import { echoChecks } from "../../app/check/echo_checks.ts";
import { echoClientChecks } from "../../app/check/echo_client_checks.ts";
import { reverseChecks } from "../../app/check/reverse_checks.ts";
import { some, tryAll } from "./sampling.ts";
import { Program } from "./programs.ts";

const AT_ONCE = tryAll ? 2 : 6; // runs of the checker; most only wait, but all together are a load

const CHECKS = {
  "echo": echoChecks,
  "app": appChecks,
  "chat": chatChecks,
  "echo-client": echoClientChecks,
  "app-client": appClientChecks,
  "count": countChecks,
  "reverse": reverseChecks,
  "bot": botChecks,
};

/** A result as the checker prints it. */
export interface Checked {
  name: string;
  what: string;
  ok: boolean | null;
  ms: number;
  expected: string | null;
  actual: string | null;
  hint: string | null;
  read: string | null;
}

/** All that the checker prints as JSON. */
export interface Report {
  stopped: string | null;
  checks: Checked[];
}

/** A server or client, and what the checker must say about it. */
export interface Case {
  kind: keyof typeof CHECKS;
  name: string;
  /** Whether it is a program of the tutorial, which is always tried. */
  isOurs?: boolean;
  /** Starts it, and returns the rest of the checker's command line. */
  start: () => Promise<AsyncDisposable & { args: string[] }>;
  /** The checks that must fail, and what they must say: what came, a line break, and what it means. */
  fails: Record<string, RegExp>;
  /** Why the checks after these are skipped. */
  stopped?: RegExp | undefined;
  /** Checks that are skipped because what they need has failed. */
  skips?: string[] | undefined;
}

/** Runs the checker. */
export async function check(kind: string, ...args: string[]): Promise<Report> {
  const permissions = ["--no-prompt", "--allow-net"];
  if (args.includes("--")) permissions.push("--allow-run");
  await using program = new Program([
    "run",
    ...permissions,
    "app/check.ts",
    kind,
    "--json",
    ...args,
  ]);
  const { code } = await program.ended;
  assertEquals(program.stderr, "");
  const report: Report = JSON.parse(program.stdout);
  assertEquals(code, report.checks.every(({ ok }) => ok) ? 0 : 1);
  return report;
}

/** The names of the checks that failed. */
export function failed({ checks }: Report): string[] {
  return checks.filter(({ ok }) => ok === false).map(({ name }) => name);
}

/** Checks all of them, or some if not all is to be tried, several at the same time. */
export async function assertGrades(cases: Case[]): Promise<void> {
  const { ours = [], others = [] } = Object.groupBy(
    cases,
    ({ isOurs = false }) => isOurs ? "ours" : "others",
  );
  const waiting = [...ours, ...some(others, 6)];
  const problems: string[] = [];
  const work = async () => {
    for (let next; (next = waiting.shift()) !== undefined;) {
      await using started = await next.start();
      const report = await check(next.kind, ...chosenChecks(next), ...started.args);
      try {
        assertGrade(next, report);
      } catch (error) {
        problems.push(`${next.kind}, ${next.name}: ${(error as Error).message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  assertEquals(problems.join("\n"), "");
}

/** If not all is to be tried, a wrong one is not asked to pass all the checks that it passes. */
function chosenChecks({ kind, fails, stopped, skips = [] }: Case): string[] {
  const noticing = Object.keys(fails);
  if (tryAll || noticing.length === 0 || stopped !== undefined) return [];
  const checks = CHECKS[kind];
  const wanted = new Set([checks[0]!.name, ...noticing, ...skips]);
  for (const { name, needs = [] } of checks) {
    if (wanted.has(name)) needs.forEach((need) => wanted.add(need));
  }
  const names = checks.map(({ name }) => name).filter((name) => wanted.has(name));
  return [`--only=${names.join(",")}`];
}

function assertGrade({ fails, stopped, skips = [] }: Case, report: Report): void {
  const { checks } = report;
  const details = JSON.stringify(checks.filter(({ ok }) => ok === false), null, 1);
  assertEquals(failed(report), Object.keys(fails), details);
  for (const { name, ok, actual, hint, read } of checks) {
    if (ok !== false) continue;
    assertMatch(`${actual}\n${hint}`, fails[name]!);
    assert(read !== null);
  }
  const skipped = checks.filter(({ ok }) => ok === null);
  if (stopped === undefined) {
    assertEquals([report.stopped, skipped.map(({ name }) => name)], [null, skips]);
  } else {
    assertMatch(report.stopped ?? "", stopped);
    assertEquals(checks.slice(checks.length - skipped.length), skipped, "skipped are not the last");
  }
}
