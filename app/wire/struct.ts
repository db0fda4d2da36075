import { isBytes, nameOfType, type OwnBytes } from "./bytes.ts";
import {
  getUint16,
  getUint32,
  HOST_BYTE_ORDER,
  readBigUint64,
  setUint16,
  setUint32,
  writeBigUint64,
} from "./endianness.ts";

/**
 * A value that {@linkcode pack} takes or {@linkcode unpack} gives.
 *
 * @category Packed values
 */
export type StructValue = number | bigint | boolean | Uint8Array;

/**
 * The values of a format: a tuple with a type for each, such as `[number, bigint]` for `">HQ"`.
 *
 * Counts up to 999 are spelled out. A longer one is an array of any length, and a format that is
 * not a literal is `StructValue[]`: the values are then only checked when the program runs.
 *
 * @category Packed values
 */
export type StructValues<Format extends string> = ParseFormat<Format> extends
  infer Values extends StructValue[] ? Values : never;

/**
 * The values that {@linkcode pack} takes for a format: those of {@linkcode StructValues}, from any
 * memory.
 *
 * @category Packed values
 */
export type StructArguments<Format extends string> = StructValues<Format> extends
  infer Values extends StructValue[]
  ? { [Index in keyof Values]: Values[Index] extends Uint8Array ? Uint8Array : Values[Index] }
  : never;

/**
 * The format itself if it is valid, and otherwise a string type that says why it is not.
 *
 * @category Packed values
 */
export type StructFormat<Format extends string> = ParseFormat<Format> extends
  infer Problem extends string ? Problem : Format;

/**
 * The error for a format that is not valid, for values that do not fit their format, and for bytes
 * of the wrong length.
 *
 * @example Usage
 * ```ts
 * import { pack, StructError } from "@sockets/guide";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(() => pack(">BH", 1, 65_536), StructError);
 * assertEquals(error.code, "STRUCT_ERROR");
 * assertEquals(error.index, 1);
 * ```
 *
 * @category Packed values
 */
export class StructError extends RangeError {
  /** The name of this class. */
  override readonly name: "StructError" = "StructError" as const;
  /** Identifies this error without `instanceof`. */
  readonly code: "STRUCT_ERROR" = "STRUCT_ERROR" as const;
  /** The position of the wrong value among the values, from 0. Absent if it is not one value. */
  readonly index?: number;

  /**
   * Creates the error.
   *
   * @param message What is wrong.
   * @param index The position of the wrong value among the values, from 0.
   */
  constructor(message: string, index?: number) {
    super(message);
    if (index !== undefined) this.index = index;
  }
}

/**
 * Packs values into bytes, as Python's `struct.pack` does.
 *
 * A format is a byte order (`>` or `!`: big-endian, `<`: little-endian, `=`: this machine's) and
 * one code for each value, with whitespace between codes if you like. There is no alignment.
 *
 * | code | bytes | value |
 * | --- | --- | --- |
 * | `b` `B` | 1 | integer, signed or unsigned |
 * | `h` `H` | 2 | integer, signed or unsigned |
 * | `i` `I` `l` `L` | 4 | integer, signed or unsigned |
 * | `q` `Q` | 8 | bigint, signed or unsigned |
 * | `e` `f` `d` | 2, 4, 8 | floating-point number, rounded half to even |
 * | `?` | 1 | boolean; any byte but 0 is read as `true` |
 * | `c` | 1 | `Uint8Array` of one byte |
 * | `10s` | 10 | `Uint8Array` of at most 10 bytes, filled up with zeros |
 * | `10p` | 10 | the same with a length byte before it: at most 9 bytes, never over 255 |
 * | `x` | 1 | no value: a byte that is 0, and is skipped when read |
 *
 * A count before any other code repeats it: `3H` is `HHH`. Unlike Python, which cuts bytes that are
 * too long for `s` or `p`, this throws; `?` takes booleans only; NaN is always the same NaN.
 *
 * @param format The format, such as `">HI"`.
 * @param values The values, one for each code.
 * @returns The bytes, {@linkcode calcSize} of the format long. Most of the time is spent on allocating
 * them. {@linkcode Struct.packInto} writes into memory that you have, and is several times as fast.
 * @throws {StructError} If the format is not valid, or the number of values, the type of a value or
 * its range do not fit it.
 *
 * @example Usage
 * ```ts
 * import { pack } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const name = new TextEncoder().encode("Ada");
 * assertEquals(pack(">HB4s", 0x0103, 7, name), new Uint8Array([1, 3, 7, 65, 100, 97, 0]));
 * ```
 *
 * @category Packed values
 */
