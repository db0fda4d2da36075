// What is kept of a program's output, and of what a client sends.
const FIRST_CAPACITY = 1024; // bytes

/** Collects bytes in one piece of memory of its own: the chunks that bring them may be far larger. */
export class ByteStore {
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  /** How many bytes are there. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of these bytes. */
  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  /** Removes bytes from the front. */
  drop(length: number): void {
    this.#bytes.copyWithin(0, length, this.#length);
    this.#length -= length;
  }

  /** Returns all the bytes, and is empty again. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(FIRST_CAPACITY);
    this.#length = 0;
    return bytes;
  }
}

/** What a program has printed, as text. */
export interface Printed {
  text: string;
  /** How many bytes in its middle are missing, because it was too long. */
  left: number;
}

/** Collects the beginning and the end of what a program prints. */
export class Output {
  readonly ended: Promise<void>;
  readonly #max: number;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #head = new ByteStore();
  readonly #tail = new ByteStore();
  #left = 0;

  /** @param max How many bytes of the beginning are kept, and how many of the end. */
  constructor(stream: ReadableStream<Uint8Array>, max: number) {
    this.#max = max;
    this.#reader = stream.getReader();
    this.ended = this.#collect();
  }

  /** Reads no more, and returns what there was. */
  async close(): Promise<Printed> {
    await this.#reader.cancel();
    await this.ended;
    const decoder = new TextDecoder();
    const head = decoder.decode(this.#head.take(), { stream: true });
    return { text: head + decoder.decode(this.#tail.take()), left: this.#left };
  }

  async #collect(): Promise<void> {
    while (true) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      const room = this.#max - this.#head.length;
      this.#head.push(value.subarray(0, room));
      this.#tail.push(value.subarray(room));
      if (this.#tail.length > 2 * this.#max) this.#forget(this.#tail.length - this.#max);
    }
  }

  #forget(length: number): void {
    this.#tail.drop(length);
    this.#left += length;
  }
}
