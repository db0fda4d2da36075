import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import {
  encodeFrame,
  encodeFramePrefix,
  FrameDecoder,
  type FrameOptions,
  FrameTooLargeError,
  InvalidFrameError,
  TruncatedFrameError,
} from "../../../mod.ts";
import { runs, some, tryAll } from "../../support/sampling.ts";
import { MemoryWatch } from "../../support/memory.ts";
import { noise } from "../../support/programs.ts";

const MIB = 1024 * 1024;
const SIZES = [1, 2, 3, 4, 8] as const; // of the prefix
const ORDERS = ["big", "little"] as const;

type Format = Required<Omit<FrameOptions, "maxFrameLength">>;

/** All formats; `copy` changes nothing on the wire. */
const FORMATS: Format[] = SIZES.flatMap((lengthSize) =>
  ORDERS.flatMap((byteOrder) =>
    [false, true].map((lengthIncludesPrefix) => ({
      lengthSize,
      byteOrder,
      lengthIncludesPrefix,
      copy: false,
    }))
  )
);
const formats = fc.constantFrom(
  ...FORMATS,
  ...FORMATS.map((format) => ({ ...format, copy: true })),
);

/** Frames, and after some of them something that is none. All with a limit of 60 bytes. */
const inputs = fc.record({
  format: formats,
  payloads: fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }),
  rest: fc.oneof(
    fc.constant("nothing" as const),
    fc.constant("too long" as const),
    fc.constant("impossible" as const),
    fc.uint8Array({ maxLength: 20 }),
  ),
}).map(({ format, payloads, rest }) => {
  const options = { ...format, maxFrameLength: 60 };
  const frames = payloads.map((payload) => encodeFrame(payload, options));
  if (rest instanceof Uint8Array) frames.push(rest);
  if (rest === "too long") frames.push(encodeFrame(noise(61), format), noise(5));
  if (rest === "impossible") frames.push(new Uint8Array(format.lengthSize), noise(5));
  return { options, bytes: concat(frames) };
});

/**
 * What a decoder makes of the chunks: the frames, and the error with all it says. Frames are taken
 * after each chunk, after the last, or after every other chunk and the rest when all has ended.
 */
function outcome(chunks: Uint8Array[], options: FrameOptions, drain: "each" | "last" | "other") {
  const decoder = new FrameDecoder(options);
  const frames: number[][] = [];
  let error: unknown;
  try {
    for (const [i, chunk] of chunks.entries()) {
      decoder.push(chunk);
      if (drain === "last" || drain === "other" && i % 2 === 1) continue;
      for (const frame of decoder) frames.push([...frame]);
    }
    if (drain === "last") { for (const frame of decoder) frames.push([...frame]); }
    decoder.end();
  } catch (thrown) {
    error = thrown;
  }
  try {
    for (const frame of decoder) frames.push([...frame]);
  } catch (again) {
    assert(again === error);
  }
  return { frames, error: error === undefined ? undefined : describe(error) };
}

function describe(error: unknown) {
  if (error instanceof FrameTooLargeError) {
    return [error.name, error.code, error.message, error.declaredLength, error.maxLength];
  }
  if (error instanceof TruncatedFrameError) {
    return [error.name, error.code, error.message, error.phase, error.expected, error.received];
  }
  assertInstanceOf(error, InvalidFrameError); // nothing else is documented
  return [error.name, error.code, error.message];
}

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length]
    .toSorted((a, b) => a - b);
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end)); // some of them are empty
}

