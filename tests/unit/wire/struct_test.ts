import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import {
  calcSize,
  HOST_BYTE_ORDER,
  pack,
  Struct,
  StructError,
  type StructValue,
  unpack,
  unpackFrom,
} from "../../../mod.ts";
import { runs } from "../../support/sampling.ts";
import { MemoryWatch } from "../../support/memory.ts";
import { agrees, type Vector } from "../../support/struct_vectors.ts";
import vectors from "../../support/data/struct_vectors.json" with { type: "json" };

Deno.test("pack, unpack and calcSize agree with CPython at every boundary", () => {
  for (const vector of vectors) agrees(vector as Vector);
  assert(vectors.length > 700);
});

Deno.test("pack and unpack round every half as DataView does, and give back all 65,536", () => {
  const view = new DataView(new ArrayBuffer(8));
  const bytes = new Uint8Array(view.buffer, 0, 2);
  for (let bits = 0; bits < 0x10000; bits++) {
    view.setUint16(0, bits);
    const [value] = unpack(">e", bytes);
    assert(Object.is(value, view.getFloat16(0)));
    if (!Number.isNaN(value)) assertEquals(pack(">e", value), bytes);
  }
  const float = fc.double({ min: -65519, max: 65519, noNaN: true });
  fc.assert(
    fc.property(float, fc.integer({ min: 0, max: 45 }), (float, halvings) => {
      const value = float / 2 ** halvings;
      view.setFloat16(0, value);
      assertEquals(pack(">e", value), bytes);
    }),
    { numRuns: runs(5000) },
  );
});

Deno.test("pack always writes the same NaN", () => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, 0xfff8_0000_0000_0001n);
  for (const nan of [NaN, -NaN, 0 / Number("0"), view.getFloat64(0)]) {
    assertEquals(pack(">e", nan), new Uint8Array([0x7e, 0]));
    assertEquals(pack("<f", nan), new Uint8Array([0, 0, 0xc0, 0x7f]));
    assertEquals(pack(">d", nan), new Uint8Array([0x7f, 0xf8, 0, 0, 0, 0, 0, 0]));
  }
});

Deno.test("pack and unpack take = for the byte order of this machine", () => {
  const other = HOST_BYTE_ORDER === "little" ? "<" : ">";
  assertEquals(pack("=HIQ", 1, 2, 3n), pack(`${other}HIQ`, 1, 2, 3n));
  assertEquals(unpack("=HI", new Uint8Array(6)), [0, 0]);
});

Deno.test("pack names the index of a value that does not fit, and what would", () => {
  const cases: [string, StructValue[], number, string][] = [
    [">2H", [1, 65_536], 1, 'values[1] of ">2H": 65536 is not an integer from 0 to 65535'],
    ["<xBb", [1, -129], 1, "-129 is not an integer from -128 to 127"],
    [">h", [0.5], 0, "0.5 is not an integer from -32768 to 32767"],
    [">I", [NaN], 0, "NaN is not an integer from 0 to 4294967295"],
    [">I", [1n], 0, "1n is not an integer"],
    [">i", ["1" as unknown as number], 0, "a value of type string is not an integer"],
    [">q", [1], 0, "1 is not a bigint from -9223372036854775808 to 9223372036854775807"],
    [">Q", [-1n], 0, "-1n is not a bigint from 0 to 18446744073709551615"],
    [">e", [65_520], 0, "65520 is not a number that fits 2 bytes"],
    [">f", [1e39], 0, "1e+39 is not a number that fits 4 bytes"],
    [">d", [1n], 0, "1n is not a number that fits 8 bytes"],
    [">?", [1], 0, "1 is not a boolean"],
    [">B", [true], 0, "a value of type boolean is not an integer"],
    [">c", [new Uint8Array(2)], 0, "a Uint8Array of 2 bytes is not a Uint8Array of 1 byte"],
    [">B3s", [1, new Uint8Array(4)], 1, "4 bytes is not a Uint8Array of at most 3 bytes"],
    [">3p", [new Uint8Array(3)], 0, "not a Uint8Array of at most 2 bytes"],
    [">999p", [new Uint8Array(256)], 0, "not a Uint8Array of at most 255 bytes"],
    [">0p", [new Uint8Array(1)], 0, "not a Uint8Array of at most 0 bytes"],
    [">s", [undefined as unknown as number], 0, "a value of type undefined is not a Uint8Array"],
  ];
  for (const [format, values, index, message] of cases) {
    const error = assertThrows(() => pack(format, ...values), StructError, message);
    assertEquals(error.index, index);
  }
});

