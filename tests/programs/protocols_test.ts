// README.md's parsers of other protocols: against their real servers, where these are installed, and
// held to the rules for every parser.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import {
  Decoder,
  encodeVarint,
  FrameTooLargeError,
  InvalidFrameError,
  type Parser,
} from "../../mod.ts";
import { findParserBlock, importParserBlock, README } from "../support/pages.ts";
import { cutIntoBytes, decode, testParser } from "../support/parsers.ts";
import { findFreePort, Program, works, writeAll } from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";

const ROOT = new URL("../../", import.meta.url);
const MIB = 1024 * 1024;
const REDIS_KEYS = 10_000;
const ROWS = 10_000;
const encoder = new TextEncoder();

const { line } = await importParserBlock<{ line: Parser<string> }>("line");
const { netstring } = await importParserBlock<{ netstring: Parser<string> }>("netstring");
const { reply } = await importParserBlock<{ reply: Parser<Reply> }>("reply");
const { message, encodeStartup, encodeQuery } = await importParserBlock<PostgresBlock>(
  "message",
  "encodeStartup",
  "encodeQuery",
);
const { packet } = await importParserBlock<{ packet: Parser<Packet> }>("packet");

type Reply = string | number | null | Error | Uint8Array | Reply[];
type PostgresMessage = string | Error | (string | null)[];

interface PostgresBlock {
  message: Parser<PostgresMessage>;
  encodeStartup(user: string, database: string): Uint8Array;
  encodeQuery(sql: string): Uint8Array;
}

interface Packet {
  kind: number;
  body: Uint8Array;
}

