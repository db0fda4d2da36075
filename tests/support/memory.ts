// Watches what becomes of the bytes: how many are set aside, copied, and kept.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Counts from its construction until it is disposed. */
export class MemoryWatch implements Disposable {
  /** Bytes of all arrays that were made, in use or not. */
  allocated = 0;
  /** How many of them there were, without views and empty ones. */
  arrays = 0;
  /** Bytes that were written from one array into another. */
  copied = 0;
  readonly #buffers: WeakRef<ArrayBufferLike>[] = [];
  readonly #Uint8Array = Uint8Array;
  readonly #set = Uint8Array.prototype.set;
  readonly #slice = Uint8Array.prototype.slice;

  constructor() {
    const [set, slice] = [this.#set, this.#slice];
    const construct = (original: typeof Uint8Array, args: [unknown]) => {
      const array: Uint8Array = Reflect.construct(original, args);
      if (args[0] instanceof ArrayBuffer) return array;
      this.#made(array);
      if (typeof args[0] === "object") this.copied += array.length;
      return array;
    };
    const made = (array: Uint8Array) => this.#made(array);
    const count = (length: number) => this.copied += length;
    globalThis.Uint8Array = new Proxy(this.#Uint8Array, { construct });
    this.#Uint8Array.prototype.set = function (source, offset) {
      count(source.length);
      set.call(this, source, offset);
    };
    this.#Uint8Array.prototype.slice = function (start, end) {
      const copy = slice.call(this, start, end);
      count(copy.length);
      made(copy);
      return copy;
    };
  }

  /** Watches a buffer as well that was made elsewhere. */
  add(array: Uint8Array): void {
    this.#buffers.push(new WeakRef(array.buffer));
  }

  /** How many bytes are in buffers that something still refers to. */
  async held(): Promise<number> {
    await new Promise<void>((resolve) => setTimeout(resolve)); // a WeakRef holds on until then
    collectGarbage();
    let sum = 0;
    for (const buffer of this.#buffers) sum += buffer.deref()?.byteLength ?? 0;
    return sum;
  }

  [Symbol.dispose](): void {
    globalThis.Uint8Array = this.#Uint8Array;
    Uint8Array.prototype.set = this.#set;
    Uint8Array.prototype.slice = this.#slice;
  }

  #made(array: Uint8Array) {
    if (array.length === 0) return;
    this.allocated += array.length;
    this.arrays++;
    this.add(array);
  }
}

setFlagsFromString("--expose-gc");
// Deno 2.8 has it only if it is started with --v8-flags=--expose-gc, as the tasks do.
const collectGarbage: () => void = runInNewContext("globalThis.gc");
