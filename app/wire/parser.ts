import type { ByteReader } from "./byte_reader.ts";
import { isBytes, nameOfType, type OwnBytes } from "./bytes.ts";
import { type ByteOrder, isLittle } from "./endianness.ts";
import {
  countBytes,
  LengthLimitError,
  MalformedInputError,
  TruncatedInputError,
} from "./errors.ts";
import { calcSize, type StructFormat, type StructValues, unpack } from "./struct.ts";
import { decodeUtf8 } from "./utf8.ts";

const BYTES = "bytes";
const DELIMITER = "a delimiter";
const END = "the end";
const LINE_END = "a line end";
const LINE_FEED = new Uint8Array([0x0a]);
const CARRIAGE_RETURN = 0x0d;
const MAX_VARINT_SIZE = 8; // bytes of 7 bits, for integers up to 2 ** 53 - 1

/**
 * What a parser waits for: `decoder.awaited` is one.
 *
 * @category Parsers
 */
export interface ParserPause {
  /** What it is: the name that the parser has given by `expect`, or such as `"bytes"` or `"a line end"`. */
  readonly what: string;
  /** How many bytes it has, if that is known. */
  readonly length: number | undefined;
  /** How many bytes of it are here. */
  readonly received: number;
}

/**
 * A step of a parser, for `yield*`, which is Python's `yield from`: it waits until what it asks for has
 * arrived, and returns it. A call of a generator function that consists of such steps is a step too, so that
 * a parser can be made of others.
 *
 * @category Parsers
 */
export interface ParserStep<T> {
  /** What `yield*` runs. */
  [Symbol.iterator](): Iterator<ParserPause, T, undefined>;
}

/**
 * A parser describes how one item of a protocol is read, as if all bytes were there.
 *
 * It is a generator function that asks its input for one part after the other, each with `yield*`, and
 * returns the item. Where bytes are missing, it pauses, and goes on there when they have arrived. As soon
 * as a byte of the next item is here, it is called again.
 *
 * What must be remembered between items lives in a variable outside of the parser. The parser must set
 * it itself, because an item may be parsed before the program has seen the one before it.
 *
 * @example A parser that is made of others
 * ```ts
 * import { Decoder, type ParserInput, type ParserStep } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * function* text(bytes: ParserInput): ParserStep<string> {
 *   return yield* bytes.takeText(yield* bytes.takeInteger(1));
 * }
 *
 * function* pair(bytes: ParserInput): ParserStep<[string, string]> {
 *   return [yield* text(bytes), yield* text(bytes)];
 * }
 *
 * const pairs = new Decoder(pair);
 * pairs.push(new TextEncoder().encode("\x05color\x03red"));
 * assertEquals(pairs.take(), ["color", "red"]);
 * ```
 *
 * @category Parsers
 */
export type Parser<T> = (bytes: ParserInput) => ParserStep<T>;

/**
 * How much a step takes that looks for a delimiter or a line end.
 *
 * @category Parsers
 */
export interface DelimiterOptions {
  /** The maximum number of bytes before it. */
  maxLength: number;
  /**
   * Whether the end of the input, or of the part, may stand in its place: what is there then is the result,
   * which may be empty. The default is `false`.
   */
  orEnd?: boolean;
}

/**
 * What a parser reads from. Each method but `expect` is a step: use it with `yield*`.
 *
 * The bytes that a step returns are a view of one chunk, or memory of their own. A step that throws has
 * refused the input. A parser may catch the error to throw one of its own, and must not take anything more.
 *
 * Every step but `takeInteger` and `takeVarint` throws {@linkcode LengthLimitError} for more bytes than the
 * decoder's `maxLength`, before memory is allocated. Every step throws {@linkcode MalformedInputError} for
 * what is not in the part that is being read, and `RangeError` or `TypeError` for arguments that make no
 * sense.
 *
 * @category Parsers
 */
export interface ParserInput {
  /**
   * Takes the next bytes.
   *
   * @param length The number of bytes.
   * @returns The bytes.
   */
  take(length: number): ParserStep<OwnBytes>;

  /**
   * Takes the next bytes as text in UTF-8.
   *
   * @param length The number of bytes, not characters.
   * @param options `fatal`: whether bytes that are not valid are refused. By default they become U+FFFD.
   * It is the option of `TextDecoder`.
   * @returns The text. A byte order mark is kept.
   * @throws {MalformedInputError} With `fatal`, if the bytes are not valid UTF-8.
   */
  takeText(length: number, options?: { fatal?: boolean }): ParserStep<string>;

