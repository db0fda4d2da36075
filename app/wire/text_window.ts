import { decodeUtf8, REPLACEMENT } from "./utf8.ts";

const MAX_LENGTH = 16_384; // bytes; so that a text cut out of it keeps at most as much memory alive

/**
 * Some KiB of a buffer as text, out of which short texts are cut: to decode each by itself costs six times
 * as much as all the rest. It works where all is valid UTF-8. Internal.
 */
export class TextWindow {
  #text = "";
  #isValid = false;
  #isAscii = false; // so that a byte is a character
  #start = 0; // in the buffer
  #end = 0;
  #place = 0; // in the buffer, somewhere in the window
  #index = 0; // the same place in the text

  /** Forgets the text, when the buffer is another one, or has changed. */
  close(): void {
    this.#start = this.#end = 0;
    this.#text = "";
  }

  /** Where a delimiter in ASCII begins in a buffer that ends at `limit`, or -1 if a window does not show it. */
  find(delimiter: string, bytes: Uint8Array, start: number, limit: number): number {
    if (this.#isAscii && start >= this.#start && start < this.#end) {
      const index = this.#text.indexOf(delimiter, start - this.#start);
      if (index >= 0) return this.#start + index;
    }
    return this.#findElsewhere(delimiter, bytes, start, limit);
  }

  #findElsewhere(delimiter: string, bytes: Uint8Array, start: number, limit: number): number {
    const isInside = start >= this.#start && start < this.#end;
    if (isInside && (!this.#isAscii || this.#end === limit)) return -1;
    this.#move(bytes, start, limit);
    const index = this.#isAscii ? this.#text.indexOf(delimiter) : -1;
    return index < 0 ? -1 : start + index;
  }

  /** The text of a part of a buffer that ends at `limit`, or `undefined` if it must be decoded by itself. */
  slice(bytes: Uint8Array, start: number, end: number, limit: number): string | undefined {
    return this.#isAscii && start >= this.#start && end <= this.#end
      ? this.#text.slice(start - this.#start, end - this.#start)
      : this.#sliceElsewhere(bytes, start, end, limit);
  }

  #sliceElsewhere(bytes: Uint8Array, start: number, end: number, limit: number) {
    if (start < this.#start || end > this.#end) {
      if (end - start > MAX_LENGTH || end > limit) return undefined;
      this.#move(bytes, start, limit);
      if (end > this.#end) return undefined;
    }
    if (this.#isAscii) return this.#text.slice(start - this.#start, end - this.#start);
    if (!this.#isValid || isInside(bytes, start) || (end < this.#end && isInside(bytes, end))) {
      return undefined;
    }
    const first = this.#indexOf(bytes, start);
    return this.#text.slice(first, this.#indexOf(bytes, end));
  }

  /** The place in the text of a place in the buffer, counted from where it was asked for before. */
  #indexOf(bytes: Uint8Array, place: number): number {
    if (place < this.#place) {
      this.#place = this.#start;
      this.#index = 0;
    }
    let index = this.#index;
    for (let i = this.#place; i < place; i++) {
      const byte = bytes[i]!;
      if (byte < 0x80 || byte >= 0xc0) index += byte < 0xf0 ? 1 : 2; // the first byte of a character
    }
    this.#place = place;
    return this.#index = index;
  }

  #move(bytes: Uint8Array, start: number, limit: number) {
    let end = Math.min(start + MAX_LENGTH, limit);
    let text = decodeUtf8(bytes.subarray(start, end));
    if (text.endsWith(REPLACEMENT)) { // perhaps a character is cut
      for (let i = 0; i < 3 && end > start && isInside(bytes, end - 1); i++) end--;
      end--;
      text = decodeUtf8(bytes.subarray(start, Math.max(start, end)));
    }
    this.#start = this.#place = start;
    this.#end = Math.max(start, end);
    this.#index = 0;
    this.#isValid = !text.includes(REPLACEMENT);
    this.#isAscii = this.#isValid && text.length === end - start;
    this.#text = this.#isValid ? text : "";
  }
}

/** Whether a character of UTF-8 goes on at a place. */
function isInside(bytes: Uint8Array, place: number): boolean {
  return (bytes[place]! & 0xc0) === 0x80;
}
