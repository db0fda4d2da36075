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
  LengthLimitError,
  MalformedInputError,
  MessageDecoder,
  type Parser,
  type ParserInput,
  type ParserPart,
  type ParserStep,
  readItems,
  TruncatedInputError,
} from "../../../mod.ts";
import { MemoryWatch } from "../../support/memory.ts";
import { cutIntoBytes, decode, testParser } from "../../support/parsers.ts";

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

const textsUntil: Parser<string[]> = function* (bytes) {
  const name = yield* bytes.takeTextUntil(": ", { maxLength: 100 });
  return [name, yield* bytes.takeTextUntil("\n", { maxLength: 100 })];
};

const dogTexts: Parser<string> = (bytes) => bytes.takeTextUntil("🐶", { maxLength: 100 });

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
  ["texts up to a text", textsUntil, encoder.encode("a: b\n: :\n🐶é: \ufeff \n"), [
    ["a", "b"],
    ["", ":"],
    ["🐶é", "\ufeff "],
  ]],
  ["texts up to letters that are not ASCII", dogTexts, encoder.encode("aö🐶🐶ö🐰🐶"), [
    "aö",
    "",
    "ö🐰",
  ]],
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
  const error = assertThrows(() => frames.take(), LengthLimitError);
  assertEquals([error.declaredLength, error.maxLength], [9, 8]);

  for (const parser of [lines, crlfLines]) {
    const decoder = new Decoder(parser);
    decoder.push(new Uint8Array(100).fill(0x61));
    assertEquals(decoder.take(), undefined);
    decoder.push(new Uint8Array([0x61]));
    assertThrows(() => decoder.take(), LengthLimitError);
  }
  const late = new Decoder(lines);
  late.push(encoder.encode("x".repeat(101) + "\n")); // all of it is here, and it is too long
  assertThrows(() => late.take(), LengthLimitError);
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
  const textUntil = (delimiter: unknown): Parser<string> => (bytes) =>
    bytes.takeTextUntil(delimiter as string, limited);
  for (const delimiter of ["", "\ud83d", "a\udc00"]) {
    wrong.push([textUntil(delimiter) as never, RangeError, "empty or has a lone surrogate"]);
  }
  wrong.push(
    [textUntil(10) as never, TypeError, "Cannot use a number as a text"],
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
        assertEquals(error instanceof LengthLimitError, !isAccepted);
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
  assert(watch.copied <= 4 * length, `${watch.copied} bytes copied`);
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
    assertThrows(() => decoder.take(), MalformedInputError, message);
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

Deno.test("takePart leaves no trace of a part whose error the parser has caught", () => {
  const parts: Parser<string> = function* (bytes) {
    const length = yield* bytes.takeInteger(1);
    try {
      return yield* bytes.takePart(length, function* (part) {
        const kind = yield* part.takeInteger(1);
        if (kind !== 1) throw new Error("Unknown kind");
        return yield* part.takeText(part.left);
      });
    } catch {
      return `passed over ${(yield* bytes.take(length - 1)).length}`;
    }
  };
  const input = encoder.encode("\x03\x01ab\x04\x02abc\x05\x01abcd");
  const { items, error } = decode(parts, [input]);
  assertEquals([items, error?.message], [["ab", "passed over 3", "abcd"], undefined]);
});

Deno.test("takePart refuses every step that would leave the part, before anything else arrives", () => {
  const steps: Record<string, (part: ParserPart) => ParserStep<unknown>> = {
    take: (part) => part.take(4),
    takeText: (part) => part.takeText(4),
    takeLine: (part) => part.takeLine({ maxLength: 100 }),
    takeUntil: (part) => part.takeUntil(0x0a, { maxLength: 100 }),
    takeTextUntil: (part) => part.takeTextUntil("\n", { maxLength: 100 }),
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
      assertThrows(() => decoder.take(), MalformedInputError, message);
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
      assert(error instanceof LengthLimitError, `${error}`);
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
    assert(refused.error instanceof MalformedInputError);
  }
  const valid = encoder.encode("\ufeffa\ufffd");
  assertEquals(
    decode((bytes) => bytes.takeText(valid.length, { fatal: true }), [valid]).items,
    ["\ufeffa\ufffd"],
  );
});

Deno.test("takeLine and takeTextUntil refuse bytes that are not UTF-8, if they are told to", () => {
  for (const invalid of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80]]) {
    for (
      const [end, fatal] of [["\n", true], ["\r\n", true], [": ", true], ["\n", false]] as const
    ) {
      const bytes = new Uint8Array([...invalid, ...encoder.encode(end)]);
      for (let cut = 0; cut < bytes.length; cut++) {
        const { items, error } = decode(
          (bytes) =>
            end === ": "
              ? bytes.takeTextUntil(end, { maxLength: 9, fatal })
              : bytes.takeLine({ maxLength: 9, fatal }),
          [bytes.subarray(0, cut), bytes.subarray(cut)],
        );
        if (fatal) assert(error instanceof MalformedInputError);
        else assertEquals(items, [new TextDecoder().decode(new Uint8Array(invalid))]);
      }
    }
  }
  const valid = [encoder.encode("\ufeffa\ufffd\n")];
  assertEquals(decode((bytes) => bytes.takeLine({ maxLength: 9, fatal: true }), valid).items, [
    "\ufeffa\ufffd",
  ]);
});

