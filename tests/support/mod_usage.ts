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
    encodeFrame,
    encodeMessage,
    encodeVarint,
    FrameDecoder,
    FrameDecoderStream,
    FrameEncoderStream,
    htonl,
    ntohl,
    pack,
    readFrames,
    readMessages,
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
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const all: number[][] = [];
    for await (const frame of readFrames(stream)) all.push([...frame]);
    return all;
  };
  const frame = encodeFrame(new Uint8Array([1, 2, 3]));
  results.push(await read(streamOf(frame.subarray(0, 5), frame.subarray(5))));
  results.push(await read(streamOf(new Uint8Array([4, 5])).pipeThrough(new FrameEncoderStream())));
  const frames = streamOf(frame, frame).pipeThrough(new FrameDecoderStream()).getReader();
  results.push([...(await frames.read()).value!]);

  const message = encodeMessage({ value: "🐶" }, {
    contentType: "text/json",
    contentEncoding: "utf-8",
  });
  for await (const received of readMessages(streamOf(message))) {
    results.push(decodeContent(received));
  }

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
    results.push((error as mod.FrameTooLargeError).code, error instanceof RangeError);
  }
  return JSON.stringify(results);
}

/** What it returns. */
export const EXPECTED: string = JSON.stringify([
  2130706433,
  2130706433,
  [103, 4_000_000_000, -1],
  [[1, 2, 3]],
  [[4, 5]],
  [1, 2, 3],
  { value: "🐶" },
  ["abc", "dé"],
  "FRAME_TOO_LARGE",
  true,
]);

const result = await smoke(mod);
if (result !== EXPECTED) throw new Error(`mod.ts does not work here: ${result}`);
