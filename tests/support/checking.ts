// Checks servers and clients, and compares what the checker says with what is wrong with them.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Job, Report, Subject } from "../../app/check/job.ts";
import { exercises } from "../../app/check/exercises.ts";
import { parseJobLine } from "../../app/check/job_line.ts";
import { type KindName, kinds } from "../../app/check/kinds.ts";
import type { Place } from "../../app/check/lessons.ts";
import type { Failed } from "../../app/check/result.ts";
import { README } from "./pages.ts";
import { some, tryAll } from "./sampling.ts";

const AT_ONCE = 12; // most programs only wait, but all together are a load
const MORE_TRIES = 2; // alone
const TIMEOUT = 4000; // milliseconds, for a step of a program
const PATIENCE = 3000; // milliseconds after which clients here give up

/** A server or client, and what the checker must say about it. */
export interface Case {
  kind: KindName;
  name: string;
  /** Starts it, if the checker does not, and returns what is checked. */
  start: () => Started | Promise<Started>;
  /** The checks that must fail, and what they must say: what came, a line break, and what it means. */
  fails: Record<string, RegExp>;
  /** Words that no cause may have. */
  never?: RegExp | undefined;
  /** Checks that may fail or not, since what this program does there depends on the moment. */
  beside?: string[] | undefined;
  /** Why the checks after these are skipped. */
  stopped?: RegExp | undefined;
  /** Checks that are skipped because what they need has failed. */
  skips?: string[] | undefined;
  /** Whether it is asked for its mistake alone, because each of its starts costs much. */
  isCostly?: boolean | undefined;
  /** For a step of the program, in milliseconds, if not the usual time. */
  timeout?: number | undefined;
  /** After which a client gives up, in milliseconds, if not after the usual time. */
  patience?: number | undefined;
  /** Whether it is tried each time, and not only where all is tried. */
  isUsual?: boolean | undefined;
  /** What this machine lacks to run it. */
  lacks?: string | undefined;
}

/** What is checked. Disposing it ends what was started for it. */
export type Started = AsyncDisposable & { subject: Subject };

/** A command that the checker starts itself. */
export function command(...words: [string, ...string[]]): Started {
  return { subject: { words }, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** A server that runs on this machine. */
export function running(server: AsyncDisposable & { port: number }): Started {
  return {
    subject: { address: { hostname: "127.0.0.1", port: server.port } },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/**
 * Runs the checker in this process, as `app/check.ts` does with these words. A start of Deno for each run
 * would cost more than most of them.
 */
export function check(...words: string[]): Promise<Report> {
  const defaults = { only: undefined, timeout: 5000, patience: undefined, port: 0, remote: false };
  return run(parseJobLine(words, ".", defaults));
}

function run(job: Job): Promise<Report> {
  const watch = () => ({ [Symbol.dispose]() {} });
  return kinds[job.kind as KindName].run(job, { onResult() {}, watch });
}

/** The step of the tutorial to which a heading belongs; 0 if it stands on another page. */
export function stepOf({ page, heading }: Place): number {
  if (page !== "README.md") return 0;
  const before = README.slice(0, README.search(new RegExp(`^#+ ${RegExp.escape(heading)}$`, "m")));
  return [...before.matchAll(/^## Step \d/gm)].length;
}

/** The first step that has an exercise with this check. */
export function firstStepWith(kind: KindName, check: string): number {
  const all = exercises.filter(({ kind: other, checks = [check] }) =>
    other === kind && checks.includes(check)
  );
  return Math.min(...all.map(({ step }) => step));
}

/** The names of the checks that failed. */
export function failed(report: Report): string[] {
  return failures(report).map(({ name }) => name);
}

/** The checks that failed. */
export function failures({ checks }: Report): Failed[] {
  return checks.filter((result) => result.status === "failed");
}

/**
 * Checks all of them, or some of them, several at the same time and in this process. What differs is looked
 * at again, alone: so many at once are a load of our own making, and other tests are one as well.
 *
 * @returns What differs.
 */
export async function grade(cases: Case[]): Promise<string[]> {
  const waiting = cases.filter(({ lacks }) => lacks === undefined);
  const again: Case[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (await differs(next) !== undefined) again.push(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const problems: string[] = [];
  for (const one of again) {
    let difference: string | undefined = "";
    for (let tries = 0; difference !== undefined && tries < MORE_TRIES; tries++) {
      difference = await differs(one);
    }
    if (difference !== undefined) problems.push(`${one.kind}, ${one.name}: ${difference}`);
  }
  return problems;
}

/** Checks all of them, or every sixth if not all is to be tried. */
export async function assertGrades(cases: Case[]): Promise<void> {
  const problems = await grade(some(cases, 6));
  assert(problems.length === 0, problems.join("\n\n"));
}

/** How what is said of a program differs from what must be said. */
async function differs(one: Case): Promise<string | undefined> {
  await using started = await one.start();
  const report = await run({
    kind: one.kind,
    exercise: null,
    checks: chooseChecks(one),
    subject: started.subject,
    folder: Deno.cwd(), // tests run at the top
    port: 0,
    timeout: one.timeout ?? TIMEOUT,
    patience: one.patience ?? PATIENCE,
  });
  try {
    assertGrade(one, report);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** All checks. But if not all is to be tried, only those that it must not pass, and what these need. */
function chooseChecks({ kind, fails, stopped, skips = [], isCostly }: Case): string[] {
  const noticing = Object.keys(fails);
  const { checks } = kinds[kind];
  const all = checks.map(({ name }) => name);
  const asksForMistake = isCostly || (!tryAll && noticing.length > 0);
  if (!asksForMistake || stopped !== undefined) return all;
  const wanted = new Set([all[0]!, ...noticing, ...skips]);
  for (const { name, needs = [] } of checks) {
    if (wanted.has(name)) needs.forEach((need) => wanted.add(need));
  }
  return all.filter((name) => wanted.has(name));
}

function assertGrade(one: Case, report: Report): void {
  const { fails, never, beside = [], stopped, skips = [] } = one;
  const { checks } = report;
  const seen = failures(report).filter(({ name }) => !beside.includes(name));
  const told = seen.map(({ name, actual, hint }) => `${name}: ${actual}\n  ${hint}`).join("\n");
  assertEquals(
    seen.map(({ name }) => name),
    Object.keys(fails),
    `These fail:\n${told}\nNot alike:`,
  );
  for (const { name, actual, hint } of seen) {
    assertMatch(`${actual}\n${hint}`, fails[name]!, `${name}: ${actual}\n${hint}`);
  }
  for (const { name, hint, page, read } of failures(report)) {
    const isTaught = stepOf({ page, heading: read }) <= firstStepWith(one.kind, name);
    assert(isTaught, `${name} sends its reader too far, to "${read}"`);
    assert(never === undefined || !never.test(hint), `${name} must not say: ${hint}`);
  }
  const skipped = checks.filter(({ name, status }) =>
    status === "skipped" && !beside.includes(name)
  );
  if (stopped === undefined) {
    assertEquals([report.stopped, skipped.map(({ name }) => name)], [null, skips]);
  } else {
    assertMatch(report.stopped ?? "", stopped);
    assertEquals(
      checks.slice(checks.length - skipped.length),
      skipped,
      "what is skipped is not the last",
    );
  }
}