export function pack<Format extends string>(
  format: StructFormat<Format>,
  ...values: StructArguments<Format>
): OwnBytes {
  return cached(format).pack(values);
}

/**
 * Unpacks bytes into values, as Python's `struct.unpack` does. See {@linkcode pack} for formats.
 *
 * @param format The format, such as `">HI"`.
 * @param bytes The bytes, exactly as many as the format says.
 * @returns The values, typed after the format. Those of `s`, `p` and `c` are copies.
 * @throws {StructError} If the format is not valid, or the length of the bytes is not its size.
 * @throws {TypeError} If `bytes` is not a `Uint8Array`.
 *
 * @example Usage
 * ```ts
 * import { unpack } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const [kind, length] = unpack(">HI", new Uint8Array([0, 7, 0, 0, 1, 0])); // both are numbers
 * assertEquals([kind, length], [7, 256]);
 * ```
 *
 * @category Packed values
 */
export function unpack<Format extends string>(
  format: StructFormat<Format>,
  bytes: Uint8Array,
): StructValues<Format> {
  return cached(format).unpack(bytes) as StructValues<Format>;
}

/**
 * Unpacks values from the middle of bytes, as Python's `struct.unpack_from` does. See
 * {@linkcode pack} for formats.
 *
 * @param format The format, such as `">HI"`.
 * @param bytes The bytes. There may be more of them after the values.
 * @param offset Where the first value starts, in bytes. Not negative, unlike in Python.
 * @returns The values, typed after the format. Those of `s`, `p` and `c` are copies.
 * @throws {StructError} If the format is not valid, or its bytes are not all inside `bytes`.
 * @throws {TypeError} If `bytes` is not a `Uint8Array`.
 *
 * @example Usage
 * ```ts
 * import { unpackFrom } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(unpackFrom("<H", new Uint8Array([9, 1, 2, 9]), 1), [0x0201]);
 * ```
 *
 * @category Packed values
 */
export function unpackFrom<Format extends string>(
  format: StructFormat<Format>,
  bytes: Uint8Array,
  offset = 0,
): StructValues<Format> {
  return cached(format).unpackFrom(bytes, offset) as StructValues<Format>;
}

/**
 * Returns the size of a format in bytes, as Python's `struct.calcsize` does. See
 * {@linkcode pack} for formats.
 *
 * @param format The format, such as `">HI"`.
 * @returns The size in bytes.
 * @throws {StructError} If the format is not valid.
 *
 * @example Usage
 * ```ts
 * import { calcSize } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(calcSize(">HI"), 6);
 * ```
 *
 * @category Packed values
 */
export function calcSize<Format extends string>(format: StructFormat<Format>): number {
  return cached(format).size;
}

/**
 * A format that is read once and used many times, as Python's `struct.Struct`. See
 * {@linkcode pack} for formats.
 *
 * @example Usage
 * ```ts
 * import { Struct } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const header = new Struct("!HQ");
 * const bytes = header.pack(1, 2n);
 * assertEquals(bytes.length, header.size);
 * assertEquals(header.unpack(bytes), [1, 2n]);
 * ```
 *
 * @category Packed values
 */
export class Struct<Format extends string> {
  /** The format, as it was given. */
  readonly format: Format;
  /** The size of the format in bytes. */
  readonly size: number;
  readonly #layout: Layout;