  /**
   * Takes the next line as text in UTF-8: everything up to a line feed, or a carriage return and a line
   * feed.
   *
   * @param options How many bytes may stand before the line end, whether the end of the input is one, and
   * `fatal` as for `takeText`.
   * @returns The text before the line end. A byte order mark is kept.
   * @throws {LengthLimitError} As soon as more bytes have arrived without a line end.
   * @throws {MalformedInputError} With `fatal`, if they are not valid UTF-8.
   *
   * @example The last line, which need not end
   * ```ts
   * import { Decoder } from "@sockets/guide";
   * import { assertEquals } from "@std/assert";
   *
   * const lines = new Decoder((bytes) => bytes.takeLine({ maxLength: 100, orEnd: true }));
   * lines.push(new TextEncoder().encode("one\ntwo"));
   * assertEquals(lines.take(), "one");
   * lines.end();
   * assertEquals(lines.take(), "two");
   * ```
   */
  takeLine(options: DelimiterOptions & { fatal?: boolean }): ParserStep<string>;

  /**
   * Takes the next bytes up to a delimiter. The delimiter is taken too, and not returned.
   *
   * @param delimiter One byte, or several.
   * @param options How many bytes may stand before it, and whether the end of the input is one.
   * @returns The bytes before it.
   * @throws {LengthLimitError} As soon as more bytes have arrived without the delimiter.
   */
  takeUntil(delimiter: number | Uint8Array, options: DelimiterOptions): ParserStep<OwnBytes>;

  /**
   * Takes the next text in UTF-8 up to a delimiter. The delimiter is taken too, and not returned. For text it
   * is several times as fast as `takeUntil`.
   *
   * @param delimiter A text, such as `": "`.
   * @param options How many bytes may stand before it, whether the end of the input is one, and `fatal` as
   * for `takeText`.
   * @returns The text before it. A byte order mark is kept.
   * @throws {LengthLimitError} As soon as more bytes have arrived without the delimiter.
   * @throws {MalformedInputError} With `fatal`, if the text is not valid UTF-8.
   *
   * @example The fields of a header
   * ```ts
   * import { Decoder } from "@sockets/guide";
   * import { assertEquals } from "@std/assert";
   *
   * const fields = new Decoder(function* (bytes) {
   *   const name = yield* bytes.takeTextUntil(": ", { maxLength: 100 });
   *   return [name, yield* bytes.takeLine({ maxLength: 1000 })];
   * });
   * fields.push(new TextEncoder().encode("Host: example.com\r\n"));
   * assertEquals(fields.take(), ["Host", "example.com"]);
   * ```
   */
  takeTextUntil(
    delimiter: string,
    options: DelimiterOptions & { fatal?: boolean },
  ): ParserStep<string>;

  /**
   * Takes all bytes until the input ends, or the part. There may be none.
   *
   * @param options `maxLength`: the maximum number of them.
   * @returns The bytes.
   * @throws {LengthLimitError} As soon as more bytes have arrived.
   *
   * @example A name, and then everything that the peer sends until it half-closes
   * ```ts
   * import { Decoder } from "@sockets/guide";
   * import { assertEquals } from "@std/assert";
   *
   * const files = new Decoder(function* (bytes) {
   *   const name = yield* bytes.takeLine({ maxLength: 255 });
   *   return { name, content: yield* bytes.takeToEnd({ maxLength: 1024 ** 2 }) };
   * });
   * files.push(new TextEncoder().encode("a.txt\nHello"));
   * files.end();
   * assertEquals(files.take(), { name: "a.txt", content: new TextEncoder().encode("Hello") });
   * ```
   */
  takeToEnd(options: { maxLength: number }): ParserStep<OwnBytes>;

  /**
   * Takes the next bytes as an unsigned integer.
   *
   * @param size The number of bytes: 1, 2, 3 or 4. For 8 bytes or a sign, see `takeStruct`.
   * @param byteOrder The order of the bytes. The default is `"big"`, network byte order.
   * @returns The integer.
   */
  takeInteger(size: 1 | 2 | 3 | 4, byteOrder?: ByteOrder): ParserStep<number>;

  /**
   * Takes the next bytes as the values of a format, as {@linkcode unpack} does.
   *
   * @param format The format, such as `">BI"`: a byte and an unsigned 32-bit integer, big-endian.
   * @returns The values, typed after the format.
   * @throws {StructError} If the format is not known.
   */
  takeStruct<Format extends string>(
    format: StructFormat<Format>,
  ): ParserStep<StructValues<Format>>;

