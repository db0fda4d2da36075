import { isBytes, nameOfType } from "./bytes.ts";
import { Delimiter } from "./delimiter.ts";
import type { ByteOrder } from "./endianness.ts";
import { TextWindow } from "./text_window.ts";
import { decodeStrictUtf8, decodeUtf8 } from "./utf8.ts";

const FIRST_BUFFER = 1024 * 1024; // bytes; the most that is set aside for bytes which may never come
const GROWTH = 4; // times; so that at most this many times what has come is held
const FIRST_SEGMENT = 16; // bytes
const SMALL = 4096; // bytes; smaller chunks are joined while they wait, or their objects outweigh them
const EMPTY: Uint8Array = new Uint8Array(); // never handed out
const LINE_FEED = new Delimiter(0x0a);
const CARRIAGE_RETURN = 0x0d;

/** A chunk that waits behind the first one, or a buffer of our own in which small ones are joined. */
interface Segment {
  bytes: Uint8Array;
  /** Whether the memory is ours, so that nobody else changes it. */
  isOwn: boolean;
  /** How many of the bytes are in use. */
  end: number;
  next: Segment | undefined;
}

/**
 * "The next N bytes" over chunks as they arrive. Internal.
 *
 * Bytes that lie inside one chunk are handed out as a view of it. Bytes that span chunks are
 * gathered in one buffer. Nothing else is kept: what waits is never a long list of small chunks,
 * nor a small view of a large buffer.
 */
export class ByteReader {
  readonly #copy: boolean;

  // The first waiting chunk, by its place in its buffer: asking a view for that takes longer than
  // all the rest. It is empty only if nothing waits behind it.
  #buffer = EMPTY.buffer;
  #bytes = EMPTY; // of the whole buffer
  #start = 0;
  #end = 0;
  #isOwn = false; // memory, that nobody else changes

  // What must be added to a place in its buffer to get the position in the input. Bytes that are being
  // gathered are not taken yet, so meanwhile it is less by their number.
  #origin = 0;

  // The chunks behind it, and the sum of their lengths.
  #first: Segment | undefined;
  #last: Segment | undefined;
  #behind = 0;

  // The result being gathered, if `#wanted` is not 0. Until it is full, no chunk waits.
  #gathered = EMPTY;
  #wanted = 0;
  #filled = 0;

  // The search for a delimiter, which goes on where it has stopped.
  #searched = 0; // bytes
  #searchedHere = 0; // bytes, of the chunk where it has stopped:
  #place: Segment | undefined; // the first one if there is none
  #matched = 0; // bytes of the delimiter, at the end of what was searched
  #lengthBefore = 0; // bytes

  readonly #window = new TextWindow(); // onto #bytes

  /** With `copy`, chunks are copied as they are pushed, so that no result shares their memory. */
  constructor(options: { copy?: boolean } = {}) {
    this.#copy = options.copy ?? false;
  }

  /** How many bytes were pushed and not yet taken. */
  get bufferedLength(): number {
    return this.#filled + this.#end - this.#start + this.#behind;
  }

  /** How many bytes were taken, from the first one on. */
  get position(): number {
    return this.#origin + this.#start;
  }

  /** Whether all bytes were taken. */
  get isEmpty(): boolean {
    return this.#start === this.#end && this.#filled === 0;
  }

