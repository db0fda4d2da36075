// Lines on standard output and standard error, for which a server never waits. With `console.log`, a
// server stops when its output does: at Ctrl-S, or in a pager that shows the first page.
import { withTimeout } from "./timeout.ts";

const MAX_QUEUE_LENGTH = 1024 * 1024; // characters; lines that do not fit are dropped and counted
const FLUSH_TIMEOUT = 500; // milliseconds for the last lines, when the program ends
const ORDER_TIMEOUT = 500; // milliseconds that an error waits for the lines before it, at most

/** Something that bytes can be written to, such as `Deno.stdout`. */
export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes lines in the background. */
export class LineWriter {
  readonly #output: Output;
  readonly #onError: (error: Error) => void;
  readonly #earlier: LineWriter | undefined;
  #queue = "";
  #dropped = 0; // lines, since the queue is full
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  /**
   * @param output The output to write to.
   * @param onError Is called once if the output fails. From then on, all lines are dropped.
   * @param earlier A writer whose lines come first, if they are written soon.
   */
  constructor(
    output: Output,
    onError: (error: Error) => void = () => {},
    earlier?: LineWriter,
  ) {
    this.#output = output;
    this.#onError = onError;
    this.#earlier = earlier;
  }

  /** Queues a line, if there is room. */
  print(line: string): void {
    if (this.#hasFailed) return;
    if (this.#queue.length + line.length > MAX_QUEUE_LENGTH) {
      this.#dropped++;
      return;
    }
    this.#queue += `${line}\n`;
    this.#writing ??= this.#write();
  }

  /** Waits until all lines are written, or until the timeout in milliseconds has passed. */
  async flush(timeout: number = FLUSH_TIMEOUT): Promise<void> {
    if (this.#writing) await withTimeout(this.#writing, timeout);
  }

  async #write(): Promise<void> {
    const encoder = new TextEncoder();
    try {
      while (this.#queue !== "") {
        if (this.#earlier) await this.#earlier.flush(ORDER_TIMEOUT);
        if (this.#dropped > 0) {
          this.#queue += `… ${this.#dropped.toLocaleString("en")} lines not shown\n`;
        }
        const bytes = encoder.encode(this.#queue);
        this.#queue = "";
        this.#dropped = 0;
        for (let sent = 0; sent < bytes.length;) {
          sent += await this.#output.write(bytes.subarray(sent));
        }
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#onError(error as Error);
    }
    this.#writing = undefined;
  }
}

const stdout = new LineWriter(
  Deno.stdout,
  (error) => printError(`Cannot write to standard output: ${error.message}`),
);
const stderr = new LineWriter(Deno.stderr, () => {}, stdout);

/** Prints a line on standard output, in the background. */
export function printLine(line: string): void {
  stdout.print(line);
}

/** Prints a line on standard error, in the background. */
export function printError(line: string): void {
  stderr.print(line);
}

/** Ends the program, after it has written the last lines if that is possible. */
export async function exit(code: number): Promise<never> {
  await stdout.flush();
  await stderr.flush();
  Deno.exit(code);
}

/** Prints a line on standard output at once, and ends the program if that fails. For clients. */
export function printSync(line: string): void {
  try {
    const bytes = new TextEncoder().encode(`${line}\n`);
    for (let sent = 0; sent < bytes.length;) sent += Deno.stdout.writeSync(bytes.subarray(sent));
  } catch (error) {
    console.error(`Cannot write to standard output: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
