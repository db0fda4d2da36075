import type { Decoder } from "./decoder.ts";

/**
 * A `ReadableStream` of bytes, or whatever has its `getReader`: browsers and Node.js declare types of that
 * class which exclude each other.
 *
 * @category Streams
 */
export interface ByteStream {
  /** Locks the stream, and returns a reader. */
  getReader(): {
    read(): Promise<{ done: false; value: Uint8Array } | { done: true }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

/**
 * A `ReadableStream` of items. Browsers and Node.js declare types of that class which exclude each other; a
 * stream of this type is accepted as either.
 *
 * @category Streams
 */
export type ItemStream<T> = ReadableStream<T> & {
  readonly locked: boolean;
  // All three, as browsers declare them: TypeScript compares them one by one to find out what the items are.
  getReader(options: { mode: "byob" }): never; // throws: that is for streams of bytes
  getReader(): ItemReader<T>;
  getReader(options?: unknown): ItemReader<T>;
  pipeThrough<Output>(pair: { readable: Output; writable: unknown }, options?: unknown): Output;
  pipeTo(writable: unknown, options?: unknown): Promise<void>;
  tee(): [ItemStream<T>, ItemStream<T>];
  cancel(reason?: unknown): Promise<void>;
  values(options?: unknown): AsyncGenerator<T, undefined, unknown>;
  [Symbol.asyncIterator](options?: unknown): AsyncGenerator<T, undefined, unknown>;
};

/**
 * The reader of an {@linkcode ItemStream}.
 *
 * @category Streams
 */
export interface ItemReader<T> {
  /** Resolves when no more items come, and rejects with the error that ends the stream. */
  readonly closed: Promise<undefined>;
  /** Reads the next item. */
  read(): Promise<{ done: false; value: T } | { done: true; value: never }>;
  /** Cancels the stream: nobody wants more items. */
  cancel(reason?: unknown): Promise<void>;
  /** Unlocks the stream, for another reader. */
  releaseLock(): void;
}

/**
 * A stream from chunks of bytes to what a decoder finds in them, for `pipeThrough`.
 *
 * When the bytes are wrong, or end inside an item, both sides error. The items before can still be read: a
 * plain `TransformStream` would drop them.
 *
 * A pipe reads ahead. When the peer half-closes, Deno closes the connection although items still wait, and
 * then nobody can answer them. To answer, read with `conn.read` and push into the decoder.
 *
 * @example Usage
 * ```ts
 * import { Decoder, DecoderStream } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const numbers = new Decoder((bytes) => bytes.takeInteger(2));
 * const chunks = ReadableStream.from([new Uint8Array([0, 1, 0]), new Uint8Array([2])]);
 * assertEquals(await Array.fromAsync(chunks.pipeThrough(new DecoderStream(numbers))), [1, 2]);
 * ```
 *
 * @category Streams
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
   * @param decoder A decoder for this stream alone: a {@linkcode FrameDecoder}, a
   * {@linkcode MessageDecoder}, or a {@linkcode Decoder} with a parser of your own.
   */
  constructor(decoder: Decoder<T>) {
    // When its input turns out to be wrong, a `TransformStream` drops what nobody has read. So the items wait
    // in a stream of their own. Only when none is left, it asks for the next chunk, and hears of an error.
    let items: ReadableStreamDefaultController<T>;
    const { readable: turns, writable } = new TransformStream<Uint8Array, void>({
      transform(chunk, turn) {
        decoder.push(chunk);
        deliver(decoder, items, turn);
      },
      flush(turn) {
        endQuietly(decoder);
        deliver(decoder, items, turn);
        items.close();
      },
    });
    const reader = turns.getReader();
    reader.closed.catch((error) => {
      if (items.desiredSize === 0) items.error(error); // none waits, so the reader hears of it now
    });
    const readable = new ReadableStream<T>({
      start(controller) {
        items = controller;
      },
      async pull() {
        await reader.read();
      },
      cancel(reason) {
        return reader.cancel(reason).catch(() => {}); // an error that waits is nobody's any more
      },
    }, { highWaterMark: 0 });
    this.readable = readable as ItemStream<T>;
    this.writable = writable;
  }
}

/** Enqueues all items that are complete. With the first one, it is the reader's turn. */
function deliver<T extends NonNullable<unknown> | null>(
  decoder: Decoder<T>,
  items: ReadableStreamDefaultController<T>,
  turn: TransformStreamDefaultController<void>,
) {
  for (let isFirst = true;; isFirst = false) {
    const item = decoder.take();
    if (item === undefined) return;
    if (isFirst) turn.enqueue(undefined); // workerd wants the argument
    items.enqueue(item);
  }
}

/** Marks the end of the input. If that is an error, `take` throws it after the last item. */
function endQuietly<T extends NonNullable<unknown> | null>(decoder: Decoder<T>) {
  try {
    decoder.end();
  } catch { /* take throws it again */ }
}

/**
 * Reads the items of a stream of bytes, such as the `readable` of a connection.
 *
 * Every good item is delivered before an error is thrown. Leaving the loop early, or an error, cancels the
 * stream, and so does `return`. Calls of `next` that overlap are answered in order, and `return` comes after
 * them. To end one that waits for bytes, end what the stream comes from: close the connection.
 *
 * @param stream The stream. It is locked at once.
 * @param decoder A decoder for this stream alone, of any kind.
 * @returns The items, in order.
 * @throws As the decoder's `take` and `end`.
 *
 * @example Frames of a connection
 * ```ts
 * import { encodeFrame, FrameDecoder, readItems } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * const server = await listener.accept();
 * listener.close();
 *
 * await client.write(encodeFrame(new TextEncoder().encode("Hello, world")));
 * client.close();
 *
 * for await (const frame of readItems(server.readable, new FrameDecoder())) {
 *   assertEquals(new TextDecoder().decode(frame), "Hello, world");
 * } // and the connection is closed
 * ```
 *
 * @category Streams
 */
export function readItems<T extends NonNullable<unknown> | null>(
  stream: ByteStream,
  decoder: Decoder<T>,
): AsyncIterableIterator<T> {
  const items = readAll(stream.getReader(), decoder); // not every browser can iterate over a stream
  items.next(); // up to its first `yield`: only a generator that has begun can clean up
  return items;
}

async function* readAll<T extends NonNullable<unknown> | null>(
  reader: ReturnType<ByteStream["getReader"]>,
  decoder: Decoder<T>,
): AsyncGenerator<T, void, undefined> {
  let ended = false;
  try {
    yield undefined as never; // which nobody gets
    while (true) {
      const next = await reader.read();
      ended = next.done;
      if (next.done) break;
      decoder.push(next.value);
      yield* decoder;
    }
    endQuietly(decoder);
    yield* decoder;
  } finally {
    if (!ended) await reader.cancel().catch(() => {}); // the first error is the one that counts
    reader.releaseLock();
  }
}
