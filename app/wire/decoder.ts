import { ByteReader } from "./byte_reader.ts";
import { isBytes, nameOfType, type OwnBytes } from "./bytes.ts";
import { type ByteOrder, isLittle } from "./endianness.ts";
import {
  countBytes,
  LengthLimitError,
  MalformedInputError,
  TruncatedInputError,
} from "./errors.ts";
import { MAX_TAKE_LENGTH } from "./limits.ts";
import { calcSize, type StructFormat, type StructValues, unpack } from "./struct.ts";

const DELIMITER = "a delimiter";
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
   * takes bytes and then waits for more. Texts and numbers need no copy. Bytes of the same chunk are then
   * views of the same copy.
   */
  copy?: boolean;
}

/**
 * What a parser reads from. Each method but `expect` is a step: use it with `yield*`.
 *
 * The bytes that a step returns are a view of one chunk, or memory of their own. A step that throws has
 * refused the input. A parser may catch the error to throw one of its own, and must not take anything more.
 *
 * Every step throws {@linkcode LengthLimitError} for more bytes than the decoder's `maxLength`, before
 * memory is allocated, {@linkcode MalformedInputError} for what is not in the part that is being read, and
 * `RangeError` or `TypeError` for arguments that make no sense.
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
  take(length: number): ParserStep<Uint8Array>;

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
   * feed. Bytes that are not valid become U+FFFD, as with `TextDecoder`.
   *
   * @param options `maxLength`: the maximum number of bytes before the line end.
   * @returns The text before the line end. A byte order mark is kept.
   * @throws {LengthLimitError} As soon as more bytes have arrived without a line end.
   */
  takeLine(options: { maxLength: number }): ParserStep<string>;

  /**
   * Takes the next bytes up to a delimiter. The delimiter is taken too, and not returned.
   *
   * @param delimiter One byte, or several.
   * @param options `maxLength`: the maximum number of bytes before the delimiter.
   * @returns The bytes before it.
   * @throws {LengthLimitError} As soon as more bytes have arrived without the delimiter.
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
   * Names what comes next, up to the next call or the end of the item, for the decoder's `awaited` and
   * {@linkcode TruncatedInputError}. It takes nothing, and needs no `yield*`.
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
  readonly #input: ReaderInput;
  #item: Iterator<ParserPause, T, undefined> | undefined; // that has begun
  #parsed = 0; // where the last item ends that is complete: a position in the input
  #awaited: ParserPause | undefined; // by that item
  #ready: { item: T; start: number }[] = []; // items that were parsed at the end, the next one last
  #failure: { error: unknown } | undefined;

  /**
   * Creates a decoder for one stream of bytes.
   *
   * @param parser How an item is read. It must take at least one byte, and not return `undefined`.
   * @param options Which parts are refused, and whether chunks are copied.
   * @throws {RangeError} If `maxLength` is not an integer of 0 or more.
   */
  constructor(parser: Parser<T>, options: DecoderOptions = {}) {
    const { maxLength = MAX_TAKE_LENGTH, copy = false } = options;
    if (!Number.isSafeInteger(maxLength) || maxLength < 0) {
      throw new RangeError(`Cannot use maxLength ${maxLength}: it is not an integer of 0 or more`);
    }
    this.#parser = parser;
    this.#reader = new ByteReader({ copy });
    this.#input = new ReaderInput(this.#reader, maxLength);
  }

  /** The number of bytes that were pushed and belong to no delivered item. After an error, the rest is dropped. */
  get bufferedLength(): number {
    const start = this.#ready.at(-1)?.start ?? this.#parsed;
    const end = this.#failure ? this.#parsed : this.#reader.position + this.#reader.length;
    return end - start;
  }

  /**
   * What the parser waits for, after `take` has returned `undefined` in the middle of an item. Before the
   * first byte of an item nothing is known: then it is `undefined`.
   */
  get awaited(): ParserPause | undefined {
    return this.#item && this.#awaited;
  }

  /**
   * Adds bytes that have arrived.
   *
   * @param chunk The bytes. An empty chunk is ignored.
   * @throws {TypeError} If the chunk is not a `Uint8Array`, or comes after `end`.
   * @throws The error that `take` or `end` has thrown before.
   */
  push(chunk: Uint8Array): void {
    if (this.#failure) throw this.#failure.error;
    if (this.#reader.hasEnded) throw new TypeError("Cannot push a chunk: the input has ended");
    this.#reader.push(chunk);
  }

  /**
   * Takes the next item.
   *
   * @returns The item, or `undefined` until it is complete.
   * @throws Whatever the parser throws. Every later call throws it again.
   */
  take(): T | undefined {
    return this.#ready.length > 0 ? this.#ready.pop()!.item : this.#parse();
  }

  /**
   * Takes the items that are complete, one by one.
   *
   * @returns An iterator that is done when no more are complete, and can be asked for again later.
   * @throws As {@linkcode Decoder.take | take}.
   */
  *[Symbol.iterator](): IterableIterator<T> {
    while (true) {
      const item = this.take();
      if (item === undefined) return;
      yield item;
    }
  }

  /**
   * Takes all bytes that no item has used, such as what follows a handshake on the same connection.
   * Call it when `take` has returned the last item that you want.
   *
   * @returns The bytes: a view of a chunk, or memory of their own.
   * @throws {TypeError} If the next item has begun, because `take` was called once more.
   * @throws The error that `take` or `end` has thrown before.
   */
  takeRest(): Uint8Array {
    if (this.#failure) throw this.#failure.error;
    if (this.#item || this.#ready.length > 0) {
      throw new TypeError("Cannot take the rest: the next item has begun");
    }
    const { length } = this.#reader;
    this.#reader.has(length);
    const rest = this.#reader.take(length);
    this.#parsed = this.#reader.position;
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
    if (!this.#reader.hasEnded) {
      this.#reader.hasEnded = true;
      const ready: { item: T; start: number }[] = [];
      try {
        while (true) {
          const start = this.#parsed;
          const item = this.#parse();
          if (item === undefined) break;
          ready.push({ item, start });
        }
      } catch { /* it is thrown below */ }
      this.#ready = ready.reverse();
    }
    if (this.#failure) throw this.#failure.error;
  }

  #parse(): T | undefined {
    if (this.#failure) throw this.#failure.error;
    try {
      if (this.#item === undefined) {
        if (this.#reader.isEmpty) return undefined;
        this.#input.begin();
        const step = this.#parser(this.#input);
        if (step instanceof Taken) return this.#finish(step.value);
        this.#item = step[Symbol.iterator]();
      }
      const { done, value } = this.#item.next();
      if (done) return this.#finish(value);
      if (!(value instanceof Pause)) throw new TypeError("A parser must use yield*, not yield");
      this.#awaited = value;
      return undefined;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #finish(item: T): T {
    this.#item = undefined;
    if (this.#input.truncation) throw this.#input.truncation; // which the parser must not ignore
    const { position } = this.#reader;
    if (position === this.#parsed) throw new TypeError("A parser must take at least one byte");
    if (item === undefined) throw new TypeError("A parser must return an item");
    this.#parsed = position;
    return item;
  }

  #fail(error: unknown): unknown {
    this.#failure = { error };
    this.#item = undefined;
    this.#reader.clear();
    return error;
  }
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

/** What a decoder and the steps of its parser share: what has arrived, and what of it may be taken. */
class ReaderInput implements ParserPart {
  readonly #reader: ByteReader;
  readonly #maxLength: number;
  #end: number | undefined; // of the part that is being read: a position in the input
  #name: string | undefined;
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

  take(length: number): ParserStep<Uint8Array> {
    this.#check(length);
    if (this.#reader.has(length)) return new Taken(this.#reader.take(length));
    return retry(this, length, this.take, length);
  }

  takeText(length: number, options?: { fatal?: boolean }): ParserStep<string> {
    this.#check(length);
    if (!this.#reader.has(length)) return retry(this, length, this.takeText, length, options);
    return new Taken(this.#reader.takeText(length, 0, options?.fatal));
  }

  takeInteger(size: 1 | 2 | 3 | 4, byteOrder: ByteOrder = "big"): ParserStep<number> {
    if (size !== 1 && size !== 2 && size !== 3 && size !== 4) {
      throw new RangeError(
        `Cannot take an integer of ${countBytes(size)}: it is not 1, 2, 3 or 4`,
      );
    }
    const little = isLittle(byteOrder);
    this.#checkLeft(size);
    if (this.#reader.has(size)) return new Taken(this.#reader.takeInteger(size, little));
    return retry(this, size, this.takeInteger, size, byteOrder);
  }

  takeStruct<Format extends string>(
    format: StructFormat<Format>,
  ): ParserStep<StructValues<Format>> {
    const size = calcSize(format);
    this.#check(size);
    if (this.#reader.has(size)) return new Taken(unpack(format, this.#reader.take(size)));
    return retry(this, size, this.takeStruct<Format>, format);
  }

  takeLine(options: { maxLength: number }): ParserStep<string> {
    const limit = this.#limit(options.maxLength);
    const line = this.#takeLine(limit);
    return line === undefined ? retry(this, LINE_END, this.takeLine, options) : new Taken(line);
  }

  #takeLine(limit: number): string | undefined {
    const reader = this.#reader;
    let length = reader.findText("\n");
    if (length < 0 || length > limit || length >= this.left) length = this.#findLineEnd(limit);
    if (length < 0) return undefined;
    const isCrlf = length > 0 && reader.bytes[reader.start + length - 1] === CARRIAGE_RETURN;
    if (isCrlf) return reader.takeText(length - 1, 2);
    if (length > limit) throw new LengthLimitError(limit + 1, limit, `part without ${LINE_END}`);
    return reader.takeText(length, 1);
  }

  #findLineEnd(limit: number): number {
    const reader = this.#reader;
    const most = this.#room(limit + 2);
    const length = reader.find(LINE_FEED, most);
    if (length < 0) {
      const { searched } = reader;
      if (searched > limit && reader.bytes[reader.start + limit] !== CARRIAGE_RETURN) {
        throw new LengthLimitError(limit + 1, limit, `part without ${LINE_END}`);
      }
      if (searched + 1 > most) {
        throw most < limit + 2
          ? beyondPart(LINE_END)
          : new LengthLimitError(limit + 1, limit, `part without ${LINE_END}`);
      }
    }
    return length;
  }

  takeUntil(
    delimiter: number | Uint8Array,
    options: { maxLength: number },
  ): ParserStep<Uint8Array> {
    const limit = this.#limit(options.maxLength);
    const bytes = bytesOf(delimiter);
    const reader = this.#reader;
    const most = this.#room(limit + bytes.length);
    const length = reader.find(bytes, most);
    if (length < 0) {
      if (reader.searched + bytes.length > most) {
        throw most < limit + bytes.length
          ? beyondPart(DELIMITER)
          : new LengthLimitError(limit + 1, limit, `part without ${DELIMITER}`);
      }
      return retry(this, DELIMITER, this.takeUntil, delimiter, options);
    }
    const taken = reader.take(length);
    reader.skip(bytes.length);
    return new Taken(taken);
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
      ? retry(this, "the rest of a varint", this.takeVarint, options)
      : new Taken(integer);
  }

  #takeVarint(maxSize: number): number | undefined {
    const reader = this.#reader;
    let value = 0;
    for (let size = 1; size <= maxSize; size++) {
      this.#checkLeft(size);
      if (!reader.has(size)) return undefined;
      const byte = reader.bytes[reader.start + size - 1]!;
      value += (byte & 0x7f) * 2 ** (7 * (size - 1));
      if (byte > 0x7f) continue;
      reader.skip(size);
      if (Number.isSafeInteger(value)) return value;
      throw new MalformedInputError("Cannot accept varint: it is above Number.MAX_SAFE_INTEGER");
    }
    throw new MalformedInputError(`Cannot accept varint: it has more than ${countBytes(maxSize)}`);
  }

  *takePart<T>(
    length: number,
    parser: (part: ParserPart) => ParserStep<T>,
  ): Generator<ParserPause, T, undefined> {
    this.#check(length);
    const outer = this.#end;
    this.#end = this.#reader.position + length;
    const item = yield* parser(this);
    if (this.left > 0) {
      throw new MalformedInputError(
        `Cannot accept part: ${this.left} of its ${countBytes(length)} are left over`,
      );
    }
    this.#end = outer;
    return item;
  }

  /** How many of so many bytes the part may still have. */
  #room(length: number): number {
    if (this.#end === undefined) return length;
    const left = this.#end - this.#reader.position;
    return left < length ? left : length;
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
    if (length > this.#maxLength) throw new LengthLimitError(length, this.#maxLength);
  }

  #checkLeft(length: number) {
    if (length <= this.left) return;
    throw new MalformedInputError(
      `Cannot accept part: it ends before ${countBytes(length)} that belong to it`,
    );
  }

  /**
   * Waits for a step to be tried again.
   *
   * @param what What it waits for, or how many bytes.
   * @throws {TruncatedInputError} If no more will come.
   */
  pause(what: string | number): ParserPause {
    const pause = new Pause(this.#name, what, this.#reader.length);
    if (!this.#reader.hasEnded) return pause;
    throw this.truncation = new TruncatedInputError(pause.expected, pause.received);
  }
}

class Pause implements ParserPause {
  readonly what: string;
  readonly length: number | undefined;
  readonly received: number;
  /** The same in words, for an error. */
  readonly expected: string;

  constructor(name: string | undefined, what: string | number, received: number) {
    this.received = received;
    if (typeof what === "number") {
      this.what = name ?? "bytes";
      this.length = what;
      this.expected = (name ? `${name} of ` : "") + countBytes(what);
    } else {
      this.what = this.expected = name ?? what;
      this.length = undefined;
    }
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

/** Tries a step again, each time that more may have arrived. */
function* retry<Args extends unknown[], T>(
  input: ReaderInput,
  awaited: string | number,
  step: (...args: Args) => ParserStep<T>,
  ...args: Args
): Generator<ParserPause, T, undefined> {
  while (true) {
    yield input.pause(awaited);
    const taken = step.apply(input, args);
    if (taken instanceof Taken) return taken.value;
  }
}

const SINGLES: Uint8Array[] = [];
function bytesOf(delimiter: number | Uint8Array): Uint8Array {
  if (typeof delimiter === "number") {
    if (!Number.isInteger(delimiter) || delimiter < 0 || delimiter > 0xff) {
      throw new RangeError(`Cannot use ${delimiter} as a delimiter: it is not a byte`);
    }
    return SINGLES[delimiter] ??= new Uint8Array([delimiter]);
  }
  if (!isBytes(delimiter)) {
    throw new TypeError(`Cannot use a ${nameOfType(delimiter)} as a delimiter`);
  }
  if (delimiter.length === 0) throw new RangeError("Cannot use a delimiter of no bytes");
  return delimiter;
}

function beyondPart(end: string): MalformedInputError {
  return new MalformedInputError(`Cannot accept part: it ends before ${end} that belongs to it`);
}

function wrongLimit(maxLength: number): RangeError {
  return new RangeError(`Cannot use maxLength ${maxLength}: it is not a number of 0 or more`);
}
