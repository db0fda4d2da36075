// A terminal on which lines are printed while another one is being typed. Without this, they would land
// in the middle of it: the terminal itself shows what is typed, and knows nothing of this program.
import { EventEmitter } from "node:events";
import process from "node:process";
import * as readline from "node:readline";

const MAX_TYPED = 16 * 1024; // UTF-16 units of a line; for what is beyond, the terminal rings its bell

/** Reads the lines that a person types, and prints others above the one that is half typed. */
export class Terminal implements Disposable {
  readonly #keys = new Keys((text) => this.#insert(text));
  readonly #editor = readline.createInterface({
    input: this.#keys as unknown as typeof process.stdin,
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

  /** Inserts text where the cursor is, at once. */
  #insert(text: string): void {
    if (!this.#isOpen) return;
    const room = Math.max(0, MAX_TYPED - this.#editor.line.length);
    if (text.length > room) process.stdout.write("\x07");
    this.#editor.write(text.slice(0, room).toWellFormed());
    // Where text fills more than one row, the editor would look for its first row in the wrong place.
    Object.assign(this.#editor, { prevRows: this.#editor.getCursorPos().rows });
  }

  /** Gives the terminal back. */
  [Symbol.dispose](): void {
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGCONT", this.#showAgain);
    readline.cursorTo(process.stdout, 0);
    readline.clearScreenDown(process.stdout); // the prompt
    this.#editor.close();
  }
}

/**
 * The keyboard, for an editor. Text that comes at once, as what is pasted does, is handed over at once. The
 * editor would take it character by character, and for each Deno measures the line anew: 8000 would keep
 * the program busy for 25 seconds.
 */
class Keys extends EventEmitter {
  readonly #insert: (text: string) => void;
  #text = ""; // that has come in this turn

  /** @param insert Takes text of more than one character. */
  constructor(insert: (text: string) => void) {
    super();
    this.#insert = insert;
    readline.emitKeypressEvents(process.stdin);
    process.stdin.on("keypress", (text, key) => this.#take(text, key));
    process.stdin.on("end", () => this.emit("end"));
  }

  resume(): void {
    process.stdin.resume();
  }

  pause(): void {
    process.stdin.pause();
  }

  setRawMode(isRaw: boolean): void {
    process.stdin.setRawMode(isRaw);
  }

  #take(text: string | undefined, key: readline.Key): void {
    if (text !== undefined && !key.ctrl && !key.meta && !/\p{Cc}/u.test(text)) {
      if (this.#text === "") queueMicrotask(() => this.#handOver());
      this.#text += text;
      return;
    }
    this.#handOver(); // what came before this key
    this.emit("keypress", text, key);
  }

  #handOver(): void {
    const text = this.#text;
    this.#text = "";
    const [first, second] = text;
    if (second !== undefined) this.#insert(text);
    else if (first !== undefined) this.emit("keypress", first, { sequence: first });
  }
}

/** Lets Ctrl-C and Ctrl-Z be signals, as usual. On Windows, `readline` ends the input at Ctrl-C. */
function keepSignals(): void {
  if (Deno.build.os !== "windows") Deno.stdin.setRaw(true, { cbreak: true });
}
