import { ByteReader } from "./byte_reader.ts";
import type { OwnBytes } from "./bytes.ts";
import { MAX_TAKE_LENGTH } from "./limits.ts";
import { type Parser, type ParserPause, Pause, ReaderInput } from "./parser.ts";

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
   * @throws {TypeError} If the chunk is not a `Uint8Array` or comes after `end`, or the one before it was
   * detached or shrunk.
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
   * @throws {TypeError} If the parser breaks a rule, or a chunk was detached or shrunk after it was pushed.
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
  takeRest(): OwnBytes {
    if (this.#failure) throw this.#failure.error;
    if (this.#item || this.#ready.length > 0) {
      throw new TypeError("Cannot take the rest: the next item has begun");
    }
    const { length } = this.#reader;
    this.#reader.ensure(length);
    const rest = this.#reader.take(length);
    this.#parsed = this.#reader.position;
    return rest;
  }

  /**
   * Marks the end of the input. Items not yet taken can still be taken afterwards, also one that ends with
   * the input.
   *
   * If the input ends inside an item, the error is thrown at the `yield*` where its parser waits. The parser may
   * catch it there to throw one of its own. What it returns then is ignored.
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
    if (this.#item === undefined && this.#reader.length === 0) return undefined;
    try {
      const item = this.#item ?? this.#begin();
      const { done, value } = item.next();
      if (done) return this.#finish(value);
      if (!(value instanceof Pause)) throw new TypeError("A parser must use yield*, not yield");
      this.#item = item;
      this.#awaited = value;
      return undefined;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #begin(): Iterator<ParserPause, T, undefined> {
    this.#input.begin();
    return this.#parser(this.#input)[Symbol.iterator]();
  }

  #finish(item: T): T {
    this.#input.checkSteps();
    if (this.#input.truncation) throw this.#input.truncation; // which the parser must not ignore
    const { position } = this.#reader;
    if (position === this.#parsed) throw new TypeError("A parser must take at least one byte");
    if (item === undefined) throw new TypeError("A parser must return an item");
    this.#item = undefined;
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
