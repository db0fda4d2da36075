import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { convertUint16, convertUint32, convertUint64 } from "../../../app/wire/endianness.ts";
import {
  type ByteOrder,
  HOST_BYTE_ORDER,
  htonl,
  htonll,
  htons,
  ntohl,
  ntohll,
  ntohs,
  readBigUint64,
  readUint16,
  readUint32,
  writeBigUint64,
  writeUint16,
  writeUint32,
} from "../../../mod.ts";

const MAX_UINT64 = 2n ** 64n - 1n;
const ORDERS: ByteOrder[] = ["big", "little"];
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const uint64 = fc.bigInt({ min: 0n, max: MAX_UINT64 });
const anyOrder = fc.constantFrom(...ORDERS);
const anyOffset = fc.integer({ min: 0, max: 8 });

Deno.test("HOST_BYTE_ORDER is the order of this machine's typed arrays", () => {
  const bytes = new Uint8Array(new Uint32Array([0x01020304]).buffer);
  assertEquals(readUint32(bytes, 0, HOST_BYTE_ORDER), 0x01020304);
});

Deno.test("convertUint16/32/64 swap the bytes for a little-endian host, and only for it", () => {
  assertEquals(convertUint16(0x0102, "little"), 0x0201);
  assertEquals(convertUint16(0x0102, "big"), 0x0102);
  assertEquals(convertUint32(0x010203f4, "little"), 0xf4030201);
  assertEquals(convertUint32(0xf1020304, "big"), 0xf1020304);
  assertEquals(convertUint64(0x01020304050607f8n, "little"), 0xf807060504030201n);
  assertEquals(convertUint64(0xf102030405060708n, "big"), 0xf102030405060708n);
});

Deno.test("hton* put the value into memory in network byte order, and ntoh* take it back", () => {
  fc.assert(
    fc.property(uint16, uint32, uint64, (short, long, longLong) => {
      assertEquals(readUint16(memory(new Uint16Array([htons(short)]))), short);
      assertEquals(readUint32(memory(new Uint32Array([htonl(long)]))), long);
      assertEquals(readBigUint64(memory(new BigUint64Array([htonll(longLong)]))), longLong);
      assertEquals(ntohs(htons(short)), short);
      assertEquals(ntohl(htonl(long)), long);
      assertEquals(ntohll(htonll(longLong)), longLong);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("hton* and ntoh* take the smallest and the largest integer, and none beyond", () => {
  for (const convert of [htons, ntohs]) refuses(convert, 0xffff);
  for (const convert of [htonl, ntohl]) refuses(convert, 0xffff_ffff);
  for (const convert of [htonll, ntohll]) {
    assertEquals([convert(0n), convert(MAX_UINT64)], [0n, MAX_UINT64]);
    for (const value of [-1n, MAX_UINT64 + 1n]) assertThrows(() => convert(value), RangeError);
    assertThrows(() => convert(1 as unknown as bigint), RangeError, "1: it is not a bigint");
  }
});

Deno.test("write* are DataView's setters and read* its getters, at every offset", () => {
  fc.assert(
    fc.property(uint16, uint32, uint64, anyOffset, anyOrder, (short, long, big, offset, order) => {
      const little = order === "little";
      const [ours, theirs] = [new Uint8Array(16), new Uint8Array(16)];
      const bytes = ours.subarray(1); // the view of a buffer does not start at its start
      const view = new DataView(theirs.buffer, 1);

      writeBigUint64(bytes, big, 15 - 8 - (offset % 8), order);
      view.setBigUint64(15 - 8 - (offset % 8), big, little);
      assertEquals(ours, theirs);
      writeUint32(bytes, long, offset, order);
      view.setUint32(offset, long, little);
      assertEquals(ours, theirs);
      writeUint16(bytes, short, offset, order);
      view.setUint16(offset, short, little);
      assertEquals(ours, theirs);

      assertEquals(readUint16(bytes, offset, order), short);
      assertEquals(readUint32(bytes, offset, order), view.getUint32(offset, little));
      assertEquals(readBigUint64(bytes, offset % 8, order), view.getBigUint64(offset % 8, little));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("read* and write* start at 0 and are big-endian by default", () => {
  const bytes = new Uint8Array(8);
  writeUint16(bytes, 0x0102);
  assertEquals(bytes.slice(0, 3), new Uint8Array([1, 2, 0]));
  writeUint32(bytes, 0x01020304);
  assertEquals(bytes.slice(0, 5), new Uint8Array([1, 2, 3, 4, 0]));
  writeBigUint64(bytes, 0x0102030405060708n);
  assertEquals(bytes, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
  assertEquals(readUint16(bytes), 0x0102);
  assertEquals(readUint32(bytes), 0x01020304);
  assertEquals(readBigUint64(bytes), 0x0102030405060708n);
});

Deno.test("read* and write* refuse an offset that is not wholly inside, and write nothing", () => {
  const bytes = new Uint8Array(16).subarray(4, 13); // bytes outside of the view do not count
  const calls: [number, (offset: number) => unknown][] = [
    [2, (offset) => readUint16(bytes, offset)],
    [4, (offset) => readUint32(bytes, offset)],
    [8, (offset) => readBigUint64(bytes, offset)],
    [2, (offset) => writeUint16(bytes, 0xffff, offset)],
    [4, (offset) => writeUint32(bytes, 0xffff_ffff, offset)],
    [8, (offset) => writeBigUint64(bytes, MAX_UINT64, offset)],
  ];
  for (const [size, call] of calls) {
    for (const offset of [-1, 10 - size, 9, 1e9, 0.5, NaN, Infinity]) {
      const message = `${size} bytes at offset ${offset}: the length is 9 bytes`;
      assertThrows(() => call(offset), RangeError, message);
    }
    assertEquals(bytes, new Uint8Array(9));
    call(9 - size);
    bytes.fill(0);
  }
});

Deno.test("write* refuse a value out of range, and write nothing", () => {
  const bytes = new Uint8Array(8);
  refuses((value) => (writeUint16(bytes, value), readUint16(bytes)), 0xffff);
  refuses((value) => (writeUint32(bytes, value), readUint32(bytes)), 0xffff_ffff);
  bytes.fill(0);
  for (const value of [-1n, MAX_UINT64 + 1n, 1 as unknown as bigint]) {
    assertThrows(() => writeBigUint64(bytes, value), RangeError, `Cannot write ${value}`);
  }
  assertThrows(() => writeUint16(bytes, 0x1_0000), RangeError);
  assertEquals(bytes, new Uint8Array(8));
});

Deno.test("read* and write* refuse a byte order that is neither big nor little", () => {
  const bytes = new Uint8Array(8);
  const order = "network" as ByteOrder;
  const message = 'Cannot use byte order network: it is neither "big" nor "little"';
  assertThrows(() => readUint16(bytes, 0, order), RangeError, message);
  assertThrows(() => readUint32(bytes, 0, order), RangeError, message);
  assertThrows(() => readBigUint64(bytes, 0, order), RangeError, message);
  assertThrows(() => writeUint16(bytes, 1, 0, order), RangeError, message);
  assertThrows(() => writeUint32(bytes, 1, 0, order), RangeError, message);
  assertThrows(() => writeBigUint64(bytes, 1n, 0, order), RangeError, message);
  assertEquals(bytes, new Uint8Array(8));
});

function refuses(convert: (value: number) => number, max: number) {
  assertEquals([convert(0), convert(max)], [0, max]);
  for (const value of [-1, max + 1, 0.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => convert(value), RangeError, `${value}: it is not an integer from 0 to`);
  }
}

function memory(array: Uint16Array | Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(array.buffer);
}
