import { decodeUtf8, REPLACEMENT } from "./utf8.ts";

const MAX_LENGTH = 16_384; // bytes; so that a text cut out of it keeps at most as much memory alive

/**
 * Some KiB of a chunk as text, out of which short texts are cut: to decode each by itself costs six times
 * as much as all the rest. It works for ASCII alone, where a byte is a character. Internal.
 */
export class TextWindow {
  #text = "";
  #isAscii = false;
  #start = 0; // in the chunk
  #end = 0;

  /** Forgets the text, when the chunk is another one, or has changed. */
  close(): void {
    this.#start = this.#end = 0;
    this.#text = "";
  }

  /**
   * Moves the window if it does not cover a part of the chunk.
   *
   * @param bytes The chunk, which ends at `limit`.
   * @returns Whether it covers the part now.
   */
  covers(bytes: Uint8Array, start: number, end: number, limit: number): boolean {
    if (start >= this.#start && end <= this.#end) return this.#isAscii;
    return end - start <= MAX_LENGTH && end <= limit && this.#move(bytes, start, limit);
  }

  /** The place of the next line feed in the chunk, or -1 if it is too far away for a window. */
  lineEnd(bytes: Uint8Array, start: number, limit: number): number {
    if (start >= this.#start && start < this.#end) {
      const index = this.#text.indexOf("\n", start - this.#start);
      if (index >= 0) return this.#start + index;
      if (!this.#isAscii || this.#end === limit) return -1;
    }
    return this.#move(bytes, start, limit) ? this.#firstLineEnd() : -1;
  }

  #firstLineEnd(): number {
    const index = this.#text.indexOf("\n");
    return index < 0 ? -1 : this.#start + index;
  }

  /** The text of a part that is covered. */
  slice(start: number, end: number): string {
    return this.#text.slice(start - this.#start, end - this.#start);
  }

  #move(bytes: Uint8Array, start: number, limit: number): boolean {
    this.#start = start;
    this.#end = Math.min(start + MAX_LENGTH, limit);
    this.#text = decodeUtf8(bytes.subarray(start, this.#end));
    this.#isAscii = this.#text.length === this.#end - start && !this.#text.includes(REPLACEMENT);
    if (!this.#isAscii) this.#text = ""; // in which nothing is found
    return this.#isAscii;
  }
}
