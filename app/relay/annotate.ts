// Says what the bytes of one direction of a connection are.
import { countBytes } from "../wire/errors.ts";
import type { Part } from "./events.ts";
import { ENOUGH, guessProtocol, type Protocol } from "./guess.ts";
import { Parts } from "./parts.ts";
import { TextReader } from "./text_reader.ts";
import { DEFAULT_LIMITS, type Limits, UnitReader } from "./unit_reader.ts";

const NAMES = { app: "messages", frames: "frames", text: "text", raw: "neither messages nor text" };

/** Labels the bytes of one direction, in chunks of any size, with the decoders that everybody uses. */
export class Annotator {
  readonly #limits: Limits;
  #reader: UnitReader | TextReader | undefined; // none: the bytes are not understood
  #guess: keyof typeof NAMES | undefined; // with "auto"
  #first: Uint8Array | undefined; // bytes, until the guess is no longer examined

  constructor(protocol: Protocol, limits: Partial<Limits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    if (protocol === "auto") this.#first = new Uint8Array();
    else this.#reader = this.#createReader(protocol);
  }

  /** Takes the next chunk, and tells its parts. */
  push(chunk: Uint8Array): Part[] {
    const parts = new Parts();
    if (this.#first) this.#examine(this.#first, chunk, parts);
    let start = 0;
    while (this.#reader && start < chunk.length) {
      start = this.#reader.take(chunk, start, parts);
      const { problem } = this.#reader;
      if (problem === undefined) continue;
      const kind = this.#guess === "text" ? "guess" : "error";
      const label = `${problem}; the rest of this direction is shown raw`;
      parts.add({ kind, frame: 0, start, end: start, label });
      this.#reader = this.#first = undefined;
    }
    const rest = chunk.length - start;
    if (rest > 0) {
      const label = `raw, ${countBytes(rest)}`;
      parts.add({ kind: "raw", frame: 0, start, end: chunk.length, label });
    }
    return parts.list();
  }

  /** Tells what is missing if the direction ends here. */
  end(): string | undefined {
    return this.#reader?.end();
  }

  /** Guesses what the bytes are, and may change its mind once, before the chunk is read. */
  #examine(before: Uint8Array, chunk: Uint8Array, parts: Parts): void {
    const bytes = new Uint8Array(before.length + chunk.length);
    bytes.set(before);
    bytes.set(chunk, before.length);
    const guess = guessProtocol(bytes, this.#limits);
    const isChanged = this.#guess !== undefined && this.#guess !== guess;
    if (isChanged) {
      const label = `Not ${NAMES[this.#guess!]}, but ${NAMES[guess]}`;
      parts.add({ kind: "guess", frame: 0, start: 0, end: 0, label });
    }
    if (this.#guess !== guess) {
      this.#guess = guess;
      this.#reader = this.#createReader(guess);
      for (let start = 0; this.#reader && start < before.length;) {
        start = this.#reader.take(before, start, new Parts()); // they were shown as something else
      }
    }
    this.#first = isChanged || bytes.length >= ENOUGH ? undefined : bytes;
  }

  #createReader(protocol: keyof typeof NAMES): UnitReader | TextReader | undefined {
    switch (protocol) {
      case "app":
        return new UnitReader("message", this.#limits);
      case "frames":
        return new UnitReader("frame", this.#limits);
      case "text":
        return new TextReader();
      case "raw":
        return undefined;
    }
  }
}
