import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import {
  Decoder,
  DecoderStream,
  encodeFrame,
  encodeMessage,
  encodeVarint,
  FrameDecoder,
  FrameDecoderStream,
  FrameTooLargeError,
  InvalidFrameError,
  MessageDecoder,
  MessageDecoderStream,
  type Parser,
  type ParserPart,
  type ParserStep,
  readItems,
  TruncatedInputError,
} from "../../../mod.ts";
import { MemoryWatch } from "../../support/memory.ts";
import { decode, testParser } from "../../support/parsers.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const CRLF = encoder.encode("\r\n");
const LINE_FEED = new Uint8Array([0x0a]);

const lines: Parser<string> = function* (bytes) {
  return decoder.decode(yield* bytes.takeUntil(0x0a, { maxLength: 100 }));
};

const crlfLines: Parser<string> = function* (bytes) {
  return decoder.decode(yield* bytes.takeUntil(CRLF, { maxLength: 100 }));
};

const textLines: Parser<string> = (bytes) => bytes.takeLine({ maxLength: 100 });

const texts: Parser<string> = function* (bytes) {
  return yield* bytes.takeText(yield* bytes.takeInteger(1));
};

/** `5:hello,` */
const netstrings: Parser<string> = function* (bytes) {
  const digits = decoder.decode(yield* bytes.takeUntil(0x3a, { maxLength: 9 }));
  if (!/^(0|[1-9]\d*)$/.test(digits)) throw new SyntaxError(`Not a length: ${digits}`);
  const text = decoder.decode(yield* bytes.take(Number(digits)));
  if ((yield* bytes.takeInteger(1)) !== 0x2c) throw new SyntaxError("Not a comma");
  return text;
};

const typed: Parser<[number, string]> = function* (bytes) {
  const [type, length] = yield* bytes.takeStruct("<BH");
  return [type, decoder.decode(yield* bytes.take(length))];
};

const varints: Parser<number> = (bytes) => bytes.takeVarint();
const thirds: Parser<number> = (bytes) => bytes.takeInteger(3, "little");

/** What each parser reads, and what it makes of that. */
const cases: [
  name: string,
  parser: Parser<NonNullable<unknown>>,
  input: Uint8Array,
  items: NonNullable<unknown>[],
][] = [
  ["lines", lines, encoder.encode("one\n\ntwö\n"), ["one", "", "twö"]],
  ["CRLF lines", crlfLines, encoder.encode("a\r\r\n\r\nb\nc\r\n"), ["a\r", "", "b\nc"]],
  [
    "lines of text",
    textLines,
    encoder.encode("one\r\n\n\r\ntwö\na\r\r\nb\rc\n\ufeffd\r\n"),
    ["one", "", "", "twö", "a\r", "b\rc", "\ufeffd"],
  ],
  ["texts", texts, new Uint8Array([2, 65, 66, 0, 2, 0xc3, 0xb6, 1, 67, 1, 0xff]), [
    "AB",
    "",
    "ö",
    "C",
    "\ufffd",
  ]],
  ["netstrings", netstrings, encoder.encode("5:hello,0:,3:a:b,"), ["hello", "", "a:b"]],
  ["typed frames", typed, new Uint8Array([7, 2, 0, 65, 66, 8, 0, 0]), [[7, "AB"], [8, ""]]],
  ["varints", varints, new Uint8Array([0, 0x7f, 0x80, 1, 0xac, 2]), [0, 127, 128, 300]],
  ["3-byte integers", thirds, new Uint8Array([1, 2, 3, 255, 255, 255]), [0x030201, 0xffffff]],
];

for (const [name, parser, input, items] of cases) testParser({ name, parser, input, items });

Deno.test("Decoder delivers the items before an error, and then always the same error", () => {
  for (const end of [false, true]) {
    const decoder = new Decoder(netstrings);
    decoder.push(encoder.encode("1:a,1:b;1:c,"));
    if (end) assertThrows(() => decoder.end(), SyntaxError, "Not a comma");
    assertEquals(decoder.take(), "a");
    const error = assertThrows(() => decoder.take(), SyntaxError, "Not a comma");
    for (const act of [() => decoder.take(), () => decoder.push(CRLF), () => decoder.end()]) {
      assert(assertThrows(act) === error);
    }
  }
});

