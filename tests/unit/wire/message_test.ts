import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { runs } from "../../support/sampling.ts";
import { MemoryWatch } from "../../support/memory.ts";
import {
  decodeContent,
  DecoderStream,
  encodeMessage,
  LengthLimitError,
  type Message,
  MessageContentError,
  MessageDecoder,
  MessageHeaderError,
  readItems,
  TruncatedInputError,
  UnsupportedEncodingError,
} from "../../../mod.ts";
import { isMessageError } from "../../../app/wire/message.ts";

const JSON_FORMAT = { contentType: "text/json", contentEncoding: "utf-8" };
const BINARY_FORMAT = { contentType: "application/x-bytes", contentEncoding: "binary" };
const GOOD_HEADER = {
  byteorder: "little",
  "content-type": "text/json",
  "content-encoding": "utf-8",
  "content-length": 2,
};

Deno.test("MessageDecoder reads what the Python programs sent", async () => {
  const expected: Record<string, [header: number, content: unknown]> = {
    "morpheus.request": [103, { action: "search", value: "morpheus" }],
    "morpheus.response": [103, { result: "Follow the white rabbit. 🐰" }],
    "ring.request": [103, { action: "search", value: "ring" }],
    "ring.response": [103, { result: "In the caves beneath the Misty Mountains. 💍" }],
    "dog.request": [103, { action: "search", value: "🐶" }],
    "dog.response": [103, { result: "🐾 Playing ball! 🏐" }],
    "unknown.request": [103, { action: "search", value: "needle" }],
    "unknown.response": [103, { result: "No match for 'needle'." }],
    "binary.request": [127, utf8("binary😃")],
    "binary.response": [127, utf8("First 10 bytes of request: binary😃")],
    "binary-long.request": [127, utf8("doublehello")],
    "binary-long.response": [127, utf8("First 10 bytes of request: doublehell")],
    "binary-split.request": [127, utf8("search!!😃x")],
    "binary-split.response": [
      127,
      concat([utf8("First 10 bytes of request: search!!"), new Uint8Array([0xf0, 0x9f])]),
    ],
  };
  const files = [...Deno.readDirSync(new URL("../../support/data/wire", import.meta.url))];
  assertEquals(files.length, Object.keys(expected).length);
  for (const [name, [headerLength, content]] of Object.entries(expected)) {
    const bytes = await Deno.readFile(
      new URL(`../../support/data/wire/${name}.bin`, import.meta.url),
    );
    assertEquals([bytes[0], bytes[1]], [0, headerLength]);
    const [message, ...more] = decode([bytes]).messages;
    assertEquals(more.length, 0);
    assertEquals(message!.header.byteorder, "little");
    assertEquals(decodeContent(message!), content);
  }
});

Deno.test("encodeMessage() writes the layout: prefix, JSON header, content", () => {
  const bytes = encodeMessage({ action: "search", value: "morpheus" }, {
    ...JSON_FORMAT,
    byteOrder: "little",
  });
  const header = '{"byteorder":"little","content-type":"text/json","content-encoding":"utf-8",' +
    '"content-length":38}';
  assertEquals(
    bytes,
    concat([new Uint8Array([0, 96]), utf8(header), utf8('{"action":"search","value":"morpheus"}')]),
  );
  const binary = encodeMessage(new Uint8Array(10), {
    contentType: "binary/custom-client-binary-type",
    contentEncoding: "binary",
    byteOrder: "little",
  });
  assertEquals([binary[0], binary[1]], [0, 120]);
  assertEquals(encodeMessage([1]), encodeMessage([1], JSON_FORMAT));
  const contentType = "application/x-bytes";
  assertEquals(
    encodeMessage(new Uint8Array(1), { contentType }),
    encodeMessage(new Uint8Array(1), { contentType, contentEncoding: "binary" }),
  );
});

Deno.test("encodeMessage() and MessageDecoder are inverse for JSON values and bytes", () => {
  const character = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code))
    .filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: character }), (value) => {
      const { messages, error } = decode([encodeMessage(value, JSON_FORMAT)]);
      assertEquals(error, undefined);
      assertEquals(JSON.stringify(decodeContent(messages[0]!)), JSON.stringify(value));
    }),
    { numRuns: runs(2000) },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
      const { messages } = decode([encodeMessage(content, BINARY_FORMAT)]);
      assertEquals(decodeContent(messages[0]!), content);
    }),
    { numRuns: runs(2000) },
  );
});

