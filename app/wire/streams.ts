/** What all decoders have in common. Internal. */
export interface ItemDecoder<T> extends Iterable<T> {
  push(chunk: Uint8Array): void;
  take(): T | undefined;
  end(): void;
}

/**
 * A pair of streams, for `pipeThrough`: from chunks to what a decoder finds in them.
 *
 * When its input turns out to be wrong, a `TransformStream` drops what nobody has read. So the items wait in
 * a stream of their own. Only when none is left, it asks for the next chunk, and hears of an error.
 */
export function createPair<T>(decoder: ItemDecoder<T>): TransformStream<Uint8Array, T> {
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
  return { readable, writable };
}

/** Enqueues all items that are complete. With the first one, it is the reader's turn. */
function deliver<T>(
  decoder: ItemDecoder<T>,
  items: ReadableStreamDefaultController<T>,
  turn: TransformStreamDefaultController<void>,
) {
  let isFirst = true;
  for (let item; (item = decoder.take()) !== undefined; isFirst = false) {
    if (isFirst) turn.enqueue();
    items.enqueue(item);
  }
}

/** Reads all that a decoder finds in a stream. */
export function decodeStream<T>(
  readable: ReadableStream<Uint8Array>,
  decoder: ItemDecoder<T>,
): AsyncGenerator<T, void, undefined> {
  const reader = readable.getReader(); // not every browser can iterate over a stream
  const items = readAll(reader, decoder);
  items.next(); // up to its first `yield`: only a generator that has begun can clean up
  return items;
}

async function* readAll<T>(
  reader: ReadableStreamDefaultReader<Uint8Array>,
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
