import { ByteReader } from "./byte_reader.ts";
import type { OwnBytes } from "./bytes.ts";
import { Delimiter } from "./delimiter.ts";
import { type ByteOrder, isLittle } from "./endianness.ts";
import { FrameTooLargeError, InvalidFrameError } from "./framing.ts";
import { ReadAhead } from "./read_ahead.ts";
import { type ByteStream, createPair, decodeStream, type ItemStream } from "./streams.ts";
import { calcSize, type StructFormat, type StructValues, unpack } from "./struct.ts";

const DEFAULT_MAX_LENGTH = 8 * 1024 * 1024; // bytes
const DELIMITER = "a delimiter";
const LINE_END = "a line end";
const MAX_VARINT_SIZE = 8; // bytes of 7 bits, for integers up to 2 ** 53 - 1

/**
 * A pause of a parser, with what it waits for. A decoder names that when the input ends there.
 *
 * @category Parsers
 */
export interface ParserPause {
  /** The name, such as `"4 bytes"` or `"a line end"`. */
  readonly what: string;
}

/**
 * A step of a parser, for `yield*`: it waits until what it asks for has arrived, and returns it. A call of
 * a generator function that consists of such steps is a step too, so that a parser can be made of others.
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
 * Which parts of the input a decoder refuses, and whether it copies.
 *
 * @category Parsers
 */
export interface DecoderOptions {
  /**
   * The maximum number of bytes that a parser may `take`, also as text or up to a delimiter, in one step.
   * The default is 8 MiB (8,388,608 bytes). It is checked before memory is allocated.
   */
  maxLength?: number;
  /**
   * Whether every chunk is copied as it is pushed. The default is `false`: bytes that lie inside one
   * chunk are a view of that chunk, and change when the chunk is overwritten. Set it to `true` if you
   * read into the same buffer again and again and keep bytes meanwhile. A parser keeps them too if it
   * takes bytes and then waits for more. Texts and numbers need no copy.
   */
  copy?: boolean;
}

/**
 * The error for input that ended inside an item.
 *
 * @example Usage
 * ```ts
 * import { Decoder, TruncatedInputError } from "@sockets/guide";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new Decoder((bytes) => bytes.take(4));
 * decoder.push(new Uint8Array([1, 2, 3]));
 * const error = assertThrows(() => decoder.end(), TruncatedInputError);
 * assertEquals([error.expected, error.received], ["4 bytes", 3]);
 * ```
 *
 * @category Parsers
 */
export class TruncatedInputError extends Error {
  /** The name of the class. */
  override readonly name: "TruncatedInputError" = "TruncatedInputError" as const;
  /** Identifies this error without `instanceof`. */
  readonly code: "TRUNCATED_INPUT" = "TRUNCATED_INPUT" as const;
  /** What the parser was waiting for, such as `"4 bytes"` or `"a line end"`. */
  readonly expected: string;
  /** The number of bytes that arrived of that. */
  readonly received: number;

  /**
   * Creates the error.
   *
   * @param expected What the parser was waiting for.
   * @param received The number of bytes that arrived of that.
   */
  constructor(expected: string, received: number) {
    super(`Input ended too early: expected ${expected}, received ${countBytes(received)}`);
    this.expected = expected;
    this.received = received;
  }
}

/**
 * What a parser reads from. Each method is a step: use it with `yield*`.
 *
 * A step that throws has refused the input. A parser may catch the error to throw one of its own, and must
 * not take anything more.
 *
 * @category Parsers
 */
export interface ParserInput {
  /**
   * Takes the next bytes.
   *
   * @param length The number of bytes.
   * @returns The bytes. They may be a view of a chunk: see the option `copy` of the decoder.
   * @throws {FrameTooLargeError} If there are more than the decoder's `maxLength`.
   * @throws {RangeError} If the length is not an integer of 0 or more.
   */
  take(length: number): ParserStep<Uint8Array>;

  /**
   * Takes the next bytes as text in UTF-8.
   *
   * @param length The number of bytes, not characters.
   * @param options `fatal`: whether bytes that are not valid are refused. By default they become U+FFFD.
   * It is the option of `TextDecoder`.
   * @returns The text. A byte order mark is kept.
   * @throws {FrameTooLargeError} If there are more bytes than the decoder's `maxLength`.
   * @throws {RangeError} If the length is not an integer of 0 or more.
   * @throws {TypeError} With `fatal`, if the bytes are not valid UTF-8.
   */
  takeText(length: number, options?: { fatal?: boolean }): ParserStep<string>;