Deno.test("pack takes exactly as many values as the format has", () => {
  for (const values of [[], [1], [1, 2, 3]]) {
    const message = `Cannot pack ">HI": it needs 2 values, not ${values.length}`;
    const error = assertThrows(() => pack(">HI" as string, ...values), StructError, message);
    assertEquals(error.index, undefined);
  }
});

Deno.test("StructError is a RangeError with a name and a code", () => {
  const error = assertThrows(() => pack("H" as string, 1), StructError);
  assert(error instanceof RangeError);
  assertEquals([error.name, error.code], ["StructError", "STRUCT_ERROR"]);
});

Deno.test("a format that is not valid is refused with the reason", () => {
  const cases = {
    "": "it does not start with its byte order: <, >, ! or =",
    "@H": "it does not start with its byte order",
    " >H": "it does not start with its byte order",
    ">3 H": '" " is not a code',
    ">k": '"k" is not a code',
    ">constructor": '"o" is not a code',
    ">H💍": '"💍" is not a code',
    ">H3": "the count 3 has no code after it",
    ">9007199254740992x": "its size is too large",
    [`>${"9".repeat(400)}s`]: "its size is too large",
  };
  for (const [format, reason] of Object.entries(cases)) {
    const message = `Cannot read the format "${format}": ${reason}`;
    assertThrows(() => new Struct(format), StructError, message);
    assertThrows(() => calcSize(format), StructError, message);
  }
});

Deno.test("a pascal string of no bytes is empty and takes none", () => {
  assertEquals(pack(">0pB", new Uint8Array(), 7), new Uint8Array([7])); // crashes CPython
  assertEquals(unpack(">0pB", new Uint8Array([7])), [new Uint8Array(), 7]);
});

Deno.test("unpack takes exactly the size, unpackFrom any place inside", () => {
  const bytes = new Uint8Array([0, 0, 1, 2, 3, 4, 0]).subarray(1, 6);
  assertEquals(unpackFrom(">HH", bytes, 1), [0x0102, 0x0304]);
  assertEquals(unpackFrom(">HH", bytes), [0x0001, 0x0203]);
  assertEquals(new Struct("<H").unpackFrom(bytes, 3), [0x0403]);
  for (const size of [0, 3, 5]) {
    const message = `Cannot unpack ">HH": it needs 4 bytes, not ${size}`;
    assertThrows(() => unpack(">HH", new Uint8Array(size)), StructError, message);
  }
  for (const offset of [-1, 2, 5, 0.5, NaN, Infinity]) {
    const message = `Cannot unpack ">HH" at offset ${offset}: it needs 4 bytes, ` +
      "and the length is 5 bytes";
    assertThrows(() => unpackFrom(">HH", bytes, offset), StructError, message);
  }
});

Deno.test("Struct.packInto writes in place, clears pad bytes, and leaves the others alone", () => {
  const struct = new Struct(">Hx2s");
  const bytes = new Uint8Array(8).fill(9);
  struct.packInto(bytes, 2, 0x0102, new Uint8Array([5]));
  assertEquals(bytes, new Uint8Array([9, 9, 1, 2, 0, 5, 0, 9]));
  for (const offset of [-1, 4, 0.5, NaN]) {
    const message = `Cannot pack ">Hx2s" at offset ${offset}: it needs 5 bytes`;
    assertThrows(() => struct.packInto(bytes, offset, 1, new Uint8Array()), StructError, message);
  }
  assertThrows(() => (new Struct(">H" as string)).packInto(bytes, 0), StructError, "1 values");
  assertEquals(bytes, new Uint8Array([9, 9, 1, 2, 0, 5, 0, 9]));
});

