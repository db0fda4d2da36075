import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { Annotator } from "../../../app/relay/annotate.ts";
import type { Protocol } from "../../../app/relay/guess.ts";
import type { Part } from "../../../app/relay/events.ts";
import { formatEvent, show } from "../../../app/relay/show.ts";
import type { Limits } from "../../../app/relay/unit_reader.ts";
import { encodeFrame, encodeMessage } from "../../../mod.ts";
import { capture, CAPTURES, golden } from "../../support/captures.ts";
import { noise } from "../../support/programs.ts";

/** What the relay prints for chunks of one direction. */
function print(
  chunks: Uint8Array[],
  { protocol = "app" as Protocol, from = "client" as "client" | "server", color = false } = {},
): string {
  const annotator = new Annotator(protocol);
  const to = from === "client" ? "server" : "client";
  const blocks = chunks.map((chunk) => {
    const text = `${from} → ${to}  ${chunk.length} byte${chunk.length === 1 ? "" : "s"}`;
    const parts = show(chunk, annotator.push(chunk));
    const event = { connection: 1, time: 0, type: "chunk", from, text, parts } as const;
    return formatEvent(event, color) + "\n";
  });
  return blocks.join("");
}

function message(content: unknown): Uint8Array {
  return encodeMessage(content);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What each byte is said to be. */
function meanings(chunks: Uint8Array[], protocol: Protocol): string[] {
  const annotator = new Annotator(protocol);
  return chunks.flatMap((chunk) => {
    const parts = annotator.push(chunk).filter(({ start, end }) => end > start);
    let place = 0;
    return parts.flatMap(({ kind, frame, start, end }: Part) => {
      assertEquals(start, place, "parts lie side by side");
      place = end;
      return Array(end - start).fill(`${kind} ${frame}`);
    });
  });
}

for (const name of CAPTURES) {
  Deno.test(`formatEvent prints the captured messages of ${name} as the golden text`, () => {
    const printed = print([capture(name, "request")]) +
      print([capture(name, "response")], { from: "server" });
    assertEquals(printed, golden(name));
  });
}

Deno.test("formatEvent prints messages that are cut, that share a chunk, or are none, as the golden text", () => {
  const request = capture("ring", "request");
  const chunks = [
    request.subarray(0, 1),
    request.subarray(1, 40),
    concat([request.subarray(40), request, bytesOf("GE")]),
    bytesOf("T / HTTP/1.1\r\n"),
  ];
  assertEquals(print(chunks), golden("cut"));
});

Deno.test("formatEvent prints frames as the golden text", () => {
  const bytes = concat([encodeFrame(bytesOf("hello")), encodeFrame(new Uint8Array())]);
  const chunks = [bytes.subarray(0, 3), concat([bytes.subarray(3), encodeFrame(noise(600))])];
  assertEquals(print(chunks, { protocol: "frames" }), golden("frames"));
});

Deno.test("Annotator labels every byte the same at every split point", () => {
  const cases: [Protocol, Uint8Array][] = [
    ["app", concat([capture("dog", "request"), capture("binary-split", "request")])],
    ["app", concat([message("ok"), new Uint8Array([0, 2]), bytesOf("{}more that is raw")])],
    [
      "frames",
      concat([encodeFrame(bytesOf("ab")), encodeFrame(new Uint8Array()), bytesOf("GET /")]),
    ],
  ];
  for (const [protocol, bytes] of cases) {
    const whole = meanings([bytes], protocol);
    assertEquals(whole.length, bytes.length);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assertEquals(meanings([bytes.subarray(0, cut), bytes.subarray(cut)], protocol), whole);
    }
    assertEquals(meanings(Array.from(bytes, (byte) => new Uint8Array([byte])), protocol), whole);
  }
});

Deno.test("Annotator tells what is missing at the end", () => {
  const annotator = new Annotator("app");
  assertEquals(annotator.end(), undefined);
  annotator.push(capture("ring", "request").subarray(0, 110));
  assertEquals(
    annotator.end(),
    "Input ended too early: expected content of 37 bytes, received 5 bytes",
  );
  annotator.push(capture("ring", "request").subarray(110));
  assertEquals(annotator.end(), undefined);
  annotator.push(new Uint8Array([0, 9]));
  assertEquals(
    annotator.end(),
    "Input ended too early: expected header of 9 bytes, received 0 bytes",
  );
});

