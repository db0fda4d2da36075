/**
 * The order of an integer's bytes: most significant byte first (`"big"`) or last (`"little"`).
 *
 * @category Byte order
 */
export type ByteOrder = "big" | "little";

/**
 * The byte order of this machine's processor, as Python's `sys.byteorder`.
 *
 * @example Usage
 * ```ts
 * import { HOST_BYTE_ORDER } from "@sockets/guide";
 * import { assert } from "@std/assert";
 *
 * assert(["little", "big"].includes(HOST_BYTE_ORDER)); // x86 and ARM machines: "little"
 * ```
 *
 * @category Byte order
 */
export const HOST_BYTE_ORDER: ByteOrder = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
  ? "little"
  : "big";

const MAX_UINT16 = 0xffff;
const MAX_UINT32 = 0xffff_ffff;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

// One view for all calls, because creating a DataView takes many times as long as reading through it.
const scratch = new DataView(new ArrayBuffer(8));

/**
 * Converts an unsigned 16-bit integer from host to network byte order ("host to network short").
 *
 * Network byte order is big-endian ({@link https://www.rfc-editor.org/rfc/rfc1700 | RFC 1700}), so on
 * a little-endian host the two bytes change places, and on a big-endian host nothing happens.
 *
 * @param value The integer, 0 to 65,535.
 * @returns The integer whose bytes in this host's memory stand in network byte order.
 * @throws {RangeError} If the value is not an integer from 0 to 65,535.
 *
 * @example Usage
 * ```ts
 * import { HOST_BYTE_ORDER, htons } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(htons(0x0067), HOST_BYTE_ORDER === "little" ? 0x6700 : 0x0067);
 * ```
 *
 * @category Byte order
 */
export function htons(value: number): number {
  return convertUint16(value, HOST_BYTE_ORDER);
}

/**
 * Converts an unsigned 16-bit integer from network to host byte order ("network to host short").
 *
 * @param value The integer, 0 to 65,535.
 * @returns The integer with its bytes in this host's order.
 * @throws {RangeError} If the value is not an integer from 0 to 65,535.
 *
 * @example Usage
 * ```ts
 * import { htons, ntohs } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ntohs(htons(103)), 103);
 * ```
 *
 * @category Byte order
 */
export function ntohs(value: number): number {
  return convertUint16(value, HOST_BYTE_ORDER);
}

/**
 * Converts an unsigned 32-bit integer from host to network byte order ("host to network long").
 *
 * @param value The integer, 0 to 4,294,967,295.
 * @returns The integer whose bytes in this host's memory stand in network byte order.
 * @throws {RangeError} If the value is not an integer from 0 to 4,294,967,295.
 *
 * @example Usage
 * ```ts
 * import { HOST_BYTE_ORDER, htonl } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(htonl(0x7f000001), HOST_BYTE_ORDER === "little" ? 0x0100007f : 0x7f000001);
 * ```
 *
 * @category Byte order
 */
export function htonl(value: number): number {
  return convertUint32(value, HOST_BYTE_ORDER);
}

/**
 * Converts an unsigned 32-bit integer from network to host byte order ("network to host long").
 *
 * @param value The integer, 0 to 4,294,967,295.
 * @returns The integer with its bytes in this host's order.
 * @throws {RangeError} If the value is not an integer from 0 to 4,294,967,295.
 *
 * @example Usage
 * ```ts
 * import { htonl, ntohl } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ntohl(htonl(65_432)), 65_432);
 * ```
 *
 * @category Byte order
 */
export function ntohl(value: number): number {
  return convertUint32(value, HOST_BYTE_ORDER);
}

/**
 * Converts an unsigned 64-bit integer from host to network byte order ("host to network long
 * long").
 *
 * @param value The integer, 0n to 2n ** 64n - 1n.
 * @returns The integer whose bytes in this host's memory stand in network byte order.
 * @throws {RangeError} If the value is not a bigint from 0n to 2n ** 64n - 1n.
 *
 * @example Usage
 * ```ts
 * import { HOST_BYTE_ORDER, htonll } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(htonll(1n), HOST_BYTE_ORDER === "little" ? 1n << 56n : 1n);
 * ```
 *
 * @category Byte order
 */