Deno.test("Decoder still gives complete items after an end inside one", () => {
  const decoder = new Decoder(lines);
  decoder.push(encoder.encode("one\ntwo\nthr"));
  const error = assertThrows(() => decoder.end(), TruncatedInputError);
  assertEquals([error.expected, error.received], ["a delimiter", 3]);
  assertEquals([decoder.take(), decoder.take()], ["one", "two"]);
  assert(assertThrows(() => decoder.take()) === error);
});

Deno.test("Decoder refuses too much before memory is set aside, or as soon as it has come", () => {
  const frames = new Decoder(function* (bytes) {
    return yield* bytes.take(yield* bytes.takeInteger(4));
  }, { maxLength: 8 });
  frames.push(new Uint8Array([0, 0, 0, 9]));
  const error = assertThrows(() => frames.take(), FrameTooLargeError);
  assertEquals([error.declaredLength, error.maxLength], [9, 8]);

  for (const parser of [lines, crlfLines]) {
    const decoder = new Decoder(parser);
    decoder.push(new Uint8Array(100).fill(0x61));
    assertEquals(decoder.take(), undefined);
    decoder.push(new Uint8Array([0x61]));
    assertThrows(() => decoder.take(), FrameTooLargeError);
  }
  const late = new Decoder(lines);
  late.push(encoder.encode("x".repeat(101) + "\n")); // all of it is here, and it is too long
  assertThrows(() => late.take(), FrameTooLargeError);
});

Deno.test("Decoder refuses what a parser must not do, and what is no option", () => {
  const wrong: [Parser<number>, new (message: string) => Error, string][] = [
    [
      // deno-lint-ignore require-yield -- that is what is wrong
      function* () {
        return 1;
      },
      TypeError,
      "at least one byte",
    ],
    [
      function* (bytes) {
        yield* bytes.take(1);
        return undefined as unknown as number;
      },
      TypeError,
      "must return an item",
    ],
    [
      function* (bytes) {
        return (yield* bytes.take(-1)).length;
      },
      RangeError,
      "Cannot take -1 bytes",
    ],
    [
      function* (bytes) {
        return (yield* bytes.take(bytes.takeInteger(1) as never)).length;
      },
      RangeError,
      "but a step that needs yield*",
    ],
    [
      function* (bytes) {
        return (yield* bytes.takeUntil(new Uint8Array(), { maxLength: 1 })).length;
      },
      RangeError,
      "a delimiter of no bytes",
    ],
    [
      function* (bytes) {
        yield bytes.take(1) as never;
        return 1;
      },
      TypeError,
      "A parser must use yield*",
    ],
    [(bytes) => bytes.takeInteger(5 as 4), RangeError, "Cannot take an integer of 5 bytes"],
    [(bytes) => bytes.takeInteger(2, "BIG" as "big"), RangeError, "BIG"],
  ];
  const limited = { maxLength: 9 };
  const lengthUntil = (delimiter: unknown, options: unknown): Parser<number> =>
    function* (bytes) {
      return (yield* bytes.takeUntil(delimiter as number, options as typeof limited)).length;
    };
  wrong.push(
    [lengthUntil(256, limited), RangeError, "Cannot use 256 as a delimiter"],
    [lengthUntil(-1, limited), RangeError, "Cannot use -1 as a delimiter"],
    [lengthUntil("\n", limited), TypeError, "Cannot use a string as a delimiter"],
    [lengthUntil(0x0a, {}), RangeError, "Cannot use maxLength undefined"],
    [lengthUntil(0x0a, { maxLength: -1 }), RangeError, "Cannot use maxLength -1"],
  );
  for (const [parser, type, message] of wrong) {
    const decoder = new Decoder(parser);
    decoder.push(new Uint8Array([1]));
    assertThrows(() => decoder.take(), type, message);
  }
  assertThrows(() => new Decoder(lines, { maxLength: -1 }), RangeError, "Cannot use maxLength -1");
});