  /**
   * Takes an unsigned integer of variable length (LEB128), as Minecraft, Protocol Buffers and MQTT use
   * it: 7 bits in each byte, the lowest first. The highest bit says that more bytes follow. An integer
   * with more bytes than it needs is accepted.
   *
   * @param options `maxSize`: the maximum number of bytes, 1 to 8. The default is 8; MQTT allows 4.
   * @returns The integer.
   * @throws {MalformedInputError} If it has more bytes, or is above `Number.MAX_SAFE_INTEGER`.
   */
  takeVarint(options?: { maxSize?: number }): ParserStep<number>;

  /**
   * Takes the next bytes as a part with a parser of its own, which must use exactly these bytes.
   *
   * Declare that parser once: one that is created anew for every item costs ten times as much.
   *
   * @param length The number of bytes of the part.
   * @param parser How the part is read. It gets the bytes of the part and no others.
   * @returns What the parser returns.
   * @throws {MalformedInputError} If the parser asks for more bytes than the part has, or leaves some.
   *
   * @example A body with a text and a payload
   * ```ts
   * import { Decoder, type ParserPart, type ParserStep } from "@sockets/guide";
   * import { assertEquals } from "@std/assert";
   *
   * function* message(body: ParserPart): ParserStep<{ topic: string; payload: Uint8Array }> {
   *   const topic = yield* body.takeText(yield* body.takeInteger(1));
   *   return { topic, payload: yield* body.take(body.left) };
   * }
   *
   * const packets = new Decoder(function* (bytes) {
   *   return yield* bytes.takePart(yield* bytes.takeInteger(1), message);
   * });
   * packets.push(new Uint8Array([4, 2, 0x61, 0x62, 42]));
   * assertEquals(packets.take(), { topic: "ab", payload: new Uint8Array([42]) });
   * ```
   */
  takePart<T>(length: number, parser: (part: ParserPart) => ParserStep<T>): ParserStep<T>;

  /**
   * Names what comes next, up to the next call or the end of the item, for the decoder's `awaited` and for
   * errors. It takes nothing, and needs no `yield*`.
   *
   * @param name The name, such as `"header"`.
   */
  expect(name: string): void;
}

/**
 * What the parser of a part reads from.
 *
 * @category Parsers
 */
export interface ParserPart extends ParserInput {
  /** The number of bytes of the part that are not taken yet. */
  readonly left: number;
}

/** The steps of a parser over what has arrived, and what of that may be taken. Internal. */
export class ReaderInput implements ParserPart {
  readonly #reader: ByteReader;
  readonly #maxLength: number;
  #end: number | undefined; // of the part that is being read: a position in the input
  #name: string | undefined;
  #isForgotten = false; // a step that must wait, or a part, as no `yield*` has begun with it
  /** The error for input that has ended, once a step has thrown it. */
  truncation: TruncatedInputError | undefined;

  constructor(reader: ByteReader, maxLength: number) {
    this.#reader = reader;
    this.#maxLength = maxLength;
  }

  get left(): number {
    return this.#end === undefined ? Infinity : this.#end - this.#reader.position;
  }

  /** Begins with the next item. */
  begin(): void {
    this.#name = undefined;
  }

  expect(name: string): void {
    this.#name = name;
  }

