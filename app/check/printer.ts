// Prints the results of checks for people.
import { printSync } from "../core/output.ts";
import { escapeText } from "../wire/escape.ts";
import type { Report } from "./job.ts";
import { countOf, type Failed, type Result, type Skipped } from "./result.ts";

const MAX_PROGRESS = 60; // characters

/** What the output is printed on. */
export interface Paper {
  /** Whether a person looks at it while it is printed. */
  isTerminal: boolean;
  hasColours: boolean;
  /** Characters in a line. */
  width: number;
  /** Whether checks that pass are counted only. */
  folds?: boolean;
}

/** The standard output. */
export function standardOutput(): Paper {
  const isTerminal = Deno.stdout.isTerminal();
  return {
    isTerminal,
    hasColours: isTerminal && !Deno.noColor,
    width: isTerminal ? terminalWidth() : Infinity,
  };
}

/** How many characters a line of the terminal has. Some terminals do not know, and say 0. */
export function terminalWidth(): number {
  return Deno.consoleSize().columns || Infinity;
}

/** Prints results as they come. On a terminal, it explains the first failure only. */
export class Printer {
  readonly #paper: Paper;
  readonly #nameWidth: number;
  readonly #started = performance.now();
  #passes = 0;
  #failures = 0;
  #skipped: Skipped[] = []; // in a row, for the same reason, not printed yet

  constructor(paper: Paper, names: string[]) {
    this.#paper = paper;
    this.#nameWidth = Math.max(...names.map((name) => name.length));
  }

  /** Prints a result. Those that were skipped for the same reason become one line, later. */
  print(result: Result): void {
    if (result.status === "skipped") {
      if (result.reason !== this.#skipped[0]?.reason) this.#printSkipped();
      this.#skipped.push(result);
      return;
    }
    this.#printSkipped();
    if (result.status === "failed") return this.#printFailed(result);
    this.#passes++;
    if (this.#paper.folds) return;
    const remark = result.remark === undefined ? "" : `: ${result.remark}`;
    this.#line(result, this.#mark(true), remark);
  }

  /** Prints what came of it all. */
  end({ checks, stopped, notes }: Report): void {
    this.#printSkipped(stopped);
    if (this.#paper.folds && this.#passes > 0) {
      printSync(`${this.#mark(true)} ${this.#passes} passed`);
    }
    const counts = [`${countOf(checks, "passed")} passed`, `${countOf(checks, "failed")} failed`];
    const skipped = countOf(checks, "skipped");
    if (skipped > 0) counts.push(`${skipped} skipped`);
    const time = ((performance.now() - this.#started) / 1000).toFixed(1);
    const all = `${checks.length} ${checks.length === 1 ? "check" : "checks"}`;
    printSync(`\n${all}: ${counts.join(", ")} (${time} s)`);
    if (stopped !== null) this.#text(`${stopped}.`, "");
    for (const note of notes) this.#text(`${note}.`, "");
  }

  #printFailed(failed: Failed): void {
    this.#line(failed, this.#mark(false), "");
    this.#failures++;
    if (this.#paper.isTerminal && this.#failures > 1) return;
    this.#text(`expected: ${failed.expected}`, "    ");
    this.#text(`actual:   ${failed.actual}`, "    ");
    this.#text(failed.hint, "    ");
    if (failed.printed.length > 0) printSync("    The last that it printed:");
    for (const line of failed.printed) printSync(`      ${line}`);
    this.#text(`Read "${failed.read}" in ${failed.page}.`, "    ");
  }

  /** @param stopped Why the run has stopped, which is told at the end. */
  #printSkipped(stopped: string | null = null): void {
    const [first] = this.#skipped;
    if (first === undefined) return;
    const { length } = this.#skipped;
    const reason = first.reason === stopped ? "" : `: ${first.reason}`;
    const title = length === 1 ? first.name.padEnd(this.#nameWidth) : `${length} checks`;
    printSync(`- ${title}  skipped${reason}`);
    this.#skipped = [];
  }

  #text(text: string, indent: string): void {
    for (const line of wrap(text, this.#paper.width - indent.length)) printSync(indent + line);
  }

  /** One line, which on a terminal is not longer than that. */
  #line({ name, what, ms }: Result, mark: string, remark: string): void {
    const title = name.padEnd(this.#nameWidth);
    const time = `(${ms} ms)`;
    const room = this.#paper.width - title.length - time.length - 5;
    const text = what + remark;
    const shown = text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
    printSync(`${mark} ${title}  ${shown} ${time}`);
  }

  #mark(isPassed: boolean): string {
    const [colour, mark] = isPassed ? ["32", "✓"] : ["31", "✗"];
    return this.#paper.hasColours ? `\x1b[${colour}m${mark}\x1b[0m` : mark!;
  }
}

/** Breaks a text between its words into lines of at most `width` characters, where that is possible. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Says how far a check is, on one line of a terminal: more than one could not be cleared. */
export function progressLine(name: string, progress: string, width: number): string {
  return `… ${name}  ${escapeText(progress, MAX_PROGRESS)}`.slice(0, width - 1);
}
