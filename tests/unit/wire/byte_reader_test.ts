import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import fc from "fast-check";
import { ByteReader } from "../../../app/wire/byte_reader.ts";
import { runs } from "../../support/sampling.ts";
import { MemoryWatch } from "../../support/memory.ts";
import { noise } from "../../support/programs.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const INPUT = noise(64 * KIB);

/** Pushes a chunk of so many bytes, or takes so many, as bytes or as an integer of that size. */
type Step = { push: number } | { take: number } | { integer: 1 | 2 | 3 | 4 };

const lengths = fc.oneof(fc.nat(12), fc.constantFrom(4095, 4096, 4097), fc.nat(10_000));
const steps = fc.array(
  fc.oneof(
    fc.record({ push: lengths }),
    fc.record({ take: lengths }),
    fc.record({ integer: fc.constantFrom<1 | 2 | 3 | 4>(1, 2, 3, 4) }),
  ),
  { maxLength: 40 },
) as fc.Arbitrary<Step[]>;

Deno.test("ByteReader takes the bytes that were pushed, in order, as soon as all are here", () => {
  fc.assert(
    fc.property(steps, fc.boolean(), fc.boolean(), (steps, copy, ownBuffers) => {
      const reader = new ByteReader({ copy });
      let [pushed, taken] = [0, 0]; // the model: the reader holds INPUT from `taken` to `pushed`
      let refused: Step | undefined;
      for (const next of steps) {
        const step = "push" in next ? next : refused ?? next; // the same again
        if ("push" in step) {
          const chunk = INPUT.subarray(pushed, pushed + step.push);
          reader.push(ownBuffers ? new Uint8Array(chunk) : chunk);
          pushed += chunk.length;
        } else {
          const length = "take" in step ? step.take : step.integer;
          const expected = length <= pushed - taken
            ? INPUT.slice(taken, taken + length)
            : undefined;
          assertEquals(reader.ensure(length), expected !== undefined);
          if (expected && "take" in step) assertEquals(reader.take(length), expected);
          else if (expected) assertEquals(reader.takeInteger(length, false), toNumber(expected));
          refused = expected ? undefined : step;
          if (expected) taken += length;
        }
        assertEquals(reader.position, taken);
        assertEquals(reader.length, pushed - taken);
      }
    }),
    { numRuns: runs(2000) },
  );
});

Deno.test("ByteReader.takeInteger reads every size in both orders, inside a chunk and across", () => {
  const ascending = new Uint8Array([0xf1, 2, 3, 4]);
  const view = new DataView(ascending.buffer);
  const expected = {
    1: [view.getUint8(0), view.getUint8(0)],
    2: [view.getUint16(0), view.getUint16(0, true)],
    3: [0xf10203, 0x0302f1],
    4: [view.getUint32(0), view.getUint32(0, true)],
  };
  for (const size of [1, 2, 3, 4] as const) {
    for (const cut of Array(size + 1).keys()) {
      const actual = [false, true].map((little) => {
        const reader = new ByteReader();
        reader.push(ascending.subarray(0, cut));
        assertEquals(reader.ensure(size), cut >= size);
        reader.push(ascending.subarray(cut));
        assertEquals(reader.ensure(size), true);
        return reader.takeInteger(size, little);
      });
      assertEquals(actual, expected[size]);
    }
  }
});

Deno.test("ByteReader hands out a view if the bytes lie inside one chunk, also of a later one", () => {
  const reader = new ByteReader();
  const chunks = [noise(5000), noise(6000)];
  for (const chunk of chunks) reader.push(chunk);
  assert(take(reader, 5000)!.buffer === chunks[0]!.buffer);
  assert(take(reader, 1000)!.buffer === chunks[1]!.buffer);
  assertEquals(take(reader, 6000), undefined);
  reader.push(noise(2000));
  assertEquals(take(reader, 6000)?.buffer.byteLength, 6000); // it spans two chunks
  take(reader, 1000);
  assertEquals(take(reader, 1), undefined);
  const late = noise(1);
  reader.push(late); // nothing was here when it was asked for
  assert(take(reader, 1)!.buffer === late.buffer);
});

Deno.test("ByteReader hands out a view of one chunk, or memory that is exactly the result's", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(lengths, lengths, fc.boolean(), (cuts, takes, isEager) => {
      const reader = new ByteReader();
      const chunks = new Set<ArrayBufferLike>();
      const owned = new Set<ArrayBufferLike>();
      let pushed = 0;
      const drain = () => {
        for (const length of takes) {
          const bytes = take(reader, length);
          if (bytes === undefined) return;
          if (chunks.has(bytes.buffer)) continue;
          assertEquals(bytes.buffer.byteLength, length);
          assert(!owned.has(bytes.buffer), "two results share memory");
          owned.add(bytes.buffer);
        }
      };
      for (const cut of cuts) {
        const chunk = INPUT.slice(pushed, pushed + cut);
        pushed += cut;
        chunks.add(chunk.buffer);
        reader.push(chunk);
        if (isEager) drain();
      }
      drain();
    }),
    { numRuns: runs(2000) },
  );
});

Deno.test("ByteReader holds at most 64 KiB, or four times what waits", async () => {
  const source = noise(200_000);
  const lengths = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(lengths, lengths, async (pushes, takes) => {
      using watch = new MemoryWatch();
      const reader = new ByteReader();
      for (const length of pushes) reader.push(source.subarray(0, length)); // which is not watched
      for (const length of takes) {
        take(reader, length);
        const held = await watch.held();
        const limit = Math.max(64 * KIB, 4 * reader.length);
        assert(held <= limit, `${held} bytes are held for ${reader.length}`);
      }
    }),
    { numRuns: runs(30), endOnFailure: true },
  );
});

