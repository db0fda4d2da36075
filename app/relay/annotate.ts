// What the relay shows: the bytes of one direction, labelled by the decoders that everybody uses.
import { readUint16, readUint32 } from "../wire/endianness.ts";
import { escapeBytes, escapeJson, escapeText } from "../wire/escape.ts";
import { TruncatedInputError } from "../wire/errors.ts";
import { FrameDecoder } from "../wire/framing.ts";
import { decodeContent, JSON_CONTENT_TYPE, type Message, MessageDecoder } from "../wire/message.ts";

const MAX_BYTES = 512; // of a chunk are shown
const MAX_PARTS = 60; // of a chunk are told one by one

/** How to read the bytes: as messages, as frames with a 4-byte length, or not at all. */
export type Protocol = "app" | "frames" | "raw";

/** Who sent something: `"relay"` only when it cuts a connection. */
export type Side = "client" | "server" | "relay";

/** Bytes of a chunk that mean one thing. */
export interface Part {
  /** What they are. An `"error"` has no bytes; `"more"` stands for parts that are not told. */
  kind: "prefix" | "header" | "payload" | "content" | "raw" | "error" | "more";
  /** The number of the frame they belong to, from 1; 0 if to none. */
  frame: number;
  /** Where they begin and end in the chunk. */
  start: number;
  end: number;
  /** What they say, on one line that is safe to print. */
  label: string;
}

/** A part with its bytes in hexadecimal, as lines; not all of them if there are many. */
export interface ShownPart extends Part {
  dump: string[];
}

/** Something that happened on a connection. */
export interface RelayEvent {
  /** Which connection, counted from 1. */
  connection: number;
  /** When, in milliseconds since the connection was accepted. */
  time: number;
  /** `"note"`: anything else that is worth a line. */
  type: "open" | "chunk" | "end" | "reset" | "close" | "note";
  /** Whose bytes, end or reset it is. */
  from?: Side;
  /** What happened, on one line that is safe to print. */
  text: string;
  /** Of an open connection: the client's address. */
  peer?: string;
  /** Of a chunk: its length in bytes. */
  size?: number;
  /** Of a chunk: what is in it. */
  parts?: ShownPart[];
}

/** How long headers, contents and frames may be, in bytes. Longer ones are not understood. */
export interface Limits {
  maxHeaderLength?: number;
  maxContentLength?: number;
  maxFrameLength?: number;
}

type Format = (typeof FORMATS)[keyof typeof FORMATS];
/** The part of a frame that comes next, and how many bytes it has. */
interface NextPart {
  phase: "prefix" | "header" | "payload" | "content";
  expected: number;
}

const FORMATS = {
  app: {
    frame: "message",
    length: "header length",
    type: "uint16",
    readLength: readUint16,
    prefixLength: 2, // bytes
    createDecoder: (limits: Limits) => new MessageDecoder(limits),
  },
  frames: {
    frame: "frame",
    length: "payload length",
    type: "uint32",
    readLength: readUint32,
    prefixLength: 4, // bytes
    createDecoder: (limits: Limits) => new FrameDecoder(limits),
  },
};

/** Tells what the bytes of one direction of a connection are, in chunks of any size. */
export class Annotator {
  readonly #format: Format | undefined;
  readonly #limits: Limits;
  #messages: MessageDecoder | undefined; // for the values of whole messages
  #awaited: NextPart | undefined; // none: the bytes are not understood
  #received = 0; // bytes of the awaited part
  #beginning: Uint8Array = new Uint8Array(); // of the frame, up to its last part
  #frame = 1;

  constructor(protocol: Protocol, limits: Limits = {}) {
    this.#limits = limits;
    if (protocol === "raw") return;
    this.#format = FORMATS[protocol];
    this.#awaited = firstOf(this.#format);
    if (protocol === "app") this.#messages = FORMATS.app.createDecoder(limits);
  }

  /** Takes the next chunk, and tells its parts. */
  push(chunk: Uint8Array): Part[] {
    const parts: Part[] = [];
    for (let start = 0; start < chunk.length;) {
      if (!this.#format || !this.#awaited) {
        const label = `raw, ${count(chunk.length - start, "byte")}`;
        parts.push({ kind: "raw", frame: 0, start, end: chunk.length, label });
        break;
      }
      start = this.#take(chunk, start, parts, this.#format, this.#awaited);
    }
    return parts;
  }

