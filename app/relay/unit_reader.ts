// Tells where messages and frames begin and end, in a stream that may be cut anywhere.
import { escapeBytes, escapeJson, escapeText } from "../wire/escape.ts";
import { countBytes, LengthLimitError, TruncatedInputError } from "../wire/errors.ts";
import { MAX_CONTENT_LENGTH, MAX_FRAME_LENGTH, MAX_HEADER_LENGTH } from "../wire/limits.ts";
import { decodeContent, JSON_CONTENT_TYPE, type Message, MessageDecoder } from "../wire/message.ts";
import type { Part } from "./events.ts";
import type { Parts } from "./parts.ts";

/** How long headers, contents and frames may be, in bytes. Longer ones are not understood. */
export interface Limits {
  maxHeaderLength: number;
  maxContentLength: number;
  maxFrameLength: number;
}

/** The limits unless others are asked for. */
export const DEFAULT_LIMITS: Limits = {
  maxHeaderLength: MAX_HEADER_LENGTH,
  maxContentLength: MAX_CONTENT_LENGTH,
  maxFrameLength: MAX_FRAME_LENGTH,
};

type Unit = "message" | "frame";
type Phase = "prefix" | "header" | "content" | "payload";

const PREFIXES = {
  message: { name: "header length", type: "uint16", length: 2 },
  frame: { name: "payload length", type: "uint32", length: 4 },
};

/** Finds the parts of messages, or of frames with a 4-byte length, one after the other. */
export class UnitReader {
  /** Why the bytes are not what they should be, as soon as that is known. */
  problem: string | undefined;

  readonly #unit: Unit;
  readonly #limits: Limits;
  readonly #messages: MessageDecoder | undefined; // none: these are frames
  #number = 1;
  #phase: Phase = "prefix";
  #expected: number; // bytes of this phase
  #received = 0; // of them
  #declared = 0; // bytes of the next phase, once this one is complete

  constructor(unit: Unit, limits: Limits) {
    this.#unit = unit;
    this.#limits = limits;
    this.#expected = PREFIXES[unit].length;
    if (unit === "message") this.#messages = new MessageDecoder(limits);
  }

  /** Adds the next part of a chunk, and returns where it ends. */
  take(chunk: Uint8Array, start: number, parts: Parts): number {
    const kind = this.#phase;
    const expected = this.#expected;
    const before = this.#received;
    const end = Math.min(chunk.length, start + expected - before);
    const bytes = chunk.subarray(start, end);
    const part: Part = { kind, unit: this.#unit, frame: this.#number, start, end, label: "" };
    const isTold = parts.add(part);
    this.#received += bytes.length;
    const meaning = this.#advance(bytes, isTold);
    if (isTold) part.label = this.#label(kind, before, before + bytes.length, expected, meaning);
    return end;
  }

  /** Tells what is missing if the stream ends here. */
  end(): string | undefined {
    if (this.#phase === "prefix" && this.#received === 0) return undefined;
    const expected = `${this.#phase} of ${countBytes(this.#expected)}`;
    return new TruncatedInputError(expected, this.#received).message;
  }

  #label(kind: Phase, before: number, after: number, expected: number, meaning: string): string {
    const which = before + 1 === after ? `byte ${after}` : `bytes ${before + 1}-${after}`;
    const isWhole = before === 0 && after === expected;
    if (kind !== "prefix") {
      return `${kind}, ${isWhole ? countBytes(expected) : `${which} of ${expected}`}${meaning}`;
    }
    const { name, type } = PREFIXES[this.#unit];
    return `${name}${meaning}, ${type}, big-endian${isWhole ? "" : `, ${which} of ${expected}`}`;
  }

  /** Takes bytes of the phase. When it is complete, returns what it says, and begins the next one. */
  #advance(bytes: Uint8Array, isTold: boolean): string {
    const message = this.#decode(bytes);
    if (this.#received < this.#expected) return "";
    const length = this.#declared;
    switch (this.#phase) {
      case "prefix":
        this.#expect(this.#messages ? "header" : "payload", length);
        return ` = ${length}`;
      case "header":
        if (this.problem) return "";
        this.#expect("content", length);
        return `; content-length = ${length}`;
      case "content":
      case "payload":
        this.#expect("prefix", PREFIXES[this.#unit].length);
        return message && isTold ? `: ${describe(message)}` : "";
    }
  }

  /** Gives the bytes to the decoder. Returns a message that is complete. */
  #decode(bytes: Uint8Array): Message | undefined {
    if (!this.#messages) {
      this.#decodeFrame(bytes);
      return undefined;
    }
    try {
      this.#messages.push(bytes);
      const message = this.#messages.take();
      this.#declared = this.#messages.awaited?.length ?? 0;
      return message;
    } catch (error) {
      this.#declared = error instanceof LengthLimitError ? error.declaredLength : 0;
      this.#fail(error as Error);
      return undefined;
    }
  }

  /** Reads the lengths of frames only: nobody needs the payloads, which may be long. */
  #decodeFrame(bytes: Uint8Array): void {
    if (this.#phase === "payload") return;
    for (const byte of bytes) this.#declared = this.#declared * 256 + byte; // big-endian
    const { maxFrameLength } = this.#limits;
    if (this.#received < this.#expected || this.#declared <= maxFrameLength) return;
    this.#fail(new LengthLimitError(this.#declared, maxFrameLength, "frame"));
  }

  #fail(error: Error): void {
    this.problem = `Not a ${this.#unit}: ${escapeText(error.message)}`;
  }

  #expect(phase: Phase, length: number): void {
    if (length === 0) return this.#expect("prefix", PREFIXES[this.#unit].length);
    this.#declared = 0;
    if (phase === "prefix") this.#number++;
    this.#phase = phase;
    this.#expected = length;
    this.#received = 0;
  }
}

function describe(message: Message): string {
  const type = message.header["content-type"];
  if (type !== JSON_CONTENT_TYPE) return `${escapeText(type)} ${escapeBytes(message.content)}`;
  try {
    return escapeJson(decodeContent(message));
  } catch (error) {
    return escapeText((error as Error).message);
  }
}