Deno.test("Decoder reads lines of any length and text as splitting does, however they are cut", () => {
  const line = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "\r"), maxLength: 20 }),
    fc.string({ unit: fc.constantFrom("a", "ö", "🐶"), maxLength: 20 }),
    fc.nat(40_000).map((length) => "x".repeat(length)),
  );
  const parser: Parser<string> = (bytes) => bytes.takeLine({ maxLength: 50_000 });
  const lengths = fc.array(fc.integer({ min: 1, max: 36_000 }), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(fc.array(line, { maxLength: 30 }), lengths, (lines, lengths) => {
    const bytes = encoder.encode(lines.map((line) => `${line}\r\n`).join(""));
    const chunks = [];
    for (let i = 0, start = 0; start < bytes.length; start += lengths[i++ % lengths.length]!) {
      chunks.push(bytes.slice(start, start + lengths[i % lengths.length]!));
    }
    assertEquals(decode(parser, chunks), { items: lines, error: undefined });
  }));
});

Deno.test("Decoder accepts a line of maxLength bytes and refuses a longer one, wherever it is cut", () => {
  const parser: Parser<string> = (bytes) => bytes.takeLine({ maxLength: 3 });
  for (const end of ["\n", "\r\n"]) {
    for (
      const [text, isAccepted] of [["abc", true], ["aö", true], ["abcd", false], ["abö", false]]
    ) {
      const bytes = encoder.encode(text + end);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { items, error } = decode(parser, [bytes.slice(0, cut), bytes.slice(cut)]);
        assertEquals(items, isAccepted ? [text] : []);
        assertEquals(error instanceof FrameTooLargeError, !isAccepted);
      }
    }
  }
});

Deno.test("Decoder leaves a carriage return alone that was taken before the line", () => {
  const parser: Parser<string> = function* (bytes) {
    yield* bytes.takeInteger(1);
    return yield* bytes.takeLine({ maxLength: 3 });
  };
  const input = encoder.encode("\r\nxab\r\n\r\r\n");
  for (let cut = 0; cut <= input.length; cut++) {
    const { items, error } = decode(parser, [input.slice(0, cut), input.slice(cut)]);
    assertEquals([items, error], [["", "ab", ""], undefined]);
  }
});

Deno.test("Decoder's texts do not keep the chunks that they come from", async () => {
  const chunk = encoder.encode(`${"key".repeat(10)}\n${"x".repeat(64 * 1024)}\n`);
  const lines = new Decoder((bytes) => bytes.takeLine({ maxLength: 100_000 }));
  using watch = new MemoryWatch();
  await watch.held(); // collects garbage
  const before = Deno.memoryUsage().heapUsed;
  const kept = [];
  for (let i = 0; i < 500; i++) {
    lines.push(chunk);
    kept.push(lines.take());
    lines.take();
  }
  await watch.held();
  const growth = Deno.memoryUsage().heapUsed - before;
  assert(growth < 500 * 2 * 16_384, `${growth} bytes`);
  assertEquals(kept.length, 500);
});

Deno.test("Decoder gives its parser the error at the end, which may be replaced", () => {
  const parser: Parser<number> = function* (bytes) {
    try {
      return yield* bytes.takeInteger(4);
    } catch (error) {
      throw new Error("cut short", { cause: error });
    }
  };
  const decoder = new Decoder(parser);
  decoder.push(new Uint8Array([0, 0, 0, 1, 0]));
  const error = assertThrows(() => decoder.end(), Error, "cut short");
  assert(error.cause instanceof TruncatedInputError);
  assertEquals(decoder.bufferedLength, 4); // not the byte after it
  assertEquals([decoder.take(), decoder.bufferedLength], [1, 0]);
  assert(assertThrows(() => decoder.take()) === error);
  assertEquals(decoder.bufferedLength, 0);

  const stubborn = new Decoder(function* (bytes) {
    try {
      return yield* bytes.take(4);
    } catch {
      return new Uint8Array();
    }
  });
  stubborn.push(new Uint8Array(1));
  assertThrows(() => stubborn.end(), TruncatedInputError, "expected 4 bytes, received 1 byte");
});

