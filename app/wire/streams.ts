/** What all decoders have in common. Internal. */
export interface ItemDecoder<T> extends Iterable<T> {
  push(chunk: Uint8Array): void;
  take(): T | undefined;
  end(): void;
}

/**
 * A `ReadableStream` of bytes, or whatever has its `getReader`. The types of that class which browsers and
 * Node.js declare exclude each other; both are accepted here.
 *
 * @category Streams
 */
export interface ByteStream {
  /** Locks the stream, and returns a reader. */
  getReader(): {
    read(): Promise<{ done: false; value: Uint8Array } | { done: true; value?: unknown }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

/**
 * A `ReadableStream` of items. The types of that class which browsers and Node.js declare exclude each
 * other; this one is accepted as either.
 *
 * @category Streams
 */
export interface ItemStream<T> {
  /** Whether a reader, a pipe or a loop has the stream. */
  readonly locked: boolean;
  /** Throws: only a stream of bytes fills the buffers of its reader. */
  getReader(options: { mode: "byob" }): never;
  /** Locks the stream, and returns a reader. */
  getReader(options?: unknown): {
    readonly closed: Promise<undefined>;
    read(): Promise<{ done: false; value: T } | { done: true; value: never }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
  /** Passes the items on to a pair of streams, and returns its readable side. */
  pipeThrough<Output>(pair: { readable: Output; writable: unknown }, options?: unknown): Output;
  /** Passes the items on to a `WritableStream`. */
  pipeTo(writable: unknown, options?: unknown): Promise<void>;
  /** Splits the stream into two that both have all items. */
  tee(): [ItemStream<T>, ItemStream<T>];
  /** Cancels the stream. */
  cancel(reason?: unknown): Promise<void>;
  /** Returns an iterator. */
  values(options?: unknown): AsyncGenerator<T, undefined, unknown>;
  /** Returns an iterator, for `for await`. Safari has none. */
  [Symbol.asyncIterator](options?: unknown): AsyncGenerator<T, undefined, unknown>;
}

/** Chunks of bytes go into one side, and items come out of the other. Internal. */
export interface DecoderPair<T> {
  readable: ItemStream<T>;
  writable: WritableStream<Uint8Array>;
}

/**
 * A pair of streams, for `pipeThrough`: from chunks to what a decoder finds in them.
 *
 * When its input turns out to be wrong, a `TransformStream` drops what nobody has read. So the items wait in
 * a stream of their own. Only when none is left, it asks for the next chunk, and hears of an error.
 */
export function createPair<T>(decoder: ItemDecoder<T>): DecoderPair<T> {
  let items: ReadableStreamDefaultController<T>;
  const { readable: turns, writable } = new TransformStream<Uint8Array, void>({
    transform(chunk, turn) {
      decoder.push(chunk);
      deliver(decoder, items, turn);
    },
    flush() {
      decoder.end();
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
  return { readable: readable as ItemStream<T>, writable };
}

/** Enqueues all items that are complete. With the first one, it is the reader's turn. */
function deliver<T>(
  decoder: ItemDecoder<T>,
  items: ReadableStreamDefaultController<T>,
  turn: TransformStreamDefaultController<void>,
) {
  let isFirst = true;
  for (let item; (item = decoder.take()) !== undefined; isFirst = false) {
    if (isFirst) turn.enqueue(undefined); // workerd wants the argument
    items.enqueue(item);
  }
}

/** Reads all that a decoder finds in a stream. */
export function decodeStream<T>(
  readable: ByteStream,
  decoder: ItemDecoder<T>,
): AsyncGenerator<T, void, undefined> {
  const reader = readable.getReader(); // not every browser can iterate over a stream
  const items = readAll(reader, decoder);
  items.next(); // up to its first `yield`: only a generator that has begun can clean up
  return items;
}

async function* readAll<T>(
  reader: ReturnType<ByteStream["getReader"]>,
  decoder: ItemDecoder<T>,
): AsyncGenerator<T, void, undefined> {
  let ended = false;
  try {
    yield undefined as never; // which nobody gets
    while (true) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return decoder.end();
      decoder.push(value);
      yield* decoder;
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => {}); // the first error is the one that counts
    reader.releaseLock();
  }
}
