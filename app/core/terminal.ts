// A terminal on which lines are printed while another one is being typed. Without this, they would land
// in the middle of it: the terminal itself shows what is typed, and knows nothing of this program.
import process from "node:process";
import * as readline from "node:readline";

/** Reads the lines that a person types, and prints others above the one that is half typed. */
export class Terminal implements Disposable {
  readonly #editor = readline.createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: "> ",
  });
  #isOpen = true; // until the input ends
  readonly #showAgain = () => {
    if (!this.#isOpen) return;
    keepSignals();
    this.#editor.prompt(true);
  };

  constructor() {
    keepSignals();
    this.#editor.on("close", () => this.#isOpen = false);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGCONT", this.#showAgain); // after Ctrl-Z
    this.#editor.prompt();
  }

  /** The lines that are typed, until Ctrl-D. When the caller takes no more, nothing can be typed. */
  async *lines(): AsyncGenerator<string> {
    try {
      for await (const line of this.#editor) {
        yield line;
        this.#editor.prompt();
      }
    } finally {
      this.#editor.close();
    }
  }

  /** Prints a line, and shows again below it what is half typed. */
  print(line: string): void {
    readline.moveCursor(process.stdout, 0, -this.#editor.getCursorPos().rows);
    readline.cursorTo(process.stdout, 0);
    readline.clearScreenDown(process.stdout);
    process.stdout.write(`${line}\n`);
    if (this.#isOpen) this.#editor.prompt(true);
  }

  /** Gives the terminal back. */
  [Symbol.dispose](): void {
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGCONT", this.#showAgain);
    readline.cursorTo(process.stdout, 0);
    readline.clearScreenDown(process.stdout); // the prompt
    this.#editor.close();
  }
}

/** Lets Ctrl-C and Ctrl-Z be signals, as usual. On Windows, `readline` ends the input at Ctrl-C. */
function keepSignals(): void {
  if (Deno.build.os !== "windows") Deno.stdin.setRaw(true, { cbreak: true });
}
