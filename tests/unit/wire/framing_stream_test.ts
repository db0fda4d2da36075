import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import {
  encodeFrame,
  FrameDecoder,
  FrameDecoderStream,
  FrameEncoderStream,
  type FrameOptions,
  FrameTooLargeError,
  readFrames,
  TruncatedFrameError,
} from "../../../mod.ts";
import { runs } from "../../support/sampling.ts";

const payload = fc.uint8Array({ maxLength: 30 });
const options: fc.Arbitrary<FrameOptions> = fc.record({
  lengthSize: fc.constantFrom<1 | 2 | 3 | 4 | 8>(1, 2, 3, 4, 8),
  byteOrder: fc.constantFrom<"big" | "little">("big", "little"),
  lengthIncludesPrefix: fc.boolean(),
  maxFrameLength: fc.constantFrom(30, 200),
  copy: fc.boolean(),
});

/** Good frames, then perhaps junk, in chunks of random sizes. */
const inputs = fc.tuple(options, fc.array(payload), payload, fc.infiniteStream(fc.nat(50)))
  .map(([options, payloads, junk, sizes]) => {
    const bytes = concat([...payloads.map((payload) => encodeFrame(payload, options)), junk]);
    const chunks: Uint8Array[] = [];
    for (let i = 0; i < bytes.length;) {
      const size = sizes.next().value!;
      chunks.push(bytes.subarray(i, i + size));
      i += size;
    }
    return { options, chunks };
  });

/** The frames and the error of a decoder that gets the chunks. */
function decode(chunks: Uint8Array[], options: FrameOptions): [Uint8Array[], unknown] {
  const decoder = new FrameDecoder(options);
  const frames: Uint8Array[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (const frame of decoder) frames.push(frame);
    }
    decoder.end();
  } catch (error) {
    return [frames, error];
  }
  return [frames, undefined];
}

/** The items of a stream, and the error that ends it. */
async function collect(items: AsyncIterable<Uint8Array>): Promise<[Uint8Array[], unknown]> {
  const all: Uint8Array[] = [];
  try {
    for await (const item of items) all.push(item);
  } catch (error) {
    return [all, error];
  }
  return [all, undefined];
}

/** A source that records how it is used. */
function recorded(chunks: Uint8Array[]) {
  const source = { pulled: 0, cancelled: [] as unknown[], readable: new ReadableStream() };
  source.readable = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[source.pulled++];
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
    cancel(reason) {
      source.cancelled.push(reason);
    },
  }, { highWaterMark: 0 });
  return source;
}

Deno.test("readFrames delivers what a FrameDecoder does, every good frame before the error", async () => {
  await fc.assert(
    fc.asyncProperty(inputs, async ({ options, chunks }) => {
      const [frames, error] = decode(chunks, options);
      const actual = await collect(readFrames(ReadableStream.from(chunks), options));
      assertEquals(actual[0], frames);
      assertEquals(`${actual[1]}`, `${error}`);
    }),
    { numRuns: runs(2000) },
  );
});

Deno.test("FrameDecoderStream delivers what a FrameDecoder does, every good frame before the error", async () => {
  await fc.assert(
    fc.asyncProperty(inputs, async ({ options, chunks }) => {
      const [frames, error] = decode(chunks, options);
      const stream = ReadableStream.from(chunks).pipeThrough(new FrameDecoderStream(options));
      const actual = await collect(stream);
      assertEquals(`${actual[1]}`, `${error}`);
      assertEquals(actual[0], frames);
    }),
    { numRuns: runs(2000) },
  );
});

Deno.test("FrameEncoderStream makes one chunk of each payload, as encodeFrame does", async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.array(payload), async (options, payloads) => {
      const stream = ReadableStream.from(payloads).pipeThrough(new FrameEncoderStream(options));
      const frames = await Array.fromAsync(stream);
      assertEquals(frames, payloads.map((payload) => encodeFrame(payload, options)));
      const decoded = ReadableStream.from(frames).pipeThrough(new FrameDecoderStream(options));
      assertEquals(await Array.fromAsync(decoded), payloads);
    }),
    { numRuns: runs(2000) },
  );
});

Deno.test("FrameEncoderStream errors with FrameTooLargeError and cancels its source", async () => {
  const source = recorded([new Uint8Array(8), new Uint8Array(9)]);
  const stream = source.readable.pipeThrough(new FrameEncoderStream({ maxFrameLength: 8 }));
  const [frames, error] = await collect(stream);
  assertEquals(frames, [encodeFrame(new Uint8Array(8))]);
  assertInstanceOf(error, FrameTooLargeError);
  assert(source.cancelled.length === 1 && source.cancelled[0] === error);
});

Deno.test("FrameDecoderStream errors both sides and cancels its source on a bad frame", async () => {
  const source = recorded([new Uint8Array([0, 0, 0, 9]), new Uint8Array(1)]);
  const decoder = new FrameDecoderStream({ maxFrameLength: 8 });
  const writing = source.readable.pipeTo(decoder.writable);
  const [frames, error] = await collect(decoder.readable);
  assertEquals(frames, []);
  assertInstanceOf(error, FrameTooLargeError);
  assert(await assertRejects(() => writing) === error);
  assert(source.cancelled.length === 1 && source.cancelled[0] === error);
});