  /**
   * Takes the next line as text in UTF-8: everything up to a line feed, or a carriage return and a line
   * feed. Bytes that are not valid become U+FFFD, as with `TextDecoder`.
   *
   * @param options `maxLength`: the maximum number of bytes before the line end.
   * @returns The text before the line end. A byte order mark is kept.
   * @throws {FrameTooLargeError} As soon as more bytes have arrived without a line end.
   * @throws {RangeError} If `maxLength` is not a number of 0 or more.
   */
  takeLine(options: { maxLength: number }): ParserStep<string>;

  /**
   * Takes the next bytes up to a delimiter. The delimiter is taken too, and not returned.
   *
   * @param delimiter One byte, or several.
   * @param options `maxLength`: the maximum number of bytes before the delimiter.
   * @returns The bytes before it. They may be a view of a chunk.
   * @throws {FrameTooLargeError} As soon as more bytes have arrived without the delimiter.
   * @throws {RangeError} If the delimiter has no bytes or is not a byte, or `maxLength` is not a number
   * of 0 or more.
   * @throws {TypeError} If the delimiter is neither a number nor bytes.
   */
  takeUntil(
    delimiter: number | Uint8Array,
    options: { maxLength: number },
  ): ParserStep<Uint8Array>;

  /**
   * Takes the next bytes as an unsigned integer.
   *
   * @param size The number of bytes: 1, 2, 3 or 4. For 8 bytes or a sign, see `takeStruct`.
   * @param byteOrder The order of the bytes. The default is `"big"`, network byte order.
   * @returns The integer.
   * @throws {RangeError} If the size is another number, or the byte order neither `"big"` nor `"little"`.
   */
  takeInteger(size: 1 | 2 | 3 | 4, byteOrder?: ByteOrder): ParserStep<number>;

  /**
   * Takes the next bytes as the values of a format, as {@linkcode unpack} does.
   *
   * @param format The format, such as `">BI"`: a byte and an unsigned 32-bit integer, big-endian.
   * @returns The values, typed after the format.
   * @throws {FrameTooLargeError} If it has more bytes than the decoder's `maxLength`.
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
   * @throws {InvalidFrameError} If it has more bytes, or is above `Number.MAX_SAFE_INTEGER`.
   * @throws {RangeError} If `maxSize` is not an integer from 1 to 8.
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
   * @throws {InvalidFrameError} If the parser asks for more bytes than the part has, or leaves some.
   * @throws {FrameTooLargeError} If there are more bytes than the decoder's `maxLength`.
   * @throws {RangeError} If the length is not an integer of 0 or more.
   * @throws Whatever the parser throws.
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
}

/**
 * What the parser of a part reads from. A step that asks for more bytes than are left throws
 * {@linkcode InvalidFrameError}.
 *
 * @category Parsers
 */
export interface ParserPart extends ParserInput {
  /** The number of bytes of the part that are not taken yet. */
  readonly left: number;
}

/**
 * Finds the items of any protocol in bytes that arrive in chunks of any size, by a {@linkcode Parser}.
 *
 * Push each chunk as it arrives, take the items with {@linkcode Decoder.take | take} or a `for` loop, and
 * call {@linkcode Decoder.end | end} after the last chunk. How the bytes were cut into chunks changes
 * nothing.
 *
 * To refuse input, throw an error in the parser. Errors are final: the items before the bad one are
 * delivered, then every call throws the same error.
 *
 * @example Lines
 * ```ts
 * import { Decoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const lines = new Decoder((bytes) => bytes.takeLine({ maxLength: 8192 }));
 * lines.push(new TextEncoder().encode("one\ntwo\nthr"));
 * assertEquals([...lines], ["one", "two"]);
 * assertEquals(lines.bufferedLength, 3);
 * ```
 *
 * @example Frames with a type before the length
 * ```ts
 * import { Decoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const frames = new Decoder(function* (bytes) {
 *   const [type, length] = yield* bytes.takeStruct(">BI");
 *   return { type, payload: yield* bytes.take(length) };
 * }, { maxLength: 1024 });
 * frames.push(new Uint8Array([7, 0, 0, 0, 1, 42]));
 * assertEquals(frames.take(), { type: 7, payload: new Uint8Array([42]) });
 * ```
 *
 * @category Parsers
 */
export class Decoder<T extends NonNullable<unknown> | null> {
  readonly #parser: Parser<T>;
  readonly #reader: ByteReader;
  readonly #input: ParserInput;
  #item: Iterator<ParserPause, T, undefined> | undefined; // that has begun
  #expected = ""; // by that item
  #start = 0; // of that item, or of the next one: its position in the input
  readonly #ahead = new ReadAhead<T>();
  #failure: { error: unknown } | undefined;

