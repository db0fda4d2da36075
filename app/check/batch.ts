// Grades all programs of a file, for a class.
import { failUsage } from "../core/command_line.ts";
import { printSync } from "../core/output.ts";
import { escapeText } from "../wire/escape.ts";
import { splitWords } from "./command_words.ts";
import type { Job, Report } from "./job.ts";
import { countOf } from "./result.ts";

const MAX_SHOWN = 100; // characters of a line

/** A line of the file. */
interface Line {
  text: string;
  job: Job;
}

/**
 * Reads the lines of a file, each of which describes a job. If some are wrong, the program ends.
 *
 * @param read Makes a job of the words of a line, or throws a `UsageError`.
 */
export function readLines(path: string, read: (words: string[]) => Job): Line[] {
  let content: string;
  try {
    content = Deno.readTextFileSync(path);
  } catch (error) {
    return failUsage(`Cannot read ${path}: ${(error as Error).message}`);
  }
  const lines: Line[] = [];
  const problems: string[] = [];
  for (const [i, line] of content.split("\n").entries()) {
    const text = escapeText(line.trim(), MAX_SHOWN);
    try {
      const words = splitWords(line.trim());
      if (words.length > 0) lines.push({ text, job: read(words) });
    } catch (error) {
      const reason = escapeText((error as Error).message);
      problems.push(`Wrong line ${i + 1}, "${text}": ${reason}`);
    }
  }
  const last = problems.pop() ??
    (lines.length === 0 ? `There is no command in ${path}` : undefined);
  if (last === undefined) return lines;
  for (const problem of problems) console.error(problem);
  return failUsage(last);
}

/** Prints a table, in which each program has a line, and returns all reports. */
export async function gradeLines(
  lines: Line[],
  run: (job: Job) => Promise<Report>,
  isQuiet: boolean,
): Promise<Report[]> {
  const width = Math.max(...lines.map(({ text }) => text.length));
  const reports: Report[] = [];
  for (const { text, job } of lines) {
    const report = await run(job);
    reports.push(report);
    if (!isQuiet) printSync(rowOf(text.padEnd(width), report));
  }
  return reports;
}

function rowOf(text: string, { checks, status, stopped }: Report): string {
  const failed = checks.filter(({ status }) => status === "failed").map(({ name }) => name);
  const problem = [failed.length > 0 ? `fails ${failed.join(", ")}` : "", stopped ?? ""]
    .filter((text) => text !== "").join("; ");
  const mark = status === "passed" ? "✓" : "✗";
  return `${mark} ${text} ${
    `${countOf(checks, "passed")} of ${checks.length}`.padStart(8)
  }  ${problem}`.trimEnd();
}