Deno.test("Decoder finds delimiters that repeat themselves, wherever they are cut", () => {
  const delimiter = encoder.encode("aab");
  const parser: Parser<string> = function* (bytes) {
    return decoder.decode(yield* bytes.takeUntil(delimiter, { maxLength: 1000 }));
  };
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 30 });
  fc.assert(
    fc.property(text, fc.nat(30), fc.nat(30), (text, a, b) => {
      const bytes = encoder.encode(text);
      const [first, second] = [Math.min(a, b), Math.max(a, b)];
      const chunks = [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
      assertEquals(decode(parser, chunks).items, text.split("aab").slice(0, -1));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Decoder takes time and memory in proportion to the bytes, also byte by byte", () => {
  const parser: Parser<number> = function* (bytes) {
    return (yield* bytes.takeUntil(0x0a, { maxLength: 2 ** 20 })).length;
  };
  const length = 300_000;
  using watch = new MemoryWatch();
  const lines = new Decoder(parser);
  const chunk = new Uint8Array([0x61]);
  for (let i = 0; i < length; i++) {
    lines.push(chunk);
    assert(lines.take() === undefined);
  }
  lines.push(CRLF);
  assertEquals(lines.take(), length + 1);
  assert(watch.copied <= 3 * length, `${watch.copied} bytes copied`);
});

Deno.test("encodeVarint and takeVarint are inverse, up to the largest safe integer", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => {
    assertEquals(decode(varints, [encodeVarint(value)]), { items: [value], error: undefined });
  }));
  assertEquals(encodeVarint(Number.MAX_SAFE_INTEGER).length, 8);
  for (const value of [-1, 1.5, 2 ** 53, NaN]) assertThrows(() => encodeVarint(value), RangeError);
  const longest = new Uint8Array([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]);
  assertEquals(decode(varints, [longest]).items, [0]); // more bytes than it needs
  for (
    const [input, message, maxSize] of [
      [new Uint8Array(7).fill(0xff), "above Number.MAX_SAFE_INTEGER", 8],
      [new Uint8Array(8).fill(0x80), "more than 8 bytes", 8],
      [new Uint8Array(4).fill(0x80), "more than 4 bytes", 4],
    ] as const
  ) {
    const decoder = new Decoder((bytes) => bytes.takeVarint({ maxSize }));
    decoder.push(input);
    decoder.push(new Uint8Array([0x7f]));
    assertThrows(() => decoder.take(), InvalidFrameError, message);
  }
  const { error } = decode(varints, [new Uint8Array([0x80, 0x80])]);
  assertEquals((error as TruncatedInputError).expected, "the rest of a varint");
  for (const maxSize of [0, 9, 1.5]) {
    const decoder = new Decoder((bytes) => bytes.takeVarint({ maxSize }));
    decoder.push(new Uint8Array(1));
    assertThrows(() => decoder.take(), RangeError, `Cannot use maxSize ${maxSize}`);
  }
});

/** A length of one byte, and a part: a text with its length, and the rest. */
const parts: Parser<[string, number]> = function* (bytes) {
  return yield* bytes.takePart(yield* bytes.takeInteger(1), function* (part) {
    const text = yield* part.takeText(yield* part.takeInteger(1), { fatal: true });
    return [text, (yield* part.take(part.left)).length];
  });
};

testParser({
  name: "parts",
  parser: parts,
  input: new Uint8Array([4, 1, 0x61, 0, 0, 1, 0, 3, 2, 0xc3, 0xb6]),
  items: [["a", 2], ["", 0], ["ö", 0]],
});