  /**
   * Creates a decoder for one stream of bytes.
   *
   * @param parser How an item is read. It must take at least one byte, and not return `undefined`.
   * @param options Which parts are refused, and whether chunks are copied.
   * @throws {RangeError} If `maxLength` is not an integer of 0 or more.
   */
  constructor(parser: Parser<T>, options: DecoderOptions = {}) {
    const { maxLength = DEFAULT_MAX_LENGTH, copy = false } = options;
    if (!Number.isSafeInteger(maxLength) || maxLength < 0) {
      throw new RangeError(`Cannot use maxLength ${maxLength}: it is not an integer of 0 or more`);
    }
    this.#parser = parser;
    this.#reader = new ByteReader({ copy });
    this.#input = new ReaderInput(this.#reader, maxLength);
  }

  /** The number of bytes that were pushed and belong to no delivered item. After an error, the rest is dropped. */
  get bufferedLength(): number {
    return this.#ahead.length + this.#leftLength;
  }

  /**
   * Adds bytes that have arrived.
   *
   * @param chunk The bytes. An empty chunk is ignored.
   * @throws {TypeError} If the chunk is not a `Uint8Array`, or comes after `end`.
   * @throws The error that `take` or `end` has thrown before.
   */
  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#ahead.checkOpen();
    this.#reader.push(chunk);
  }

  /**
   * Takes the next item.
   *
   * @returns The item, or `undefined` until it is complete.
   * @throws Whatever the parser throws. Every later call throws it again.
   */
  take(): T | undefined {
    return this.#ahead.isEmpty ? this.#parse() : this.#ahead.take();
  }

  /**
   * Takes the items that are complete, one by one.
   *
   * @returns An iterator that is done when no more are complete, and can be asked for again later.
   * @throws As {@linkcode Decoder.take | take}.
   */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let item; (item = this.take()) !== undefined;) yield item;
  }

  /**
   * Takes all bytes that no item has used, such as what follows a handshake on the same connection.
   * Call it when `take` has returned the last item that you want.
   *
   * @returns The bytes. They may be a view of a chunk.
   * @throws {TypeError} If the next item has begun, because `take` was called once more.
   * @throws The error that `take` or `end` has thrown before.
   */
  takeRest(): Uint8Array {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#item || !this.#ahead.isEmpty) {
      throw new TypeError("Cannot take the rest: the next item has begun");
    }
    const rest = this.#reader.take(this.#reader.bufferedLength)!;
    this.#start = this.#reader.position;
    return rest;
  }

  /**
   * Marks the end of the input. Items not yet taken can still be taken afterwards.
   *
   * If an item has begun, the error is thrown inside its parser, at the `yield*` that waits. A parser
   * may catch it there to throw one of its own. What it returns then is ignored.
   *
   * @throws {TruncatedInputError} If the input ends inside an item.
   * @throws Whatever the parser throws for one of the items not yet taken.
   */
  end(): void {
    this.#ahead.fill(() => this.#parse(), () => this.#leftLength);
    if (this.#item) this.#truncate(this.#item);
  }

  get #leftLength(): number {
    return this.#reader.position - this.#start + this.#reader.bufferedLength;
  }

  #parse(): T | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      if (this.#item === undefined) {
        if (this.#reader.isEmpty) return undefined;
        const step = this.#parser(this.#input);
        // Lines take 1.5 times as long without this: the iterators of many parsers cannot be inlined.
        if (step instanceof Taken) return this.#finish(step.value);
        this.#item = step[Symbol.iterator]();
      }
      return this.#resume(this.#item);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #resume(item: Iterator<ParserPause, T, undefined>): T | undefined {
    const { done, value } = item.next();
    if (done) return this.#finish(value);
    if (!(value instanceof Pause)) throw new TypeError("A parser must use yield*, not yield");
    this.#expected = value.what;
    return undefined;
  }

  #finish(item: T): T {
    this.#item = undefined;
    const { position } = this.#reader;
    if (position === this.#start) throw new TypeError("A parser must take at least one byte");
    if (item === undefined) throw new TypeError("A parser must return an item");
    this.#start = position;
    return item;
  }

  #truncate(item: Iterator<ParserPause, T, undefined>): never {
    const error = new TruncatedInputError(this.#expected, this.#reader.bufferedLength);
    try {
      item.throw?.(error);
    } catch (own) {
      throw this.#fail(own);
    }
    throw this.#fail(error);
  }

  #fail(error: unknown): unknown {
    this.#failure = { error };
    this.#item = undefined;
    this.#reader.clear();
    this.#start = this.#reader.position;
    return error;
  }
}