  /** Tells what is missing if the direction ends here. */
  end(): string | undefined {
    if (!this.#awaited || (this.#beginning.length === 0 && this.#received === 0)) return undefined;
    const { phase, expected } = this.#awaited;
    return new TruncatedInputError(`${phase} of ${count(expected, "byte")}`, this.#received)
      .message;
  }

  /** Adds the next part, and returns where it ends. */
  #take(chunk: Uint8Array, start: number, parts: Part[], format: Format, part: NextPart): number {
    const { phase, expected } = part;
    const end = Math.min(chunk.length, start + expected - this.#received);
    const bytes = chunk.subarray(start, end);
    const before = this.#received;
    this.#received += bytes.length;
    const complete = this.#received === expected;
    const isLast = phase === "content" || phase === "payload";
    if (!isLast) this.#beginning = joined(this.#beginning, bytes);
    const first = before + 1;
    const which = bytes.length === 1 ? `byte ${first}` : `bytes ${first}-${this.#received}`;
    const isWhole = before === 0 && complete;
    const range = isWhole ? count(expected, "byte") : `${which} of ${expected}`;
    const added = { kind: phase, frame: this.#frame, start, end, label: `${phase}, ${range}` };
    parts.push(added);
    if (phase === "prefix") {
      const value = complete ? ` = ${format.readLength(this.#beginning)}` : "";
      const piece = isWhole ? "" : `, ${range}`;
      added.label = `${format.length}${value}, ${format.type}, big-endian${piece}`;
    }
    try {
      this.#messages?.push(bytes);
      const message = this.#messages?.take();
      if (complete) {
        const next = isLast ? undefined : awaitedAfter(this.#beginning, format, this.#limits);
        if (phase === "header") added.label += `; content-length = ${next?.expected ?? 0}`;
        if (phase === "content") added.label += `: ${describe(message!)}`;
        if (next) this.#expect(next);
        else this.#expectFrame(format);
      }
    } catch (error) {
      const label = `Not a ${format.frame}: ${escapeText((error as Error).message)}; ` +
        "the rest of this direction is shown raw";
      parts.push({ kind: "error", frame: this.#frame, start: end, end, label });
      this.#awaited = this.#messages = undefined;
    }
    return end;
  }

  #expect(next: NextPart) {
    this.#awaited = next;
    this.#received = 0;
  }

  #expectFrame(format: Format) {
    this.#expect(firstOf(format));
    this.#beginning = new Uint8Array();
    this.#frame++;
  }
}

/** Adds to the parts of a chunk their bytes, and leaves out what is too much to show. */
export function show(chunk: Uint8Array, parts: Part[]): ShownPart[] {
  let left = MAX_BYTES;
  const shown = parts.slice(0, MAX_PARTS).map((part) => {
    const end = Math.min(part.end, part.start + left);
    left -= end - part.start;
    const dump = hexdump(chunk.subarray(part.start, end), part.start);
    if (end < part.end) dump.push(`… ${count(part.end - end, "more byte")}`);
    return { ...part, dump };
  });
  const rest = parts.slice(MAX_PARTS);
  const [first] = rest;
  if (first) {
    const { frame, start } = first;
    const last = Math.max(...rest.map(({ frame }) => frame));
    const label = `… ${count(rest.length, "more part")}, up to number ${last}`;
    shown.push({ kind: "more", frame, start, end: chunk.length, label, dump: [] });
  }
  for (const part of rest) if (part.kind === "error") shown.push({ ...part, dump: [] });
  return shown;
}

/**
 * Writes an event as lines for a terminal, without the last line break.
 *
 * @param event What happened.
 * @param protocol What its frames are.
 * @param color Whether to colour it, by ANSI escape codes.
 */
export function formatEvent(event: RelayEvent, protocol: Protocol, color: boolean): string {
  const paint = (kind: keyof typeof COLORS, text: string) =>
    color && COLORS[kind] !== "" ? `\x1b[${COLORS[kind]}m${text}\x1b[0m` : text;
  const time = (event.time / 1000).toFixed(3);
  const kind = event.type === "reset" ? "error" : "title";
  const lines = [paint(kind, `#${event.connection}  ${time} s  ${event.text}`)];
  let frame = 0;
  for (const part of event.parts ?? []) {
    if (part.frame !== frame && part.frame > 0) {
      lines.push(`    ${protocol === "app" ? "message" : "frame"} ${frame = part.frame}`);
    }
    if (part.kind === "prefix") {
      lines.push(
        `      ${paint(part.kind, part.dump[0]!.slice(0, HEX_END).trimEnd())}  ${part.label}`,
      );
    } else {
      lines.push(
        `      ${part.label}`,
        ...part.dump.map((line) => `      ${paint(part.kind, line)}`),
      );
    }
  }
  return lines.join("\n");
}

const COLORS = { // as the parameters of the escape codes
  title: "1", // bold
  prefix: "33", // yellow
  header: "36", // cyan
  payload: "32", // green
  content: "32",
  raw: "",
  more: "",
  error: "31", // red
};

const LINE = 16; // bytes in a line of a hexdump
const SAME = "*"; // instead of lines that repeat
const HEX_END = "0000  ".length + LINE * 3; // where its last column begins

/**
 * Writes bytes as lines: the place of the first one, all in hexadecimal, and what is ASCII. As with the
 * command hexdump, `*` stands for lines with the same bytes as the one before; if they are the last
 * ones, the place where they end follows.
 */
function hexdump(bytes: Uint8Array, place: number): string[] {
  const lines: string[] = [];
  let before: string | undefined;
  for (let start = 0; start < bytes.length; start += LINE) {
    const line = bytes.subarray(start, start + LINE);
    const content = dumpLine(line);
    if (content !== before) lines.push(`${hex(place + start, 4)}  ${content}`);
    else if (lines.at(-1) !== SAME) lines.push(SAME);
    before = content;
  }
  if (lines.at(-1) === SAME) lines.push(hex(place + bytes.length, 4));
  return lines;
}

function dumpLine(bytes: Uint8Array): string {
  const left = Array.from(bytes, (byte) => hex(byte, 2)).join(" ");
  const ascii = Array.from(bytes, (byte) => byte >= 0x20 && byte < 0x7f ? byte : 0x2e);
  return `${left.padEnd(LINE * 3)} ${String.fromCharCode(...ascii)}`;
}

function hex(integer: number, digits: number): string {
  return integer.toString(16).padStart(digits, "0");
}

/** The part that a frame begins with. */
function firstOf({ prefixLength }: Format): NextPart {
  return { phase: "prefix", expected: prefixLength };
}

/** What a decoder waits for after these bytes of a frame, or `undefined` if that is all of it. */
function awaitedAfter(
  beginning: Uint8Array,
  { createDecoder }: Format,
  limits: Limits,
): NextPart | undefined {
  const decoder = createDecoder(limits);
  decoder.push(beginning);
  if (decoder.take()) return undefined;
  const { what, length } = decoder.awaited!;
  return { phase: what as NextPart["phase"], expected: length! };
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

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