Deno.test("Decoder reads texts from one buffer that is read into again and again", () => {
  const random = fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 20 });
  const line = fc.oneof(
    fc.nat(30).map((length) => "x".repeat(length)),
    fc.constantFrom("ö".repeat(20), "y".repeat(5000), "z".repeat(20_000)),
  );
  const parsers = [
    (bytes) => bytes.takeLine({ maxLength: 50_000 }),
    function* (bytes) {
      return decoder.decode(yield* bytes.takeUntil(LINE_FEED, { maxLength: 50_000 }));
    },
  ] as Parser<string>[];
  fc.assert(fc.property(fc.array(line), random, (lines, sizes) => {
    const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(""));
    for (const parser of parsers) {
      assertEquals(decode(parser, readInto(new Uint8Array(6000), bytes, sizes)), {
        items: lines,
        error: undefined,
      });
    }
  }));
});

/** What a socket reads into one buffer, as many bytes as it likes. */
function* readInto(buffer: Uint8Array, bytes: Uint8Array, sizes: number[]) {
  for (let i = 0, start = 0; start < bytes.length; i++) {
    const chunk = bytes.subarray(start, start + sizes[i % sizes.length]!);
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.length);
    buffer.fill(0x21); // nobody may look at it any more
    start += chunk.length;
  }
}

Deno.test("takeUntil uses the bytes that its delimiter has at that time", () => {
  const delimiter = new Uint8Array(1);
  const parser: Parser<string> = function* (bytes) {
    delimiter[0] = yield* bytes.takeInteger(1);
    return decoder.decode(yield* bytes.takeUntil(delimiter, { maxLength: 10 }));
  };
  assertEquals(decode(parser, [encoder.encode(`'a"b'"c'd"`)]).items, [`a"b`, `c'd`]);
});

Deno.test("takeUntil notices that its delimiter has become shorter", () => {
  const buffer = new ArrayBuffer(2, { maxByteLength: 2 });
  const delimiter = new Uint8Array(buffer);
  delimiter.set(CRLF);
  const items = new Decoder((bytes) => bytes.takeUntil(delimiter, { maxLength: 10 }));
  items.push(encoder.encode("one\r\ntwo\rthree"));
  const texts = [decoder.decode(items.take())];
  buffer.resize(1);
  texts.push(decoder.decode(items.take()));
  assertEquals(texts, ["one", "two"]);
});

/** A length of one byte, and a part: lines of at most 10 bytes, and parts ended by a semicolon. */
const partsOfLines: Parser<string[]> = function* (bytes) {
  return yield* bytes.takePart(yield* bytes.takeInteger(1), function* (part) {
    const items = [];
    while (part.left > 0) {
      items.push(yield* part.takeLine({ maxLength: 10 }));
      items.push(decoder.decode(yield* part.takeUntil(0x3b, { maxLength: 3 })));
    }
    return items;
  });
};

testParser({
  name: "parts of lines",
  parser: partsOfLines,
  input: encoder.encode("\x06a\nb;\n;\0\x0b1234567\r\nx;"),
  items: [["a", "b", "", ""], [], ["1234567", "x"]],
});

Deno.test("takePart refuses a part that does not fit into its length", () => {
  const fixed = (take: number): Parser<Uint8Array> => (bytes) =>
    bytes.takePart(2, (part) => part.take(take));
  const input = new Uint8Array(5); // more follows, which is not for the part
  assert(decode(fixed(2), [input.subarray(3)]).error === undefined);
  for (
    const [parser, message] of [
      [fixed(1), "Cannot accept part: 1 of its 2 bytes are left over"],
      [fixed(3), "Cannot accept part: it ends before 3 bytes that belong to it"],
      [function* (bytes) {
        return yield* bytes.takePart(2, function* (part) {
          yield* part.take(1);
          return yield* part.take(2);
        });
      } as Parser<Uint8Array>, "Cannot accept part: it ends before 2 bytes that belong to it"],
    ] as const
  ) assertEquals(decode(parser, [input]).error?.message, message);
});