/**
 * A stream from chunks of bytes to the items of a parser, for `pipeThrough`.
 *
 * When the parser throws, or the bytes end inside an item, both sides error. The items before can
 * still be read. A plain `TransformStream` would drop them.
 *
 * A pipe reads ahead. When the peer half-closes, Deno closes the connection although items still wait, and
 * then nobody can answer them. To answer, read with `conn.read` and push into a {@linkcode Decoder}.
 *
 * @example Usage
 * ```ts
 * import { DecoderStream } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const numbers = ReadableStream.from([new Uint8Array([0, 1, 0]), new Uint8Array([2])])
 *   .pipeThrough(new DecoderStream((bytes) => bytes.takeInteger(2)));
 * assertEquals(await Array.fromAsync(numbers), [1, 2]);
 * ```
 *
 * @category Parsers
 */
export class DecoderStream<T extends NonNullable<unknown> | null>
  implements TransformStream<Uint8Array, T> {
  /** The items. */
  readonly readable: ItemStream<T>;
  /** Takes the bytes. */
  readonly writable: WritableStream<Uint8Array>;

  /**
   * Creates the stream.
   *
   * @param parser How an item is read, as for {@linkcode Decoder}.
   * @param options As for {@linkcode Decoder}.
   */
  constructor(parser: Parser<T>, options: DecoderOptions = {}) {
    const { readable, writable } = createPair(new Decoder(parser, options));
    this.readable = readable;
    this.writable = writable;
  }
}

/**
 * Reads the items of a stream of bytes, such as the `readable` of a connection.
 *
 * Every good item is delivered before an error is thrown. Leaving the loop early, or an error, cancels
 * the stream.
 *
 * @param readable The stream.
 * @param parser How an item is read, as for {@linkcode Decoder}.
 * @param options As for {@linkcode Decoder}.
 * @returns The items, in order.
 * @throws {TruncatedInputError} If the stream ends inside an item.
 * @throws Whatever the parser throws.
 *
 * @example Usage
 * ```ts
 * import { readItems } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const stream = ReadableStream.from([new Uint8Array([1, 65, 2, 66]), new Uint8Array([67])]);
 * const items = readItems(stream, function* (bytes) {
 *   return yield* bytes.takeText(yield* bytes.takeVarint());
 * });
 * assertEquals(await Array.fromAsync(items), ["A", "BC"]);
 * ```
 *
 * @category Parsers
 */
export function readItems<T extends NonNullable<unknown> | null>(
  readable: ByteStream,
  parser: Parser<T>,
  options: DecoderOptions = {},
): AsyncIterableIterator<T> {
  return decodeStream(readable, new Decoder(parser, options));
}

/**
 * Encodes an unsigned integer in a variable number of bytes (LEB128), as `takeVarint` reads it.
 *
 * @param value The integer, up to `Number.MAX_SAFE_INTEGER`.
 * @returns 1 to 8 bytes.
 * @throws {RangeError} If it is not such an integer.
 *
 * @example Usage
 * ```ts
 * import { encodeVarint } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodeVarint(300), new Uint8Array([0xac, 0x02]));
 * ```
 *
 * @category Parsers
 */
