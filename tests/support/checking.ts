// Runs app/check.ts against servers and clients, and compares what it says with what is wrong with them.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Report } from "../../app/check/job.ts";
import { type KindName, kinds } from "../../app/check/kinds.ts";
import type { Failed } from "../../app/check/result.ts";
import { some, tryAll } from "./sampling.ts";
import { Program } from "./programs.ts";

const AT_ONCE = tryAll ? 2 : 6; // runs of the checker; most only wait, but all together are a load

/** A server or client, and what the checker must say about it. */
export interface Case {
  kind: KindName;
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
  assertEquals(code, report.status === "passed" ? 0 : 1);
  return report;
}

/** The names of the checks that failed. */
export function failed(report: Report): string[] {
  return failures(report).map(({ name }) => name);
}

/** The checks that failed. */
export function failures({ checks }: Report): Failed[] {
  return checks.filter((result) => result.status === "failed");
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
  const { checks } = kinds[kind];
  const wanted = new Set([checks[0]!.name, ...noticing, ...skips]);
  for (const { name, needs = [] } of checks) {
    if (wanted.has(name)) needs.forEach((need) => wanted.add(need));
  }
  const names = checks.map(({ name }) => name).filter((name) => wanted.has(name));
  return [`--only=${names.join(",")}`];
}

function assertGrade({ fails, stopped, skips = [] }: Case, report: Report): void {
  const { checks } = report;
  const details = JSON.stringify(failures(report), null, 1);
  assertEquals(failed(report), Object.keys(fails), details);
  for (const { name, actual, hint, read } of failures(report)) {
    assertMatch(`${actual}\n${hint}`, fails[name]!);
    assert(read !== "");
  }
  const skipped = checks.filter(({ status }) => status === "skipped");
  if (stopped === undefined) {
    assertEquals([report.stopped, skipped.map(({ name }) => name)], [null, skips]);
  } else {
    assertMatch(report.stopped ?? "", stopped);
    assertEquals(checks.slice(checks.length - skipped.length), skipped, "skipped are not the last");
  }
}