  /** Adds bytes. An empty chunk does nothing. */
  push(chunk: Uint8Array): void {
    if (!isBytes(chunk)) {
      throw new TypeError(`Cannot push ${nameOfType(chunk)}: a chunk is a Uint8Array`);
    }
    this.#checkMemory();
    const rest = this.#filled < this.#wanted ? chunk.subarray(this.#gather(chunk)) : chunk;
    if (rest.length === 0) return;
    const isCopied = this.#copy || !isFixed(rest.buffer);
    if (this.#start < this.#end) this.#wait(rest, isCopied);
    else this.#use(isCopied ? copyOf(rest) : rest, rest.length, isCopied);
  }

  /**
   * Takes the next bytes.
   *
   * @param length How many. After `undefined`, ask for the same number until it is here.
   * @returns The bytes, or `undefined` until all of them are here.
   */
  take(length: number): Uint8Array | undefined {
    this.#checkMemory();
    const start = this.#start;
    const end = start + length;
    if (this.#wanted > 0 || end > this.#end) return this.#takeGathered(length);
    if (length === 0) return new Uint8Array();
    const taken = new Uint8Array(this.#buffer, start, length);
    this.#start = end;
    if (end === this.#end) this.#advance();
    return taken;
  }

  /**
   * Takes the next bytes as an unsigned integer, without making an object of them.
   *
   * @param length The size in bytes. Same rule as for {@linkcode take}.
   * @param byteOrder The order of the bytes.
   * @returns The integer, or `undefined` until all bytes are here. One of 8 bytes above
   * `Number.MAX_SAFE_INTEGER` is rounded, and stays above it.
   */
  takeInteger(length: 1 | 2 | 3 | 4 | 8, byteOrder: ByteOrder): number | undefined {
    this.#checkMemory();
    const start = this.#start;
    const end = start + length;
    if (this.#wanted > 0 || end > this.#end) {
      const gathered = this.#takeGathered(length);
      return gathered && readInteger(gathered, 0, length, byteOrder);
    }
    const integer = readInteger(this.#bytes, start, length, byteOrder);
    this.#start = end;
    if (end === this.#end) this.#advance();
    return integer;
  }

  /**
   * Takes the next bytes up to a delimiter. The delimiter is taken too, and not returned.
   *
   * @param delimiter After `undefined`, ask for the same one until it is here.
   * @param maxLength The most bytes before it. When there are more, look at `lengthBefore`.
   * @returns The bytes before it, or `undefined` until it is here.
   */
  takeUntil(delimiter: Delimiter, maxLength: number): Uint8Array | undefined {
    this.#checkMemory();
    const isHere = this.#search(delimiter);
    this.#lengthBefore = this.#searched - (isHere ? delimiter.bytes.length : this.#matched);
    if (!isHere || this.#lengthBefore > maxLength) return undefined;
    let taken;
    if (this.#start + this.#searched <= this.#end) { // a view of it is made without the delimiter
      taken = new Uint8Array(this.#buffer, this.#start, this.#lengthBefore);
      this.#start += this.#searched;
      if (this.#start === this.#end) this.#advance();
    } else {
      taken = this.take(this.#searched)!.subarray(0, this.#lengthBefore);
    }
    this.#endSearch();
    return taken;
  }

  /**
   * Takes the next bytes as text in UTF-8.
   *
   * @param length How many bytes. Same rule as for {@linkcode take}.
   * @param fatal Whether bytes that are not valid are refused.
   * @returns The text, or `undefined` until all bytes are here.
   */
  takeText(length: number, fatal: boolean): string | undefined {
    this.#checkMemory();
    const start = this.#start;
    const end = start + length;
    if (this.#wanted > 0 || !this.#window.covers(this.#bytes, start, end, this.#end)) {
      const bytes = this.take(length);
      return bytes && (fatal ? decodeStrictUtf8(bytes) : decodeUtf8(bytes));
    }
    this.#start = end;
    const text = this.#window.slice(start, end);
    if (end === this.#end) this.#advance();
    return text;
  }

  /**
   * Takes the next bytes up to a line feed as text in UTF-8, without the line feed, and without a carriage
   * return before it.
   *
   * @param maxLength The most bytes of the text. When there are more, look at `lengthBefore`.
   * @returns The text, or `undefined` until the line feed is here.
   */
  takeLine(maxLength: number): string | undefined {
    this.#checkMemory();
    const start = this.#start;
    const lineFeed = this.#searched > 0 ? -1 : this.#window.lineEnd(this.#bytes, start, this.#end);
    if (lineFeed < 0) return this.#takeGatheredLine(maxLength);
    let end = lineFeed;
    if (end > start && this.#bytes[end - 1] === CARRIAGE_RETURN) end--;
    if (end - start > maxLength) {
      this.#lengthBefore = end - start;
      return undefined;
    }
    this.#start = lineFeed + 1;
    const line = this.#window.slice(start, end);
    if (this.#start === this.#end) this.#advance();
    return line;
  }

  /** How many bytes there are, as far as they were searched, before the delimiter. */
  get lengthBefore(): number {
    return this.#lengthBefore;
  }

  /** How many bytes were searched for the delimiter that is awaited, and are no part of it. */
  get searchedLength(): number {
    return this.#searched - this.#matched;
  }

  /** Lets go of all bytes. */
  clear(): void {
    this.#use(EMPTY, 0, false);
    this.#first = undefined;
    this.#last = undefined;
    this.#behind = 0;
    this.#gathered = EMPTY;
    this.#wanted = 0;
    this.#filled = 0;
    this.#endSearch();
  }

  /** Searches what has not been searched yet, up to the end of the delimiter; tells whether that is here. */
  #search(delimiter: Delimiter): boolean {
    while (true) {
      const [bytes, start, end] = this.#place
        ? [this.#place.bytes, 0, this.#place.end]
        : [this.#bytes, this.#start, this.#end];
      for (let i = start + this.#searchedHere; i < end; i++) {
        if (this.#matched === 0) { // on to where it may begin
          const place = indexOf(bytes, delimiter.bytes[0]!, i, end);
          this.#count(place - i);
          i = place;
          if (i === end) break;
        }
        this.#matched = delimiter.step(this.#matched, bytes[i]!);
        this.#count(1);
        if (this.#matched === delimiter.bytes.length) return true;
      }
      this.#own();
      const next = this.#place ? this.#place.next : this.#first;
      if (!next) return false;
      this.#place = next;
      this.#searchedHere = 0;
    }
  }

  /**
   * Moves what was searched in vain to memory of our own: when the rest comes, the caller may have read it
   * into the same buffer.
   */
  #own() {
    const place = this.#place;
    if (place === undefined) {
      if (this.#isOwn || this.#start === this.#end) return;
      const rest = this.#bytes.slice(this.#start, this.#end);
      this.#use(rest, rest.length, true);
    } else if (!place.isOwn) {
      place.bytes = copyOf(place.bytes);
      place.isOwn = true;
    }
  }

  #endSearch() {
    this.#searched = 0;
    this.#searchedHere = 0;
    this.#place = undefined;
    this.#matched = 0;
    this.#lengthBefore = 0;
  }

  #count(searched: number) {
    this.#searched += searched;
    this.#searchedHere += searched;
  }

  #use(bytes: Uint8Array, length: number, isOwn: boolean) {
    const { position } = this;
    this.#buffer = bytes.buffer;
    this.#bytes = new Uint8Array(bytes.buffer);
    this.#start = bytes.byteOffset;
    this.#end = this.#start + length;
    this.#isOwn = isOwn;
    this.#origin = position - this.#start;
    this.#window.close();
  }

  /** A chunk is still the caller's, who may have given its memory away since. */
  #checkMemory() {
    if (this.#end > this.#bytes.length) throw givenAway();
  }

  /** Makes the next chunk the first one, or lets go of the memory of the last. */
  #advance() {
    const next = this.#first;
    if (!next) return this.#use(EMPTY, 0, false);
    if (next.bytes.length < next.end) throw givenAway();
    this.#use(next.bytes, next.end, next.isOwn);
    this.#behind -= next.end;
    this.#first = next.next;
    if (!this.#first) this.#last = undefined;
  }

  #takeGatheredLine(maxLength: number): string | undefined {
    const bytes = this.takeUntil(LINE_FEED, maxLength + 1); // one more, for the carriage return
    if (bytes === undefined) {
      if (this.#endsWith(CARRIAGE_RETURN)) this.#lengthBefore--; // a line feed may follow
      return undefined;
    }
    const length = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
    if (length <= maxLength) return decodeUtf8(bytes.subarray(0, length));
    this.#lengthBefore = length;
    return undefined;
  }

  /** Whether that is the last byte of all that was searched in vain. */
  #endsWith(byte: number): boolean {
    const { bytes, end } = this.#place ?? { bytes: this.#bytes, end: this.#end };
    return this.#lengthBefore > 0 && bytes[end - 1] === byte;
  }

  #takeGathered(length: number): Uint8Array | undefined {
    if (this.#wanted === 0) {
      // With nothing here yet, the next chunk may hold it all: then it need not be copied.
      if (this.#start === this.#end) return undefined;
      this.#wanted = length;
      this.#gathered = new Uint8Array(capacityFor(Math.min(length, this.bufferedLength), length));
      while (this.#filled < length && this.#start < this.#end) {
        const gathered = this.#gather(this.#bytes.subarray(this.#start, this.#end));
        this.#start += gathered;
        this.#origin -= gathered;
        if (this.#start === this.#end) this.#advance();
        this.#checkMemory();
      }
    }
    if (this.#filled < this.#wanted) return undefined;
    const gathered = this.#gathered;
    this.#origin += this.#filled;
    this.#gathered = EMPTY;
    this.#wanted = this.#filled = 0;
    return gathered;
  }

  /** Adds to the result what it needs of a chunk, and returns how many bytes that was. */
  #gather(chunk: Uint8Array): number {
    const length = Math.min(chunk.length, this.#wanted - this.#filled);
    const needed = this.#filled + length;
    if (needed > this.#gathered.length) {
      const grown = new Uint8Array(capacityFor(needed, this.#wanted));
      grown.set(this.#gathered);
      this.#gathered = grown;
    }
    this.#gathered.set(chunk.subarray(0, length), this.#filled);
    this.#filled = needed;
    return length;
  }

  /** Keeps a chunk behind the one that already waits. */
  #wait(chunk: Uint8Array, isCopied: boolean) {
    if (!this.#first) { // the first one stays longer than one call: it may have to let go of its buffer too
      const first = this.#bytes.subarray(this.#start, this.#end);
      const kept = compact(first);
      this.#use(kept, first.length, this.#isOwn || kept !== first);
    }
    this.#behind += chunk.length;
    if (chunk.length >= SMALL) {
      const kept = isCopied ? copyOf(chunk) : compact(chunk);
      this.#append(kept, kept.length, kept !== chunk);
      return;
    }
    let last = this.#last;
    if (!last || chunk.length > last.bytes.length - last.end) {
      const length = Math.max(FIRST_SEGMENT, GROWTH * this.#behind);
      last = this.#append(new Uint8Array(Math.min(length, SMALL)), 0, true);
    }
    last.bytes.set(chunk, last.end);
    last.end += chunk.length;
  }

  #append(bytes: Uint8Array, end: number, isOwn: boolean): Segment {
    const segment: Segment = { bytes, isOwn, end, next: undefined };
    if (this.#last) this.#last.next = segment;
    else this.#first = segment;
    this.#last = segment;
    return segment;
  }
}

/** The place of a byte, or `end`. What lies behind `end` is not searched, or not much of it. */
function indexOf(bytes: Uint8Array, byte: number, start: number, end: number): number {
  if (bytes.length - end > SMALL) {
    const distance = bytes.subarray(start, end).indexOf(byte);
    return distance === -1 ? end : start + distance;
  }
  const place = bytes.indexOf(byte, start);
  return place === -1 || place > end ? end : place;
}

/** The size of the buffer for a result of which the first `needed` bytes are here. */
function capacityFor(needed: number, wanted: number): number {
  let capacity = FIRST_BUFFER;
  while (capacity < needed) capacity *= GROWTH;
  return Math.min(capacity, wanted);
}

function givenAway(): TypeError {
  return new TypeError("Cannot read a chunk: it was detached or shrunk after it was pushed");
}

/** Whether nobody else can change the memory or its size: then it need not be copied. */
function isFixed(buffer: ArrayBufferLike): boolean {
  return buffer instanceof ArrayBuffer && !("resizable" in buffer && buffer.resizable);
}

/** The bytes themselves, or a copy if they would keep a much larger buffer alive. */
function compact(bytes: Uint8Array): Uint8Array {
  const held = bytes.buffer.byteLength;
  return held > GROWTH * Math.max(bytes.length, SMALL) ? copyOf(bytes) : bytes;
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

function readInteger(
  bytes: Uint8Array,
  start: number,
  length: number,
  byteOrder: ByteOrder,
): number {
  if (length === 8) { // in halves, so that it is rounded once
    const [high, low] = byteOrder === "big" ? [start, start + 4] : [start + 4, start];
    return readInteger(bytes, high, 4, byteOrder) * 2 ** 32 + readInteger(bytes, low, 4, byteOrder);
  }
  let value = 0;
  if (byteOrder === "big") {
    for (let i = start; i < start + length; i++) value = value * 256 + bytes[i]!;
  } else {
    for (let i = start + length; i-- > start;) value = value * 256 + bytes[i]!;
  }
  return value;
}