  /**
   * Reads the format.
   *
   * @param format The format, such as `">HI"`.
   * @throws {StructError} If the format is not valid.
   */
  constructor(format: StructFormat<Format>) {
    this.#layout = new Layout(format);
    this.format = format as Format;
    this.size = this.#layout.size;
  }

  /**
   * Packs values into bytes. See {@linkcode pack}.
   *
   * @param values The values, one for each code.
   * @returns The bytes, `size` of them.
   * @throws {StructError} If the number of values, the type of a value or its range do not fit the
   * format.
   */
  pack(...values: StructArguments<Format>): OwnBytes {
    return this.#layout.pack(values);
  }

  /**
   * Packs values into the middle of bytes, as Python's `struct.pack_into` does.
   *
   * @param bytes The bytes to write into. Bytes for `x` become 0.
   * @param offset Where the first value starts, in bytes. Not negative, unlike in Python.
   * @param values The values, one for each code.
   * @throws {StructError} If the values do not fit the format, or its bytes are not all inside
   * `bytes`. If it is one of the values that does not fit, some bytes may be written already.
   * @throws {TypeError} If `bytes` is not a `Uint8Array`.
   */
  packInto(bytes: Uint8Array, offset: number, ...values: StructArguments<Format>): void {
    this.#layout.packInto(bytes, offset, values);
  }

  /**
   * Unpacks bytes into values. See {@linkcode unpack}.
   *
   * @param bytes The bytes, exactly `size` of them.
   * @returns The values, typed after the format. Those of `s`, `p` and `c` are copies.
   * @throws {StructError} If the length of the bytes is not `size`.
   * @throws {TypeError} If `bytes` is not a `Uint8Array`.
   */
  unpack(bytes: Uint8Array): StructValues<Format> {
    return this.#layout.unpack(bytes) as StructValues<Format>;
  }

  /**
   * Unpacks values from the middle of bytes. See {@linkcode unpackFrom}.
   *
   * @param bytes The bytes. There may be more of them after the values.
   * @param offset Where the first value starts, in bytes. Not negative, unlike in Python.
   * @returns The values, typed after the format. Those of `s`, `p` and `c` are copies.
   * @throws {StructError} If the `size` bytes at the offset are not all inside `bytes`.
   * @throws {TypeError} If `bytes` is not a `Uint8Array`.
   */
  unpackFrom(bytes: Uint8Array, offset = 0): StructValues<Format> {
    return this.#layout.unpackFrom(bytes, offset) as StructValues<Format>;
  }
}

/**
 * What a format says, and how its values are read and written. Values come as a list: `pack` may have got
 * as many arguments as the stack has room for once, and not twice.
 */
class Layout {
  readonly format: string;
  readonly size: number; // in bytes
  readonly #little: boolean;
  readonly #fields: Field[] = [];
  readonly #count: number; // of the values

  constructor(format: string) {
    this.format = format;
    this.#little = isLittleEndian(format);
    let size = 0;
    let count = 0;
    for (const [text, digits, code] of format.slice(1).matchAll(/(\d*)(\D?)/gu)) {
      if (/^[ \t\n\v\f\r]?$/.test(text)) continue;
      if (code === "") throw invalid(format, `the count ${digits} has no code after it`);
      const known = CODECS.get(code!);
      if (known === undefined) throw invalid(format, `"${code}" is not a code`);
      const length = digits === "" ? 1 : Number(digits);
      const [codec, repeat] = typeof known === "function" ? [known(length), 1] : [known, length];
      if (codec !== PAD) {
        this.#fields.push({ codec, offset: size, repeat });
        count += repeat;
      }
      size += codec.size * repeat;
      if (!Number.isSafeInteger(size)) throw invalid(format, "its size is too large");
    }
    this.size = size;
    this.#count = count;
  }

  pack(values: StructValue[]): OwnBytes {
    this.#checkCount(values);
    const bytes = new Uint8Array(this.size);
    this.#write(bytes, 0, values);
    return bytes;
  }