Deno.test("Annotator takes longer frames when it is told to", () => {
  const content = message("x".repeat(1024 ** 2));
  const frame = encodeFrame(new Uint8Array(9 * 1024 ** 2), { maxFrameLength: 16 * 1024 ** 2 });
  for (const [protocol, bytes] of [["app", content], ["frames", frame]] as const) {
    const isUnderstood = (limits: Partial<Limits>) =>
      new Annotator(protocol, limits).push(bytes).every(({ kind }) => kind !== "error");
    assertEquals(isUnderstood({}), false);
    assertEquals(isUnderstood({ maxContentLength: 2 ** 21, maxFrameLength: 2 ** 24 }), true);
  }
});

Deno.test("Annotator is quick with headers of texts that fall into one place of V8's table", () => {
  const annotator = new Annotator("app");
  const headers = Array.from({ length: 200 }, (_, i) => {
    const texts = Array.from({ length: 500 }, (_, j) => `${(500 * i + j) * 2 ** 14}`);
    return JSON.stringify({
      "byteorder": "little",
      "content-type": "",
      "content-encoding": "",
      "content-length": 0,
      texts,
    });
  });
  const messages = headers.map((header) => encodeFrame(bytesOf(header), { lengthSize: 2 }));
  const timeOf = <T>(cases: T[], act: (value: T) => void) => {
    const start = performance.now();
    cases.forEach(act);
    return performance.now() - start;
  };
  const push = (message: Uint8Array) => assertEquals(annotator.push(message).length, 2);
  // The better half: a busy machine may stop this program for a while.
  const halves = [messages.slice(0, 50), messages.slice(50, 100)];
  const elapsed = 2 * Math.min(...halves.map((half) => timeOf(half, push)));
  const plain = timeOf(headers.slice(100), (header) => JSON.parse(header));
  assert(plain > 5 * elapsed, `JSON.parse: ${plain} ms, Annotator: ${elapsed} ms`);
});

Deno.test("Annotator leaves everything unlabelled in raw", () => {
  assertEquals(meanings([capture("ring", "request")], "raw"), Array(142).fill("raw 0"));
});

/** What an annotator takes bytes for, with nothing but the bytes to go by. */
function guesses(...chunks: Uint8Array[]): string[] {
  const annotator = new Annotator("auto");
  return chunks.flatMap((chunk) => annotator.push(chunk)).map(({ kind, label }) =>
    kind === "guess" || kind === "error" ? label : kind
  );
}

/** A chunk in single bytes. */
function singly(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => new Uint8Array([byte]));
}

Deno.test("Annotator guesses what the bytes are, if it is not told", () => {
  const message = ["prefix", "header", "content"];
  assertEquals(guesses(capture("ring", "request")), message);
  assertEquals(guesses(capture("binary", "response")), message);
  assertEquals(guesses(encodeFrame(bytesOf("hello"))), ["prefix", "payload"]);
  assertEquals(guesses(encodeFrame(new Uint8Array())), ["prefix"]);
  assertEquals(guesses(encodeFrame(noise(5000)).subarray(0, 1448)), ["prefix", "payload"]);
  for (
    const text of [
      "Hello, world",
      "\n",
      "GET / HTTP/1.1\r\n\r\n",
      "*1\r\n$4\r\nPING\r\n",
      "grüß 🐶",
    ]
  ) {
    assertEquals(guesses(bytesOf(text)), ["text"], text);
  }
  const others = {
    "a request of PostgreSQL for TLS": [0, 0, 0, 8, 4, 210, 22, 47],
    "a name server's answer": [0, 31, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3],
    "the beginning of TLS": [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3],
    "a handshake of Minecraft": [16, 0, 247, 5, 9, 108, 111, 99],
    "zeros": Array(64).fill(0),
    "latin-1": [0x67, 0x72, 0xfc, 0xdf],
  };
  for (const [name, bytes] of Object.entries(others)) {
    assertEquals(guesses(new Uint8Array(bytes)), ["raw"], name);
  }
});

Deno.test("Annotator changes its mind about what it guessed once, and says so", () => {
  const kinds = guesses(...singly(capture("ring", "request")));
  assertEquals([...new Set(kinds)], ["prefix", "header", "content"]);
  assertEquals(guesses(...singly(encodeFrame(bytesOf("a")))), [
    ...["prefix", "Not messages, but frames", "prefix", "prefix", "prefix", "payload"],
  ]);
  assertEquals(guesses(...singly(new Uint8Array([22, 3, 1, 2]))), [
    ...["prefix", "prefix", "Not messages, but neither messages nor text", "raw", "raw"],
  ]);
  const page = concat([bytesOf(`HTTP/1.1 200 OK\r\nServer: ${"x".repeat(64)}\r\n\r\n`), noise(99)]);
  const rest = "Not only text; the rest of this direction is shown raw";
  assertEquals(guesses(page, bytesOf("text")), ["text", rest, "raw", "raw"]);
});