Deno.test("FrameDecoder finds the same frames and the same error however the bytes are cut", () => {
  const kinds = new Set<unknown>();
  fc.assert(
    fc.property(
      inputs,
      fc.array(fc.array(fc.nat(), { maxLength: 12 }), { minLength: 3, maxLength: 3 }),
      ({ options, bytes }, randomCuts) => {
        const expected = outcome([bytes], options, "each");
        kinds.add(expected.error?.[1]);
        const splits = [
          Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
          ...Array.from(bytes, (_, i) => cut(bytes, [i])),
          ...randomCuts.map((places) => cut(bytes, places)),
          [new Uint8Array(), bytes, new Uint8Array()],
        ];
        for (const chunks of splits) {
          for (const drain of ["each", "last", "other"] as const) {
            const actual = outcome(chunks, options, drain);
            if (!same(actual, expected)) assertEquals(actual, expected); // which is slow
          }
        }
      },
    ),
    { numRuns: runs(2000) },
  );
  const all = [undefined, "FRAME_TOO_LARGE", "INVALID_FRAME", "TRUNCATED_FRAME"];
  assertEquals([...kinds].toSorted(), all.toSorted());
});

Deno.test("FrameDecoder gives back a payload around 256 ** 3 bytes", () => {
  const options = { maxFrameLength: 256 ** 3 };
  for (const length of some([256 ** 3, 256 ** 3 - 1], 2)) {
    const payload = new Uint8Array(length);
    payload[length - 1] = 7;
    const decoder = new FrameDecoder(options);
    decoder.push(encodeFrame(payload, options));
    assert(same(decoder.take(), payload));
    assertThrows(() => encodeFrame(new Uint8Array(length + 2), options), FrameTooLargeError);
  }
});

Deno.test("FrameDecoder gives back what encodeFrame was given, for every format and edge", () => {
  for (const format of FORMATS) {
    const { lengthSize, lengthIncludesPrefix } = format;
    const own = lengthIncludesPrefix ? lengthSize : 0;
    const most = Math.min(2 ** (8 * lengthSize) - 1 - own, 70_000);
    for (const maxFrameLength of [most, 300, 7, 0]) {
      if (maxFrameLength > most) continue;
      const options = { ...format, maxFrameLength };
      const edges = [256, 65_536].flatMap((edge) =>
        [-1, 0, 1].flatMap((i) => [edge + i, edge + i - own])
      );
      const lengths = [0, 1, 2, maxFrameLength - 1, maxFrameLength, ...edges]
        .filter((length) => length >= 0 && length <= maxFrameLength);
      const payloads = lengths.map(noise);
      const decoder = new FrameDecoder(options);
      for (const payload of payloads) {
        const frame = encodeFrame(payload, options);
        assertEquals(frame.subarray(0, lengthSize), encodeFramePrefix(payload.length, options));
        decoder.push(frame);
      }
      for (const payload of payloads) assert(same(decoder.take(), payload));
      assertEquals(decoder.take(), undefined);
      decoder.end();
    }
  }
});

Deno.test("encodeFramePrefix writes the length as DataView does, up to the largest", () => {
  for (const format of FORMATS) {
    const { lengthSize, byteOrder, lengthIncludesPrefix } = format;
    const own = lengthIncludesPrefix ? lengthSize : 0;
    const most = Math.min(2 ** (8 * lengthSize) - 1, Number.MAX_SAFE_INTEGER) - own;
    const powers = [1, 2, 3, 4, 5, 6].map((exponent) => 256 ** exponent);
    const edges = powers.flatMap((power) => [-1, 0, 1].map((i) => power + i - own));
    for (const length of [0, 1, 0x010203, 0x01020304, ...edges, most - 1, most]) {
      if (length < 0 || length > most) continue;
      const expected = new DataView(new ArrayBuffer(8));
      expected.setBigUint64(0, BigInt(length + own) << BigInt(64 - 8 * lengthSize));
      const bytes = new Uint8Array(expected.buffer, 0, lengthSize);
      if (byteOrder === "little") bytes.reverse();
      const options = { ...format, maxFrameLength: most };
      assertEquals(encodeFramePrefix(length, options), bytes);

      const decoder = new FrameDecoder(options);
      decoder.push(bytes);
      if (length === 0) continue;
      const error = assertThrows(() => decoder.end(), TruncatedFrameError);
      assertEquals([error.phase, error.expected, error.received], ["payload", length, 0]);
    }
  }
});