Deno.test("encodeMessage() refuses what it cannot express", () => {
  for (const content of [undefined, () => {}, Symbol(), new Uint8Array(1), 1n]) {
    assertThrows(() => encodeMessage(content, JSON_FORMAT), TypeError);
  }
  for (const content of ["text", {}, [1], null]) {
    assertThrows(() => encodeMessage(content, BINARY_FORMAT), TypeError);
  }
  for (const text of ["\ud800", "a\udc00", "\ud83d x", "\\\ud800"]) {
    assertThrows(() => encodeMessage(text, JSON_FORMAT), RangeError, "lone surrogate");
    assertThrows(() => encodeMessage({ [text]: [1] }, JSON_FORMAT), RangeError, "lone surrogate");
    const format = { contentType: text, contentEncoding: "binary" };
    assertThrows(() => encodeMessage(new Uint8Array(), format), RangeError, "lone surrogate");
  }
  for (const text of ["\\ud800", "\\\\udfff", "😃"]) {
    assertEquals(decodeContent(decode([encodeMessage(text, JSON_FORMAT)]).messages[0]!), text);
  }
  assertThrows(
    () => encodeMessage(1, { ...JSON_FORMAT, contentEncoding: "latin-1" }),
    UnsupportedEncodingError,
  );
  const long = { contentType: "x".repeat(65_536), contentEncoding: "binary" };
  const error = assertThrows(() => encodeMessage(new Uint8Array(), long), LengthLimitError);
  assertEquals(error.maxLength, 65_535);
});

/** Inputs of a good message followed by a bad one, and the error that the bad one causes. */
const badInputs: Record<string, [bytes: Uint8Array, error: string]> = {
  "header length 0": [frame(""), "MessageHeaderError"],
  "header length over the limit": [new Uint8Array([0x20, 0x01]), "LengthLimitError"],
  "header not UTF-8": [frame(new Uint8Array([0x7b, 0xff, 0x7d])), "MessageHeaderError"],
  "header with a byte order mark": [frame("\ufeff" + header({})), "MessageHeaderError"],
  "header not JSON": [frame("{byteorder}"), "MessageHeaderError"],
  "header []": [frame("[]"), "MessageHeaderError"],
  "header null": [frame("null"), "MessageHeaderError"],
  "header 42": [frame("42"), "MessageHeaderError"],
  'header ""': [frame('""'), "MessageHeaderError"],
  "header nested too deeply": [frame("[".repeat(8000)), "MessageHeaderError"],
  "no byteorder": [frame(header({ byteorder: undefined })), "MessageHeaderError byteorder"],
  "byteorder middle": [frame(header({ byteorder: "middle" })), "MessageHeaderError byteorder"],
  "no content-type": [
    frame(header({ "content-type": undefined })),
    "MessageHeaderError content-type",
  ],
  "content-type 1": [frame(header({ "content-type": 1 })), "MessageHeaderError content-type"],
  "no content-encoding": [
    frame(header({ "content-encoding": undefined })),
    "MessageHeaderError content-encoding",
  ],
  "keys on the prototype only": [
    frame('{"__proto__":' + header({}) + "}"),
    "MessageHeaderError byteorder",
  ],
  ...Object.fromEntries(
    ["-1", '"2"', "true", "1.5", "1e400", "null", "[2]", "9007199254740992"].map((length) => [
      `content-length ${length}`,
      [
        frame(header({ "content-length": 0 }).replace(":0}", `:${length}}`)),
        "MessageHeaderError content-length",
      ] as [Uint8Array, string],
    ]),
  ),
  "content-length 10^15": [frame(header({ "content-length": 1e15 })), "LengthLimitError"],
  "content-length over the limit": [
    frame(header({ "content-length": 1024 ** 2 + 1 })),
    "LengthLimitError",
  ],
  "end in the prefix": [new Uint8Array([0]), "TruncatedInputError 1 of prefix of 2"],
  "end after the prefix": [new Uint8Array([0, 9]), "TruncatedInputError 0 of header of 9"],
  "end in the header": [frame(header({})).subarray(0, 12), "TruncatedInputError 10 of header of "],
  "end after the header": [frame(header({})), "TruncatedInputError 0 of content of 2"],
  "end in the content": [
    concat([frame(header({})), utf8("{")]),
    "TruncatedInputError 1 of content of 2",
  ],
};