  packInto(bytes: Uint8Array, offset: number, values: StructValue[]): void {
    this.#checkCount(values);
    this.#checkInside("pack", bytes, offset);
    // Values that lie in the same memory would be overwritten before they are written.
    const safe = values.map((value) =>
      isBytes(value) && value.buffer === bytes.buffer ? copy(value, 0, value.length) : value
    );
    bytes.fill(0, offset, offset + this.size);
    this.#write(bytes, offset, safe);
  }

  unpack(bytes: Uint8Array): StructValue[] {
    checkBytes(bytes);
    if (bytes.length === this.size) return this.#read(bytes, 0);
    throw new StructError(
      `Cannot unpack "${this.format}": it needs ${this.size} bytes, not ${bytes.length}`,
    );
  }

  unpackFrom(bytes: Uint8Array, offset: number): StructValue[] {
    this.#checkInside("unpack", bytes, offset);
    return this.#read(bytes, offset);
  }

  #read(bytes: Uint8Array, start: number): StructValue[] {
    const values = new Array<StructValue>(this.#count);
    const little = this.#little;
    let index = 0;
    for (const { codec, offset, repeat } of this.#fields) {
      const at = start + offset;
      if (codec.kind !== 0) {
        readIntegers(codec.kind, values, index, repeat, bytes, at, little);
      } else {
        for (let i = 0; i < repeat; i++) {
          values[index + i] = codec.read(bytes, at + i * codec.size, little);
        }
      }
      index += repeat;
    }
    return values;
  }

  #write(bytes: Uint8Array, start: number, values: StructValue[]) {
    const little = this.#little;
    let index = 0;
    for (const { codec, offset, repeat } of this.#fields) {
      for (let i = 0; i < repeat; i++) {
        const at = start + offset + i * codec.size;
        const value = values[index]!;
        const fits = codec.kind !== 0
          ? writeInteger(codec, bytes, at, little, value)
          : codec.write(bytes, at, little, value);
        if (!fits) throw this.#unfit(value, index, codec);
        index++;
      }
    }
  }

  #unfit(value: StructValue, index: number, { expected }: Codec): StructError {
    const place = `Cannot pack values[${index}] of "${this.format}"`;
    return new StructError(`${place}: ${describe(value)} is not ${expected}`, index);
  }

  #checkCount(values: StructValue[]) {
    if (values.length === this.#count) return;
    const counts = `it needs ${this.#count} values, not ${values.length}`;
    throw new StructError(`Cannot pack "${this.format}": ${counts}`);
  }

  #checkInside(action: string, bytes: Uint8Array, offset: number) {
    checkBytes(bytes);
    if (Number.isInteger(offset) && offset >= 0 && offset + this.size <= bytes.length) return;
    throw new StructError(
      `Cannot ${action} "${this.format}" at offset ${offset}: ` +
        `it needs ${this.size} bytes, and the length is ${bytes.length} bytes`,
    );
  }
}

function checkBytes(bytes: Uint8Array): void {
  if (!isBytes(bytes)) throw new TypeError(`Cannot use ${nameOfType(bytes)}: it is no Uint8Array`);
}

/** The values of one code of a format. */
interface Field {
  codec: Codec;
  /** Where its first value is, in bytes from the start. */
  offset: number;
  /** How many values. */
  repeat: number;
}

/** How the values of one code are read and written. `size` is that of one value, in bytes. */
type Codec = IntegerCodec | OtherCodec;

/** An integer of at most 4 bytes. */
interface IntegerCodec {
  /** The size, below 0 if it is signed. */
  kind: 1 | 2 | 4 | -1 | -2 | -4;
  size: number;
  min: number;
  max: number;
  /** Which values fit, for an error. */
  expected: string;
}

interface OtherCodec {
  kind: 0;
  size: number;
  expected: string;
  read(bytes: Uint8Array, at: number, little: boolean): StructValue;
  /** Returns false if the value does not fit. */
  write(bytes: Uint8Array, at: number, little: boolean, value: StructValue): boolean;
}

const MAX_CACHED = 100; // formats
const MAX_CACHED_LENGTH = 1000; // characters of a format, of which each may take 100 bytes of memory
const cache = new Map<string, Layout>();