Deno.test("encodeFrame and FrameDecoder refuse one byte over the limit before they allocate", () => {
  for (const format of FORMATS) {
    const own = format.lengthIncludesPrefix ? format.lengthSize : 0;
    const widest = 2 ** (8 * format.lengthSize) - 1 - own;
    for (const maxFrameLength of [0, 5, 200, 60_000, 8 * MIB]) {
      if (maxFrameLength >= widest) continue;
      const options = { ...format, maxFrameLength };
      const payload = new Uint8Array(maxFrameLength + 1);
      const { maxFrameLength: _, ...unlimited } = options;
      const most = { ...unlimited, maxFrameLength: Math.min(widest, Number.MAX_SAFE_INTEGER - 8) };
      const prefix = encodeFramePrefix(maxFrameLength + 1, most);
      const decoder = new FrameDecoder(options);
      decoder.push(prefix);
      using watch = new MemoryWatch();
      for (
        const refuse of [
          () => encodeFrame(payload, options),
          () => encodeFramePrefix(maxFrameLength + 1, options),
          () => decoder.take(),
        ]
      ) {
        const { declaredLength, maxLength } = assertThrows(refuse, FrameTooLargeError);
        assertEquals([declaredLength, maxLength], [maxFrameLength + 1, maxFrameLength]);
      }
      assertEquals([watch.allocated, watch.copied], [0, 0]);
      assertEquals(decoder.bufferedLength, 0);
    }
  }
});

Deno.test("FrameDecoder has a limit of 8 MiB by default, or what the prefix can express", () => {
  for (const format of FORMATS) {
    const own = format.lengthIncludesPrefix ? format.lengthSize : 0;
    const limit = Math.min(8 * MIB, 2 ** (8 * format.lengthSize) - 1 - own);
    assertEquals(encodeFramePrefix(limit, format).length, format.lengthSize);
    const error = assertThrows(() => encodeFramePrefix(limit + 1, format), FrameTooLargeError);
    assertEquals(error.maxLength, limit);
  }
});

Deno.test("FrameDecoder refuses 8-byte lengths beyond the safe integers as too large", () => {
  for (const declared of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    for (const byteOrder of ORDERS) {
      for (const lengthIncludesPrefix of [false, true]) {
        const options = { lengthSize: 8, byteOrder, lengthIncludesPrefix } as const;
        const limit = Number.MAX_SAFE_INTEGER - (lengthIncludesPrefix ? 8 : 0);
        const decoder = new FrameDecoder({ ...options, maxFrameLength: limit });
        const prefix = new DataView(new ArrayBuffer(8));
        prefix.setBigUint64(0, declared, byteOrder === "little");
        decoder.push(new Uint8Array(prefix.buffer));
        const error = assertThrows(() => decoder.take(), FrameTooLargeError);
        assertEquals(error.declaredLength, Number(declared) - (lengthIncludesPrefix ? 8 : 0));
      }
    }
  }
});

Deno.test("FrameDecoder.end throws exactly where the input ends inside a frame", () => {
  fc.assert(
    fc.property(
      formats,
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      (options, payloads, drained) => {
        const bytes = concat(payloads.map((payload) => encodeFrame(payload, options)));
        let frame = 0;
        let start = 0; // of the frame in which `length` lies
        for (let length = 0; length <= bytes.length; length++) {
          const size = options.lengthSize + (payloads[frame]?.length ?? Infinity);
          if (length - start === size) [start, frame] = [length, frame + 1];
          const decoder = new FrameDecoder(options);
          decoder.push(bytes.subarray(0, length));
          if (drained) { for (const _ of decoder); }
          if (length === start) decoder.end();
          else {
            const inside = length - start - options.lengthSize;
            const error = assertThrows(() => decoder.end(), TruncatedFrameError);
            const { phase, expected, received } = error;
            const right = inside < 0
              ? phase === "prefix" && expected === options.lengthSize && received === length - start
              : phase === "payload" && expected === payloads[frame]!.length && received === inside;
            assert(right, `${JSON.stringify(error)} with ${inside} bytes after the prefix`);
          }
          if (!drained) { // all whole frames are still there
            for (let i = 0; i < frame; i++) assert(same(decoder.take(), payloads[i]));
          }
          if (length === start) assertEquals(decoder.take(), undefined);
          else assertThrows(() => decoder.take(), TruncatedFrameError);
        }
      },
    ),
    { numRuns: runs(500) },
  );
});