Deno.test("show writes text as lines, also where a chunk ends in the middle of a character", () => {
  const lines = (chunk: Uint8Array) => show(chunk, new Annotator("text").push(chunk))[0]!.dump;
  assertEquals(lines(bytesOf("GET /\r\n\r\nbody")), ["GET /\\r\\n", "\\r\\n", "body"]);
  assertEquals(lines(bytesOf("\x1b[31m\u202e\n")), ["\\x1b[31m\\u{202e}\\n"]);
  const dog = bytesOf("a🐶b");
  assertEquals(lines(dog.subarray(0, 3)), ["a\\xf0\\x9f"]);
  const annotator = new Annotator("text");
  annotator.push(dog.subarray(0, 3));
  const rest = dog.subarray(3);
  assertEquals(show(rest, annotator.push(rest))[0]!.dump, ["\\x90\\xb6b"]);
  const long = bytesOf("x".repeat(600));
  assertEquals(lines(long), ["x".repeat(512), "… 88 more bytes"]);
});

Deno.test("Annotator finds text to its last byte, at every split point", () => {
  const bytes = concat([bytesOf("grüß 🐶\n"), new Uint8Array([0xff, 0x41])]);
  const whole = meanings([bytes], "text");
  assertEquals(whole, [...Array(bytes.length - 2).fill("text 0"), "raw 0", "raw 0"]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const parts = meanings([bytes.subarray(0, cut), bytes.subarray(cut)], "text");
    assertEquals(parts, whole, `cut after ${cut} bytes`);
  }
});

Deno.test("show limits what a chunk takes: 512 bytes and 60 parts", () => {
  const chunk = new Uint8Array(64 * 1024); // 16384 empty frames
  const parts = show(chunk, new Annotator("frames").push(chunk));
  assertEquals(parts.length, 61);
  assertEquals(parts.at(-1)!.label, "… 16324 more parts, up to number 16384");
  const bytes = noise(64 * 1024);
  const [raw] = show(bytes, new Annotator("raw").push(bytes));
  assertEquals(raw!.dump.length, 512 / 16 + 1);
  assertEquals(raw!.dump.at(-1), "… 65024 more bytes");
});

Deno.test("show writes * for lines that repeat, and where they end, as hexdump does", () => {
  const dump = (bytes: Uint8Array) => show(bytes, new Annotator("raw").push(bytes))[0]!.dump;
  const zeros = "00 ".repeat(16).trimEnd() + "  ................";
  const ones = "01 ".repeat(16).trimEnd() + "  ................";
  const of = (byte: number, length: number) => new Uint8Array(length).fill(byte);
  assertEquals(dump(of(0, 16)), [`0000  ${zeros}`]);
  assertEquals(dump(of(0, 32)), [`0000  ${zeros}`, "*", "0020"]);
  assertEquals(dump(of(0, 40)), [
    `0000  ${zeros}`,
    "*",
    `0020  ${"00 ".repeat(8)}${" ".repeat(25)}........`,
  ]);
  assertEquals(dump(concat([of(0, 64), of(1, 48), of(0, 16)])), [
    ...[`0000  ${zeros}`, "*", `0040  ${ones}`, "*", `0070  ${zeros}`],
  ]);
  assertEquals(dump(of(0, 600)), [`0000  ${zeros}`, "*", "0200", "… 88 more bytes"]);
});

Deno.test("formatEvent escapes whatever peers send", () => {
  const hostile = "\x1b[2J\x9b1m\u2028\r\x07";
  const content = { contentType: hostile, contentEncoding: hostile };
  const printed = print([
    message({ action: hostile }),
    encodeMessage(bytesOf(hostile), content),
    noise(2000),
  ]);
  assertStringIncludes(printed, "\\x1b[2J\\x9b1m\\u{2028}\\x0d\\x07");
  // deno-lint-ignore no-control-regex -- these are the ones that must not be there
  assertEquals(printed.match(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]/), null);
});

Deno.test("formatEvent colours each kind of bytes, and only if told to", () => {
  const printed = print([capture("ring", "request")], { color: true });
  for (
    const begin of ["\x1b[33m0000  00 67\x1b[0m  header length", "\x1b[36m0002", "\x1b[32m0069"]
  ) {
    assertStringIncludes(printed, begin);
  }
  // deno-lint-ignore no-control-regex -- the escape codes are what is looked at
  assertEquals(printed.replaceAll(/\x1b\[\d+m/g, ""), print([capture("ring", "request")]));
});