testParser({
  name: "netstrings as in README.md",
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

Deno.test("README.md's parser of Redis's replies refuses what is no integer, or none that a number can hold", () => {
  const wrong = ["", "x", "1.5", "0x10", "1e3", " 1", "01", "-0", "NaN", "Infinity", `${2 ** 53}`];
  for (const text of wrong) {
    for (const type of [":", "$", "*"]) assertRefuses(reply, `${type}${text}\r\n`, SyntaxError);
  }
});

Deno.test("README.md's parser of Redis's replies refuses negative lengths and counts other than -1", () => {
  for (const text of ["$-2", "*-2", "$-9007199254740991", "*-9007199254740991", "*2\r\n*-2"]) {
    assertRefuses(reply, `${text}\r\n`, SyntaxError);
  }
});

Deno.test("README.md's parser of Redis's replies refuses lists that are nested too deep, however they are cut", () => {
  const nested = (levels: number) => encoder.encode(`${"*1\r\n".repeat(levels)}:7\r\n`);
  let list: unknown = decode(reply, [nested(1000)]).items[0];
  for (let level = 0; level < 1000; level++) [list] = list as unknown[];
  assertEquals(list, 7);
  assertRefuses(reply, nested(1001), SyntaxError);
  assertRefuses(reply, nested(1_000_000), SyntaxError);
  // The end never comes: what is too deep is refused at once.
  assertRefuses(reply, nested(1001).subarray(0, 1001 * 4), SyntaxError);
});

Deno.test("README.md's parser of Redis's replies refuses line ends of one byte as soon as they come", () => {
  for (const text of ["+OK\n", ":1\n", "$1\n", "*1\n", "+a\nb", "+a\rb\r\n", "\n", "$1\r\na\n\n"]) {
    assertRefuses(reply, text, SyntaxError);
  }
});

Deno.test("README.md's parser of Redis's replies changes no bytes", () => {
  const bytes = new Uint8Array([0xff, 0xfe, 0x00, 0x0d, 0x0a]);
  const input = concat([encoder.encode("$5\r\n"), bytes, encoder.encode("\r\n")]);
  assertEquals(decode(reply, [input]).items, [bytes]);
  assertEquals(decode(reply, [encoder.encode("+\ufeffOK\r\n")]).items, ["\ufeffOK"]);
  assertRefuses(reply, new Uint8Array([0x2b, 0xff, 0x0d, 0x0a]), TypeError); // + is a text
});

Deno.test("README.md's parser of netstrings refuses lengths that are not written as they should be", () => {
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

Deno.test("README.md's parser of netstrings refuses what is not UTF-8", () => {
  assertRefuses(netstring, new Uint8Array([0x31, 0x3a, 0xff, 0x2c]), TypeError);
  assertEquals(decode(netstring, [encoder.encode("4:\ufeffa,")]).items, ["\ufeffa"]);
});

testParser({
  name: "lines as in README.md",
  parser: line,
  input: encoder.encode("one\n\r\n\ufeffzw\rei\r\n🐇\n"),
  items: ["one", "", "\ufeffzw\rei", "🐇"],
});

Deno.test("README.md's parser of lines refuses what is not UTF-8, or too long", () => {
  assertRefuses(line, new Uint8Array([0x61, 0xff, 0x0a]), TypeError);
  assertRefuses(line, "x".repeat(513), FrameTooLargeError);
});

testParser<PostgresMessage>({
  name: "messages of PostgreSQL",
  parser: message,
  input: concat([
    encoder.encode("D\0\0\0\x11\0\x02\0\0\0\x03\xf6a"),
    new Uint8Array([0xff, 0xff, 0xff, 0xff]),
    encoder.encode("E\0\0\0\x10SERROR\0Mno\0\0Z\0\0\0\x05I"),
  ]),
  items: [["öa", null], new Error("no"), "Z"],
});

Deno.test("README.md's parser of PostgreSQL's messages refuses lengths that leave out their own bytes", () => {
  for (const length of [0, 1, 2, 3]) {
    for (const letter of "DEZ") {
      assertRefuses(message, `${letter}\0\0\0${String.fromCharCode(length)}`, SyntaxError);
    }
  }
});

Deno.test("README.md's parser of PostgreSQL's messages refuses what is no letter", () => {
  for (const byte of [0x00, 0x0a, 0x20, 0x40, 0x7f, 0x80, 0xff]) {
    assertRefuses(message, new Uint8Array([byte, 0, 0, 0, 4]), SyntaxError);
  }
});

Deno.test("README.md's parser of PostgreSQL's messages refuses rows whose columns do not fit", () => {
  const row = (...bytes: number[]) => new Uint8Array([0x44, 0, 0, 0, 4 + bytes.length, ...bytes]);
  for (
    const bytes of [
      [0xff, 0xff], // columns
      [0, 2, 0xff, 0xff, 0xff, 0xff],
      [0, 1, 0xff, 0xff, 0xff, 0xfe], // a length of -2
      [0, 1, 0, 0, 0, 2, 0x61],
      [0, 1, 0, 0, 0, 0, 0x61], // one byte too many
    ]
  ) assertRefuses(message, row(...bytes), InvalidFrameError);
  assertRefuses(message, row(0, 1, 0, 0, 0, 1, 0xff), TypeError); // not UTF-8
});

Deno.test("README.md's parser of PostgreSQL's messages returns an error where the server wants a password", () => {
  const [error, ready] =
    decode(message, [encoder.encode("R\0\0\0\x0c\0\0\0\x05\x01\x02\x03\x04R\0\0\0\x08\0\0\0\0")])
      .items;
  assert(error instanceof Error && /password/.test(error.message));
  assertEquals(ready, "R");
});

Deno.test("README.md's encoders for PostgreSQL refuse texts that would arrive changed", () => {
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

Deno.test("README.md's parser of Minecraft's packets refuses numbers with more bytes than they may have", () => {
  assertRefuses(packet, new Uint8Array([0x80, 0x80, 0x80, 0x01]), InvalidFrameError); // 3 of a length
  const kind = [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]; // 5 of a kind
  assertRefuses(packet, new Uint8Array([6, ...kind]), InvalidFrameError);
  assertRefuses(packet, new Uint8Array([0]), InvalidFrameError); // no room for a kind
  assertRefuses(packet, new Uint8Array([1, 0x80]), InvalidFrameError);
});

Deno.test({
  name: "README.md's parser of Redis's replies reads those of a real server",
  ignore: !works("redis-server", "--version"),
  async fn() {
    await using server = await startRedis();
    using client = await connect(server.port, reply);

    const keys = Array.from({ length: REDIS_KEYS }, (_, i) => `key ${i}`);
    client.send(keys.map((key) => encodeCommand("SET", key, `value of ${key}`)));
    for (const _ of keys) assertEquals(await client.take(), "OK");
    client.send(keys.map((key) => encodeCommand("GET", key)));
    for (const key of keys) assertEquals(text(await client.take()), `value of ${key}`);

    const ask = async (...words: string[]) => {
      client.send([encodeCommand(...words)]);
      return await client.take();
    };
    const long = "x".repeat(10 * MIB);
    assertEquals(await ask("SET", "long", long), "OK");
    assertEquals(text(await ask("GET", "long")) === long, true);
    assertEquals(await ask("GET", "nothing"), null);
    assertEquals(await ask("INCR", "n"), 1);
    assertEquals(await ask("RPUSH", "list", "a", "", "b"), 3);
    assertEquals(text(await ask("LRANGE", "list", "0", "-1")), ["a", "", "b"]);
    assertEquals(await ask("MULTI"), "OK");
    assertEquals(await ask("GET", "n"), "QUEUED");
    assertEquals(await ask("LRANGE", "list", "0", "-1"), "QUEUED");
    assertEquals(text(await ask("EXEC")), ["1", ["a", "", "b"]]);
    const error = await ask("NONSENSE");
    assert(error instanceof Error && /unknown command/.test(error.message));

    using listener = await connect(server.port, reply);
    listener.send([encodeCommand("SUBSCRIBE", "news")]);
    assertEquals(text(await listener.take()), ["subscribe", "news", 1]);
    assertEquals(await ask("PUBLISH", "news", "hello"), 1);
    assertEquals(text(await listener.take()), ["message", "news", "hello"]);
  },
});

Deno.test({
  name: "README.md's parser of PostgreSQL's messages reads those of a real server",
  ignore: findPostgres() === undefined,
  async fn() {
    await using server = await startPostgres();
    using client = await connect(server.port, message);
    /** The messages up to the one that says that the server is ready. */
    const answer = async () => {
      const messages = [];
      for (let next; (next = await client.take()) !== "Z";) messages.push(next);
      return messages;
    };
    client.send([encodeStartup("learner", "postgres")]);
    assertEquals((await answer())[0], "R"); // it trusts us

    client.send([encodeQuery("SELECT 1, NULL, 'ö🐇' UNION ALL SELECT 2, '', 'x'")]);
    assertEquals(await answer(), ["T", ["1", null, "ö🐇"], ["2", "", "x"], "C"]);
    client.send([encodeQuery("SELECT nonsense"), encodeQuery("SELECT 'still here'")]);
    const [error] = await answer();
    assert(error instanceof Error && /"nonsense" does not exist/.test(error.message));
    assertEquals(await answer(), ["T", ["still here"], "C"]);

    client.send([encodeQuery(`SELECT i, repeat('x', i % 100) FROM generate_series(1, ${ROWS}) i`)]);
    const rows = (await answer()).slice(1, -1);
    assertEquals(
      rows,
      Array.from({ length: ROWS }, (_, i) => [`${i + 1}`, "x".repeat((i + 1) % 100)]),
    );
    client.send([encodeQuery(`SELECT repeat('x', ${2 * MIB})`)]);
    assertEquals((await answer())[1], ["x".repeat(2 * MIB)]);
  },
});

Deno.test("README.md's parser of Minecraft's packets reads a capture", async () => {
  const fromClient = decode(packet, [await readCapture("client")]).items;
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
  const [json] = decode((bytes) => takeText(bytes), [status!.body]).items;
  assertEquals(JSON.parse(json!).description, { text: "Das Kaninchen läuft 🐇" });
  assertEquals(pong, { kind: 1, body: number });
});

Deno.test({
  name: "The capture of Minecraft is what its script captures",
  ignore: PYTHON === undefined,
  async fn() {
    for (const side of ["client", "server"]) {
      const args = ["tests/support/python/minecraft_ping.py", side];
      const { stdout } = await new Deno.Command(PYTHON!, { args, cwd: ROOT }).output();
      assertEquals(stdout, await readCapture(side));
    }
  },
});

Deno.test("README.md's table says how many lines its parsers have", () => {
  for (
    const [protocol, name] of [
      ["netstrings", "netstring"],
      ["Redis", "reply"],
      ["PostgreSQL", "message"],
      ["Minecraft", "packet"],
    ]
  ) {
    const block = findParserBlock(name!);
    const parsers = [...block.matchAll(/^function\*[^]*?^}$/gm)].map(([code]) => code);
    const row = new RegExp(`^\\| ${protocol} .*\\| (\\d+) +\\|$`, "m").exec(README)!;
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

/** A reply of Redis whose bytes are texts. */
function text(reply: Reply): unknown {
  if (reply instanceof Uint8Array) return new TextDecoder("utf-8", { fatal: true }).decode(reply);
  return Array.isArray(reply) ? reply.map(text) : reply;
}

function encodeText(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return concat([encodeVarint(bytes.length), bytes]);
}

const takeText: Parser<string> = function* (bytes) {
  return yield* bytes.takeText(yield* bytes.takeVarint());
};

function readCapture(side: string): Promise<Uint8Array> {
  return Deno.readFile(new URL(`tests/support/data/minecraft_${side}.bin`, ROOT));
}

async function startRedis(): Promise<Program & { port: number }> {
  const port = findFreePort();
  const server = new Program(
    ["--port", `${port}`, "--save", "", "--appendonly", "no"],
    "redis-server",
  );
  await server.prints("Ready to accept connections");
  return Object.assign(server, { port });
}

/** The folder of PostgreSQL's programs; Debian keeps them out of the path. */
function findPostgres(): string | undefined {
  const folders = ["/usr/lib/postgresql", "/usr/local/bin", "/opt/homebrew/bin"].flatMap(
    (folder) => {
      try {
        const versions = [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}/bin`);
        return folder.endsWith("postgresql") ? versions.sort().reverse() : [folder];
      } catch {
        return [];
      }
    },
  );
  return folders.find((folder) => works(`${folder}/initdb`, "--version"));
}

/** Starts a server that trusts the user `learner`. It refuses to run as root, so then as somebody else. */
async function startPostgres(): Promise<AsyncDisposable & { port: number }> {
  const bin = findPostgres()!;
  const user = Deno.uid() === 0 ? findUser("postgres") ?? findUser("nobody") : undefined;
  const start = (program: string, ...args: string[]) =>
    new Program(args, `${bin}/${program}`, {}, "null", user);
  const folder = await Deno.makeTempDir();
  const data = `${folder}/data`;
  const port = findFreePort();
  if (user !== undefined) await Deno.chown(folder, user.uid, user.gid);
  const created = start("initdb", "-D", data, "-A", "trust", "-U", "learner", "-E", "UTF8", "-N");
  assertEquals((await created.ended).code, 0, created.stderr);
  const options = ["-F", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
  const server = start("postgres", "-D", data, "-p", `${port}`, ...options);
  await server.prints("ready to accept connections", "stderr");
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.kill("SIGQUIT"); // it ends its children too
      await server.ended;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The numbers of a user of this machine, and of its group. */
function findUser(name: string): { uid: number; gid: number } | undefined {
  const line = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, "m");
  const numbers = line.exec(Deno.readTextFileSync("/etc/passwd"));
  return numbers ? { uid: Number(numbers[1]), gid: Number(numbers[2]) } : undefined;
}

/** A connection to a server, and what a parser makes of its answers. */
async function connect<T extends NonNullable<unknown> | null>(port: number, parser: Parser<T>) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const items = new Decoder(parser, { maxLength: 16 * MIB, copy: true });
  const buffer = new Uint8Array(64 * 1024);
  let sent = Promise.resolve();
  return {
    [Symbol.dispose]: () => conn.close(),
    /** Sends all at once, while the answers are read. */
    send(parts: Uint8Array[]): void {
      sent = sent.then(() => writeAll(conn, concat(parts)));
      sent.catch(() => {}); // then no answer comes either
    },
    async take(): Promise<T> {
      while (true) {
        const item = items.take();
        if (item !== undefined) return item;
        const n = await conn.read(buffer);
        if (n === null) throw new Error("The server has closed the connection");
        items.push(buffer.subarray(0, n));
      }
    },
  };
}

function encodeCommand(...words: string[]): Uint8Array {
  const parts = words.map((word) => `$${encoder.encode(word).length}\r\n${word}\r\n`);
  return encoder.encode(`*${words.length}\r\n${parts.join("")}`);
}