for (const [name, [bad, expected]] of Object.entries(badInputs)) {
  Deno.test(`MessageDecoder delivers what is good and then refuses: ${name}`, () => {
    const good = encodeMessage("good", JSON_FORMAT);
    const input = concat([good, bad]);
    const places = Array.from({ length: Math.min(input.length, 300) }, (_, i) => i);
    const cuts = places.map((i) => [input.subarray(0, i), input.subarray(i)]);
    for (const chunks of [[input], ...cuts, byteByByte(input)]) {
      const { messages, error } = decode(chunks);
      assertEquals(messages.map(decodeContent), ["good"]);
      assert(describe(error).startsWith(expected), `${describe(error)} is not ${expected}`);
    }
  });
}

Deno.test("MessageDecoder throws the same error for ever, and lets go of its input", () => {
  const decoder = new MessageDecoder();
  decoder.push(concat([frame("[]"), new Uint8Array(1000)]));
  const error = assertThrows(() => decoder.take(), MessageHeaderError);
  assert(assertThrows(() => decoder.take()) === error);
  assert(assertThrows(() => decoder.push(new Uint8Array(1))) === error);
  assert(assertThrows(() => decoder.end()) === error);
  assertEquals(decoder.bufferedLength, 0);
});

Deno.test("MessageDecoder refuses too long a content before its bytes come", () => {
  for (const declared of [2 ** 30 + 1, Number.MAX_SAFE_INTEGER]) {
    const decoder = new MessageDecoder({ maxContentLength: 2 ** 30 });
    decoder.push(frame(header({ "content-length": declared })));
    using watch = new MemoryWatch();
    const error = assertThrows(() => decoder.take(), LengthLimitError);
    assertEquals([error.declaredLength, error.maxLength], [declared, 2 ** 30]);
    assert(watch.allocated < 1024);
  }

  const exact = new MessageDecoder({ maxContentLength: 10 });
  exact.push(concat([frame(header({ "content-length": 10 })), new Uint8Array(10)]));
  assertEquals(exact.take()!.content.length, 10);
});

Deno.test("MessageDecoder keeps complete messages available after end() has thrown", () => {
  const decoder = new MessageDecoder();
  const good = encodeMessage(1, JSON_FORMAT);
  decoder.push(concat([good, good, new Uint8Array([0])]));
  const error = assertThrows(() => decoder.end(), TruncatedInputError);
  assertEquals([...take(decoder, 2)].map(decodeContent), [1, 1]);
  assert(assertThrows(() => decoder.take()) === error);
});

Deno.test("MessageDecoder tells which part it awaits, and its length", () => {
  const decoder = new MessageDecoder();
  const bytes = encodeMessage("ab", JSON_FORMAT);
  const seen: string[] = [];
  for (const [i, byte] of bytes.entries()) {
    decoder.push(new Uint8Array([byte]));
    if (decoder.take()) break;
    assertEquals(decoder.bufferedLength, i + 1);
    const { what, length } = decoder.awaited!;
    const part = `${what} ${length}`;
    if (seen.at(-1) !== part) seen.push(part);
  }
  assertEquals(seen, ["prefix 2", `header ${bytes[1]}`, "content 4"]);
  assertEquals([decoder.awaited, decoder.bufferedLength], [undefined, 0]);
});

Deno.test("MessageDecoder accepts any key order, extra keys and white space, and the last of two equal keys", () => {
  const wire = ' {"more": {"a": [1]}, "content-length": 1, "content-encoding": "utf-8",\n' +
    '"content-length": 2, "content-type": "text/json", "byteorder": "big"} ';
  const [message] = decode([concat([frame(wire), utf8("{}")])]).messages;
  assertEquals(message!.header.more, { a: [1] });
  assertEquals(decodeContent(message!), {});
});

