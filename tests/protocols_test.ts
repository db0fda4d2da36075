// The parsers of README.md against real servers, where these are installed.
import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { Decoder, type Parser } from "../mod.ts";
import { Program, works, writeAll } from "./processes.ts";

type Reply = string | number | null | Error | Reply[];

const KEYS = 10_000;
const MIB = 1024 * 1024;
const encoder = new TextEncoder();

Deno.test({
  name: "README.md's parser of Redis's replies reads those of a real server",
  ignore: !works("redis-server", "--version"),
  async fn() {
    const reply = await parserOf("function* reply(");
    await using server = await startRedis();
    using client = await connect(server.port, reply);

    const keys = Array.from({ length: KEYS }, (_, i) => `key ${i}`);
    await client.send(...keys.map((key) => ["SET", key, `value of ${key}`]));
    for (const _ of keys) assertEquals(await client.next(), "OK");
    await client.send(...keys.map((key) => ["GET", key]));
    for (const key of keys) assertEquals(await client.next(), `value of ${key}`);

    const long = "x".repeat(10 * MIB);
    await client.send(["SET", "long", long], ["GET", "long"], ["GET", "nothing"], ["INCR", "n"]);
    assertEquals(await client.next(), "OK");
    assertEquals(await client.next() === long, true);
    assertEquals([await client.next(), await client.next()], [null, 1]);
    await client.send(["RPUSH", "list", "a", "", "b"], ["LRANGE", "list", "0", "-1"], ["MULTI"]);
    assertEquals([await client.next(), await client.next()], [3, ["a", "", "b"]]);
    assertEquals(await client.next(), "OK");
    await client.send(["GET", "n"], ["LRANGE", "list", "0", "-1"], ["EXEC"], ["NONSENSE"]);
    assertEquals([await client.next(), await client.next()], ["QUEUED", "QUEUED"]);
    assertEquals(await client.next(), ["1", ["a", "", "b"]]);
    const error = await client.next();
    assert(error instanceof Error && /unknown command/.test(error.message));

    using listener = await connect(server.port, reply);
    await listener.send(["SUBSCRIBE", "news"]);
    assertEquals(await listener.next(), ["subscribe", "news", 1]);
    await client.send(["PUBLISH", "news", "hello"]);
    assertEquals(await client.next(), 1);
    assertEquals(await listener.next(), ["message", "news", "hello"]);
  },
});

/** A parser that README.md has, by how its code begins. */
async function parserOf(beginning: string): Promise<Parser<Reply>> {
  const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  const blocks = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!);
  const block = blocks.find((code) => code.includes(beginning))!;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const mod = new URL("../mod.ts", import.meta.url).href;
    const code = block.slice(0, block.indexOf("\nconst replies = "))
      .replace("@sockets/guide", mod).replace(/^import .* from "@std.*$/m, "")
      .replace(beginning, `export ${beginning}`);
    await Deno.writeTextFile(file, code);
    return (await import(`file://${file}`)).reply;
  } finally {
    await Deno.remove(file);
  }
}

async function startRedis(): Promise<Program & { port: number }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const server = new Program(
    ["--port", `${port}`, "--save", "", "--appendonly", "no"],
    "redis-server",
  );
  await server.prints("Ready to accept connections");
  return Object.assign(server, { port });
}

/** A connection to Redis, and what it answers. */
async function connect(port: number, parser: Parser<Reply>) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const decoder = new Decoder(parser, { maxLength: 16 * MIB, copy: true });
  const buffer = new Uint8Array(64 * 1024);
  let sent = Promise.resolve();
  return {
    [Symbol.dispose]: () => conn.close(),
    /** Sends commands all at once, while the replies are read. */
    send(...commands: string[][]): Promise<void> {
      const bytes = concat(commands.map(encode));
      sent = sent.then(() => writeAll(conn, bytes));
      return Promise.resolve();
    },
    async next(): Promise<Reply> {
      while (true) {
        const reply = decoder.take();
        if (reply !== undefined) return reply;
        const n = await conn.read(buffer);
        if (n === null) throw new Error("Redis has closed the connection");
        decoder.push(buffer.subarray(0, n));
      }
    },
  };
}

function encode(words: string[]): Uint8Array {
  const parts = words.map((word) => `$${encoder.encode(word).length}\r\n${word}\r\n`);
  return encoder.encode(`*${words.length}\r\n${parts.join("")}`);
}