Deno.test("FrameDecoder throws only documented errors on random bytes, and stays with the first", () => {
  fc.assert(
    fc.property(
      formats,
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
      fc.nat(300),
      fc.boolean(),
      (format, chunks, limit, ended) => {
        const maxFrameLength = Math.min(limit, format.lengthSize === 1 ? 254 : limit);
        const decoder = new FrameDecoder({ ...format, maxFrameLength });
        let first: unknown;
        let pushed = 0;
        try {
          for (const chunk of chunks) {
            decoder.push(chunk);
            pushed += chunk.length;
            for (const frame of decoder) pushed -= frame.length + format.lengthSize;
            assertEquals(decoder.bufferedLength, pushed);
            assert(pushed < format.lengthSize + Math.max(1, maxFrameLength));
          }
          if (ended) decoder.end();
        } catch (error) {
          first = error;
        }
        if (first === undefined) return;
        describe(first);
        if (!(first instanceof TruncatedFrameError)) assertEquals(decoder.bufferedLength, 0);
        for (
          const again of [
            () => decoder.take(),
            () => decoder.push(new Uint8Array([1])),
            () => decoder.push(new Uint8Array()),
            () => decoder.end(),
            () => [...decoder],
          ]
        ) {
          assert(assertThrows(again) === first);
        }
      },
    ),
    { numRuns: runs(2000) },
  );
});

Deno.test("FrameDecoder delivers the good frames of a chunk before a bad one, also after end", () => {
  const good = [noise(3), new Uint8Array(), noise(5)];
  const frames = good.map((payload) => encodeFrame(payload, { lengthIncludesPrefix: true }));
  const endings = [
    [[0, 0, 0, 13, 1, 2], "FrameTooLargeError"],
    [[0, 0, 0, 3], "InvalidFrameError"],
    [[0, 0, 0, 5], "TruncatedFrameError"],
  ] as const;
  for (const [bad, expected] of endings) {
    for (const endFirst of [false, true]) {
      const decoder = new FrameDecoder({ lengthIncludesPrefix: true, maxFrameLength: 8 });
      decoder.push(concat([...frames, new Uint8Array(bad)]));
      let error = endFirst ? assertThrows(() => decoder.end(), Error) : undefined;
      if (error) assert(assertThrows(() => decoder.push(new Uint8Array([1]))) === error);
      for (const payload of good) assertEquals(decoder.take(), new Uint8Array(payload));
      if (expected === "TruncatedFrameError") error ??= assertThrows(() => decoder.end(), Error);
      error ??= assertThrows(() => decoder.take(), Error);
      assertEquals(error.name, expected);
      assert(assertThrows(() => decoder.take()) === error);
      assert(assertThrows(() => decoder.end()) === error);
    }
  }
});

Deno.test("FrameDecoder.bufferedLength counts what belongs to no delivered frame", () => {
  const decoder = new FrameDecoder();
  decoder.push(encodeFrame(noise(10)));
  decoder.push(encodeFrame(noise(20)).subarray(0, 9));
  assertEquals(decoder.bufferedLength, 14 + 9);
  decoder.take();
  assertEquals(decoder.bufferedLength, 9);
  assertEquals(decoder.take(), undefined);
  assertEquals(decoder.bufferedLength, 9); // although the prefix is understood
});