Deno.test("MessageDecoder refuses impossible limits", () => {
  for (const limit of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => new MessageDecoder({ maxContentLength: limit }), RangeError);
    assertThrows(() => new MessageDecoder({ maxHeaderLength: limit }), RangeError);
  }
  assertThrows(() => new MessageDecoder({ maxHeaderLength: 65_536 }), RangeError);
  assertThrows(() => new MessageDecoder({ maxContentLength: "1" as unknown as number }), TypeError);
});

Deno.test("MessageDecoder with copy is not changed by overwriting the chunk", () => {
  const chunk = encodeMessage(new Uint8Array([1, 2, 3]), BINARY_FORMAT);
  const copying = new MessageDecoder({ copy: true });
  const viewing = new MessageDecoder();
  copying.push(chunk);
  viewing.push(chunk);
  const [copied, viewed] = [copying.take()!, viewing.take()!];
  chunk.fill(9);
  assertEquals([copied.content, viewed.content], [
    new Uint8Array([1, 2, 3]),
    new Uint8Array([9, 9, 9]),
  ]);
});

Deno.test("MessageDecoder finds the same messages and the same error however the bytes are cut", () => {
  fc.assert(
    fc.property(mutatedMessages(), fc.array(fc.nat(2000)), (bytes, cuts) => {
      const whole = decode([bytes]);
      const pieces = decode(cut(bytes, cuts));
      assertEquals(pieces.messages.length, whole.messages.length);
      for (const [i, { header, content }] of pieces.messages.entries()) {
        assertEquals(JSON.stringify(header), JSON.stringify(whole.messages[i]!.header));
        assertEquals(content, whole.messages[i]!.content);
      }
      assertEquals(describe(pieces.error), describe(whole.error));
    }),
    { numRuns: runs(3000) },
  );
});

Deno.test("MessageDecoder and decodeContent() answer random and mutated inputs with the documented errors only", () => {
  fc.assert(
    fc.property(mutatedMessages(), (bytes) => {
      const { messages, error, bufferedLength } = decode([bytes]);
      if (error) assert(isMessageError(error), describe(error));
      assert(bufferedLength <= bytes.length);
      for (const message of messages) {
        try {
          decodeContent(message);
        } catch (error) {
          assert(isMessageError(error), describe(error));
        }
      }
    }),
    { numRuns: runs(100_000) },
  );
});

Deno.test("decodeContent() knows the listed encodings, also in capitals", () => {
  const text = '["é"]';
  const latin1 = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const little = new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer);
  const big = little.map((_, i) => little[i ^ 1]!);
  const cases: [names: string[], bytes: Uint8Array][] = [
    [["utf-8", "UTF-8"], utf8(text)],
    [["utf-16-le", "UTF-16-LE", "utf-16"], little],
    [["utf-16-be"], big],
    [["utf-16"], concat([new Uint8Array([0xff, 0xfe]), little])],
    [["utf-16"], concat([new Uint8Array([0xfe, 0xff]), big])],
    [["latin-1", "iso-8859-1", "ISO-8859-1"], latin1],
  ];
  for (const [names, content] of cases) {
    for (const name of names) assertEquals(decodeContent(message(name, content)), ["é"]);
  }
  assertEquals(decodeContent(message("ascii", utf8('"a"'))), "a");
  assertEquals(decodeContent(message("latin-1", new Uint8Array([0x22, 0x80, 0x22]))), "\x80");
});

Deno.test("decodeContent() refuses unknown encodings, invalid bytes and what is not JSON", () => {
  for (
    const name of [
      "",
      "utf-7",
      "utf8",
      "latin1",
      "windows-1252",
      "constructor",
      "__proto__",
      "binary",
    ]
  ) {
    assertThrows(() => decodeContent(message(name, utf8("1"))), UnsupportedEncodingError);
  }
  const invalid: [string, number[]][] = [
    ["utf-8", [0x22, 0xff, 0x22]],
    ["utf-8", [0xef, 0xbb, 0xbf, 0x31]], // a byte order mark
    ["utf-16-le", [0x22, 0, 0, 0xd8, 0x22, 0]], // a lone surrogate
    ["utf-16-be", [0, 0x31, 0]],
    ["ascii", [0x22, 0x80, 0x22]],
    ["utf-8", []],
    ["utf-8", [0x7b]],
  ];
  for (const [name, bytes] of invalid) {
    assertThrows(() => decodeContent(message(name, new Uint8Array(bytes))), MessageContentError);
  }
});

