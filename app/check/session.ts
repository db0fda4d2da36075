// What one call of the checker shares: it runs jobs, shows how far they are, and keeps the progress.
import { printSync } from "../core/output.ts";
import type { CheckRun } from "./check.ts";
import { type Exercise, exercises, findExercise, numberOf } from "./exercises.ts";
import type { Job, Report } from "./job.ts";
import { type KindName, kinds } from "./kinds.ts";
import { type Paper, Printer, progressLine, terminalWidth, wrap } from "./printer.ts";
import { nextExercise, type Progress } from "./progress.ts";
import { countOf, type Result } from "./result.ts";

const SHOW_INTERVAL = 200; // milliseconds between two looks at how far a check is
const CLEAR_LINE = "\r\x1b[K";
const DIFFICULTIES = ["easy", "medium", "hard"];

/** Runs jobs in a folder, for a person or not. */
export class Session {
  /** Where the output goes. */
  readonly paper: Paper;
  readonly #progress: Progress;

  constructor(paper: Paper, progress: Progress) {
    this.paper = paper;
    this.#progress = progress;
  }

  /** Runs a job of whoever, and notes nothing. */
  run(
    job: Job,
    signal: AbortSignal,
    onResult: (result: Result) => void = () => {},
  ): Promise<Report> {
    const watch = (name: string, run: CheckRun) => showProgress(name, run, signal);
    return kinds[job.kind as KindName].run(job, { signal, onResult, watch });
  }

  /** Runs a job of the learner, and notes what has passed. */
  async runAndNote(
    job: Job,
    signal: AbortSignal,
    onResult?: (result: Result) => void,
  ): Promise<Report> {
    const report = await this.run(job, signal, onResult);
    if (!signal.aborted) this.#note(job, report);
    return report;
  }

  /** Runs a job of the learner, and prints results as they come. If nothing could be checked, it says why. */
  async runAndPrint(job: Job, signal: AbortSignal, paper: Paper = this.paper): Promise<Report> {
    const printer = new Printer(paper, job.checks);
    const report = await this.runAndNote(job, signal, (result) => printer.print(result));
    if (signal.aborted) return report;
    const hasBegun = report.checks.some(({ status }) => status !== "skipped");
    if (hasBegun || report.stopped === null) printer.end(report);
    else {
      console.error(report.stopped);
      if (report.printed.length > 0) console.error("The last that it printed:");
      for (const line of report.printed) console.error(`  ${line}`);
    }
    return report;
  }

  /** Says to a person what comes after an exercise. */
  printNext(job: Job, { status }: Report): void {
    const { exercise: name } = job;
    if (name === null || !isWhole(job) || !this.paper.isTerminal) return;
    if (status !== "passed") return printSync(`A hint: deno task check ${name} --hint`);
    printSync(`\nExercise ${numberOf(findExercise(name)!)}, ${name}, is done.`);
    this.#printSuggestion("words" in job.subject ? job.subject.words : undefined);
  }

  /** Lists the exercises, with what has passed of each. */
  printExercises(): void {
    const nameWidth = Math.max(...exercises.map(({ name }) => name.length));
    const titleWidth = Math.max(...exercises.map(({ title }) => title.length));
    for (const exercise of exercises) {
      const { name, title, step } = exercise;
      const entry = this.#progress.get(name);
      const mark = entry === undefined ? " " : entry.done ? "✓" : "✗";
      const words = [
        `${mark} ${String(numberOf(exercise)).padStart(2)}`,
        name.padEnd(nameWidth),
        title.padEnd(titleWidth),
        `step ${step}`,
        this.#stateOf(exercise),
      ];
      printSync(words.join("  "));
    }
    printSync("");
    this.#printSuggestion();
  }

  /** Prints the hint of an exercise. */
  printHint({ hint }: Exercise): void {
    for (const line of wrap(hint, this.paper.width)) printSync(line);
  }

  #stateOf({ name, minutes, difficulty }: Exercise): string {
    const entry = this.#progress.get(name);
    if (entry === undefined) return `${minutes} minutes, ${DIFFICULTIES[difficulty - 1]}`;
    const { passed, checks } = entry;
    return passed === checks ? "done" : `${passed} of ${checks} passed`;
  }

  /** Prints the command that grades the next exercise, in the language of the last one. */
  #printSuggestion(lastCommand: string[] = []): void {
    const next = nextExercise(this.#progress);
    if (next === undefined) return printSync("All exercises are done.");
    const { name, title, minutes, command } = next;
    const number = numberOf(next);
    printSync(`Next is exercise ${number}, ${title.toLowerCase()} (some ${minutes} minutes):`);
    const [, ending] = /^[^/\\]+(\.\w+)$/.exec(lastCommand[1] ?? "") ?? [];
    const learners = ending
      ? command.replace(/^-- python3 (\w+)\.py/, `-- ${lastCommand[0]} $1${ending}`)
      : command;
    printSync(`  deno task check ${name} ${learners}`);
  }

  #note(job: Job, { checks, status }: Report): void {
    if (job.exercise === null || !isWhole(job)) return;
    if (status === "incomplete") return; // the program could not be checked
    const counts = { passed: countOf(checks, "passed"), checks: checks.length };
    const problem = this.#progress.note(job.exercise, counts);
    if (problem !== undefined) console.error(problem);
  }
}

/** Whether a job has all checks of its exercise, and not only some of them. */
function isWhole({ kind, exercise, checks }: Job): boolean {
  const all = kinds[kind as KindName].checks.map(({ name }) => name);
  const wanted = (exercise === null ? undefined : findExercise(exercise)?.checks) ?? all;
  return wanted.every((name) => checks.includes(name));
}

/** Shows on a terminal how far a run is, and ends it when the signal is given. */
function showProgress(name: string, run: CheckRun, signal: AbortSignal): Disposable {
  const isShown = Deno.stderr.isTerminal();
  const write = (text: string) => {
    if (isShown) Deno.stderr.writeSync(new TextEncoder().encode(text));
  };
  const show = () => write(CLEAR_LINE + progressLine(name, run.progress, terminalWidth()));
  const timer = isShown ? setInterval(show, SHOW_INTERVAL) : undefined;
  const stop = () => {
    write(CLEAR_LINE);
    run.abort();
  };
  if (signal.aborted) run.abort();
  signal.addEventListener("abort", stop);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      signal.removeEventListener("abort", stop);
      write(CLEAR_LINE);
    },
  };
}