Deno.test("Errors have the name that a parser gives to what comes next", () => {
  const message = (parser: Parser<string | Uint8Array>) =>
    decode<string | Uint8Array>(
      (bytes) => {
        bytes.expect("name");
        return parser(bytes);
      },
      [new Uint8Array([0xff, 0x61, 0x61, 0x61])],
      { maxLength: 100 },
    ).error!.message;
  assertEquals(
    message((bytes) => bytes.take(200)),
    "Cannot accept name: its length is 200 bytes, the limit is 100",
  );
  assertEquals(
    message((bytes) => bytes.takeLine({ maxLength: 2 })),
    "Cannot accept name without a line end: its length is 3 bytes, the limit is 2",
  );
  assertEquals(
    message((bytes) => bytes.takeToEnd({ maxLength: 2 })),
    "Cannot accept name without the end: its length is 3 bytes, the limit is 2",
  );
  assertEquals(
    message((bytes) => bytes.takeText(1, { fatal: true })),
    "Cannot accept name: it is not valid UTF-8",
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
  const stream = ReadableStream.from(chunks).pipeThrough(
    new DecoderStream(new Decoder(netstrings)),
  );
  assertEquals(await Array.fromAsync(stream), ["hello", "x"]);
  const items: string[] = [];
  let error;
  try {
    for await (
      const item of readItems(ReadableStream.from([...chunks, CRLF]), new Decoder(netstrings))
    ) {
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
  const message = encodeMessage(1);
  const cases: [() => Decoder<NonNullable<unknown>>, good: Uint8Array, bad: Uint8Array][] = [
    [() => new Decoder(textLines), encoder.encode("one\n"), new Uint8Array(101)],
    [() => new FrameDecoder({ lengthSize: 1 }), new Uint8Array([1, 42]), new Uint8Array([2])],
    [() => new FrameDecoder({ maxFrameLength: 1 }), frame(1), frame(2)],
    [() => new MessageDecoder(), message, new Uint8Array(2)],
  ];
  for (const [create, good, bad] of cases) {
    const { readable, writable } = new DecoderStream(create());
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

Deno.test("takeLine refuses a line as soon as one byte too many is there, whatever follows", () => {
  for (
    const [maxLength, accepted, refused] of [
      [0, "", "a"],
      [0, "\r", "\ra"],
      [6, "aaabbb", "aaabbbc"],
      [6, "aaabbb\r", "aaabbb\rc"],
      [6, "aaabb\rc\r".slice(0, 6), "aaabb\rc"],
    ] as const
  ) {
    const parser: Parser<string> = (bytes) => bytes.takeLine({ maxLength });
    for (const chunks of [[encoder.encode(refused)], [...cutIntoBytes(encoder.encode(refused))]]) {
      const lines = new Decoder(parser);
      for (const chunk of chunks.slice(0, -1)) {
        lines.push(chunk);
        assertEquals(lines.take(), undefined);
      }
      lines.push(chunks.at(-1)!);
      const error = assertThrows(() => lines.take(), LengthLimitError);
      assertEquals([error.declaredLength, error.maxLength], [maxLength + 1, maxLength]);
    }
    const lines = new Decoder(parser);
    lines.push(encoder.encode(accepted));
    assertEquals(lines.take(), undefined, accepted);
    lines.push(LINE_FEED);
    assertEquals(lines.take(), accepted.replace(/\r$/, ""));
  }
});

Deno.test("takePart refuses a delimiter that no longer fits, as soon as that is certain", () => {
  const parser: Parser<Uint8Array> = (bytes) =>
    bytes.takePart(4, (part) => part.takeUntil(CRLF, { maxLength: 10 }));
  for (const text of ["abc", "ab\rx"]) { // each is refused at its last byte
    const parts = new Decoder(parser);
    for (const byte of cutIntoBytes(encoder.encode(text.slice(0, -1)))) {
      parts.push(byte);
      assertEquals(parts.take(), undefined);
    }
    parts.push(encoder.encode(text.slice(-1)));
    assertThrows(() => parts.take(), MalformedInputError, "it ends before a delimiter");
  }
});

Deno.test("Decoder copies what waits once, however often it is asked in vain", () => {
  const length = 1_000_000;
  for (
    const parser of [
      (bytes) => bytes.take(length + 1),
      (bytes) => bytes.takeText(length + 1),
      (bytes) => bytes.takeLine({ maxLength: 2 * length }),
      (bytes) => bytes.takeUntil(CRLF, { maxLength: 2 * length }),
    ] as Parser<NonNullable<unknown>>[]
  ) {
    const decoder = new Decoder(parser);
    decoder.push(new Uint8Array(length).fill(0x61));
    using watch = new MemoryWatch();
    for (let i = 0; i < 200; i++) assertEquals(decoder.take(), undefined);
    assert(watch.copied <= length, `${watch.copied} of ${length} bytes were copied`);
  }
});

Deno.test("Decoders say so when a chunk was given away between two calls", () => {
  const message = "Cannot read a chunk: it was detached or shrunk after it was pushed";
  const first = new Uint8Array(1);
  const acts: Record<string, (decoder: Decoder<NonNullable<unknown>>) => unknown> = {
    "take": (decoder) => decoder.take(),
    "push": (decoder) => decoder.push(first),
    "push, then take": (decoder) => {
      decoder.push(new Uint8Array(5000));
      decoder.take();
    },
    "takeRest": (decoder) => decoder.takeRest(),
    "end": (decoder) => decoder.end(),
    "iteration": (decoder) => [...decoder],
  };
  const parsers: Record<string, Parser<NonNullable<unknown>>> = {
    take: (bytes) => bytes.take(4),
    takeText: (bytes) => bytes.takeText(4),
    takeInteger: (bytes) => bytes.takeInteger(4),
    takeStruct: (bytes) => bytes.takeStruct(">I"),
    takeVarint: (bytes) => bytes.takeVarint(),
    takeLine: (bytes) => bytes.takeLine({ maxLength: 10 }),
    takeUntil: (bytes) => bytes.takeUntil(CRLF, { maxLength: 10 }),
    takeTextUntil: (bytes) => bytes.takeTextUntil("\r\n", { maxLength: 10 }),
    takePart: (bytes) => bytes.takePart(4, (part) => part.take(4)),
  };
  for (const [step, parser] of Object.entries(parsers)) {
    for (const [name, act] of Object.entries(acts)) {
      for (const isFirst of [true, false]) {
        const decoder = new Decoder<NonNullable<unknown>>(parser);
        const chunk = encoder.encode("a\r\n\0".repeat(3));
        decoder.push(chunk);
        if (!isFirst) decoder.take();
        structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
        const error = assertThrows(() => act(decoder), TypeError);
        assertEquals(error.message, message, `${step}, ${name}`);
      }
    }
  }
});

/** What a parser that takes up to the end makes of an input, however it is cut, as a stream and by hand. */
async function assertReadsToEnd<T extends NonNullable<unknown>>(
  parser: Parser<T>,
  text: string,
  items: T[],
) {
  const input = encoder.encode(text);
  for (let cut = 0; cut <= input.length; cut++) {
    const chunks = [input.slice(0, cut), input.slice(cut)];
    for (const pieces of [chunks, [...cutIntoBytes(input)]]) {
      const decoder = new Decoder(parser);
      const taken: T[] = [];
      for (const piece of pieces) {
        decoder.push(piece);
        taken.push(...decoder);
      }
      decoder.end();
      taken.push(...decoder);
      assertEquals(taken, items, `${JSON.stringify(text)} cut at ${cut}`);
      assertEquals(decoder.bufferedLength, 0);
    }
    const stream = ReadableStream.from(chunks);
    assertEquals(await Array.fromAsync(readItems(stream, new Decoder(parser))), items);
    const piped = ReadableStream.from(chunks).pipeThrough(new DecoderStream(new Decoder(parser)));
    assertEquals(await Array.fromAsync(piped), items);
  }
}

Deno.test("takeLine and takeUntil with orEnd take what stands there when the input ends", async () => {
  const line: Parser<string> = (bytes) => bytes.takeLine({ maxLength: 3, orEnd: true });
  await assertReadsToEnd(line, "", []);
  await assertReadsToEnd(line, "abc", ["abc"]);
  await assertReadsToEnd(line, "a\nb\r\n\n", ["a", "b", ""]);
  await assertReadsToEnd(line, "a\nbö", ["a", "bö"]);
  await assertReadsToEnd(line, "a\nb\r", ["a", "b\r"]); // a line end has two bytes, or is a line feed
  const field: Parser<string> = function* (bytes) {
    return decoder.decode(yield* bytes.takeUntil(CRLF, { maxLength: 3, orEnd: true }));
  };
  await assertReadsToEnd(field, "ab\r\n\r\nabc", ["ab", "", "abc"]);
  await assertReadsToEnd(field, "ab\r\nab\r", ["ab", "ab\r"]);
  const text: Parser<string> = (bytes) => bytes.takeTextUntil("--", { maxLength: 3, orEnd: true });
  await assertReadsToEnd(text, "ab----abc", ["ab", "", "abc"]);
  await assertReadsToEnd(text, "é--a-", ["é", "a-"]);
  const pair: Parser<string[]> = function* (bytes) {
    const name = yield* bytes.takeUntil(0x3a, { maxLength: 9 });
    return [decoder.decode(name), yield* bytes.takeLine({ maxLength: 9, orEnd: true })];
  };
  await assertReadsToEnd(pair, "a:1\nb:2", [["a", "1"], ["b", "2"]]);
  await assertReadsToEnd(pair, "a:1\nb:", [["a", "1"], ["b", ""]]);
  const { items, error } = decode(pair, [encoder.encode("a:1\nb")]);
  assertEquals([items, (error as TruncatedInputError).expected], [[["a", "1"]], "a delimiter"]);
});

Deno.test("takeToEnd takes everything until the input ends", async () => {
  const all: Parser<string> = function* (bytes) {
    return decoder.decode(yield* bytes.takeToEnd({ maxLength: 5 }));
  };
  await assertReadsToEnd(all, "ab\nö", ["ab\nö"]);
  await assertReadsToEnd(all, "", []);
  const file: Parser<string[]> = function* (bytes) {
    const name = yield* bytes.takeLine({ maxLength: 9 });
    return [name, decoder.decode(yield* bytes.takeToEnd({ maxLength: 5 }))];
  };
  await assertReadsToEnd(file, "a.txt\nhello", [["a.txt", "hello"]]);
  await assertReadsToEnd(file, "a.txt\n", [["a.txt", ""]]);
});

Deno.test("What is too long up to the end is refused at its first byte too many, however it is cut", () => {
  const parsers: Record<string, Parser<NonNullable<unknown>>> = {
    takeLine: (bytes) => bytes.takeLine({ maxLength: 3, orEnd: true }),
    takeUntil: (bytes) => bytes.takeUntil(CRLF, { maxLength: 3, orEnd: true }),
    takeTextUntil: (bytes) => bytes.takeTextUntil("\r\n", { maxLength: 3, orEnd: true }),
    takeToEnd: (bytes) => bytes.takeToEnd({ maxLength: 3 }),
  };
  for (const [name, parser] of Object.entries(parsers)) {
    for (const text of ["abcd", "abcdefg", "abc\rx", "abc\r"]) {
      const input = encoder.encode(text);
      for (const chunks of [[input], [...cutIntoBytes(input)]]) {
        const { items, error } = decode(parser, chunks);
        assert(error instanceof LengthLimitError, `${name} ${text}: ${error}`);
        assertEquals([items, error.declaredLength, error.maxLength], [[], 4, 3]);
      }
    }
    const waiting = new Decoder(parser);
    waiting.push(encoder.encode("abc"));
    assertEquals(waiting.take(), undefined);
    waiting.push(encoder.encode("d"));
    assertThrows(() => waiting.take(), LengthLimitError);
  }
});

Deno.test("In a part, the end of the part is the end", () => {
  const parser: Parser<string[]> = function* (bytes) {
    return yield* bytes.takePart(yield* bytes.takeInteger(1), function* (part) {
      const texts = [yield* part.takeLine({ maxLength: 3, orEnd: true })];
      texts.push(decoder.decode(yield* part.takeUntil(CRLF, { maxLength: 3, orEnd: true })));
      texts.push(decoder.decode(yield* part.takeToEnd({ maxLength: 3 })));
      return texts;
    });
  };
  const cases = ["a\nb\r\nc", "a", "", "a\nb", "a\nb\r\n", "abc\nabc\r\nabc", "\n\r\n", "a\nb\r"];
  const items = [
    ["a", "b", "c"],
    ["a", "", ""],
    ["", "", ""],
    ["a", "b", ""],
    ["a", "b", ""],
    ["abc", "abc", "abc"],
    ["", "", ""],
    ["a", "b\r", ""],
  ];
  const input = encoder.encode(
    cases.map((text) => String.fromCharCode(text.length) + text).join(""),
  );
  for (let cut = 0; cut <= input.length; cut++) {
    const chunks = [input.slice(0, cut), input.slice(cut)];
    assertEquals(decode(parser, chunks), { items, error: undefined });
  }
  for (let end = 1; end < 6; end++) { // the part is not complete
    const { error } = decode(parser, [encoder.encode("\x06a\nb\r\nc").subarray(0, end)]);
    assert(error instanceof TruncatedInputError, `${error}`);
  }
  for (const text of ["abcd", "\nabcd", "\n\r\nabcd"]) {
    const bytes = encoder.encode(String.fromCharCode(text.length) + text);
    const messages = [[bytes], [...cutIntoBytes(bytes)]].map((chunks) =>
      `${decode(parser, chunks).error}`
    );
    assert(messages[0]!.startsWith("LengthLimitError"), messages[0]);
    assertEquals(messages[1], messages[0]);
  }
});

Deno.test("takeToEnd takes time and memory in proportion to the bytes, also byte by byte", () => {
  const length = 300_000;
  using watch = new MemoryWatch();
  const all = new Decoder((bytes) => bytes.takeToEnd({ maxLength: length }));
  const chunk = new Uint8Array([0x61]);
  for (let i = 0; i < length; i++) {
    all.push(chunk);
    assert(all.take() === undefined);
  }
  all.end();
  assertEquals(all.take()!.length, length);
  assert(watch.copied <= 4 * length, `${watch.copied} bytes copied`);
});

Deno.test("takeTextUntil finds what splitting finds, in text of any letters and length", () => {
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "-", "\r"), maxLength: 20 }),
    fc.string({ unit: fc.constantFrom("a", "-", "ö", "🐶"), maxLength: 20 }),
    fc.nat(20_000).map((length) => "x".repeat(length)),
  );
  const lengths = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(
      fc.array(word),
      lengths,
      fc.constantFrom("-", "->", "ö", "🐶"),
      (words, sizes, delimiter) => {
        const text = words.map((word) => word + delimiter).join("");
        const bytes = encoder.encode(text);
        const parser: Parser<string> = (bytes) =>
          bytes.takeTextUntil(delimiter, { maxLength: 50_000 });
        const { items } = decode(parser, readInto(new Uint8Array(9000), bytes, sizes));
        assertEquals(items, text.split(delimiter).slice(0, -1));
      },
    ),
  );
});

/** A message of HTTP/1.1, as a reader of app/wire/README.md would parse it: with all three kinds of bodies. */
const httpMessages: Parser<[start: string, body: string]> = function* (bytes) {
  const start = yield* bytes.takeLine({ maxLength: 8192 });
  const fields = new Map<string, string>();
  while (true) {
    const line = yield* bytes.takeLine({ maxLength: 8192 });
    if (line === "") break;
    const [name, ...value] = line.split(":");
    fields.set(name!.toLowerCase(), value.join(":").trim());
  }
  if (fields.get("transfer-encoding") === "chunked") return [start, yield* takeChunks(bytes)];
  const length = fields.get("content-length");
  if (length === undefined) {
    return [start, decoder.decode(yield* bytes.takeToEnd({ maxLength: 1024 ** 2 }))];
  }
  if (!/^\d{1,7}$/.test(length)) throw new MalformedInputError(`Not a length: ${length}`);
  return [start, yield* bytes.takeText(Number(length))];
};

function* takeChunks(bytes: ParserInput): ParserStep<string> {
  let body = "";
  while (true) {
    const size = yield* bytes.takeLine({ maxLength: 100 });
    const length = Number.parseInt(size, 16);
    if (!/^[\da-f]{1,6}$/i.test(size)) throw new MalformedInputError(`Not a size: ${size}`);
    body += yield* bytes.takeText(length);
    const end = yield* bytes.takeLine({ maxLength: 8192 }); // the chunk's, or after the last one a trailer
    if (length === 0 && end === "") return body;
    if (length > 0 && end !== "") throw new MalformedInputError("A chunk is longer than it says");
  }
}

Deno.test("Decoder reads HTTP/1.1 bodies by length, in chunks and until the end, however they are cut", async () => {
  const text = [
    "POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 6\r\n\r\n\u{1f436}\r\n",
    "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n, world!\r\n\r\n0\r\n\r\n",
    "GET /d HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall the rest\r\n\r\n",
  ].join("");
  await assertReadsToEnd(httpMessages, text, [
    ["POST /a HTTP/1.1", "\u{1f436}\r\n"],
    ["POST /c HTTP/1.1", "hello, world!\r\n"],
    ["GET /d HTTP/1.1", ""],
    ["HTTP/1.1 200 OK", "all the rest\r\n\r\n"],
  ]);
  for (
    const bad of [
      "Content-Length: -1",
      "Content-Length: 0x10",
      "Transfer-Encoding: chunked\r\n\r\n1\r\nab",
    ]
  ) {
    const { error } = decode(httpMessages, [encoder.encode(`POST / HTTP/1.1\r\n${bad}\r\n\r\n`)]);
    assert(error instanceof MalformedInputError, `${error}`);
  }
});

Deno.test("Decoder notices a step without yield*, where its bytes are not here yet", () => {
  const forgetful: Parser<string>[] = [
    function* (bytes) {
      bytes.takeInteger(2); // its value is not used, so no type is wrong
      return yield* bytes.takeText(1);
    },
    function* (bytes) {
      const text = yield* bytes.takeText(1);
      bytes.takeInteger(2);
      return text;
    },
  ];
  for (const parser of forgetful) {
    for (const cut of [1, 2]) {
      const input = encoder.encode("abc");
      const { items, error } = decode(parser, [input.slice(0, cut), input.slice(cut)]);
      if (items.length > 0) continue; // all was here when it was asked for
      assert(error instanceof TypeError && /without yield\*/.test(error.message), `${error}`);
    }
    const { error } = decode(parser, cutIntoBytes(encoder.encode("abc")));
    assert(error instanceof TypeError && /without yield\*/.test(error.message), `${error}`);
  }
});

Deno.test("Decoder notices a part without yield*, which would take nothing, wherever it is cut", () => {
  const forgetful: Parser<number>[] = [
    function* (bytes) {
      bytes.takePart(2, (part) => part.take(2));
      return yield* bytes.takeInteger(1);
    },
    function* (bytes) {
      const number = yield* bytes.takeInteger(1);
      bytes.takePart(2, (part) => part.take(2));
      return number;
    },
    function* (bytes) {
      return yield* bytes.takePart(1, function* (part) {
        part.takePart(0, (inner) => inner.take(0));
        return yield* part.takeInteger(1);
      });
    },
  ];
  const input = encoder.encode("abc");
  for (const parser of forgetful) {
    for (let cut = 0; cut <= input.length; cut++) {
      const { items, error } = decode(parser, [input.slice(0, cut), input.slice(cut)]);
      assertEquals(items, []);
      assert(error instanceof TypeError && /without yield\*/.test(error.message), `${error}`);
    }
  }
});
