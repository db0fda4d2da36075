/** What all decoders have in common. Internal. */
export interface ItemDecoder<T> extends Iterable<T> {
  push(chunk: Uint8Array): void;
  take(): T | undefined;
  end(): void;
}

/** What a stream is made of. `Transformer`, its name in browsers and Deno, is none in Node.js. */
export type Transformer<T> = NonNullable<
  ConstructorParameters<typeof TransformStream<Uint8Array, T>>[0]
>;

/** The transformer of a stream from chunks to what a decoder finds in them. */
export function createTransformer<T>(decoder: ItemDecoder<T>): Transformer<T> {
  return {
    transform(chunk, controller) {
      decoder.push(chunk);
      for (let item; (item = decoder.take()) !== undefined;) controller.enqueue(item);
    },
    flush() {
      decoder.end();
    },
  };
}

/** Reads all that a decoder finds in a stream. */
export async function* decodeStream<T>(
  readable: ReadableStream<Uint8Array>,
  decoder: ItemDecoder<T>,
): AsyncGenerator<T, void, undefined> {
  const reader = readable.getReader(); // not every browser can iterate over a stream
  let ended = false;
  try {
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