export function htonll(value: bigint): bigint {
  return convertUint64(value, HOST_BYTE_ORDER);
}

/**
 * Converts an unsigned 64-bit integer from network to host byte order ("network to host long
 * long").
 *
 * @param value The integer, 0n to 2n ** 64n - 1n.
 * @returns The integer with its bytes in this host's order.
 * @throws {RangeError} If the value is not a bigint from 0n to 2n ** 64n - 1n.
 *
 * @example Usage
 * ```ts
 * import { htonll, ntohll } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ntohll(htonll(65_432n)), 65_432n);
 * ```
 *
 * @category Byte order
 */
export function ntohll(value: bigint): bigint {
  return convertUint64(value, HOST_BYTE_ORDER);
}

/**
 * Reads an unsigned 16-bit integer, in network byte order unless you say otherwise.
 *
 * @param bytes The bytes to read from.
 * @param offset Where the integer starts, in bytes.
 * @param byteOrder The byte order, `"big"` by default.
 * @returns The integer, 0 to 65,535.
 * @throws {RangeError} If the 2 bytes at the offset are not all inside `bytes`.
 * @throws {RangeError} If the byte order is neither `"big"` nor `"little"`.
 *
 * @example Usage
 * ```ts
 * import { readUint16 } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array([0x00, 0x67, 0x7b]);
 * assertEquals(readUint16(bytes), 0x0067);
 * assertEquals(readUint16(bytes, 1, "little"), 0x7b67);
 * ```
 *
 * @category Byte order
 */
export function readUint16(bytes: Uint8Array, offset = 0, byteOrder: ByteOrder = "big"): number {
  if (!isInside(bytes, offset, 2)) throw outside("read 2 bytes", bytes, offset);
  return getUint16(bytes, offset, isLittle(byteOrder));
}

/**
 * Reads an unsigned 32-bit integer, in network byte order unless you say otherwise.
 *
 * @param bytes The bytes to read from.
 * @param offset Where the integer starts, in bytes.
 * @param byteOrder The byte order, `"big"` by default.
 * @returns The integer, 0 to 4,294,967,295.
 * @throws {RangeError} If the 4 bytes at the offset are not all inside `bytes`.
 * @throws {RangeError} If the byte order is neither `"big"` nor `"little"`.
 *
 * @example Usage
 * ```ts
 * import { readUint32 } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array([0x7f, 0x00, 0x00, 0x01]);
 * assertEquals(readUint32(bytes), 0x7f000001);
 * assertEquals(readUint32(bytes, 0, "little"), 0x0100007f);
 * ```
 *
 * @category Byte order
 */
export function readUint32(bytes: Uint8Array, offset = 0, byteOrder: ByteOrder = "big"): number {
  if (!isInside(bytes, offset, 4)) throw outside("read 4 bytes", bytes, offset);
  return getUint32(bytes, offset, isLittle(byteOrder));
}

/**
 * Reads an unsigned 64-bit integer, in network byte order unless you say otherwise.
 *
 * @param bytes The bytes to read from.
 * @param offset Where the integer starts, in bytes.
 * @param byteOrder The byte order, `"big"` by default.
 * @returns The integer, 0n to 2n ** 64n - 1n.
 * @throws {RangeError} If the 8 bytes at the offset are not all inside `bytes`.
 * @throws {RangeError} If the byte order is neither `"big"` nor `"little"`.
 *
 * @example Usage
 * ```ts
 * import { readBigUint64 } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array([0, 0, 0, 0, 0, 0, 1, 0]);
 * assertEquals(readBigUint64(bytes), 256n);
 * assertEquals(readBigUint64(bytes, 0, "little"), 1n << 48n);
 * ```
 *
 * @category Byte order
 */
export function readBigUint64(bytes: Uint8Array, offset = 0, byteOrder: ByteOrder = "big"): bigint {
  if (!isInside(bytes, offset, 8)) throw outside("read 8 bytes", bytes, offset);
  const little = isLittle(byteOrder);
  scratch.setUint32(little ? 4 : 0, getUint32(bytes, offset, little));
  scratch.setUint32(little ? 0 : 4, getUint32(bytes, offset + 4, little));
  return scratch.getBigUint64(0);
}

