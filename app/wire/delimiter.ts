import { isBytes, nameOfType } from "./bytes.ts";

/** A few bytes that end a part of a stream, prepared to be found wherever chunks cut them. Internal. */
export class Delimiter {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** For each number of bytes that have matched: how many of them still do if the next one does not. */
  readonly #fallback: number[] = [0, 0];

  constructor(delimiter: number | Uint8Array) {
    if (typeof delimiter === "number") {
      if (!Number.isInteger(delimiter) || delimiter < 0 || delimiter > 0xff) {
        throw new RangeError(`Cannot use ${delimiter} as a delimiter: it is not a byte`);
      }
      this.bytes = new Uint8Array([delimiter]);
    } else {
      if (!isBytes(delimiter)) {
        throw new TypeError(`Cannot use a ${nameOfType(delimiter)} as a delimiter`);
      }
      this.bytes = delimiter.slice();
    }
    if (this.bytes.length === 0) throw new RangeError("Cannot use a delimiter of no bytes");
    for (let i = 1, matched = 0; i < this.bytes.length; i++) {
      matched = this.step(matched, this.bytes[i]!);
      this.#fallback.push(matched);
    }
  }

  /** Whether it is made of these bytes. */
  isMadeOf(bytes: Uint8Array): boolean {
    return bytes.length === this.bytes.length && bytes.every((byte, i) => byte === this.bytes[i]);
  }

  /** How many bytes match after one more byte, of which `matched` did before. */
  step(matched: number, byte: number): number {
    while (matched > 0 && byte !== this.bytes[matched]) matched = this.#fallback[matched]!;
    return byte === this.bytes[matched] ? matched + 1 : 0;
  }
}