Deno.test("FrameDecoderStream passes a cancel to its source, and an abort to its reader", async () => {
  const source = recorded([encodeFrame(new Uint8Array(3)), encodeFrame(new Uint8Array(4))]);
  const reader = source.readable.pipeThrough(new FrameDecoderStream()).getReader();
  assertEquals((await reader.read()).value, new Uint8Array(3));
  await reader.cancel("enough");
  assertEquals(source.cancelled, ["enough"]);

  const { readable, writable } = new FrameDecoderStream();
  const writer = writable.getWriter();
  const reading = readable.getReader().read();
  await writer.write(encodeFrame(new Uint8Array(3)).subarray(0, 5));
  const reason = new Error("Out of paper");
  await writer.abort(reason); // not a truncated frame: the writer says why
  assert(await assertRejects(() => reading) === reason);
});

Deno.test("FrameDecoderStream can be left although what follows is bad", async () => {
  const frame = encodeFrame(new Uint8Array(1));
  const bad = encodeFrame(new Uint8Array(2));
  for (const chunks of [[frame, bad], [concat([frame, frame, bad])]]) {
    const source = recorded(chunks);
    const stream = source.readable.pipeThrough(new FrameDecoderStream({ maxFrameLength: 1 }));
    for await (const payload of stream) {
      assertEquals(payload, new Uint8Array(1));
      break;
    }
  }
});

Deno.test("FrameDecoderStream tells a reader at once that no more frames come", async () => {
  const { readable, writable } = new FrameDecoderStream();
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  const reading = reader.read();
  await writer.write(encodeFrame(new Uint8Array(1)));
  assertEquals((await reading).value, new Uint8Array(1));
  const reason = new Error("Out of paper");
  await writer.abort(reason);
  assert(await assertRejects(() => reader.closed) === reason);
});

Deno.test("FrameDecoderStream takes no more chunks while nobody reads its frames", async () => {
  const chunks = Array.from({ length: 100 }, () => encodeFrame(new Uint8Array(3)));
  const source = recorded(chunks);
  const reader = source.readable.pipeThrough(new FrameDecoderStream()).getReader();
  for (let read = 1; read <= 50; read++) {
    await reader.read();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve(); // let it pull what it will
    assert(source.pulled <= read + 3, `${source.pulled} chunks were taken for ${read} frames`);
  }
  await reader.cancel();
});

Deno.test("readFrames reads a chunk only when it has no frame left", async () => {
  const frame = encodeFrame(new Uint8Array(3));
  const source = recorded([concat([frame, frame]), concat([frame, frame])]);
  const frames = readFrames(source.readable);
  assertEquals(source.pulled, 0);
  for (const pulled of [1, 1, 2, 2]) {
    await frames.next();
    assertEquals(source.pulled, pulled);
  }
  assertEquals((await frames.next()).done, true);
});

Deno.test("readFrames answers overlapping calls of next in order", async () => {
  const payloads = [1, 2, 3, 4, 5].map((byte) => new Uint8Array([byte]));
  const bytes = concat(payloads.map((payload) => encodeFrame(payload)));
  const chunks = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  const frames = readFrames(recorded(chunks).readable);
  const results = await Promise.all(Array.from({ length: 7 }, () => frames.next()));
  assertEquals(results.map(({ value }) => value), [...payloads, undefined, undefined]);
  assertEquals(results.map(({ done }) => done), [false, false, false, false, false, true, true]);
});

Deno.test("readFrames answers overlapping calls with the error once, then with the end", async () => {
  const frames = readFrames(recorded([new Uint8Array([0, 0, 0, 1, 7, 9])]).readable);
  const results = await Promise.allSettled([frames.next(), frames.next(), frames.next()]);
  assertEquals(results[0], {
    status: "fulfilled",
    value: { done: false, value: new Uint8Array([7]) },
  });
  assert(results[1]!.status === "rejected");
  assertInstanceOf(results[1].reason, TruncatedFrameError);
  assertEquals(results[2], { status: "fulfilled", value: { done: true, value: undefined } });
});

Deno.test("readFrames cancels and unlocks the stream when the loop is left or a frame is bad", async () => {
  const left = recorded([encodeFrame(new Uint8Array(1)), encodeFrame(new Uint8Array(2))]);
  for await (const frame of readFrames(left.readable)) {
    assertEquals(frame.length, 1);
    break;
  }
  assertEquals([left.cancelled.length, left.readable.locked], [1, false]);

  const bad = recorded([encodeFrame(new Uint8Array(9)), encodeFrame(new Uint8Array(2))]);
  const [frames, error] = await collect(readFrames(bad.readable, { maxFrameLength: 8 }));
  assertEquals(frames, []);
  assertInstanceOf(error, FrameTooLargeError);
  assertEquals([bad.cancelled.length, bad.readable.locked], [1, false]);
});

Deno.test("readFrames passes on the error of its stream, after the frames that came before", async () => {
  const reset = new Error("Connection reset");
  const chunks = [encodeFrame(new Uint8Array(3)), new Uint8Array([0, 0])];
  const readable = new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.error(reset);
    },
  }, { highWaterMark: 0 });
  const [frames, error] = await collect(readFrames(readable));
  assertEquals(frames, [new Uint8Array(3)]);
  assert(error === reset); // truncated is not reset
});

Deno.test("readFrames and the streams refuse options that make no sense when they are called", () => {
  const wrong = { lengthSize: 5 } as unknown as FrameOptions;
  assertThrows(() => readFrames(new ReadableStream(), wrong), RangeError, "prefix of 5 bytes");
  assertThrows(() => new FrameDecoderStream(wrong), RangeError, "prefix of 5 bytes");
  assertThrows(() => new FrameEncoderStream(wrong), RangeError, "prefix of 5 bytes");
});
