// Writes events for people: bytes as a dump, and lines for a terminal.
import type { Part, RelayEvent, ShownPart } from "./events.ts";
import { textLines } from "./text_reader.ts";

const MAX_BYTES = 512; // of a chunk are shown
const LINE = 16; // bytes in a line of a hexdump
const SAME = "*"; // instead of lines that repeat
const HEX_END = "0000  ".length + LINE * 3; // where its last column begins

const COLORS = { // as the parameters of the escape codes
  title: "1", // bold
  prefix: "33", // yellow
  header: "36", // cyan
  payload: "32", // green
  content: "32",
  text: "32",
  raw: "",
  more: "",
  guess: "",
  error: "31", // red
};

/** Adds to the parts of a chunk their bytes, and leaves out what is too much to show. */
export function show(chunk: Uint8Array, parts: Part[]): ShownPart[] {
  let left = MAX_BYTES;
  return parts.map((part) => {
    if (part.kind === "more") return { ...part, dump: [] };
    const end = Math.min(part.end, part.start + left);
    left -= end - part.start;
    const bytes = chunk.subarray(part.start, end);
    const dump = part.kind === "text" ? textLines(bytes) : hexdump(bytes, part.start);
    if (end < part.end) dump.push(`… ${countMore(part.end - end)}`);
    return { ...part, dump };
  });
}

/**
 * Writes an event as lines for a terminal, without the last line break.
 *
 * @param event What happened.
 * @param color Whether to colour it, by ANSI escape codes.
 */
export function formatEvent(event: RelayEvent, color: boolean): string {
  const paint = (kind: keyof typeof COLORS, text: string) =>
    color && COLORS[kind] !== "" ? `\x1b[${COLORS[kind]}m${text}\x1b[0m` : text;
  const time = (event.time / 1000).toFixed(3);
  const kind = event.type === "reset" ? "error" : "title";
  const lines = [paint(kind, `#${event.connection}  ${time} s  ${event.text}`)];
  let frame = 0;
  for (const part of event.parts ?? []) {
    if (part.unit && part.frame !== frame) {
      frame = part.frame;
      lines.push(`    ${part.unit} ${frame}`);
    }
    if (part.kind === "prefix") {
      const bytes = part.dump[0]!.slice(0, HEX_END).trimEnd();
      lines.push(`      ${paint(part.kind, bytes)}  ${part.label}`);
    } else {
      lines.push(`      ${part.label}`);
      for (const line of part.dump) lines.push(`      ${paint(part.kind, line)}`);
    }
  }
  return lines.join("\n");
}

/**
 * Writes bytes as lines: the place of the first one, all in hexadecimal, and what is ASCII. As with the
 * command hexdump, `*` stands for lines with the same bytes as the one before; if they are the last
 * ones, the place where they end follows.
 */
function hexdump(bytes: Uint8Array, place: number): string[] {
  const lines: string[] = [];
  let before: Uint8Array = new Uint8Array();
  for (let start = 0; start < bytes.length; start += LINE) {
    const line = bytes.subarray(start, start + LINE);
    const isSame = line.length === before.length && line.every((byte, i) => byte === before[i]);
    if (!isSame) lines.push(`${hex(place + start, 4)}  ${dumpLine(line)}`);
    else if (lines.at(-1) !== SAME) lines.push(SAME);
    before = line;
  }
  if (lines.at(-1) === SAME) lines.push(hex(place + bytes.length, 4));
  return lines;
}

function dumpLine(bytes: Uint8Array): string {
  let left = "";
  let ascii = "";
  for (const byte of bytes) {
    left += `${HEX[byte]} `;
    ascii += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  }
  return `${left.padEnd(LINE * 3)} ${ascii}`;
}

function hex(integer: number, digits: number): string {
  return integer.toString(16).padStart(digits, "0");
}

const HEX = Array.from({ length: 256 }, (_, byte) => hex(byte, 2));

function countMore(count: number): string {
  return count === 1 ? "1 more byte" : `${count} more bytes`;
}