Deno.test("FrameDecoder holds at most 1 MiB, or four times what has come", async () => {
  for (const maxFrameLength of [MIB, 8 * MIB, 2 ** 32 - 1]) {
    using watch = new MemoryWatch();
    const decoder = new FrameDecoder({ maxFrameLength });
    decoder.push(encodeFramePrefix(maxFrameLength, { maxFrameLength }));
    assertEquals(decoder.take(), undefined);
    decoder.push(noise(1));
    assertEquals(decoder.take(), undefined);
    const held = await watch.held();
    assert(held <= MIB, `${held} bytes are held for 1`);
  }

  const payload = noise(5 * MIB);
  const prefix = encodeFramePrefix(payload.length);
  const places = [1, MIB - 1, MIB + 1, MIB, 4 * MIB + 1, 4 * MIB, payload.length - 1];
  for (const drained of [true, false]) {
    using watch = new MemoryWatch();
    const decoder = new FrameDecoder();
    decoder.push(prefix);
    let received = 0;
    for (const check of some(places, 2).toSorted((a, b) => a - b)) {
      while (received < check) {
        const most = received > MIB ? 1000 : tryAll ? 1 : 100;
        const size = Math.min(most, check - received);
        decoder.push(payload.subarray(received, received + size)); // of a buffer not watched
        received += size;
        if (drained) decoder.take();
      }
      const held = await watch.held();
      assert(held <= Math.max(MIB, 4 * received), `${held} bytes are held for ${received}`);
    }
    assertEquals(decoder.bufferedLength, prefix.length + received);
  }
});

Deno.test("FrameDecoder copies at most three times the bytes it gets", () => {
  const large = encodeFrame(noise(4 * MIB + 1000));
  const small = concat(Array.from({ length: 200 }, (_, i) => encodeFrame(noise(i * 50))));
  for (const bytes of [large, small]) {
    for (const copy of [false, true]) {
      const sizes = bytes === small
        ? tryAll ? [1, 7, 100] : [17, 100]
        : [1000, 65_536, MIB - 1, MIB, 4 * MIB];
      for (const size of [...sizes, 5000, bytes.length]) {
        for (const drained of [true, false]) {
          using watch = new MemoryWatch();
          const decoder = new FrameDecoder({ copy });
          for (let i = 0; i < bytes.length; i += size) {
            decoder.push(bytes.subarray(i, i + size));
            if (drained) { while (decoder.take()); }
            const pushed = Math.min(i + size, bytes.length);
            if (watch.copied > 3 * pushed) {
              throw new Error(`${watch.copied} bytes were copied of ${pushed}`);
            }
          }
          decoder.end();
          while (decoder.take());
          assert(watch.copied <= 3 * bytes.length, `${watch.copied} copied of ${bytes.length}`);
        }
      }
    }
  }
});

Deno.test("FrameDecoder copies nothing of a frame that lies inside one chunk", () => {
  const bytes = concat([encodeFrame(noise(100)), encodeFrame(noise(10_000))]);
  using watch = new MemoryWatch();
  const decoder = new FrameDecoder();
  decoder.push(bytes);
  for (const frame of decoder) assert(frame.buffer === bytes.buffer);
  assertEquals([watch.allocated, watch.copied], [0, 0]);
});

Deno.test("FrameDecoder with copy delivers frames that no chunk can change", () => {
  const payloads = [10, 0, 3000, 70_000, 5, 64].map(noise);
  const bytes = concat(payloads.map((payload) => encodeFrame(payload)));
  for (const size of [1, 3, 64, 4096, 65_536, bytes.length]) {
    for (const drained of [true, false]) {
      const decoder = new FrameDecoder({ copy: true });
      const buffer = new Uint8Array(size);
      const frames: Uint8Array[] = [];
      for (let i = 0; i < bytes.length; i += size) {
        const chunk = bytes.subarray(i, i + size);
        buffer.set(chunk);
        decoder.push(buffer.subarray(0, chunk.length));
        if (drained) frames.push(...decoder);
        buffer.fill(0xee);
      }
      frames.push(...decoder);
      assertEquals(frames.length, payloads.length);
      for (const [i, frame] of frames.entries()) assert(same(frame, payloads[i]));
    }
  }
});

