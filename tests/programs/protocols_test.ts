// README.md's parsers of other protocols: against their real servers, where these are installed, and
// held to the rules for every parser.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { Decoder, encodeVarint, type Parser } from "../../mod.ts";
import { findParserBlock, importParserBlock, README } from "../support/pages.ts";
import { decode, testParser } from "../support/parsers.ts";
import { findFreePort, Program, works, writeAll } from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";

const ROOT = new URL("../../", import.meta.url);
const MIB = 1024 * 1024;
const REDIS_KEYS = 10_000;
const ROWS = 10_000;
const encoder = new TextEncoder();

const { netstring } = await importParserBlock<{ netstring: Parser<string> }>("netstring");
const { reply } = await importParserBlock<{ reply: Parser<Reply> }>("reply");
const { message, encodeStartup, encodeQuery } = await importParserBlock<PostgresBlock>(
  "message",
  "encodeStartup",
  "encodeQuery",
);
const { packet } = await importParserBlock<{ packet: Parser<Packet> }>("packet");

type Reply = string | number | null | Error | Reply[];
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
  items: ["OK", -42, new Error("ERR no"), "ö\r\nx", null, null, [[1], ""]],
});

Deno.test("README.md's parser of Redis's replies refuses what is no integer, or none that a number can hold", () => {
  for (const text of ["", "x", "1.5", "0x10", "1e3", " 1", "01", "NaN", "Infinity", `${2 ** 53}`]) {
    for (const type of [":", "$", "*"]) {
      const replies = new Decoder(reply);
      replies.push(encoder.encode(`${type}${text}\r\n`));
      assertThrows(() => replies.take(), SyntaxError, `Not a reply of Redis: ${type}${text}`);
    }
  }
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
    for (const key of keys) assertEquals(await client.take(), `value of ${key}`);

    const ask = async (...words: string[]) => {
      client.send([encodeCommand(...words)]);
      return await client.take();
    };
    const long = "x".repeat(10 * MIB);
    assertEquals(await ask("SET", "long", long), "OK");
    assertEquals(await ask("GET", "long") === long, true);
    assertEquals(await ask("GET", "nothing"), null);
    assertEquals(await ask("INCR", "n"), 1);
    assertEquals(await ask("RPUSH", "list", "a", "", "b"), 3);
    assertEquals(await ask("LRANGE", "list", "0", "-1"), ["a", "", "b"]);
    assertEquals(await ask("MULTI"), "OK");
    assertEquals(await ask("GET", "n"), "QUEUED");
    assertEquals(await ask("LRANGE", "list", "0", "-1"), "QUEUED");
    assertEquals(await ask("EXEC"), ["1", ["a", "", "b"]]);
    const error = await ask("NONSENSE");
    assert(error instanceof Error && /unknown command/.test(error.message));

    using listener = await connect(server.port, reply);
    listener.send([encodeCommand("SUBSCRIBE", "news")]);
    assertEquals(await listener.take(), ["subscribe", "news", 1]);
    assertEquals(await ask("PUBLISH", "news", "hello"), 1);
    assertEquals(await listener.take(), ["message", "news", "hello"]);
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
      const args = [new URL("tests/support/python/minecraft_ping.py", ROOT).pathname, side];
      const { stdout } = await new Deno.Command(PYTHON!, { args }).output();
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
    assertEquals(Number(row[1]), parsers.join("\n").split("\n").length, protocol);
    assert(block.trimEnd().split("\n").length <= 40, protocol);
  }
});

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

/** Starts a server that trusts the user `learner`. It refuses to run as root, so then as `postgres`. */
async function startPostgres(): Promise<AsyncDisposable & { port: number }> {
  const bin = findPostgres()!;
  const user = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"];
  const start = (program: string, ...args: string[]) =>
    Deno.uid() === 0
      ? new Program([...user, `${bin}/${program}`, ...args], "setpriv")
      : new Program(args, `${bin}/${program}`);
  const folder = await Deno.makeTempDir();
  const data = `${folder}/data`;
  const port = findFreePort();
  if (Deno.uid() === 0) {
    await new Deno.Command("chown", { args: ["postgres", folder] }).output();
  }
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