Deno.test("decodeContent() takes exactly the UTF-8 that is valid, replacement characters too", () => {
  const strict = new TextDecoder("utf-8", { fatal: true });
  const pieces = fc.constantFrom(
    ...["a", "é", "\ufffd", "🐶"].map((text) => [...utf8(text)]),
    ...[[0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80], [0xff]],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 3 }), (pieces) => {
      const bytes = new Uint8Array([0x22, ...pieces.flat(), 0x22]);
      let text: string | undefined;
      try {
        text = JSON.parse(strict.decode(bytes));
      } catch { /* not valid */ }
      const decode = () => decodeContent(message("utf-8", bytes));
      if (text === undefined) assertThrows(decode, MessageContentError, "not valid");
      else assertEquals(decode(), text);
    }),
    { numRuns: runs(3000) },
  );
});

Deno.test("decodeContent() refuses JSON that is nested more than 1000 levels deep", () => {
  const decode = (json: string) => decodeContent(message("utf-8", new TextEncoder().encode(json)));
  const nested = (depth: number, inner: string) => "[".repeat(depth) + inner + "]".repeat(depth);
  const objects = (depth: number) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
  for (
    const json of [nested(1000, ""), objects(1000), nested(999, '"\\"[[["'), nested(999, "[],[]")]
  ) {
    decode(json);
  }
  const text = JSON.stringify('{[\\"[{'.repeat(2000)); // brackets in a text do not count
  assertEquals(decode(`[${text}]`), [JSON.parse(text)]);
  for (const json of [nested(1001, ""), objects(1001), nested(1e5, '"x"'), "[".repeat(1e6)]) {
    assertThrows(() => decode(json), MessageContentError, "more than 1000 levels deep");
  }
});

Deno.test("DecoderStream and readItems() find what MessageDecoder finds", async () => {
  const bytes = concat([1, "two", [3]].map((value) => encodeMessage(value, JSON_FORMAT)));
  for (const chunks of [[bytes], byteByByte(bytes)]) {
    const piped = ReadableStream.from(chunks).pipeThrough(new DecoderStream(new MessageDecoder()));
    assertEquals(await Array.fromAsync(piped, decodeContent), [1, "two", [3]]);
    const read = readItems(ReadableStream.from(chunks), new MessageDecoder());
    assertEquals(await Array.fromAsync(read, decodeContent), [1, "two", [3]]);
  }
});

