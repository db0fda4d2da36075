import { assertEquals, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes/concat";
import {
  Annotator,
  formatEvent,
  type Limits,
  type Part,
  type Protocol,
  show,
} from "../../../app/relay/annotate.ts";
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
    return formatEvent(event, protocol, color) + "\n";
  });
  return blocks.join("");
}

function message(content: unknown): Uint8Array {
  return encodeMessage(content, { contentType: "text/json", contentEncoding: "utf-8" });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What each byte is said to be. */
function meanings(chunks: Uint8Array[], protocol: Protocol): string[] {
  const annotator = new Annotator(protocol);
  return chunks.flatMap((chunk) => {
    const parts = annotator.push(chunk).filter(({ kind }) => kind !== "error");
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
  assertEquals(annotator.end(), "Input ended too early: 5 of 37 bytes of a content have come");
  annotator.push(capture("ring", "request").subarray(110));
  assertEquals(annotator.end(), undefined);
  annotator.push(new Uint8Array([0, 9]));
  assertEquals(annotator.end(), "Input ended too early: 0 of 9 bytes of a header have come");
});

Deno.test("Annotator takes longer frames when it is told to", () => {
  const content = message("x".repeat(1024 ** 2));
  const frame = encodeFrame(new Uint8Array(9 * 1024 ** 2), { maxFrameLength: 16 * 1024 ** 2 });
  for (const [protocol, bytes] of [["app", content], ["frames", frame]] as const) {
    const isUnderstood = (limits: Limits) =>
      new Annotator(protocol, limits).push(bytes).every(({ kind }) => kind !== "error");
    assertEquals(isUnderstood({}), false);
    assertEquals(isUnderstood({ maxContentLength: 2 ** 21, maxFrameLength: 2 ** 24 }), true);
  }
});

Deno.test("Annotator leaves everything unlabelled in raw", () => {
  assertEquals(meanings([capture("ring", "request")], "raw"), Array(142).fill("raw 0"));
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