export function encodeVarint(value: number): OwnBytes {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot encode ${value}: it is not an integer from 0 to ${Number.MAX_SAFE_INTEGER}`,
    );
  }
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 0x80)) bytes.push(value % 0x80 + 0x80);
  return new Uint8Array([...bytes, value]);
}

// A parser asks for the same few delimiters again and again; to prepare one takes longer than to use it.
const delimiters = new WeakMap<Uint8Array, Delimiter>();
const byteDelimiters: Delimiter[] = [];

function delimiterOf(delimiter: number | Uint8Array): Delimiter {
  if (typeof delimiter === "number") return byteDelimiters[delimiter] ??= new Delimiter(delimiter);
  let prepared = delimiters.get(delimiter);
  if (!prepared?.isMadeOf(delimiter)) {
    delimiters.set(delimiter, prepared = new Delimiter(delimiter));
  }
  return prepared;
}

/**
 * The input of a parser, or of a part: what has arrived, up to `end` bytes from the beginning.
 *
 * Steps that must wait are methods of their own. In the same method, their closures would cost time also
 * when nothing waits.
 */
class ReaderInput implements ParserPart {
  readonly #reader: ByteReader;
  readonly #maxLength: number;
  readonly #end: number | undefined;

  constructor(reader: ByteReader, maxLength: number, end?: number) {
    this.#reader = reader;
    this.#maxLength = maxLength;
    this.#end = end;
  }

  get left(): number {
    return this.#end === undefined ? Infinity : this.#end - this.#reader.position;
  }

  take(length: number): ParserStep<Uint8Array> {
    this.#check(length);
    const bytes = this.#reader.take(length);
    return bytes === undefined ? this.#waitForBytes(length) : new Taken(bytes);
  }

  #waitForBytes(length: number) {
    return wait(() => this.#reader.take(length), countBytes(length));
  }

  takeText(length: number, { fatal = false } = {}): ParserStep<string> {
    this.#check(length);
    const text = this.#reader.takeText(length, fatal);
    return text === undefined ? this.#waitForText(length, fatal) : new Taken(text);
  }

  #waitForText(length: number, fatal: boolean) {
    return wait(() => this.#reader.takeText(length, fatal), countBytes(length));
  }

  takeLine({ maxLength }: { maxLength: number }): ParserStep<string> {
    const limit = this.#limit(maxLength);
    const { left } = this;
    const line = this.#reader.takeLine(limit);
    if (line === undefined) return this.#waitForLine(limit, left);
    this.#checkEnd(LINE_END);
    return new Taken(line);
  }

  #waitForLine(limit: number, left: number) {
    const check = (line?: string) => this.#checkUntil(line, limit, left - 1, LINE_END);
    check();
    return wait(() => check(this.#reader.takeLine(limit)), LINE_END);
  }

  takeUntil(
    delimiter: number | Uint8Array,
    { maxLength }: { maxLength: number },
  ): ParserStep<Uint8Array> {
    const prepared = delimiterOf(delimiter);
    const limit = this.#limit(maxLength);
    const { left } = this;
    const bytes = this.#reader.takeUntil(prepared, limit);
    if (bytes === undefined) return this.#waitUntil(prepared, limit, left);
    this.#checkEnd(DELIMITER);
    return new Taken(bytes);
  }

  #waitUntil(delimiter: Delimiter, limit: number, left: number) {
    const room = left - delimiter.bytes.length;
    const check = (bytes?: Uint8Array) => this.#checkUntil(bytes, limit, room, DELIMITER);
    check();
    return wait(() => check(this.#reader.takeUntil(delimiter, limit)), DELIMITER);
  }

  takeInteger(size: 1 | 2 | 3 | 4, byteOrder: ByteOrder = "big"): ParserStep<number> {
    if (size !== 1 && size !== 2 && size !== 3 && size !== 4) {
      throw new RangeError(
        `Cannot take an integer of ${countBytes(size)}: it is not 1, 2, 3 or 4`,
      );
    }
    isLittle(byteOrder); // throws if it is no byte order
    this.#checkLeft(size);
    const integer = this.#reader.takeInteger(size, byteOrder);
    return integer === undefined ? this.#waitForInteger(size, byteOrder) : new Taken(integer);
  }

  #waitForInteger(size: 1 | 2 | 3 | 4, byteOrder: ByteOrder) {
    return wait(
      () => this.#reader.takeInteger(size, byteOrder),
      `an integer of ${countBytes(size)}`,
    );
  }

  *takeStruct<Format extends string>(
    format: StructFormat<Format>,
  ): Generator<ParserPause, StructValues<Format>, undefined> {
    return unpack(format, yield* this.take(calcSize(format)));
  }

  *takeVarint({ maxSize = MAX_VARINT_SIZE } = {}): Generator<ParserPause, number, undefined> {
    if (!Number.isInteger(maxSize) || maxSize < 1 || maxSize > MAX_VARINT_SIZE) {
      throw new RangeError(
        `Cannot use maxSize ${maxSize}: it is not an integer from 1 to ${MAX_VARINT_SIZE}`,
      );
    }
    let value = 0;
    for (let i = 0; i < maxSize; i++) {
      this.#checkLeft(1);
      const byte = this.#reader.takeInteger(1, "big") ??
        (yield* wait(() => this.#reader.takeInteger(1, "big"), "the rest of a varint"));
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte > 0x7f) continue;
      if (Number.isSafeInteger(value)) return value;
      throw new InvalidFrameError("Cannot accept varint: it is above Number.MAX_SAFE_INTEGER");
    }
    throw new InvalidFrameError(`Cannot accept varint: it has more than ${countBytes(maxSize)}`);
  }

  *takePart<T>(
    length: number,
    parser: (part: ParserPart) => ParserStep<T>,
  ): Generator<ParserPause, T, undefined> {
    this.#check(length);
    const end = this.#reader.position + length;
    const part = new ReaderInput(this.#reader, this.#maxLength, end);
    const item = yield* parser(part);
    if (part.left === 0) return item;
    throw new InvalidFrameError(
      `Cannot accept part: ${part.left} of its ${countBytes(length)} are left over`,
    );
  }

  #limit(maxLength: number): number {
    if (typeof maxLength !== "number" || !(maxLength >= 0)) throw wrongLimit(maxLength);
    // Math.min would compute with floating point numbers, which takes longer.
    return maxLength < this.#maxLength ? maxLength : this.#maxLength;
  }

  #check(length: number) {
    if (!Number.isInteger(length) || length < 0) {
      const hint = typeof length === "object" ? ", but a step that needs yield*" : "";
      throw new RangeError(`Cannot take ${length} bytes: it is not an integer of 0 or more${hint}`);
    }
    this.#checkLeft(length);
    if (length > this.#maxLength) throw new FrameTooLargeError(length, this.#maxLength, "part");
  }

  #checkLeft(length: number) {
    if (length <= this.left) return;
    throw new InvalidFrameError(
      `Cannot accept part: it ends before ${countBytes(length)} that belong to it`,
    );
  }

  /** Checks that what was taken up to an end lies inside the part. */
  #checkEnd(end: string) {
    if (this.left < 0) throw beyondPart(end);
  }

  /**
   * Checks what was taken up to an end, or how much has arrived without one: so much is allowed, and there
   * is room for so much in the part. The error depends on these two alone, and not on how the bytes were cut.
   */
  #checkUntil<T>(taken: T | undefined, limit: number, room: number, end: string): T | undefined {
    const { lengthBefore, searchedLength } = this.#reader;
    if (taken !== undefined) {
      this.#checkEnd(end);
    } else if (room < limit) {
      if (Math.max(lengthBefore, searchedLength) > room) throw beyondPart(end);
    } else if (lengthBefore > limit) {
      throw new FrameTooLargeError(limit + 1, limit, `part without ${end}`);
    }
    return taken;
  }
}

class Pause implements ParserPause {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

function* wait<T>(take: () => T | undefined, what: string): Generator<ParserPause, T, undefined> {
  while (true) {
    yield new Pause(what);
    const taken = take();
    if (taken !== undefined) return taken;
  }
}

/** What is here already, for `yield*`. A generator would cost as much as all the rest. */
class Taken<T> implements ParserStep<T>, IteratorReturnResult<T> {
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

function countBytes(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}

function beyondPart(end: string): InvalidFrameError {
  return new InvalidFrameError(`Cannot accept part: it ends before ${end} that belongs to it`);
}

function wrongLimit(maxLength: number): RangeError {
  return new RangeError(`Cannot use maxLength ${maxLength}: it is not a number of 0 or more`);
}
