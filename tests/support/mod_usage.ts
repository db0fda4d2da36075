// Tries mod.ts in whatever runs this file, with nothing installed:
//   deno run tests/support/mod_usage.ts
//   node tests/support/mod_usage.ts         (22.18 or newer)
//   bun tests/support/mod_usage.ts
import * as mod from "../../mod.ts";

/** Uses every part of a package; runs wherever JavaScript does, so it names nothing outside. */
export async function smoke(
  {
    decodeContent,
    Decoder,
    DecoderStream,
    encodeFrame,
    encodeMessage,
    encodeVarint,
    FrameDecoder,
    FrameEncoderStream,
    htonl,
    MessageDecoder,
    ntohl,
    pack,
    readItems,
    readUint32,
    unpack,
  }: typeof mod,
): Promise<string> {
  const results: unknown[] = [ntohl(htonl(2130706433)), readUint32(new Uint8Array([127, 0, 0, 1]))];
  results.push(unpack(">HIb", pack(">HIb", 103, 4_000_000_000, -1)));

  const streamOf = (...chunks: Uint8Array[]) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
  /** Reads a stream to its end; one that errors ends with the code of its error. */
  const read = async <T>(stream: ReadableStream<T>, show: (item: T) => unknown) => {
    const reader = stream.getReader(); // Safari cannot iterate over a stream
    const items: unknown[] = [];
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (done) break;
        items.push(show(value));
      }
    } catch (error) {
      items.push((error as mod.LengthLimitError).code);
    }
    return items;
  };
  const list = (bytes: Uint8Array) => [...bytes];
  const frame = encodeFrame(new Uint8Array([1, 2, 3]));
  const message = encodeMessage({ value: "🐶" });
  const split = (bytes: Uint8Array) => streamOf(bytes.subarray(0, 5), bytes.subarray(5));
  for await (const payload of readItems(split(frame), new FrameDecoder())) {
    const body: mod.OwnBytes = payload; // as `new Response(body)` wants it
    results.push(list(body));
  }
  for await (const received of readItems(split(message), new MessageDecoder())) {
    results.push(decodeContent(received));
  }
  const bytes = new Decoder((bytes) => bytes.takeInteger(1));
  for await (const number of readItems(split(frame), bytes)) {
    results.push(number);
    if (number === 3) break; // which cancels the stream
  }

  const encoded = streamOf(new Uint8Array([4, 5])).pipeThrough(new FrameEncoderStream());
  results.push(await read(encoded, list));
  const limited = new DecoderStream(new FrameDecoder({ maxFrameLength: 3 }));
  const tooLong = encodeFrame(new Uint8Array(4));
  results.push(await read(streamOf(frame, frame, tooLong).pipeThrough(limited), list));
  const messages = split(message).pipeThrough(new DecoderStream(new MessageDecoder()));
  results.push(await read(messages, decodeContent));
  const numbers = new DecoderStream(new Decoder((bytes) => bytes.takeInteger(2)));
  results.push(await read(split(frame).pipeThrough(numbers), (number) => number));
  const left = streamOf(frame, frame).pipeThrough(new DecoderStream(new FrameDecoder()))
    .getReader();
  results.push(list((await left.read()).value!));
  await left.cancel();

  const lines = new Decoder(function* (bytes) {
    const length = yield* bytes.takeVarint();
    return [yield* bytes.takeText(length), yield* bytes.takeLine({ maxLength: 8 })];
  });
  lines.push(encodeVarint(3));
  lines.push(new TextEncoder().encode("abcdé\r\n"));
  results.push(lines.take());

  const decoder = new FrameDecoder({ maxFrameLength: 8 });
  decoder.push(new Uint8Array([0, 0, 0, 9]));
  try {
    decoder.take();
  } catch (error) {
    results.push((error as mod.LengthLimitError).code, error instanceof Error);
  }
  return JSON.stringify(results);
}

/** What it returns. */
export const EXPECTED: string = JSON.stringify([
  2130706433,
  2130706433,
  [103, 4_000_000_000, -1],
  [1, 2, 3],
  { value: "🐶" },
  ...[0, 0, 0, 3],
  [[0, 0, 0, 2, 4, 5]],
  [[1, 2, 3], [1, 2, 3], "LENGTH_LIMIT"],
  [{ value: "🐶" }],
  [0, 3, 258, "TRUNCATED_INPUT"],
  [1, 2, 3],
  ["abc", "dé"],
  "LENGTH_LIMIT",
  true,
]);

const result = await smoke(mod);
if (result !== EXPECTED) throw new Error(`mod.ts does not work here: ${result}`);
