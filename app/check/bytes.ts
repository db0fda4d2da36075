// What bytes are: how many, which ones that come instead of others, and letters to send that look random.
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import type { Seen } from "./check.ts";

export const KIB = 1024; // bytes
export const MIB = 1024 * KIB; // bytes

const MIN_PIECE = 8; // bytes that tell where in a message they belong
const MAX_PIECE = 24; // bytes, of those that are wrong, by which we look for their place
const MAX_LOST = 32 * MIB; // bytes that a server may leave out, or repeat, for us to find them

const WORD = 4; // letters that are made of one number
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"; // 2 ** 6
/** Two letters for 12 bits. */
const PAIRS = Uint16Array.from(
  { length: 4096 },
  (_, i) => LETTERS.charCodeAt(i >> 6) * 256 + LETTERS.charCodeAt(i & 63),
);

/** How many bytes these are, in words. */
export function countBytes(number: number): string {
  return number === 1 ? "1 byte" : `${number.toLocaleString("en")} bytes`;
}

/**
 * What bytes are that come instead of others: those from further on, so that some were left out, or those
 * that have come already, or bytes from elsewhere.
 */
export function classify(actual: Uint8Array, before: Uint8Array, after: Uint8Array): Seen {
  const piece = actual.subarray(0, MAX_PIECE);
  if (piece.length < MIN_PIECE || piece.every((byte) => byte === piece[0])) return "other bytes";
  if (includes(after, piece)) return "gap";
  return includes(before, piece) ? "repeat" : "other bytes";
}

/** Whether there is this piece in the bytes. */
export function includes(bytes: Uint8Array, piece: Uint8Array): boolean {
  for (let at = bytes.indexOf(piece[0]!); at !== -1; at = bytes.indexOf(piece[0]!, at + 1)) {
    if (equals(bytes.subarray(at, at + piece.length), piece)) return true;
  }
  return false;
}

/**
 * Letters and digits that look random: a part of an endless stream of them, in which nothing comes twice, so
 * that each piece tells its place. They are text, so that a server that cannot take anything else fails the
 * check about that, and no other.
 */
export function noise(start: number, length: number): Uint8Array<ArrayBuffer> {
  const first = Math.floor(start / WORD);
  const pairs = new Uint16Array(2 * (Math.ceil((start + length) / WORD) - first));
  for (let i = 0; i < pairs.length; i += 2) {
    const word = mix(first + i / 2);
    pairs[i] = PAIRS[word & 4095]!;
    pairs[i + 1] = PAIRS[(word >>> 12) & 4095]!;
  }
  return new Uint8Array(pairs.buffer, start - first * WORD, length);
}

/** What bytes are that are not the noise that begins here. */
export function classifyNoise(actual: Uint8Array, start: number): Seen {
  const good = noise(start, actual.length);
  const at = actual.findIndex((byte, i) => byte !== good[i]);
  const from = Math.max(0, start + at - MAX_LOST);
  return classify(
    actual.subarray(at),
    noise(from, start + at - from),
    noise(start + at, MAX_LOST),
  );
}

/** Mixes the bits of a number, as the last step of MurmurHash3 does. */
function mix(number: number): number {
  let bits = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