function cached(format: string): Layout {
  let layout = cache.get(format);
  if (layout === undefined) {
    layout = new Layout(format);
    if (format.length > MAX_CACHED_LENGTH) return layout;
    if (cache.size === MAX_CACHED) cache.clear();
    cache.set(format, layout);
  }
  return layout;
}

function isLittleEndian(format: string): boolean {
  const first = format.charAt(0);
  if (first === ">" || first === "!") return false;
  if (first === "<") return true;
  if (first === "=") return HOST_BYTE_ORDER === "little";
  throw invalid(format, "it does not start with its byte order: <, >, ! or =");
}

function invalid(format: string, problem: string): StructError {
  return new StructError(`Cannot read the format "${format}": ${problem}`);
}

// One buffer for all floating-point numbers, because creating a view takes many times as long as using
// it. With typed arrays, a format with floats unpacks in four fifths of the time.
const scratch = new DataView(new ArrayBuffer(8));
const words = new Uint32Array(scratch.buffer);
const f64 = new Float64Array(scratch.buffer);
const f32 = new Float32Array(scratch.buffer);
const LOW = HOST_BYTE_ORDER === "little" ? 0 : 1; // which word has the lowest bits

const boolean: OtherCodec = {
  kind: 0,
  size: 1,
  expected: "a boolean",
  read: (bytes, at) => bytes[at] !== 0,
  write(bytes, at, _little, value) {
    if (typeof value !== "boolean") return false;
    bytes[at] = Number(value);
    return true;
  },
};

/** Bytes. Those that are missing are 0. */
function string(size: number): OtherCodec {
  return {
    kind: 0,
    size,
    expected: `a Uint8Array of at most ${size} bytes`,
    read: (bytes, at) => copy(bytes, at, at + size),
    write(bytes, at, _little, value) {
      if (!isBytes(value) || value.length > size) return false;
      bytes.set(value, at);
      return true;
    },
  };
}

const byteString = string(1);
const character: OtherCodec = {
  ...byteString,
  expected: "a Uint8Array of 1 byte",
  write: (bytes, at, little, value) =>
    isBytes(value) && value.length === 1 && byteString.write(bytes, at, little, value),
};

/** Bytes behind their number in one byte. */
function pascalString(size: number): OtherCodec {
  const max = Math.max(0, Math.min(size - 1, 255));
  return {
    kind: 0,
    size,
    expected: `a Uint8Array of at most ${max} bytes`,
    read: (bytes, at) => copy(bytes, at + 1, at + 1 + Math.min(bytes[at]!, size - 1)),
    write(bytes, at, _little, value) {
      if (!isBytes(value) || value.length > max) return false;
      if (size === 0) return true;
      bytes[at] = value.length;
      bytes.set(value, at + 1);
      return true;
    },
  };
}

const half = float(
  2,
  (bytes, at, little) => fromHalf(getUint16(bytes, at, little)),
  (bytes, at, little, value) => {
    const bits = toHalf(value);
    setUint16(bytes, at, bits, little);
    return (bits & 0x7fff) !== 0x7c00 || Math.abs(value) === Infinity;
  },
);

const single = float(
  4,
  (bytes, at, little) => {
    words[0] = getUint32(bytes, at, little);
    return f32[0]!;
  },
  (bytes, at, little, value) => {
    scratch.setFloat32(0, value);
    if (Number.isNaN(value)) scratch.setUint32(0, 0x7fc0_0000);
    setUint32(bytes, at, scratch.getUint32(0), little);
    return Math.abs(Math.fround(value)) !== Infinity || Math.abs(value) === Infinity;
  },
);

const double = float(
  8,
  (bytes, at, little) => {
    words[little ? LOW : 1 - LOW] = getUint32(bytes, at, little);
    words[little ? 1 - LOW : LOW] = getUint32(bytes, at + 4, little);
    return f64[0]!;
  },
  (bytes, at, little, value) => {
    scratch.setFloat64(0, value);
    if (Number.isNaN(value)) scratch.setBigUint64(0, 0x7ff8_0000_0000_0000n);
    setUint32(bytes, at, scratch.getUint32(little ? 4 : 0), little);
    setUint32(bytes, at + 4, scratch.getUint32(little ? 0 : 4), little);
    return true;
  },
);