Deno.test("ByteReader with copy hands out nothing that shares memory with a chunk", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(20), fc.integer({ min: 4000, max: 9000 })), { maxLength: 12 }),
      fc.integer({ min: 1, max: 6000 }),
      fc.boolean(),
      (cuts, length, eager) => {
        const reader = new ByteReader({ copy: true });
        const buffer = new Uint8Array(10_000); // the same one for every chunk
        const taken: Uint8Array[] = [];
        let pushed = 0;
        const drain = () => {
          for (let bytes; (bytes = take(reader, length));) taken.push(bytes);
        };
        for (const cut of cuts) {
          const chunk = INPUT.subarray(pushed, pushed + cut);
          buffer.set(chunk);
          reader.push(buffer.subarray(0, chunk.length));
          pushed += chunk.length;
          if (eager) drain();
          buffer.fill(0xee);
        }
        drain();
        const all = concat(taken);
        assert(equals(all, INPUT.subarray(0, all.length)));
        assertEquals(all.length, pushed - pushed % length);
      },
    ),
    { numRuns: runs(2000) },
  );
});

Deno.test("ByteReader keeps little more than the bytes themselves, however small the chunks", async () => {
  using watch = new MemoryWatch();
  const reader = new ByteReader();
  const byte = INPUT.subarray(0, 1);
  for (let i = 0; i < 2 * MIB; i++) reader.push(byte);
  const held = await watch.held();
  assert(held <= 4 * 2 * MIB, `${held} bytes are held for ${2 * MIB}`);
  assert(watch.copied <= 3 * 2 * MIB, `${watch.copied} bytes were copied of ${2 * MIB}`);
  assertEquals(take(reader, 2 * MIB)!.length, 2 * MIB);
});

Deno.test("ByteReader does not keep a large buffer for the small part of it that waits", async () => {
  for (const length of [1, 4096]) {
    using watch = new MemoryWatch();
    const reader = new ByteReader();
    for (let i = 0; i < 20; i++) reader.push(new Uint8Array(MIB).subarray(7, 7 + length));
    const held = await watch.held();
    assert(held <= 20 * 4 * length + 8192, `${held} bytes are held for ${20 * length}`);
    assertEquals(reader.length, 20 * length);
  }
});

Deno.test("ByteReader lets go of a chunk when its last byte is taken", async () => {
  using watch = new MemoryWatch();
  const reader = new ByteReader();
  for (const length of [1, 2, 3, 4]) {
    reader.push(new Uint8Array(64 * KIB).subarray(0, 2 * length));
    take(reader, length);
    reader.takeInteger(length, false);
  }
  assertEquals(await watch.held(), 0);
  assertEquals(reader.length, 0);
});

Deno.test("ByteReader.push takes a subclass of Uint8Array for the bytes it has", () => {
  class Backwards extends Uint8Array {
    override slice(): never {
      throw new Error("Not for bytes of others");
    }
  }
  for (const copy of [false, true]) {
    const reader = new ByteReader({ copy });
    reader.push(new Backwards([1, 2, 3]));
    reader.push(new Backwards([4, 5]));
    const bytes = take(reader, 2)!;
    assert(bytes.constructor === Uint8Array);
    assertEquals(concat([bytes, take(reader, 3)!]), new Uint8Array([1, 2, 3, 4, 5]));
  }
});

Deno.test("ByteReader.push refuses what is not a Uint8Array", () => {
  for (const chunk of ["text", [1, 2], new ArrayBuffer(2), new Uint16Array(1), null, undefined]) {
    assertThrows(() => new ByteReader().push(chunk as never), TypeError, "is a Uint8Array");
  }
});

/** Takes bytes if all of them are here. */
function take(reader: ByteReader, length: number): Uint8Array | undefined {
  return reader.ensure(length) ? reader.take(length) : undefined;
}

function toNumber(bytes: Uint8Array): number {
  return Number(bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n));
}

Deno.test("ByteReader copies chunks whose memory others may change or resize", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4));
  const resizable = new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }));
  for (const chunk of [shared, resizable]) {
    chunk.set([1, 2, 3, 4]);
    const reader = new ByteReader();
    reader.push(chunk);
    chunk.fill(0);
    const bytes = take(reader, 4)!;
    assertEquals(bytes, new Uint8Array([1, 2, 3, 4]));
    assertEquals(bytes.buffer instanceof ArrayBuffer, true);
  }
});

Deno.test("ByteReader says so when a chunk was given away after it was pushed", () => {
  const message = "Cannot read a chunk: it was detached or shrunk after it was pushed";
  const takes = [
    (reader: ByteReader) => take(reader, 2),
    (reader: ByteReader) => take(reader, 6),
  ];
  for (const act of takes) {
    for (const lost of [0, 1]) {
      const chunks = [new Uint8Array(5000).fill(1), new Uint8Array(5000).fill(2)];
      const reader = new ByteReader();
      for (const chunk of chunks) reader.push(chunk);
      const { buffer } = chunks[lost]!;
      structuredClone(buffer, { transfer: [buffer] });
      if (lost === 1) take(reader, 4998);
      assertThrows(
        () => {
          if (lost === 1) take(reader, 4);
          act(reader);
        },
        TypeError,
        message,
      );
    }
  }
});