/**
 * Writes an unsigned 16-bit integer, in network byte order unless you say otherwise.
 *
 * @param bytes The bytes to write into.
 * @param value The integer, 0 to 65,535.
 * @param offset Where the integer starts, in bytes.
 * @param byteOrder The byte order, `"big"` by default.
 * @throws {RangeError} If the value is not an integer from 0 to 65,535,
 * or the 2 bytes at the offset are not all inside `bytes`. Nothing is written then.
 * @throws {RangeError} If the byte order is neither `"big"` nor `"little"`.
 *
 * @example Usage
 * ```ts
 * import { writeUint16 } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(4);
 * writeUint16(bytes, 0x0067);
 * writeUint16(bytes, 0x0067, 2, "little");
 * assertEquals(bytes, new Uint8Array([0x00, 0x67, 0x67, 0x00]));
 * ```
 *
 * @category Byte order
 */
export function writeUint16(
  bytes: Uint8Array,
  value: number,
  offset = 0,
  byteOrder: ByteOrder = "big",
): void {
  if (!isInteger(value, MAX_UINT16)) throw notUnsigned("write", value, MAX_UINT16);
  if (!isInside(bytes, offset, 2)) throw outside("write 2 bytes", bytes, offset);
  setUint16(bytes, offset, value, isLittle(byteOrder));
}

/**
 * Writes an unsigned 32-bit integer, in network byte order unless you say otherwise.
 *
 * @param bytes The bytes to write into.
 * @param value The integer, 0 to 4,294,967,295.
 * @param offset Where the integer starts, in bytes.
 * @param byteOrder The byte order, `"big"` by default.
 * @throws {RangeError} If the value is not an integer from 0 to 4,294,967,295,
 * or the 4 bytes at the offset are not all inside `bytes`. Nothing is written then.
 * @throws {RangeError} If the byte order is neither `"big"` nor `"little"`.
 *
 * @example Usage
 * ```ts
 * import { writeUint32 } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(4);
 * writeUint32(bytes, 0x7f000001);
 * assertEquals(bytes, new Uint8Array([0x7f, 0x00, 0x00, 0x01]));
 * ```
 *
 * @category Byte order
 */
export function writeUint32(
  bytes: Uint8Array,
  value: number,
  offset = 0,
  byteOrder: ByteOrder = "big",
): void {
  if (!isInteger(value, MAX_UINT32)) throw notUnsigned("write", value, MAX_UINT32);
  if (!isInside(bytes, offset, 4)) throw outside("write 4 bytes", bytes, offset);
  setUint32(bytes, offset, value, isLittle(byteOrder));
}

/**
 * Writes an unsigned 64-bit integer, in network byte order unless you say otherwise.
 *
 * @param bytes The bytes to write into.
 * @param value The integer, 0n to 2n ** 64n - 1n.
 * @param offset Where the integer starts, in bytes.
 * @param byteOrder The byte order, `"big"` by default.
 * @throws {RangeError} If the value is not a bigint from 0n to 2n ** 64n - 1n,
 * or the 8 bytes at the offset are not all inside `bytes`. Nothing is written then.
 * @throws {RangeError} If the byte order is neither `"big"` nor `"little"`.
 *
 * @example Usage
 * ```ts
 * import { writeBigUint64 } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(8);
 * writeBigUint64(bytes, 256n);
 * assertEquals(bytes, new Uint8Array([0, 0, 0, 0, 0, 0, 1, 0]));
 * ```
 *
 * @category Byte order
 */
export function writeBigUint64(
  bytes: Uint8Array,
  value: bigint,
  offset = 0,
  byteOrder: ByteOrder = "big",
): void {
  if (!isUint64(value)) throw notUnsigned("write", value, MAX_UINT64);
  if (!isInside(bytes, offset, 8)) throw outside("write 8 bytes", bytes, offset);
  const little = isLittle(byteOrder);
  scratch.setBigUint64(0, value);
  setUint32(bytes, offset, scratch.getUint32(little ? 4 : 0), little);
  setUint32(bytes, offset + 4, scratch.getUint32(little ? 0 : 4), little);
}

