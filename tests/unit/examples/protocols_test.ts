// The parsers of app/examples/, held to the rules for every parser: what must be refused is, and how the
// bytes were cut changes nothing. Against real servers they are tried by examples_test.ts.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { line } from "../../../app/examples/lines_server.ts";
import {
  encodeHandshake,
  encodePacket,
  type Packet,
  packet,
  text,
} from "../../../app/examples/minecraft.ts";
import { netstring } from "../../../app/examples/netstrings.ts";
import {
  encodeQuery,
  encodeStartup,
  type Message,
  message,
} from "../../../app/examples/postgresql.ts";
import { type Reply, reply } from "../../../app/examples/redis.ts";
import {
  Decoder,
  encodeVarint,
  LengthLimitError,
  MalformedInputError,
  type Parser,
} from "../../../mod.ts";
import { read } from "../../support/pages.ts";
import { cutIntoBytes, decode, testParser } from "../../support/parsers.ts";

const encoder = new TextEncoder();

testParser({
  name: "netstrings",
  parser: netstring,
  input: encoder.encode("5:hello,0:,4:🐇,"),
  items: ["hello", "", "🐇"],
});

testParser<Reply>({
  name: "replies of Redis",
  parser: reply,
  input: encoder.encode(
    "+OK\r\n:-42\r\n-ERR no\r\n$5\r\nö\r\nx\r\n$-1\r\n*-1\r\n*2\r\n*1\r\n:1\r\n$0\r\n\r\n",
  ),
  items: [
    "OK",
    -42,
    new Error("ERR no"),
    encoder.encode("ö\r\nx"),
    null,
    null,
    [[1], encoder.encode("")],
  ],
});

Deno.test("app/examples/redis.ts refuses what is no integer, or none that a number can hold", () => {
  const wrong = ["", "x", "1.5", "0x10", "1e3", " 1", "01", "-0", "NaN", "Infinity", `${2 ** 53}`];
  for (const text of wrong) {
    for (const type of [":", "$", "*"]) assertRefuses(reply, `${type}${text}\r\n`, SyntaxError);
  }
});

Deno.test("app/examples/redis.ts refuses negative lengths and counts other than -1", () => {
  for (const text of ["$-2", "*-2", "$-9007199254740991", "*-9007199254740991", "*2\r\n*-2"]) {
    assertRefuses(reply, `${text}\r\n`, SyntaxError);
  }
});

Deno.test("app/examples/redis.ts refuses lists that are nested too deep, however they are cut", () => {
  const nested = (levels: number) => encoder.encode(`${"*1\r\n".repeat(levels)}:7\r\n`);
  let list: unknown = decode(reply, [nested(1000)]).items[0];
  for (let level = 0; level < 1000; level++) [list] = list as unknown[];
  assertEquals(list, 7);
  assertRefuses(reply, nested(1001), SyntaxError);
  assertRefuses(reply, nested(1_000_000), SyntaxError);
  // The end never comes: what is too deep is refused at once.
  assertRefuses(reply, nested(1001).subarray(0, 1001 * 4), SyntaxError);
});

Deno.test("app/examples/redis.ts refuses line ends of one byte as soon as they come", () => {
  for (const text of ["+OK\n", ":1\n", "$1\n", "*1\n", "+a\nb", "+a\rb\r\n", "\n", "$1\r\na\n\n"]) {
    assertRefuses(reply, text, SyntaxError);
  }
});

Deno.test("app/examples/redis.ts changes no bytes", () => {
  const bytes = new Uint8Array([0xff, 0xfe, 0x00, 0x0d, 0x0a]);
  const input = concat([encoder.encode("$5\r\n"), bytes, encoder.encode("\r\n")]);
  assertEquals(decode(reply, [input]).items, [bytes]);
  assertEquals(decode(reply, [encoder.encode("+\ufeffOK\r\n")]).items, ["\ufeffOK"]);
  assertRefuses(reply, new Uint8Array([0x2b, 0xff, 0x0d, 0x0a]), TypeError); // + is a text
});