  take(length: number): ParserStep<OwnBytes> {
    this.#check(length);
    if (this.#reader.ensure(length)) return new DoneStep(this.#reader.take(length));
    return this.#waitFor(length, this.take, length);
  }

  takeText(length: number, options?: { fatal?: boolean }): ParserStep<string> {
    this.#check(length);
    if (!this.#reader.ensure(length)) return this.#waitFor(length, this.takeText, length, options);
    return new DoneStep(this.#takeText(length, 0, options?.fatal));
  }

  takeInteger(size: 1 | 2 | 3 | 4, byteOrder: ByteOrder = "big"): ParserStep<number> {
    if (size !== 1 && size !== 2 && size !== 3 && size !== 4) {
      throw new RangeError(
        `Cannot take an integer of ${countBytes(size)}: it is not 1, 2, 3 or 4`,
      );
    }
    const little = isLittle(byteOrder);
    this.#checkLeft(size);
    if (this.#reader.ensure(size)) return new DoneStep(this.#reader.takeInteger(size, little));
    return this.#waitFor(size, this.takeInteger, size, byteOrder);
  }

  takeStruct<Format extends string>(
    format: StructFormat<Format>,
  ): ParserStep<StructValues<Format>> {
    const size = calcSize(format);
    this.#check(size);
    if (this.#reader.ensure(size)) return new DoneStep(unpack(format, this.#reader.take(size)));
    return this.#waitFor(size, this.takeStruct<Format>, format);
  }

  takeLine(options: DelimiterOptions & { fatal?: boolean }): ParserStep<string> {
    const limit = this.#limit(options.maxLength);
    const line = this.#takeLine(limit, options.orEnd, options.fatal);
    return line === undefined
      ? this.#waitFor(LINE_END, this.takeLine, options)
      : new DoneStep(line);
  }

  #takeLine(limit: number, orEnd?: boolean, fatal?: boolean): string | undefined {
    const reader = this.#reader;
    let length = reader.findText("\n");
    if (length < 0 || length > limit || length >= this.left) {
      length = this.#find(LINE_FEED, limit, orEnd, LINE_END, 1);
      if (length < 0) return undefined;
      if (length >= this.#rest) return this.#takeText(length, 0, fatal);
    }
    const isCrlf = length > 0 && reader.bytes[reader.start + length - 1] === CARRIAGE_RETURN;
    if (isCrlf) return this.#takeText(length - 1, 2, fatal);
    if (length > limit) throw this.#tooLong(limit, LINE_END);
    return this.#takeText(length, 1, fatal);
  }

  takeUntil(delimiter: number | Uint8Array, options: DelimiterOptions): ParserStep<OwnBytes> {
    const limit = this.#limit(options.maxLength);
    const bytes = bytesOf(delimiter);
    const length = this.#find(bytes, limit, options.orEnd, DELIMITER);
    if (length < 0) return this.#waitFor(DELIMITER, this.takeUntil, delimiter, options);
    const isAtEnd = length >= this.#rest;
    const taken = this.#reader.take(length);
    if (!isAtEnd) this.#reader.skip(bytes.length);
    return new DoneStep(taken);
  }

  takeTextUntil(
    delimiter: string,
    options: DelimiterOptions & { fatal?: boolean },
  ): ParserStep<string> {
    const limit = this.#limit(options.maxLength);
    const bytes = encodeDelimiter(delimiter);
    const isAscii = bytes.length === delimiter.length;
    let length = isAscii ? this.#reader.findText(delimiter) : -1;
    if (length < 0 || length > limit || length + bytes.length > this.left) {
      length = this.#find(bytes, limit, options.orEnd, DELIMITER);
      if (length < 0) return this.#waitFor(DELIMITER, this.takeTextUntil, delimiter, options);
    }
    const isAtEnd = length >= this.#rest;
    return new DoneStep(this.#takeText(length, isAtEnd ? 0 : bytes.length, options.fatal));
  }

  /** Takes text that is here, and passes over the delimiter behind it. */
  #takeText(length: number, more: number, fatal: boolean | undefined): string {
    const text = this.#reader.takeText(length, more, fatal);
    if (text !== undefined) return text;
    throw new MalformedInputError(`Cannot accept ${this.#name ?? "text"}: it is not valid UTF-8`);
  }

  takeToEnd(options: { maxLength: number }): ParserStep<OwnBytes> {
    const limit = this.#limit(options.maxLength);
    if (this.#end !== undefined) {
      if (this.left > limit) throw new LengthLimitError(this.left, limit, this.#name);
      return this.take(this.left);
    }
    const { length, hasEnded } = this.#reader;
    if (length > limit) throw this.#tooLong(limit, END);
    // Until the input ends, more may come: so a byte above the limit is asked for, which is never here.
    const isHere = this.#reader.ensure(hasEnded ? length : limit + 1);
    return isHere
      ? new DoneStep(this.#reader.take(length))
      : this.#waitFor(END, this.takeToEnd, options);
  }

  takeVarint(options: { maxSize?: number } = {}): ParserStep<number> {
    const { maxSize = MAX_VARINT_SIZE } = options;
    if (!Number.isInteger(maxSize) || maxSize < 1 || maxSize > MAX_VARINT_SIZE) {
      throw new RangeError(
        `Cannot use maxSize ${maxSize}: it is not an integer from 1 to ${MAX_VARINT_SIZE}`,
      );
    }
    const integer = this.#takeVarint(maxSize);
    return integer === undefined
      ? this.#waitFor("the rest of a varint", this.takeVarint, options)
      : new DoneStep(integer);
  }

  #takeVarint(maxSize: number): number | undefined {
    const reader = this.#reader;
    let value = 0;
    for (let size = 1; size <= maxSize; size++) {
      this.#checkLeft(size);
      if (!reader.ensure(size)) return undefined;
      const byte = reader.bytes[reader.start + size - 1]!;
      value += (byte & 0x7f) * 2 ** (7 * (size - 1));
      if (byte > 0x7f) continue;
      reader.skip(size);
      if (Number.isSafeInteger(value)) return value;
      throw new MalformedInputError("Cannot accept varint: it is above Number.MAX_SAFE_INTEGER");
    }
    throw new MalformedInputError(`Cannot accept varint: it has more than ${countBytes(maxSize)}`);
  }

  takePart<T>(length: number, parser: (part: ParserPart) => ParserStep<T>): ParserStep<T> {
    this.#check(length);
    this.checkSteps();
    this.#isForgotten = true; // until it begins: without `yield*` it would take nothing
    return this.#takePart(length, parser);
  }

  *#takePart<T>(
    length: number,
    parser: (part: ParserPart) => ParserStep<T>,
  ): Generator<ParserPause, T, undefined> {
    this.#isForgotten = false;
    const outer = this.#end;
    this.#end = this.#reader.position + length;
    try {
      const item = yield* parser(this);
      if (this.left === 0) return item;
      throw new MalformedInputError(
        `Cannot accept part: ${this.left} of its ${countBytes(length)} are left over`,
      );
    } finally {
      this.#end = outer; // also after an error, which the parser around this one may catch
    }
  }

  /**
   * Finds where a delimiter begins, or where the input or the part ends if `orEnd` allows that.
   *
   * What is too long is refused by what is here up to its first byte too many. So the error does not depend
   * on how the bytes were cut.
   *
   * @param slack How many bytes before the delimiter may belong to it: a carriage return.
   * @returns How many bytes lie before it, or -1 if it is not here.
   */
  #find(
    delimiter: Uint8Array,
    limit: number,
    orEnd: boolean | undefined,
    what: string,
    slack = 0,
  ): number {
    const reader = this.#reader;
    const most = this.#room(limit + slack + delimiter.length);
    const length = reader.find(delimiter, most);
    if (length >= 0) return length;
    const { searched } = reader;
    if (orEnd && this.#hasEnd) {
      const rest = this.#rest;
      if (rest > limit) throw this.#tooLong(limit, what);
      reader.ensure(rest);
      return rest;
    }
    const isTooLong = searched > limit + slack ||
      (searched > limit && reader.bytes[reader.start + limit] !== CARRIAGE_RETURN);
    const room = most - delimiter.length;
    if (isTooLong && (orEnd || room >= limit)) throw this.#tooLong(limit, what);
    if (!orEnd && searched > room) {
      throw new MalformedInputError(
        `Cannot accept part: it ends before ${what} that belongs to it`,
      );
    }
    return -1;
  }

  /** How many bytes are left of the part, or are here of the input. */
  get #rest(): number {
    return this.#end === undefined ? this.#reader.length : this.left;
  }

  /** Whether all bytes up to the end of the part or the input are here. */
  get #hasEnd(): boolean {
    return this.#end === undefined ? this.#reader.hasEnded : this.#reader.length >= this.left;
  }

  /** How many of so many bytes the part may still have. */
  #room(length: number): number {
    if (this.#end === undefined) return length;
    const left = this.#end - this.#reader.position;
    return left < length ? left : length;
  }

  #limit(maxLength: number): number {
    if (typeof maxLength !== "number" || !(maxLength >= 0)) {
      throw new RangeError(`Cannot use maxLength ${maxLength}: it is not a number of 0 or more`);
    }
    // Not by Math.min, which would make floating-point numbers of all that is computed from it.
    return maxLength < this.#maxLength ? maxLength : this.#maxLength;
  }

  #check(length: number) {
    if (!Number.isInteger(length) || length < 0) {
      const hint = typeof length === "object" ? ", but a step that needs yield*" : "";
      throw new RangeError(`Cannot take ${length} bytes: it is not an integer of 0 or more${hint}`);
    }
    this.#checkLeft(length);
    if (length > this.#maxLength) {
      throw new LengthLimitError(length, this.#maxLength, this.#name);
    }
  }

  #tooLong(limit: number, end: string): LengthLimitError {
    return new LengthLimitError(limit + 1, limit, `${this.#name ?? "part"} without ${end}`);
  }