Deno.test("takePart refuses every step that would leave the part, before anything else arrives", () => {
  const steps: Record<string, (part: ParserPart) => ParserStep<unknown>> = {
    take: (part) => part.take(4),
    takeText: (part) => part.takeText(4),
    takeLine: (part) => part.takeLine({ maxLength: 100 }),
    takeUntil: (part) => part.takeUntil(0x0a, { maxLength: 100 }),
    takeInteger: (part) => part.takeInteger(4),
    takeStruct: (part) => part.takeStruct(">I"),
    takeVarint: (part) => part.takeVarint(),
    takePart: (part) => part.takePart(4, (part) => part.take(4)),
  };
  for (const step of Object.values(steps)) {
    for (const rest of [0, 1, 3]) { // bytes behind the part
      const decoder = new Decoder(function* (bytes) {
        return yield* bytes.takePart(3, function* (part) {
          return [yield* step(part)];
        });
      });
      decoder.push(new Uint8Array(3 + rest).fill(0xff));
      const message = "Cannot accept part: it ends before";
      assertThrows(() => decoder.take(), InvalidFrameError, message);
    }
  }
});

Deno.test("What is wrong with a part without an end does not depend on how the bytes were cut", () => {
  for (const parser of [lines, crlfLines, textLines]) {
    const bytes = new Uint8Array(150).fill(0x61);
    const messages = [1, 50, 101, 102, 103, 150].map((length) => {
      const chunks = [bytes.subarray(0, length), bytes.subarray(length)];
      return decode(parser, chunks).error?.message;
    });
    assertEquals(new Set(messages).size, 1, messages.join("\n"));
    assert(messages[0]!.includes("its length is 101 bytes, the limit is 100"), messages[0]);
  }
});

Deno.test("A line that fills its part and is too long is refused for its length, wherever it is cut", () => {
  const parser: Parser<string> = (bytes) =>
    bytes.takePart(3, (part) => part.takeLine({ maxLength: 2 }));
  for (const text of ["aaa", "aä"]) {
    const bytes = encoder.encode(`${text}\n`);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { error } = decode(parser, [bytes.slice(0, cut), bytes.slice(cut)]);
      assert(error instanceof FrameTooLargeError, `${error}`);
    }
  }
});

Deno.test("Decoder lets go of its input after an error", async () => {
  using watch = new MemoryWatch();
  const decoder = new Decoder((bytes) => bytes.take(2 ** 20));
  for (let i = 0; i < 8; i++) decoder.push(new Uint8Array(2 ** 16));
  assertEquals(decoder.take(), undefined); // now it gathers
  assertThrows(() => decoder.end(), TruncatedInputError);
  assertEquals(await watch.held(), 0);
  assertThrows(() => decoder.take(), TruncatedInputError);
});

Deno.test("takeText replaces bytes that are not UTF-8, or refuses them", () => {
  for (const input of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80]]) {
    const bytes = new Uint8Array(input);
    const { items } = decode((bytes) => bytes.takeText(input.length), [bytes]);
    assertEquals(items, [decoder.decode(bytes)]);
    const refused = decode((bytes) => bytes.takeText(input.length, { fatal: true }), [bytes]);
    assert(refused.error instanceof TypeError);
  }
  const valid = encoder.encode("\ufeffa\ufffd");
  assertEquals(
    decode((bytes) => bytes.takeText(valid.length, { fatal: true }), [valid]).items,
    ["\ufeffa\ufffd"],
  );
});

Deno.test("Decoder.takeRest gives what follows the last item", () => {
  for (const cut of [0, 1, 5, 6, 8]) {
    const bytes = encoder.encode("5:hi,xRAW\n");
    const decoder = new Decoder((input) => input.take(6));
    decoder.push(bytes.subarray(0, cut));
    if (cut >= 6) decoder.take();
    decoder.push(bytes.subarray(cut));
    if (cut < 6) decoder.take();
    assertEquals(decoder.takeRest(), encoder.encode("RAW\n"));
    assertEquals([decoder.bufferedLength, decoder.takeRest().length], [0, 0]);
    decoder.end();
  }
  const begun = new Decoder(lines);
  begun.push(encoder.encode("one\ntwo"));
  assertEquals([begun.take(), begun.take()], ["one", undefined]);
  assertThrows(() => begun.takeRest(), TypeError, "the next item has begun");
});

