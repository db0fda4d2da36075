// Guesses from its first bytes what a stream is.
import { readUint16, readUint32 } from "../wire/endianness.ts";
import { isText } from "./text_reader.ts";
import type { Limits } from "./unit_reader.ts";

/**
 * How to read the bytes: as messages, as frames with a 4-byte length, as text, or not at all. With
 * `"auto"`, the first bytes decide.
 */
export type Protocol = "auto" | "app" | "frames" | "text" | "raw";

/** After as many bytes, a guess is no longer examined. */
export const ENOUGH = 4;

const PREFIX_LENGTH = 4; // bytes of a frame's length
const SMALL = 1024; // bytes; a small frame comes in one chunk, unless somebody cuts it
const TEXT_LENGTH = 64; // bytes; after the head of a web page, its pictures are no text
const BRACE = 0x7b; // "{", with which a header begins

/** Guesses what bytes are, all that have come so far. */
export function guessProtocol(bytes: Uint8Array, limits: Limits): Exclude<Protocol, "auto"> {
  if (bytes.length < 3 && isText(bytes)) return "text"; // a line break may also begin a header's length
  if (mayBeMessage(bytes, limits)) return "app";
  if (mayBeFrames(bytes, limits)) return "frames";
  return isText(bytes.subarray(0, TEXT_LENGTH)) ? "text" : "raw";
}

/** Two bytes of length, and a JSON object as the header. */
function mayBeMessage(bytes: Uint8Array, { maxHeaderLength }: Limits): boolean {
  if (bytes.length < 2) return bytes[0]! <= maxHeaderLength >> 8;
  const length = readUint16(bytes);
  return length >= 2 && length <= maxHeaderLength && (bytes.length < 3 || bytes[2] === BRACE);
}

/** Four bytes of length, and as many of payload, up to the end of what came. */
function mayBeFrames(bytes: Uint8Array, { maxFrameLength }: Limits): boolean {
  if (bytes.length < PREFIX_LENGTH) return bytes[0] === 0 && !isText(bytes);
  let hasPayload = false;
  let end = 0;
  while (end + PREFIX_LENGTH <= bytes.length) {
    const length = readUint32(bytes, end);
    if (length > maxFrameLength) return false;
    if (length > 0) hasPayload = true;
    end += PREFIX_LENGTH + length;
  }
  if (end > bytes.length && bytes.length > PREFIX_LENGTH) return bytes.length >= SMALL;
  return hasPayload || bytes.length === PREFIX_LENGTH; // rather than many zeros
}
