// What is kept of a program's output, and of what a client sends.
import { escapeText } from "../wire/escape.ts";

const FIRST_CAPACITY = 1024; // bytes
const MAX_LINES = 8; // that are kept
const MAX_LINE = 160; // characters that are kept of a line
/** A line that names an error, in many languages. */
export const ERROR: RegExp = /^(?:error|[\w.]*(?:Error|Exception))\b/;

/** Collects bytes in one piece of memory of its own: the chunks that bring them may be far larger. */
export class ByteStore {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  /** How many bytes are there. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of these bytes. */
  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  /** Removes bytes from the front. */
  drop(length: number): void {
    this.#bytes.copyWithin(0, length, this.#length);
    this.#length -= length;
  }

  /** Returns all the bytes, and is empty again. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(FIRST_CAPACITY);
    this.#length = 0;
    return bytes;
  }
}

/** What a program has printed, as text. */
export interface Printed {
  text: string;
  /** How many bytes in its middle are missing, because it was too long. */
  left: number;
}

/** The last lines that a program prints, on all of its outputs, and the last one that names an error. */
export class Lines {
  /** How many there were so far. */
  count = 0;
  readonly #last: string[] = [];
  #error = { text: "", number: 0 };

  push(line: string): void {
    this.count++;
    const text = escapeText(line.trimEnd(), MAX_LINE);
    this.#last.push(text);
    if (this.#last.length > MAX_LINES) this.#last.shift();
    if (ERROR.test(text)) this.#error = { text, number: this.count };
  }

  /** The last of those that came after the first `count`, and the error before them, if there is one. */
  since(count: number): string[] {
    const number = Math.min(this.count - count, MAX_LINES);
    if (number === 0) return [];
    const { text, number: place } = this.#error;
    const isAbove = place > count && place <= this.count - number; // what follows is where it came from
    return isAbove ? [text, "…", ...this.#last.slice(2 - MAX_LINES)] : this.#last.slice(-number);
  }
}

/** Collects the beginning and the end of what a program prints. */
export class Output {
  readonly ended: Promise<void>;
  readonly #max: number;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #head = new ByteStore();
  readonly #tail = new ByteStore();
  readonly #lines: Lines;
  #left = 0;

  /**
   * @param max How many bytes of the beginning are kept, and how many of the end.
   * @param lines Where the last lines are kept as well, with those of other outputs.
   */
  constructor(stream: ReadableStream<Uint8Array>, max: number, lines: Lines) {
    this.#max = max;
    this.#lines = lines;
    this.#reader = stream.getReader();
    this.ended = this.#collect();
  }

  /** Reads no more, and returns what there was. */
  async close(): Promise<Printed> {
    await this.#reader.cancel();
    await this.ended;
    const decoder = new TextDecoder();
    const head = decoder.decode(this.#head.take(), { stream: true });
    return { text: head + decoder.decode(this.#tail.take()), left: this.#left };
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    let line = ""; // that has not ended
    while (true) {
      const { done, value } = await this.#reader.read();
      const parts = (line + decoder.decode(value, { stream: !done })).split("\n");
      line = parts.pop()!.slice(0, MAX_LINE);
      if (done && line !== "") parts.push(line);
      for (const part of parts) this.#lines.push(part);
      if (done) return;
      const room = this.#max - this.#head.length;
      this.#head.push(value.subarray(0, room));
      this.#tail.push(value.subarray(room));
      if (this.#tail.length > 2 * this.#max) this.#forget(this.#tail.length - this.#max);
    }
  }

  #forget(length: number): void {
    this.#tail.drop(length);
    this.#left += length;
  }
}
