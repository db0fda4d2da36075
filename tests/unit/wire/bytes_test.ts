import { assertEquals, assertThrows } from "@std/assert";
import { runInNewContext } from "node:vm";
import { isBytes, nameOfType } from "../../../app/wire/bytes.ts";
import {
  encodeFrame,
  encodeFramePrefix,
  encodeMessage,
  FrameDecoder,
  MessageDecoder,
  pack,
  Struct,
  unpack,
} from "../../../mod.ts";

const FORMAT = { contentType: "a", contentEncoding: "b" };

Deno.test("Bytes of another realm are bytes, everywhere", () => {
  const foreign: Uint8Array = runInNewContext("new Uint8Array([0, 0, 0, 1, 42])");
  assertEquals(foreign instanceof Uint8Array, false);
  assertEquals(isBytes(foreign), true);

  const decoder = new FrameDecoder();
  decoder.push(foreign);
  assertEquals(decoder.take(), new Uint8Array([42]));
  assertEquals(encodeFrame(foreign).subarray(4), new Uint8Array([0, 0, 0, 1, 42]));
  const messages = new MessageDecoder();
  messages.push(encodeMessage(foreign, FORMAT));
  assertEquals(messages.take()!.content, new Uint8Array([0, 0, 0, 1, 42]));
  assertEquals(pack(">5s", foreign), new Uint8Array([0, 0, 0, 1, 42]));
  assertEquals(unpack(">IB", foreign), [1, 42]);
});

Deno.test("isBytes() takes a Uint8Array and its subclasses, and nothing else", () => {
  class Special extends Uint8Array {}
  for (const value of [new Uint8Array(), new Special(1)]) assertEquals(isBytes(value), true);
  const others = [
    [1],
    new ArrayBuffer(1),
    new DataView(new ArrayBuffer(1)),
    new Uint16Array(1),
    "a",
  ];
  for (const value of [...others, null, undefined, { length: 1 }]) {
    assertEquals(isBytes(value), false);
  }
});

Deno.test("nameOfType() says what was given", () => {
  const values = [new ArrayBuffer(1), [1], "a", null, undefined, {}, new Map(), 1n];
  assertEquals(
    values.map(nameOfType),
    ["ArrayBuffer", "Array", "string", "null", "undefined", "Object", "Map", "bigint"],
  );
  const given = new ArrayBuffer(1) as unknown as Uint8Array;
  assertThrows(() => encodeFrame(given), TypeError, "Cannot encode ArrayBuffer");
  assertThrows(() => new FrameDecoder().push(given), TypeError, "Cannot push ArrayBuffer");
});

Deno.test("What is allocated is memory of its own, exactly", () => {
  const all = [
    encodeFrame(new Uint8Array([1])),
    encodeFrame(new Uint8Array([1])),
    encodeFramePrefix(1),
    encodeMessage(new Uint8Array([1]), FORMAT),
    encodeMessage(1, { contentType: "text/json", contentEncoding: "utf-8" }),
    pack(">H", 1),
    new Struct(">H").pack(1),
    ...unpack(">2s2p", new Uint8Array(4)),
  ];
  for (const { byteOffset, byteLength, buffer } of all) {
    assertEquals([byteOffset, buffer.byteLength], [0, byteLength]);
  }
  assertEquals(new Set(all.map(({ buffer }) => buffer)).size, all.length);
});

Deno.test("A byte order that is none is the same error everywhere", () => {
  const byteOrder = "middle" as "big";
  const message = 'Cannot use byte order middle: it is neither "big" nor "little"';
  assertThrows(() => new FrameDecoder({ byteOrder }), RangeError, message);
  assertThrows(() => encodeFrame(new Uint8Array(), { byteOrder }), RangeError, message);
  assertThrows(() => encodeMessage(1, { ...FORMAT, byteOrder }), RangeError, message);
});