// Conversion is its own inverse. The host's order is a parameter, so that tests cover both anywhere.

/** Converts an unsigned 16-bit integer between network byte order and `hostOrder`. */
export function convertUint16(value: number, hostOrder: ByteOrder): number {
  if (!isInteger(value, MAX_UINT16)) throw notUnsigned("convert", value, MAX_UINT16);
  scratch.setUint16(0, value);
  return scratch.getUint16(0, hostOrder === "little");
}

/** Converts an unsigned 32-bit integer between network byte order and `hostOrder`. */
export function convertUint32(value: number, hostOrder: ByteOrder): number {
  if (!isInteger(value, MAX_UINT32)) throw notUnsigned("convert", value, MAX_UINT32);
  scratch.setUint32(0, value);
  return scratch.getUint32(0, hostOrder === "little");
}

/** Converts an unsigned 64-bit integer between network byte order and `hostOrder`. */
export function convertUint64(value: bigint, hostOrder: ByteOrder): bigint {
  if (!isUint64(value)) throw notUnsigned("convert", value, MAX_UINT64);
  scratch.setBigUint64(0, value);
  return scratch.getBigUint64(0, hostOrder === "little");
}

// For callers that know that the bytes are there and that the value fits.

/** Reads an unsigned 16-bit integer without any check. */
export function getUint16(bytes: Uint8Array, offset: number, little: boolean): number {
  return little
    ? bytes[offset]! | bytes[offset + 1]! << 8
    : bytes[offset]! << 8 | bytes[offset + 1]!;
}

/** Reads an unsigned 32-bit integer without any check. */
export function getUint32(bytes: Uint8Array, offset: number, little: boolean): number {
  const value = little
    ? bytes[offset]! | bytes[offset + 1]! << 8 | bytes[offset + 2]! << 16 | bytes[offset + 3]! << 24
    : bytes[offset]! << 24 | bytes[offset + 1]! << 16 | bytes[offset + 2]! << 8 |
      bytes[offset + 3]!;
  return value >>> 0; // the operators above give a signed integer
}

/** Writes the lowest 16 bits of an integer without any check. */
export function setUint16(
  bytes: Uint8Array,
  offset: number,
  value: number,
  little: boolean,
): void {
  bytes[offset] = little ? value : value >>> 8; // a typed array keeps the lowest 8 bits
  bytes[offset + 1] = little ? value >>> 8 : value;
}

/** Writes the lowest 32 bits of an integer without any check. */
export function setUint32(
  bytes: Uint8Array,
  offset: number,
  value: number,
  little: boolean,
): void {
  bytes[offset] = little ? value : value >>> 24; // a typed array keeps the lowest 8 bits
  bytes[offset + 1] = little ? value >>> 8 : value >>> 16;
  bytes[offset + 2] = little ? value >>> 16 : value >>> 8;
  bytes[offset + 3] = little ? value >>> 24 : value;
}

function isInteger(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function isUint64(value: bigint): boolean {
  return typeof value === "bigint" && BigInt.asUintN(64, value) === value;
}

function isInside(bytes: Uint8Array, offset: number, length: number): boolean {
  return offset >= 0 && offset + length <= bytes.length && Number.isInteger(offset);
}

/** Returns whether a byte order is `"little"`. Throws if it is not `"big"` either. */
export function isLittle(byteOrder: ByteOrder): boolean {
  if (byteOrder === "little") return true;
  if (byteOrder === "big") return false;
  throw new RangeError(`Cannot use byte order ${byteOrder}: it is neither "big" nor "little"`);
}

function notUnsigned(action: string, value: number | bigint, max: number | bigint): RangeError {
  const type = typeof max === "bigint" ? "a bigint" : "an integer";
  return new RangeError(`Cannot ${action} ${value}: it is not ${type} from 0 to ${max}`);
}

function outside(action: string, bytes: Uint8Array, offset: number): RangeError {
  return new RangeError(
    `Cannot ${action} at offset ${offset}: the length is ${bytes.length} bytes`,
  );
}