Deno.test("readItems() delivers every good message before an error, and cancels the stream", async () => {
  let cancelled = false;
  const good = encodeMessage("good", JSON_FORMAT);
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(concat([good, good, frame("[]")])),
    cancel: () => void (cancelled = true),
  });
  const received: unknown[] = [];
  let error: unknown;
  try {
    for await (const message of readItems(source, new MessageDecoder())) {
      received.push(decodeContent(message));
    }
  } catch (thrown) {
    error = thrown;
  }
  assertEquals(received, ["good", "good"]);
  assertInstanceOf(error, MessageHeaderError);
  assert(cancelled);
});

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A prefix and a header, good or bad. */
function frame(header: string | Uint8Array): Uint8Array {
  const bytes = typeof header === "string" ? utf8(header) : header;
  return concat([new Uint8Array([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function header(changes: Record<string, unknown>): string {
  return JSON.stringify({ ...GOOD_HEADER, ...changes });
}

function message(encoding: string, content: Uint8Array): Message {
  return {
    header: {
      byteorder: "little",
      "content-type": "text/json",
      "content-encoding": encoding,
      "content-length": content.length,
    },
    content,
  };
}

/** All that a decoder says about some input. */
function decode(chunks: Uint8Array[]) {
  const decoder = new MessageDecoder();
  const messages: Message[] = [];
  let error: unknown;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (const message of decoder) messages.push(message);
    }
    decoder.end();
  } catch (thrown) {
    error = thrown;
  }
  return { messages, error, bufferedLength: decoder.bufferedLength };
}

function* take(decoder: MessageDecoder, count: number) {
  for (let i = 0; i < count; i++) yield decoder.take()!;
}

function describe(error: unknown): string {
  if (error instanceof MessageHeaderError) return `${error.name} ${error.field ?? ""}`;
  if (error instanceof TruncatedInputError) {
    return `${error.name} ${error.received} of ${error.expected}`;
  }
  return error instanceof Error ? `${error.name} ${error.message}` : String(error);
}

function byteByByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

/** Cuts at some places; equal ones make empty chunks. */
function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const ends = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

/** Good messages of which some bytes are changed, left out or put in; and plain noise. */
function mutatedMessages(): fc.Arbitrary<Uint8Array> {
  const content = fc.oneof(
    fc.constant(encodeMessage({ action: "search", value: "🐶" }, JSON_FORMAT)),
    fc.constant(encodeMessage({}, JSON_FORMAT)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => encodeMessage(bytes, BINARY_FORMAT)),
    fc.constantFrom(
      ...Object.values(badInputs).map(([bytes]) => bytes).filter((b) => b.length < 500),
    ),
  );
  const mutation = fc.record({
    at: fc.nat(400),
    remove: fc.nat(2),
    add: fc.uint8Array({ maxLength: 2 }),
  });
  const mutated = fc.tuple(
    fc.array(content, { maxLength: 4 }),
    fc.array(mutation, { maxLength: 3 }),
  ).map(([parts, mutations]) =>
    mutations.reduce(
      (bytes, { at, remove, add }) =>
        concat([bytes.subarray(0, at), add, bytes.subarray(at + remove)]),
      concat(parts) as Uint8Array,
    )
  );
  return fc.oneof({ weight: 9, arbitrary: mutated }, fc.uint8Array({ maxLength: 100 }));
}

Deno.test("encodeMessage() may be called by a toJSON while it encodes", () => {
  const inner = () => encodeMessage("inner".repeat(20), JSON_FORMAT);
  const expected = encodeMessage({ a: 1, b: [2, "x"] }, JSON_FORMAT);
  const value = { a: 1, b: { toJSON: () => (inner(), [2, "x"]) } };
  assertEquals(encodeMessage(value, JSON_FORMAT), expected);
  // That of every object, as some programs have it: then it is asked about what is no content, too.
  const prototype = Object.prototype as { toJSON?: () => unknown };
  let isInside = false;
  prototype.toJSON = function () {
    if (!isInside) {
      isInside = true;
      inner();
      isInside = false;
    }
    return this;
  };
  try {
    assertEquals(encodeMessage({ a: 1, b: [2, "x"] }, JSON_FORMAT), expected);
  } finally {
    delete prototype.toJSON;
  }
});

Deno.test("encodeMessage() refuses a content type or encoding that is no text", () => {
  for (const wrong of [1, null, { toString: () => "utf-8" }]) {
    for (const name of ["contentType", "contentEncoding"]) {
      const format = { ...BINARY_FORMAT, [name]: wrong } as typeof BINARY_FORMAT;
      assertThrows(() => encodeMessage(new Uint8Array(), format), TypeError, name);
    }
  }
});

Deno.test("encodeMessage refuses content that its reader would not accept, and not a byte earlier", () => {
  encodeMessage("1234", { maxContentLength: 6 }); // with its quotes
  assertThrows(
    () => encodeMessage("12345", { maxContentLength: 6 }),
    LengthLimitError,
    "7 bytes, the limit is 6",
  );
});

Deno.test("encodeMessage refuses impossible limits, which would let everything through", () => {
  for (const limit of [-1, 1.5, NaN]) {
    assertThrows(() => encodeMessage("", { maxContentLength: limit }), RangeError, `${limit}`);
  }
  const text = "6 bytes" as unknown as number;
  assertThrows(() => encodeMessage("", { maxContentLength: text }), TypeError, "not a number");
  encodeMessage("", { maxContentLength: Infinity }); // as without a limit
});