Deno.test("FrameDecoder can be iterated again after more bytes, and after a break", () => {
  const decoder = new FrameDecoder();
  const frames = [1, 2, 3].map((byte) => encodeFrame(new Uint8Array([byte])));
  decoder.push(concat(frames.slice(0, 2)));
  for (const frame of decoder) {
    assertEquals(frame, new Uint8Array([1]));
    break;
  }
  decoder.push(frames[2]!);
  assertEquals([...decoder].map((frame) => frame[0]), [2, 3]);
  assertEquals([...decoder], []);
});

Deno.test("FrameDecoder, encodeFrame and encodeFramePrefix refuse options that make no sense", () => {
  for (
    const options of [
      { lengthSize: 5 },
      { lengthSize: 0 },
      { lengthSize: "4" },
      { byteOrder: "middle" },
      { maxFrameLength: -1 },
      { maxFrameLength: NaN },
      { maxFrameLength: 1.5 },
      { maxFrameLength: Infinity },
      { maxFrameLength: 2 ** 32 },
      { lengthSize: 1, maxFrameLength: 256 },
      { lengthSize: 1, lengthIncludesPrefix: true, maxFrameLength: 255 },
      { lengthSize: 2, maxFrameLength: 65_536 },
      { lengthSize: 8, maxFrameLength: 2 ** 53 },
    ] as FrameOptions[]
  ) {
    assertThrows(() => new FrameDecoder(options), RangeError, "Cannot use");
    assertThrows(() => encodeFrame(new Uint8Array(), options), RangeError, "Cannot use");
    assertThrows(() => encodeFramePrefix(0, options), RangeError, "Cannot use");
  }
  for (const maxFrameLength of ["8", 8n, null]) {
    const options = { maxFrameLength } as unknown as FrameOptions;
    assertThrows(() => new FrameDecoder(options), TypeError, "not a number");
  }
});

Deno.test("encodeFramePrefix refuses what is no length, and encodeFrame what is no bytes", () => {
  for (const length of [-1, 0.5, NaN, Infinity, "1"]) {
    assertThrows(() => encodeFramePrefix(length as number), RangeError, "integer of 0 or more");
  }
  for (const payload of ["text", [1], null]) {
    assertThrows(() => encodeFrame(payload as never), TypeError, "is a Uint8Array");
    assertThrows(() => new FrameDecoder().push(payload as never), TypeError, "is a Uint8Array");
  }
});

Deno.test("FrameTooLargeError, TruncatedFrameError and InvalidFrameError say what they are", () => {
  const tooLarge = new FrameTooLargeError(9, 8);
  assertInstanceOf(tooLarge, RangeError);
  assertEquals(`${tooLarge}`, "FrameTooLargeError: " + tooLarge.message);
  assertEquals(tooLarge.message, "Cannot accept frame: its length is 9 bytes, the limit is 8");
  const truncated = new TruncatedFrameError("payload", 10, 3);
  assertEquals(truncated.message, "Input ended too early: 3 of 10 bytes of a payload have come");
  assertInstanceOf(new InvalidFrameError(), RangeError);
  assertEquals(
    [tooLarge.code, truncated.code, new InvalidFrameError().code],
    ["FRAME_TOO_LARGE", "TRUNCATED_FRAME", "INVALID_FRAME"],
  );
});

/** Whether two values are the same as JSON; much faster than an assertion. */
function same(actual: unknown, expected: unknown): boolean {
  if (!(actual instanceof Uint8Array && expected instanceof Uint8Array)) {
    return JSON.stringify(actual) === JSON.stringify(expected);
  }
  return actual.length === expected.length && actual.every((byte, i) => byte === expected[i]);
}