const PAD = integer(1); // of no value

// A `Map`, because a plain object also has a `constructor`. A count before `s` or `p` is its size.
const CODECS = new Map<string, Codec | ((size: number) => Codec)>([
  ["x", PAD],
  ["?", boolean],
  ["c", character],
  ["s", string],
  ["p", pascalString],
  ["b", integer(-1)],
  ["B", integer(1)],
  ["h", integer(-2)],
  ["H", integer(2)],
  ["i", integer(-4)],
  ["I", integer(4)],
  ["l", integer(-4)],
  ["L", integer(4)],
  ["q", bigInteger(-(2n ** 63n), BigInt.asIntN)],
  ["Q", bigInteger(0n, BigInt.asUintN)],
  ["e", half],
  ["f", single],
  ["d", double],
]);

function integer(kind: IntegerCodec["kind"]): IntegerCodec {
  const size = Math.abs(kind);
  const min = kind < 0 ? -(2 ** (size * 8 - 1)) : 0;
  const max = min + 2 ** (size * 8) - 1;
  return { kind, size, min, max, expected: `an integer from ${min} to ${max}` };
}

/**
 * Reads `count` integers into `values` from `index` on. One loop for each kind is 1.5 to 3 times as
 * fast as a function for each value.
 */
function readIntegers(
  kind: IntegerCodec["kind"],
  values: StructValue[],
  index: number,
  count: number,
  bytes: Uint8Array,
  at: number,
  little: boolean,
): void {
  const end = index + count;
  switch (kind) {
    case 1:
      while (index < end) values[index++] = bytes[at++]!;
      break;
    case -1:
      while (index < end) values[index++] = bytes[at++]! << 24 >> 24;
      break;
    case 2:
      for (; index < end; at += 2) values[index++] = getUint16(bytes, at, little);
      break;
    case -2:
      for (; index < end; at += 2) values[index++] = getUint16(bytes, at, little) << 16 >> 16;
      break;
    case 4:
      for (; index < end; at += 4) values[index++] = getUint32(bytes, at, little);
      break;
    default:
      for (; index < end; at += 4) values[index++] = getUint32(bytes, at, little) | 0;
  }
}

/** Returns false if the value does not fit. */
function writeInteger(
  { size, min, max }: IntegerCodec,
  bytes: Uint8Array,
  at: number,
  little: boolean,
  value: StructValue,
): boolean {
  if (typeof value !== "number" || !(value >= min && value <= max)) return false;
  if (!Number.isInteger(value)) return false;
  if (size === 1) bytes[at] = value;
  else if (size === 2) setUint16(bytes, at, value, little);
  else setUint32(bytes, at, value, little);
  return true;
}

function bigInteger(min: bigint, wrap: typeof BigInt.asIntN): OtherCodec {
  return {
    kind: 0,
    size: 8,
    expected: `a bigint from ${min} to ${min + 2n ** 64n - 1n}`,
    read: (bytes, at, little) => wrap(64, readBigUint64(bytes, at, little ? "little" : "big")),
    write(bytes, at, little, value) {
      if (typeof value !== "bigint" || wrap(64, value) !== value) return false;
      writeBigUint64(bytes, BigInt.asUintN(64, value), at, little ? "little" : "big");
      return true;
    },
  };
}

function float(
  size: number,
  read: (bytes: Uint8Array, at: number, little: boolean) => number,
  write: (bytes: Uint8Array, at: number, little: boolean, value: number) => boolean,
): OtherCodec {
  return {
    kind: 0,
    size,
    expected: `a number that fits ${size} bytes`,
    read,
    write: (bytes, at, little, value) =>
      typeof value === "number" && write(bytes, at, little, value),
  };
}

/** Copies, where `slice` of a Node.js `Buffer` does not. */
function copy(bytes: Uint8Array, start: number, end: number): OwnBytes {
  return new Uint8Array(bytes.subarray(start, end));
}