  #checkLeft(length: number) {
    if (this.#end === undefined || length <= this.left) return;
    throw new MalformedInputError(
      `Cannot accept part: it ends before ${countBytes(length)} that belong to it`,
    );
  }

  /** Makes a step wait, because what it asks for is not here yet. */
  #waitFor<Args extends unknown[], T>(
    awaited: string | number,
    step: (...args: Args) => ParserStep<T>,
    ...args: Args
  ): ParserStep<T> {
    this.checkSteps();
    this.#isForgotten = true;
    return this.#tryAgain(awaited, step, ...args);
  }

  /** Tries a step again, each time that more may have arrived. */
  *#tryAgain<Args extends unknown[], T>(
    awaited: string | number,
    step: (...args: Args) => ParserStep<T>,
    ...args: Args
  ): Generator<ParserPause, T, undefined> {
    while (true) {
      this.#isForgotten = false;
      yield this.#pause(awaited);
      const again = step.apply(this, args);
      if (again instanceof DoneStep) return again.value;
    }
  }

  /** Throws if a step was not waited for, which would go unnoticed where its bytes are here already. */
  checkSteps(): void {
    if (this.#isForgotten) throw new TypeError("A step of a parser was called without yield*");
  }

  /**
   * Returns the pause of a step that waits.
   *
   * @param what What it waits for, or how many bytes.
   * @throws {TruncatedInputError} If no more will come.
   */
  #pause(what: string | number): ParserPause {
    const pause = new Pause(this.#name, what, this.#reader.length);
    if (!this.#reader.hasEnded) return pause;
    throw this.truncation = new TruncatedInputError(pause.expected, pause.received);
  }
}

/** A pause that a step has made, and not a parser that says `yield` for `yield*`. Internal. */
export class Pause implements ParserPause {
  readonly what: string;
  readonly length: number | undefined;
  readonly received: number;

  constructor(name: string | undefined, what: string | number, received: number) {
    this.what = name ?? (typeof what === "number" ? BYTES : what);
    this.length = typeof what === "number" ? what : undefined;
    this.received = received;
  }

  /** The same in words, for an error. */
  get expected(): string {
    if (this.length === undefined) return this.what;
    return (this.what === BYTES ? "" : `${this.what} of `) + countBytes(this.length);
  }
}

/** A step that need not wait, with its result. A generator would cost as much as all the rest. */
class DoneStep<T> implements ParserStep<T>, IteratorReturnResult<T> {
  readonly done = true;
  readonly value: T;

  constructor(value: T) {
    this.value = value;
  }

  [Symbol.iterator](): Iterator<ParserPause, T, undefined> {
    return this;
  }

  next(): IteratorReturnResult<T> {
    return this;
  }
}

const singleBytes: Uint8Array[] = []; // by their value: a parser asks for the same ones again and again

function bytesOf(delimiter: number | Uint8Array): Uint8Array {
  if (typeof delimiter === "number") {
    if (!Number.isInteger(delimiter) || delimiter < 0 || delimiter > 0xff) {
      throw new RangeError(`Cannot use ${delimiter} as a delimiter: it is not a byte`);
    }
    return singleBytes[delimiter] ??= new Uint8Array([delimiter]);
  }
  if (!isBytes(delimiter)) {
    throw new TypeError(`Cannot use a ${nameOfType(delimiter)} as a delimiter`);
  }
  if (delimiter.length === 0) throw new RangeError("Cannot use a delimiter of no bytes");
  return delimiter;
}

const encoder = new TextEncoder();
const MAX_ENCODED = 100;
const encoded = new Map<string, Uint8Array>();

/** A parser asks for the same few delimiters again and again; to encode one takes longer than to use it. */
function encodeDelimiter(delimiter: string): Uint8Array {
  let bytes = encoded.get(delimiter);
  if (bytes !== undefined) return bytes;
  if (typeof delimiter !== "string") {
    throw new TypeError(`Cannot use a ${nameOfType(delimiter)} as a text to look for`);
  }
  bytes = encoder.encode(delimiter);
  if (bytes.length === 0 || decodeUtf8(bytes) !== delimiter) {
    throw new RangeError("Cannot use a delimiter that is empty or has a lone surrogate");
  }
  if (encoded.size === MAX_ENCODED) encoded.clear();
  encoded.set(delimiter, bytes);
  return bytes;
}
