// Tells where a stream is text: valid UTF-8 without control characters, cut anywhere.
import { escapeText } from "../wire/escape.ts";
import { decodeUtf8 } from "../wire/utf8.ts";
import type { Parts } from "./parts.ts";

// deno-lint-ignore no-control-regex -- Esc is no reason to take a text for something else
const CONTROL = /[^\P{Cc}\t\n\r\x1b]/u;
const LINE_FEED = 0x0a;

/** Finds the parts of a stream that is text: one for each chunk. */
export class TextReader {
  /** Why the bytes are no text, as soon as that is known. */
  problem: string | undefined;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /** Adds a part for what is text in the rest of a chunk, and returns where it ends. */
  take(chunk: Uint8Array, start: number, parts: Parts): number {
    const bytes = chunk.subarray(start);
    const isAllText = isTextFor(this.#decoder, bytes);
    if (!isAllText) this.problem = "Not only text";
    const length = isAllText ? bytes.length : textLength(bytes);
    const end = start + length;
    if (length > 0) {
      const count = countLines(bytes.subarray(0, length));
      const label = count === 1 ? "text" : `text, ${count} lines`;
      parts.add({ kind: "text", frame: 0, start, end, label });
    }
    return end;
  }

  /** Text may end anywhere. */
  end(): undefined {
    return undefined;
  }
}

/** Returns whether bytes can be the beginning of a text. */
export function isText(bytes: Uint8Array): boolean {
  return isTextFor(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }), bytes);
}

/** Writes text as lines that are safe to print, each with its end. Bytes of cut characters are `\xff`. */
export function textLines(bytes: Uint8Array): string[] {
  const [begin, end] = wholeCharacters(bytes);
  const text = decodeUtf8(bytes.subarray(begin, end));
  const lines = text.split(/(?<=\n)/).map((line) => {
    const content = line.replace(/\r?\n$/, "");
    const lineEnd = line.slice(content.length).replace("\r", "\\r").replace("\n", "\\n");
    return escapeText(content, Infinity) + lineEnd;
  });
  lines[0] = `${hexEscapes(bytes.subarray(0, begin))}${lines[0]}`;
  lines[lines.length - 1] += hexEscapes(bytes.subarray(end));
  return lines;
}

function countLines(bytes: Uint8Array): number {
  let count = bytes.at(-1) === LINE_FEED ? 0 : 1;
  for (const byte of bytes) if (byte === LINE_FEED) count++;
  return count;
}

/** Continues to decode, and returns whether the bytes are text. */
function isTextFor(decoder: TextDecoder, bytes: Uint8Array): boolean {
  try {
    return !CONTROL.test(decoder.decode(bytes, { stream: true }));
  } catch {
    return false;
  }
}

/** How many bytes are text, if not all are. The first ones may be the rest of a character. */
function textLength(bytes: Uint8Array): number {
  const [begin] = wholeCharacters(bytes);
  let least = begin; // up to here it is text
  let most = bytes.length; // and up to here it is not
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (isText(bytes.subarray(begin, middle))) least = middle;
    else most = middle;
  }
  const [, end] = wholeCharacters(bytes.subarray(0, least));
  return end;
}

/** Where the characters begin and end, without the rest of one before and the beginning of one after. */
function wholeCharacters(bytes: Uint8Array): [begin: number, end: number] {
  let begin = 0;
  while (begin < Math.min(3, bytes.length) && isContinuation(bytes[begin]!)) begin++;
  for (let end = bytes.length - 1; end >= Math.max(begin, bytes.length - 3); end--) {
    const byte = bytes[end]!;
    if (isContinuation(byte)) continue;
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return [begin, end + length > bytes.length ? end : bytes.length];
  }
  return [begin, bytes.length];
}

/** Whether a byte of UTF-8 is none that a character begins with. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function hexEscapes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
