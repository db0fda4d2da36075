import { isBytes, nameOfType, type OwnBytes } from "./bytes.ts";
import { getUint16, getUint32 } from "./endianness.ts";
import { TextWindow } from "./text_window.ts";
import { decodeStrictUtf8, decodeUtf8 } from "./utf8.ts";

const MAX_HELD = 64 * 1024; // bytes; more than four times what waits is held only up to this
const EMPTY: OwnBytes = new Uint8Array(); // never handed out

/**
 * "The next N bytes" over chunks as they arrive. Internal.
 *
 * What waits lies in one piece: in the chunk that was pushed, or in a buffer of our own. Bytes in a chunk are
 * handed out as a view of it, and bytes in our buffer as a copy, or as the buffer itself if they fill it. Only
 * the last chunk may wait beside the piece, for as long as nobody asks for bytes of it.
 */
export class ByteReader {
  /** Whether no more bytes will come. */
  hasEnded = false;
  readonly #copy: boolean;

  // The piece, by its place in the whole memory: asking a view for that takes longer than all the rest.
  #buffer = EMPTY.buffer;
  #bytes = EMPTY; // of the whole memory
  #start = 0;
  #end = 0;
  #isOwn = false;

  #next: OwnBytes | undefined; // the last chunk, if it has come while other bytes waited
  #offset = 0; // from a place in the memory to the position in the input
  #searched = 0; // bytes from the start in which no delimiter begins
  readonly #window = new TextWindow(); // onto the piece

  /** With `copy`, chunks are copied as they are pushed, so that no result shares their memory. */
  constructor(options: { copy?: boolean } = {}) {
    this.#copy = options.copy ?? false;
  }

  /** How many bytes were pushed and not yet taken. */
  get length(): number {
    return this.#end - this.#start + (this.#next?.length ?? 0);
  }

  /** How many bytes were taken, from the first one on. */
  get position(): number {
    return this.#offset + this.#start;
  }

  /** The memory in which the next bytes lie, once `ensure` has brought them there. Nobody may keep it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where in `bytes` the next one lies. */
  get start(): number {
    return this.#start;
  }

  /** How many bytes from the start the last search has passed over: no delimiter begins in them. */
  get searched(): number {
    return this.#searched;
  }

