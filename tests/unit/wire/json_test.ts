import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseJson } from "../../../app/wire/json.ts";
import { MessageDecoder } from "../../../mod.ts";

const STEP = 2 ** 14; // multiples of it fall into one place of V8's table, until it has more places

/** JSON of texts that nobody has parsed before, since V8 keeps those. */
function texts(count: number, first: number, step: number): string {
  return JSON.stringify(Array.from({ length: count }, (_, i) => `${(first + i) * step}`));
}

/** How long a function takes for all inputs, in milliseconds; by the median, since a machine may be busy. */
function time<T>(run: (input: T) => unknown, inputs: T[]): number {
  const times = inputs.map((input) => {
    const start = performance.now();
    run(input);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return times.length * times[times.length >> 1]!;
}

Deno.test("parseJson() returns what JSON.parse does, texts of digits and escapes among it", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.stringMatching(/^["\\\d]{0,12}$/),
    fc.integer({ min: 0, max: 2 ** 40 }).map(String),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.integer(),
      fc.constantFrom(null, true, 1.5),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(text, tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(value, (value) => {
      const json = JSON.stringify(value);
      assertEquals(parseJson(json), JSON.parse(json));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parseJson() refuses what JSON.parse refuses", () => {
  for (const json of ["", '"12345', '12345"', '"a"12345"', '{"12345"}', "'12345'", '"\\12345"']) {
    assertThrows(() => JSON.parse(json), SyntaxError);
    assertThrows(() => parseJson(json), SyntaxError);
  }
});

Deno.test("parseJson() and MessageDecoder are quick with texts that fall into one place of V8's table", () => {
  const json = Array.from({ length: 30 }, (_, i) => texts(1000, 1 + 1000 * i, STEP));
  const last = texts(30_000, 30_001, STEP);
  const messages = Array.from({ length: 60 }, (_, i) => {
    const header = new TextEncoder().encode(
      '{"byteorder":"little","content-type":"a","content-encoding":"b","content-length":0,' +
        `"x":${texts(500, 100_000 + 500 * i, STEP)}}`,
    );
    return new Uint8Array([header.length >> 8, header.length & 0xff, ...header]);
  });
  const decoder = new MessageDecoder();
  const parsed = time(parseJson, json);
  const decoded = time((message) => {
    decoder.push(message);
    assert(decoder.take());
  }, messages);
  const plain = time(JSON.parse, [last]); // at last, since the table has more places then
  // If these fail, the runtime is quick by itself, and parseJson() is not needed any more.
  assert(plain > 5 * parsed, `JSON.parse: ${plain} ms, parseJson(): ${parsed} ms`);
  assert(plain > 3 * decoded, `JSON.parse: ${plain} ms, MessageDecoder: ${decoded} ms`);
});