Deno.test("Decoders refuse chunks after the end", () => {
  for (const decoder of [new Decoder(lines), new FrameDecoder(), new MessageDecoder()]) {
    decoder.end();
    assertThrows(() => decoder.push(new Uint8Array(1)), TypeError, "the input has ended");
  }
});

Deno.test("DecoderStream and readItems deliver what a Decoder does", async () => {
  const chunks = [encoder.encode("5:he"), encoder.encode("llo,1:"), encoder.encode("x,")];
  const stream = ReadableStream.from(chunks).pipeThrough(new DecoderStream(netstrings));
  assertEquals(await Array.fromAsync(stream), ["hello", "x"]);
  const items: string[] = [];
  let error;
  try {
    for await (const item of readItems(ReadableStream.from([...chunks, CRLF]), netstrings)) {
      items.push(item);
    }
  } catch (thrown) {
    error = thrown;
  }
  assertEquals(items, ["hello", "x"]);
  assert(error instanceof TruncatedInputError);
});

Deno.test("Decoder keeps no text of a chunk that is used up", async () => {
  const chunk = encoder.encode(`${"x".repeat(99)}\n`.repeat(160));
  using watch = new MemoryWatch();
  await watch.held(); // collects garbage
  const before = Deno.memoryUsage().heapUsed;
  const decoders = [];
  for (let i = 0; i < 500; i++) {
    const lines = new Decoder((bytes) => bytes.takeLine({ maxLength: 100 }));
    lines.push(chunk);
    assertEquals([...lines].length, 160);
    decoders.push(lines);
  }
  await watch.held();
  const growth = Deno.memoryUsage().heapUsed - before;
  assert(growth < decoders.length * 4096, `${growth} bytes`);
});

Deno.test("The stream of each decoder delivers what came before an error that has already happened", async () => {
  const message = encodeMessage(1, { contentType: "text/json", contentEncoding: "utf-8" });
  const cases: [() => TransformStream<Uint8Array, unknown>, good: Uint8Array, bad: Uint8Array][] = [
    [() => new DecoderStream(textLines), encoder.encode("one\n"), new Uint8Array(101)],
    [() => new FrameDecoderStream({ lengthSize: 1 }), new Uint8Array([1, 42]), new Uint8Array([2])],
    [() => new FrameDecoderStream({ maxFrameLength: 1 }), frame(1), frame(2)],
    [() => new MessageDecoderStream(), message, new Uint8Array(2)],
  ];
  for (const [create, good, bad] of cases) {
    const { readable, writable } = create();
    const [reader, writer] = [readable.getReader(), writable.getWriter()];
    const first = reader.read(); // or the writer waits
    const written = writer.write(concat([good, good, good, bad]));
    const error = await assertRejects(() => written.then(() => writer.close()));
    assertEquals((await first).done, false);
    assertEquals((await reader.read()).done, false);
    assertEquals((await reader.read()).done, false);
    assert(await assertRejects(() => reader.read()) === error);
    assert(await assertRejects(() => writer.closed) === error);
  }

  function frame(length: number): Uint8Array {
    return encodeFrame(new Uint8Array(length));
  }
});

Deno.test("Decoder with copy keeps items although the caller overwrites its chunks", () => {
  for (const copy of [false, true]) {
    const decoder = new Decoder((bytes) => bytes.take(2), { copy });
    const chunk = new Uint8Array([1, 2]);
    decoder.push(chunk);
    const item = decoder.take();
    chunk.fill(0);
    assertEquals(item, copy ? new Uint8Array([1, 2]) : new Uint8Array(2));
  }
});