Deno.test("app/examples/netstrings.ts refuses lengths that are not written as they should be", () => {
  for (
    const text of [
      "01:a,",
      "00:,",
      "-1:",
      "+1:a,",
      " 1:a,",
      "1 :a,",
      ":,",
      "1e1:",
      "١:a,",
      "\ufeff1:a,",
    ]
  ) {
    assertRefuses(netstring, text, SyntaxError);
  }
  assertRefuses(netstring, "1:ab", SyntaxError);
});

Deno.test("app/examples/netstrings.ts refuses what is not UTF-8", () => {
  assertRefuses(netstring, new Uint8Array([0x31, 0x3a, 0xff, 0x2c]), MalformedInputError);
  assertEquals(decode(netstring, [encoder.encode("4:\ufeffa,")]).items, ["\ufeffa"]);
});

testParser({
  name: "lines in UTF-8",
  parser: line,
  input: encoder.encode("one\n\r\n\ufeffzw\rei\r\n🐇\n"),
  items: ["one", "", "\ufeffzw\rei", "🐇"],
});

Deno.test("app/examples/lines_server.ts refuses what is not UTF-8, or too long", () => {
  assertRefuses(line, new Uint8Array([0x61, 0xff, 0x0a]), MalformedInputError);
  assertRefuses(line, "x".repeat(513), LengthLimitError);
});

testParser<Message>({
  name: "messages of PostgreSQL",
  parser: message,
  input: concat([
    encoder.encode("D\0\0\0\x11\0\x02\0\0\0\x03\xf6a"),
    new Uint8Array([0xff, 0xff, 0xff, 0xff]),
    encoder.encode("E\0\0\0\x10SERROR\0Mno\0\0Z\0\0\0\x05I"),
  ]),
  items: [["öa", null], new Error("no"), "Z"],
});

Deno.test("app/examples/postgresql.ts refuses lengths that leave out their own bytes", () => {
  for (const length of [0, 1, 2, 3]) {
    for (const letter of "DEZ") {
      assertRefuses(message, `${letter}\0\0\0${String.fromCharCode(length)}`, SyntaxError);
    }
  }
});

Deno.test("app/examples/postgresql.ts refuses what is no letter", () => {
  for (const byte of [0x00, 0x0a, 0x20, 0x40, 0x7f, 0x80, 0xff]) {
    assertRefuses(message, new Uint8Array([byte, 0, 0, 0, 4]), SyntaxError);
  }
});

Deno.test("app/examples/postgresql.ts refuses rows whose columns do not fit", () => {
  const row = (...bytes: number[]) => new Uint8Array([0x44, 0, 0, 0, 4 + bytes.length, ...bytes]);
  for (
    const bytes of [
      [0xff, 0xff], // columns
      [0, 2, 0xff, 0xff, 0xff, 0xff],
      [0, 1, 0xff, 0xff, 0xff, 0xfe], // a length of -2
      [0, 1, 0, 0, 0, 2, 0x61],
      [0, 1, 0, 0, 0, 0, 0x61], // one byte too many
    ]
  ) assertRefuses(message, row(...bytes), MalformedInputError);
  assertRefuses(message, row(0, 1, 0, 0, 0, 1, 0xff), MalformedInputError); // not UTF-8
});

Deno.test("app/examples/postgresql.ts returns an error where the server wants a password", () => {
  const [error, ready] =
    decode(message, [encoder.encode("R\0\0\0\x0c\0\0\0\x05\x01\x02\x03\x04R\0\0\0\x08\0\0\0\0")])
      .items;
  assert(error instanceof Error && /password/.test(error.message));
  assertEquals(ready, "R");
});

Deno.test("app/examples/postgresql.ts refuses to send texts that would arrive changed", () => {
  for (const text of ["a\0b", "\ud800"]) {
    assertThrows(() => encodeQuery(text), TypeError);
    assertThrows(() => encodeStartup(text, "postgres"), TypeError);
    assertThrows(() => encodeStartup("learner", text), TypeError);
  }
});