// DataView has methods for half precision only in newer runtimes.

/** The nearest half-precision number, half to even, as its 16 bits. Infinity if out of range. */
function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65_520) return sign | 0x7c00; // half a step above the largest
  scratch.setFloat64(0, magnitude);
  const exponent = Math.max((scratch.getUint16(0) >>> 4) - 1023, -14); // below: subnormal
  const steps = magnitude / 2 ** (exponent - 10); // exact; an integer for a half-precision number
  const rounded = steps + 2 ** 52 - 2 ** 52; // doubles from 2 ** 52 on have no fraction
  return sign | ((exponent + 14) << 10) + rounded;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = bits >>> 10 & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (fraction + 0x400) * 2 ** (exponent - 25);
}

function describe(value: unknown): string {
  if (isBytes(value)) return `a Uint8Array of ${value.length} bytes`;
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "number" ? String(value) : `a value of type ${nameOfType(value)}`;
}

/**
 * The tuple of a format's values, or a string type that says why the format is not valid.
 *
 * @internal
 */
type ParseFormat<Format extends string> = Record<never, never> extends Record<Format, true>
  ? StructValue[] // not a literal
  : Format extends `${"<" | ">" | "!" | "="}${infer Codes}` ? ParseCodes<Codes, "", []>
  : "A format starts with its byte order: <, >, ! or =";

type ParseCodes<Codes extends string, Count extends string, Values extends StructValue[]> =
  Codes extends `${infer Code}${infer Rest}`
    ? Code extends Digit ? ParseCodes<Rest, `${Count}${Code}`, Values>
    : Code extends "s" | "p" ? ParseCodes<Rest, "", [...Values, OwnBytes]>
    : ValueOf<Code> extends infer Value extends StructValue
      ? ParseCodes<Rest, "", [...Values, ...Repeat<Value, Count, Values>]>
    : Code extends "x" ? ParseCodes<Rest, "", Values>
    : `${Count}${Code}` extends Whitespace ? ParseCodes<Rest, "", Values>
    : `"${Code}" is not a code of a format`
    : Count extends "" ? Values
    : `The count ${Count} has no code after it`;

type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";

type ValueOf<Code extends string> = Code extends "c" ? OwnBytes
  : Code extends "?" ? boolean
  : Code extends "q" | "Q" ? bigint
  : Code extends "b" | "B" | "h" | "H" | "i" | "I" | "l" | "L" | "e" | "f" | "d" ? number
  : null;

type Whitespace = " " | "\t" | "\n" | "\v" | "\f" | "\r";

/** The values of one code with its count, where `Before` are the values of the codes before it. */
type Repeat<Value extends StructValue, Count extends string, Before extends StructValue[]> =
  Count extends "" ? [Value]
    : HasFourDigits<Count | `${Before["length"]}`> extends false ? Times<Value, Count, []>
    : Value[];

type HasFourDigits<Digits extends string> = Digits extends
  `${infer _1}${infer _2}${infer _3}${infer _4}${infer _5}` ? true
  : `${number}` extends Digits ? true
  : false;

type Times<Value extends StructValue, Count extends string, Values extends Value[]> = Count extends
  `${infer Digit extends keyof Repeated<Value>}${infer Rest}`
  ? Times<Value, Rest, [...Tenfold<Values>, ...Repeated<Value>[Digit]]>
  : Values;

interface Repeated<Value> {
  "0": [];
  "1": [Value];
  "2": [Value, Value];
  "3": [Value, Value, Value];
  "4": [Value, Value, Value, Value];
  "5": [Value, Value, Value, Value, Value];
  "6": [Value, Value, Value, Value, Value, Value];
  "7": [Value, Value, Value, Value, Value, Value, Value];
  "8": [Value, Value, Value, Value, Value, Value, Value, Value];
  "9": [Value, Value, Value, Value, Value, Value, Value, Value, Value];
}

type Tenfold<T extends unknown[]> = [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T];