  /** Adds bytes. An empty chunk does nothing. */
  push(chunk: Uint8Array): void {
    if (!isBytes(chunk)) {
      throw new TypeError(`Cannot push ${nameOfType(chunk)}: a chunk is a Uint8Array`);
    }
    this.#checkMemory();
    if (chunk.length === 0) return;
    const mustCopy = this.#copy || !isFixed(chunk);
    if (this.#start === this.#end) {
      this.#use(mustCopy ? copyOf(chunk) : chunk);
      return;
    }
    if (this.#next !== undefined) this.#append(this.#next);
    this.#next = undefined;
    const isMostlyUnused = isSmallPart(this.#end - this.#start, this.#buffer) ||
      isSmallPart(chunk.length, chunk.buffer);
    if (mustCopy || isMostlyUnused) this.#append(chunk);
    else this.#next = chunk;
  }

  /** Brings so many bytes into one piece. Returns whether they are here; if not, ask again later. */
  ensure(length: number): boolean {
    if (this.#end > this.#bytes.length) throw givenAway();
    if (length <= this.#end - this.#start) return true;
    this.#join(length);
    return length <= this.#end - this.#start;
  }

  /** Takes bytes that are here. */
  take(length: number): OwnBytes {
    if (length === 0) return new Uint8Array();
    const start = this.#start;
    let taken;
    if (!this.#isOwn) taken = new Uint8Array(this.#buffer, start, length);
    else if (length === this.#bytes.length) taken = this.#bytes; // nothing else is in it
    else taken = this.#bytes.slice(start, start + length);
    this.skip(length);
    return taken;
  }

  /**
   * Takes bytes that are here as text, and passes over some more.
   *
   * @returns The text. With `fatal`, `undefined` if they are not valid UTF-8.
   */
  takeText(length: number, more: number, fatal?: boolean): string | undefined {
    const start = this.#start;
    const end = start + length;
    const text = this.#window.slice(this.#bytes, start, end, this.#end) ??
      decode(this.#bytes.subarray(start, end), fatal);
    this.skip(length + more);
    return text;
  }

  /** Takes an unsigned integer of 1 to 4 bytes that is here. */
  takeInteger(size: number, little: boolean): number {
    const integer = readInteger(this.#bytes, this.#start, size, little);
    this.skip(size);
    return integer;
  }

  /** Passes over bytes that are here. */
  skip(length: number): void {
    this.#start += length;
    this.#searched = 0;
    if (this.#isOwn || this.#start === this.#end) this.#release();
  }

  /**
   * Searches for a delimiter in the first `most` bytes.
   *
   * @returns How many bytes lie before it, or -1 if it is not here: then look at `searched`.
   */
  find(delimiter: Uint8Array, most: number): number {
    if (this.#end > this.#bytes.length) throw givenAway();
    let length = this.#search(delimiter, most);
    if (length >= 0 || this.#end - this.#start >= most) return length;
    // The rest of the next chunk need not be copied if the delimiter ends where its last byte is first.
    const place = this.#next?.indexOf(delimiter.at(-1)!) ?? -1;
    if (place >= 0) {
      this.#join(Math.min(most, this.#end - this.#start + place + 1), Infinity);
      length = this.#search(delimiter, most);
    }
    if (length < 0 && this.#join(most, Infinity)) length = this.#search(delimiter, most);
    return length;
  }

  /** As `find`, for a delimiter in ASCII among text in ASCII. Elsewhere it does not find any. */
  findText(delimiter: string): number {
    if (this.#end > this.#bytes.length) throw givenAway();
    if (this.#searched > 0) return -1;
    const place = this.#window.find(delimiter, this.#bytes, this.#start, this.#end);
    return place < 0 ? -1 : place - this.#start;
  }

  /** Drops all bytes. */
  clear(): void {
    this.#next = undefined;
    this.#start = this.#end;
    this.#advance();
  }

  #search(delimiter: Uint8Array, most: number): number {
    const bytes = this.#bytes;
    // Math.min would make a floating-point number of it, and then of all that is computed from it.
    const end = most < this.#end - this.#start ? this.#start + most : this.#end;
    for (let place = this.#start + this.#searched;; place++) {
      place = indexOf(bytes, delimiter[0]!, place, end);
      let matched = 1;
      while (place + matched < end && bytes[place + matched] === delimiter[matched]) matched++;
      if (matched >= delimiter.length && place < end) return place - this.#start;
      if (place + matched >= end) {
        this.#searched = place - this.#start;
        return -1;
      }
    }
  }

  /**
   * Moves what waits to memory of our own, with as much of the next chunk as is needed for `most` bytes: the
   * caller may read into the chunk again, and what spans two chunks must lie in one piece.
   *
   * @returns Whether more bytes are here than before.
   */
  #join(most: number, wanted = most): boolean {
    const waiting = this.#end - this.#start;
    if (waiting === 0 || (this.#isOwn && this.#next === undefined)) return false;
    const next = this.#next;
    if (next?.length === 0) throw givenAway();
    const needed = next?.subarray(0, most - waiting);
    this.#append(needed ?? EMPTY, wanted);
    this.#next = next && needed!.length < next.length ? next.subarray(needed!.length) : undefined;
    return next !== undefined;
  }

  /** Adds bytes to what waits, in memory of our own. */
  #append(bytes: Uint8Array, wanted = Infinity) {
    const needed = this.#end - this.#start + bytes.length;
    const capacity = this.#bytes.length;
    if (!this.#isOwn || this.#start + needed > capacity) {
      this.#move(this.#isOwn && capacity >= 2 * needed ? capacity : capacityFor(needed, wanted));
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Moves what waits to the beginning of our buffer, or of a new one. */
  #move(capacity: number) {
    const { position } = this;
    const waiting = this.#bytes.subarray(this.#start, this.#end);
    if (!this.#isOwn || capacity !== this.#bytes.length) {
      this.#bytes = new Uint8Array(capacity);
      this.#buffer = this.#bytes.buffer;
      this.#isOwn = true;
    }
    this.#bytes.set(waiting);
    this.#start = 0;
    this.#end = waiting.length;
    this.#offset = position;
    this.#window.close();
  }

  #use(bytes: OwnBytes) {
    const { position } = this;
    this.#buffer = bytes.buffer;
    this.#bytes = new Uint8Array(bytes.buffer);
    this.#start = bytes.byteOffset;
    this.#end = this.#start + bytes.length;
    this.#isOwn = false;
    this.#offset = position - this.#start;
    this.#searched = 0;
    this.#window.close();
  }

  /** Frees memory that is no longer needed. */
  #release() {
    const waiting = this.#end - this.#start;
    if (waiting === 0) this.#advance();
    else if (isSmallPart(waiting, this.#buffer)) this.#move(waiting);
  }

  #advance() {
    const next = this.#next;
    if (next?.length === 0) throw givenAway();
    this.#next = undefined;
    this.#use(next ?? EMPTY);
  }

  /** A chunk is still the caller's, who may have given its memory away since. */
  #checkMemory() {
    if (this.#end > this.#bytes.length || this.#next?.length === 0) throw givenAway();
  }
}

function readInteger(bytes: Uint8Array, start: number, size: number, little: boolean): number {
  if (size === 4) return getUint32(bytes, start, little);
  if (size === 2) return getUint16(bytes, start, little);
  if (size === 1) return bytes[start]!;
  return little
    ? getUint16(bytes, start, little) + bytes[start + 2]! * 0x10000
    : bytes[start]! * 0x10000 + getUint16(bytes, start + 1, little);
}

/** The place of a byte, or `end`. What lies behind `end` is not searched. */
function indexOf(bytes: Uint8Array, byte: number, start: number, end: number): number {
  if (start >= end) return end;
  if (end - start < 32) { // quicker than a call
    while (start < end && bytes[start] !== byte) start++;
    return start;
  }
  const place = bytes.length === end
    ? bytes.indexOf(byte, start)
    : bytes.subarray(0, end).indexOf(byte, start);
  return place === -1 ? end : place;
}

/** The size of a buffer for so many bytes, of which `wanted` are needed before any can be taken. */
function capacityFor(needed: number, wanted: number): number {
  if (wanted === Infinity) return Math.max(16, 2 * needed);
  return Math.max(needed, Math.min(wanted, 4 * Math.max(1024, needed)));
}

/** Whether so few bytes are not worth keeping their whole memory for them. */
function isSmallPart(length: number, buffer: ArrayBufferLike): boolean {
  const held = buffer.byteLength;
  return held > MAX_HELD && held > 4 * length;
}

function givenAway(): TypeError {
  return new TypeError("Cannot read a chunk: it was detached or shrunk after it was pushed");
}

/** Whether nobody else can change the memory or its size: then it need not be copied. */
function isFixed(bytes: Uint8Array): bytes is OwnBytes {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && !("resizable" in buffer && buffer.resizable);
}

function copyOf(bytes: Uint8Array): OwnBytes {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

function decode(bytes: Uint8Array, fatal?: boolean): string | undefined {
  try {
    return fatal ? decodeStrictUtf8(bytes) : decodeUtf8(bytes);
  } catch {
    return undefined;
  }
}