testParser<Packet>({
  name: "packets of Minecraft",
  parser: packet,
  input: new Uint8Array([3, 1, 65, 66, 1, 0, 3, 0x80, 1, 67]),
  items: [
    { kind: 1, body: encoder.encode("AB") },
    { kind: 0, body: new Uint8Array() },
    { kind: 128, body: encoder.encode("C") },
  ],
});

Deno.test("app/examples/minecraft.ts refuses numbers with more bytes than they may have", () => {
  assertRefuses(packet, new Uint8Array([0x80, 0x80, 0x80, 0x01]), MalformedInputError); // 3 of a length
  const kind = [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]; // 5 of a kind
  assertRefuses(packet, new Uint8Array([6, ...kind]), MalformedInputError);
  assertRefuses(packet, new Uint8Array([0]), MalformedInputError); // no room for a kind
  assertRefuses(packet, new Uint8Array([1, 0x80]), MalformedInputError);
});

Deno.test("app/examples/minecraft.ts reads and writes what a capture has", async () => {
  const client = await readCapture("client");
  const asking = concat([encodeHandshake("localhost", 25565), encodePacket(0)]);
  assertEquals(client.subarray(0, asking.length), asking);

  const fromClient = decode(packet, [client]).items;
  const number = new Uint8Array(new BigInt64Array([1234567890123n]).buffer).reverse();
  assertEquals(fromClient.map(({ kind }) => kind), [0, 0, 1]);
  assertEquals(
    fromClient[0]!.body,
    concat([
      encodeVarint(774), // the version
      encodeText("localhost"),
      new Uint8Array([25565 >> 8, 25565 & 0xff, 1]),
    ]),
  );
  assertEquals(fromClient[2]!.body, number);

  const [status, pong] = decode(packet, [await readCapture("server")]).items;
  const [json] = decode(text, [status!.body]).items;
  assertEquals(JSON.parse(json!).description, { text: "Das Kaninchen läuft 🐇" });
  assertEquals(pong, { kind: 1, body: number });
});

Deno.test("app/examples/README.md says how many lines the parsers have", () => {
  const page = read("app/examples/README.md");
  for (
    const [protocol, path, ...names] of [
      ["netstrings", "netstrings.ts", "netstring"],
      ["Redis", "redis.ts", "reply"],
      ["PostgreSQL", "postgresql.ts", "message", "row", "error"],
      ["Minecraft", "minecraft.ts", "packet", "kindAndBody"],
    ] as const
  ) {
    const source = read(`app/examples/${path}`);
    const parsers = names.map((name) =>
      new RegExp(`^(?:export )?function\\* ${name}\\([^]*?^}$`, "m").exec(source)![0]
    );
    const row = new RegExp(`^\\| ${protocol} .*\\| (\\d+) +\\|$`, "m").exec(page)!;
    const lines = parsers.join("\n").split("\n").length;
    assertEquals(Number(row[1]), lines, protocol);
    assert(lines <= 40, protocol);
  }
});

/** Asserts that a parser refuses some bytes, whole and byte by byte, before it waits for more. */
function assertRefuses(
  parser: Parser<NonNullable<unknown> | null>,
  input: string | Uint8Array,
  errorClass: new (...args: never[]) => Error,
): void {
  const bytes = typeof input === "string" ? encoder.encode(input) : input;
  for (const chunks of [[bytes], cutIntoBytes(bytes)]) {
    const decoder = new Decoder(parser);
    const error = assertThrows(() => {
      for (const chunk of chunks) {
        decoder.push(chunk);
        decoder.take();
      }
    });
    assert(error instanceof errorClass, `${error}`);
  }
}

function encodeText(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return concat([encodeVarint(bytes.length), bytes]);
}

function readCapture(side: string): Promise<Uint8Array> {
  return Deno.readFile(new URL(`../../support/data/minecraft_${side}.bin`, import.meta.url));
}