Deno.test("pack and unpack give bytes in memory of their own, exactly", () => {
  const struct = new Struct(">I3s2pc");
  const [a, b, c] = [new Uint8Array([1, 2]), new Uint8Array([3]), new Uint8Array([4])];
  const packed = [struct.pack(7, a, b, c), struct.pack(8, a, b, c), pack(">H", 1)];
  const [, ...values] = struct.unpack(packed[0]!);
  const all = [...packed, ...values];
  for (const { byteOffset, byteLength, buffer } of all) {
    assertEquals([byteOffset, buffer.byteLength], [0, byteLength]);
  }
  assertEquals(new Set(all.map(({ buffer }) => buffer)).size, all.length);
  assertEquals(new DataView(pack(">H", 258).buffer).getUint16(0), 258);
});

Deno.test("struct functions say what they were given instead of bytes", () => {
  const given = new ArrayBuffer(2) as unknown as Uint8Array;
  const message = "Cannot use ArrayBuffer: it is no Uint8Array";
  assertThrows(() => unpack(">H", given), TypeError, message);
  assertThrows(() => unpackFrom(">H", given), TypeError, message);
  assertThrows(() => new Struct(">H").packInto(given, 0, 1), TypeError, message);
  const error = assertThrows(() => pack(">2s", given), StructError, "a value of type ArrayBuffer");
  assertEquals(error.index, 0);
});

Deno.test("unpack copies bytes, also those of a subclass whose slice does not", () => {
  class Shared extends Uint8Array<ArrayBuffer> {
    override slice(start?: number, end?: number) {
      return this.subarray(start, end);
    }
  }
  const bytes = new Shared(new Uint8Array([1, 65, 66, 67]).buffer);
  const values = unpack(">psc", bytes.subarray(1)); // the `p` of one byte is empty
  const [pascal] = unpack(">2p2x", bytes);
  bytes.fill(0);
  assertEquals(values, [new Uint8Array(), new Uint8Array([66]), new Uint8Array([67])]);
  assertEquals(pascal, new Uint8Array([65]));
});

Deno.test("Struct keeps its format and size, and gives what the functions give", () => {
  const struct = new Struct("!B4sQ");
  const values = [7, new Uint8Array([1, 2, 3, 4]), 2n ** 63n] as const;
  const bytes = struct.pack(...values);
  assertEquals([struct.format, struct.size], ["!B4sQ", calcSize("!B4sQ")]);
  assertEquals(bytes, pack("!B4sQ", ...values));
  assertEquals(struct.unpack(bytes), [...values]);
});

Deno.test("pack gives right answers for more formats than are remembered", () => {
  for (const _ of [1, 2]) {
    for (let length = 1; length <= 250; length++) {
      assertEquals(pack(`>${length}s`, new Uint8Array([7])).length, length);
    }
  }
});

Deno.test("packInto takes values from the memory that it writes to", () => {
  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  new Struct(">4s4s").packInto(bytes, 0, bytes.subarray(4), bytes.subarray(0, 4));
  assertEquals(bytes, new Uint8Array([5, 6, 7, 8, 1, 2, 3, 4]));
  const buffer = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]); // whose slices are views
  new Struct("<4s").packInto(buffer, 0, buffer.subarray(2, 6));
  assertEquals([...buffer.subarray(0, 4)], [3, 4, 5, 6]);
});

Deno.test("pack takes as many values as a call can have", () => {
  const values = Array.from({ length: 80_000 }, (_, i) => i % 256);
  assertEquals(pack(">80000B" as string, ...values), new Uint8Array(values));
});

Deno.test("pack, unpack and calcSize remember little of the formats they were given", async () => {
  using watch = new MemoryWatch();
  await watch.held(); // collects garbage
  const before = Deno.memoryUsage().heapUsed;
  const growth = async () => {
    await watch.held();
    return Deno.memoryUsage().heapUsed - before;
  };
  for (let i = 0; i < 10_000; i++) calcSize(`>${"B".repeat(20)}${i}x`);
  assert(await growth() < 1_000_000, `${await growth()} bytes are kept of 10,000 formats`);
  for (let i = 0; i < 99; i++) calcSize(`>${"B".repeat(20_000)}${i}x`);
  assert(await growth() < 10_000_000, `${await growth()} bytes are kept of 99 long formats`);
});
