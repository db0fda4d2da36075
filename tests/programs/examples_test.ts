// The programs in app/examples/: against real servers, where these are installed, and against servers that
// mean no good.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { concat } from "@std/bytes/concat";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { serve } from "../../app/examples/lines_server.ts";
import { encodeHandshake, encodePacket, packet } from "../../app/examples/minecraft.ts";
import { encodeQuery, encodeStartup, message } from "../../app/examples/postgresql.ts";
import { encodeCommand, type Reply, reply } from "../../app/examples/redis.ts";
import { Decoder, type Parser } from "../../mod.ts";
import { read, ROOT } from "../support/pages.ts";
import {
  accept,
  exchange,
  findFreePort,
  Program,
  readToReset,
  runScript,
  startServer,
  works,
  writeAll,
} from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";

const PAGE = read("app/examples/README.md");
const MIB = 1024 * 1024;
const PATIENCE = 30_000; // milliseconds to wait for what must come
const REDIS_KEYS = 10_000;
const ROWS = 10_000;
const hasRedis = works("redis-server", "--version");
const encoder = new TextEncoder();

/** The clients, with what they are asked to do at a port. */
const clients: Record<string, (port: number) => string[]> = {
  "app/examples/minecraft.ts": (port) => ["127.0.0.1", `${port}`],
  "app/examples/netstrings.ts": (port) => ["127.0.0.1", `${port}`, "hello"],
  "app/examples/postgresql.ts": (port) => [
    `postgresql://learner@127.0.0.1:${port}/postgres`,
    "SELECT 1",
  ],
  "app/examples/redis.ts": (port) => [`redis://127.0.0.1:${port}`, "PING"],
  "app/examples/tls_echo_client.ts": (port) => ["localhost", `${port}`],
};

Deno.test({
  name: "app/examples/redis.ts reads the replies of a real server",
  ignore: !hasRedis,
  async fn() {
    await using server = await startRedis();
    using client = await connect(server.port, reply);

    const keys = Array.from({ length: REDIS_KEYS }, (_, i) => `key ${i}`);
    client.send(keys.map((key) => encodeCommand(["SET", key, `value of ${key}`])));
    for (const _ of keys) assertEquals(await client.take(), "OK");
    client.send(keys.map((key) => encodeCommand(["GET", key])));
    for (const key of keys) assertEquals(text(await client.take()), `value of ${key}`);

    const ask = async (...words: string[]) => {
      client.send([encodeCommand(words)]);
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
    listener.send([encodeCommand(["SUBSCRIBE", "news"])]);
    assertEquals(text(await listener.take()), ["subscribe", "news", 1]);
    assertEquals(await ask("PUBLISH", "news", "hello"), 1);
    assertEquals(text(await listener.take()), ["message", "news", "hello"]);
  },
});

Deno.test({
  name: "app/examples/postgresql.ts reads the messages of a real server",
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

Deno.test({
  name: "app/examples/redis.ts sends a command to a real server, and prints the reply",
  ignore: !hasRedis,
  async fn() {
    await using server = await startRedis();
    const run = (...words: string[]) =>
      runScript("app/examples/redis.ts", `redis://127.0.0.1:${server.port}`, ...words);
    assertEquals(await run("PING"), { code: 0, stdout: "PONG\n", stderr: "" });
    await run("SET", "rabbit", '🐇"');
    assertEquals((await run("GET", "rabbit")).stdout, '"\\xf0\\x9f\\x90\\x87\\x22"\n');
    assertEquals((await run("INCR", "n")).stdout, "(integer) 1\n");
    assertEquals((await run("GET", "nothing")).stdout, "(nil)\n");
    assertEquals((await run("LRANGE", "nothing", "0", "-1")).stdout, "(empty list)\n");
    assertEquals(
      (await run("EVAL", "return {1, {'a', {2}}}", "0")).stdout,
      '1) (integer) 1\n2) 1) "a"\n   2) 1) (integer) 2\n',
    );
    const { code, stdout, stderr } = await run("NONSENSE");
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^\(error\) ERR unknown command .*\n$/);
  },
});

Deno.test({
  name: "app/examples/postgresql.ts sends a query to a real server, and prints the rows",
  ignore: findPostgres() === undefined,
  async fn() {
    await using server = await startPostgres();
    const run = (user: string, sql: string) => {
      const url = `postgresql://${user}@127.0.0.1:${server.port}/postgres`;
      return runScript("app/examples/postgresql.ts", url, sql);
    };
    const [, sql] = /postgresql\.ts postgresql:\S+ '(.*)'/.exec(PAGE)!;
    const [, row] = /It prints `(.*)`, because PostgreSQL/.exec(PAGE)!;
    assertEquals(await run("learner", sql!), { code: 0, stdout: `${row}\n`, stderr: "" });
    const two = await run("learner", "SELECT 'ö', '' UNION ALL SELECT E'\\x1b[31m', 'x'");
    assertEquals(two.stdout, '["ö",""]\n["\\u001b[31m","x"]\n');
    for (
      const [user, sql, error] of [
        ["learner", "SELECT nonsense", /"nonsense" does not exist/],
        ["nobody%20here", "SELECT 1", /role "nobody here" does not exist/],
        ["learner", "CREATE TEMP TABLE t (i int); COPY t FROM STDIN", /waits for data/],
      ] as const
    ) {
      const { code, stdout, stderr } = await run(user, sql);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, /^No answer from [^\n]+\n$/);
      assertMatch(stderr, error);
    }
  },
});

Deno.test("app/examples/minecraft.ts prints the status that a server tells, and how long a ping takes", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const capture = new Decoder(packet);
  capture.push(await readCapture("server"));
  const status = capture.take()!;
  const running = runScript("app/examples/minecraft.ts", "127.0.0.1", `${port}`);
  using conn = await accept(listener);
  const packets = new Decoder(packet, { copy: true });
  const next = async () => {
    const buffer = new Uint8Array(1024);
    while (true) {
      const item = packets.take();
      if (item !== undefined) return item;
      const n = await conn.read(buffer);
      if (n === null) throw new Error("The client has closed the connection");
      packets.push(buffer.subarray(0, n));
    }
  };
  const handshake = await next();
  assertEquals(encodePacket(0, handshake.body), encodeHandshake("127.0.0.1", port));
  assertEquals(await next(), { kind: 0, body: new Uint8Array() });
  await writeAll(conn, encodePacket(0, status.body));
  const { kind, body } = await next();
  await writeAll(conn, encodePacket(kind, body));
  const { code, stdout, stderr } = await running;
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    /^description: \{"text":"Das Kaninchen läuft 🐇"\}\nversion: .*\nplayers: .*\nping: \d+\.\d ms\n$/,
  );
});

Deno.test("app/examples/netstrings.ts gets back from an echo server what it sends", async () => {
  await using server = await startServer("echo_server.ts");
  const texts = ["hello", "", "🐇", "a,b:c\u202e", "x".repeat(100_000)];
  const { code, stdout, stderr } = await runScript(
    "app/examples/netstrings.ts",
    "127.0.0.1",
    `${server.port}`,
    ...texts,
  );
  assertEquals([code, stderr], [0, ""]);
  const lines = texts.map((text) => JSON.stringify(text).replace("\u202e", "\\u{202e}"));
  assertEquals(stdout, `${lines.join("\n")}\n`);
});

Deno.test("app/examples/netstrings.ts notices when something else comes back", async () => {
  for (
    const [answer, reason] of [
      ["5:hello,", /Only 1 of 2 netstrings came back\n$/],
      ["5:hello,1:a,1:b,", /More came back than was sent\n$/],
      ["5:hullo,1:a,", /The echo differs from what was sent\n$/],
      ["5:hello,1:", /Input ended too early: expected 1 byte, received 0 bytes\n$/],
    ] as const
  ) {
    using server = answerAll(encoder.encode(answer));
    const words = ["127.0.0.1", `${server.port}`, "hello", "a"];
    const { code, stderr } = await runScript("app/examples/netstrings.ts", ...words);
    assertEquals(code, 1);
    assertMatch(stderr, reason);
  }
});

Deno.test("app/examples/lines_server.ts answers each client, whatever others do", async () => {
  await using server = await startServer("app/examples/lines_server.ts");
  using _silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const ask = async (text: string) =>
    new TextDecoder().decode(await exchange(server.port, encoder.encode(text)));
  assertEquals(await ask("one\r\n\nzwölf\n"), "ONE\n\nZWÖLF\n");
  assertEquals(await ask("complete\ncut"), "COMPLETE\n");
  await server.prints("Input ended too early", "stderr");
  const many = `${"x".repeat(499)}\n`.repeat(10_000); // more than the buffers of the system hold
  assertEquals(await ask(many), many.toUpperCase());
  await using second = new Program([
    ...["run", "--allow-net", "app/examples/lines_server.ts"],
    ...["127.0.0.1", `${server.port}`],
  ]);
  assertEquals((await second.ended).code, 1);
  assertMatch(second.stderr, /^Cannot listen on 127\.0\.0\.1, port \d+: [^\n]+\n$/);
});

Deno.test("app/examples/lines_server.ts gives each line a deadline, which single bytes do not move", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const served = assertRejects(
    async () => await serve(await listener.accept(), 500),
    Error,
    "0.5 s",
  );
  await writeAll(client, encoder.encode("one\n"));
  const received = readToReset(client);
  let isOver = false;
  const end = () => isOver = true;
  served.then(end, end);
  while (!isOver) { // until the server gives up
    await writeAll(client, encoder.encode("x")).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await served;
  assertEquals((await received)[0], "ONE\n".length);
});

Deno.test("app/examples/lines_server.ts says that a line is late, also if a byte comes in that moment", async () => {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  let reads = 0;
  const conn = {
    async read() {
      if (++reads > 1) throw new Deno.errors.BadResource("Bad resource ID");
      await closed;
      return 1;
    },
    close,
    [Symbol.dispose]() {},
  } as unknown as Deno.Conn;
  await assertRejects(() => serve(conn, 1), Error, "within 0.001 s");
  assertEquals(reads, 2);
});

for (const [script, args] of Object.entries(clients)) {
  Deno.test(`${script} fails with one line, whatever is wrong with its server`, async () => {
    const noise = encoder.encode("\x1b[31m\u202e nonsense\r\n");
    for (
      const answer of [
        undefined, // nobody listens
        new Uint8Array(), // it ends at once
        noise,
        new Uint8Array([0xff]),
        new Uint8Array(100_000).fill(0x30),
      ]
    ) {
      using server = answer && answerAll(answer);
      const run = await runScript(script, ...args(server?.port ?? findFreePort()));
      assertEquals([run.code, run.stdout], [1, ""], `${answer}`);
      assertMatch(run.stderr, /^[^\p{C}]+\n$/u);
      assert(run.stderr.length < 300, run.stderr);
    }
  });
}

Deno.test("The clients in app/examples/ give up a server that says nothing", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await Promise.all(
    Object.entries(clients).map(async ([script, args]) => {
      const { code, stderr } = await runScript(script, ...args(server.addr.port));
      assertEquals(code, 1);
      assertStringIncludes(stderr, "within 10 s");
    }),
  );
});

Deno.test("app/examples/redis.ts refuses a reply that does not end", async () => {
  const string = encoder.encode(`$${8 * MIB}\r\n${"x".repeat(8 * MIB)}\r\n`);
  using server = answerAll(encoder.encode("*1000000\r\n"), ...Array(10).fill(string));
  const { code, stderr } = await runScript(
    "app/examples/redis.ts",
    ...clients["app/examples/redis.ts"]!(server.port),
  );
  assertEquals(code, 1);
  assertMatch(stderr, /^No reply from .*: More than 67108864 bytes came\n$/);
});

Deno.test({
  name: "The capture of Minecraft is what its script captures",
  ignore: PYTHON === undefined,
  async fn() {
    for (const side of ["client", "server"]) {
      const args = ["tests/support/python/minecraft_ping.py", side];
      const signal = AbortSignal.timeout(PATIENCE);
      const { stdout } = await new Deno.Command(PYTHON!, { args, cwd: ROOT, signal }).output();
      assertEquals(stdout, await readCapture(side));
    }
  },
});

/** A server that answers every client with some bytes, and then ends the connection. */
function answerAll(...parts: Uint8Array[]): Disposable & { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const conn of listener) {
      using _ = conn;
      try {
        await conn.read(new Uint8Array(1024)); // what it asks, or there would be a reset
        for (const part of parts) await writeAll(conn, part);
      } catch { /* the client has enough */ }
    }
  })();
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

/** A reply of Redis whose bytes are texts. */
function text(reply: Reply): unknown {
  if (reply instanceof Uint8Array) return new TextDecoder("utf-8", { fatal: true }).decode(reply);
  return Array.isArray(reply) ? reply.map(text) : reply;
}

function readCapture(side: string): Promise<Uint8Array> {
  return Deno.readFile(new URL(`../support/data/minecraft_${side}.bin`, import.meta.url));
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

Deno.test("app/examples/udp_echo_server.ts serves on after a datagram that it cannot send back", async () => {
  using stranger = await bindDatagrams();
  using friend = await bindDatagrams();
  const allowed = `--allow-net=127.0.0.1:0,127.0.0.1:${friend.address().port}`;
  const program = "app/examples/udp_echo_server.ts";
  const args = ["run", "--no-prompt", "--unstable-net", allowed, program, "127.0.0.1", "0"];
  await using server = new Program(args);
  const [, port] = await server.prints(/^Waiting for datagrams on 127.0.0.1:(\d+)\n/);
  stranger.send("hello", Number(port), "127.0.0.1");
  await server.prints(/^No echo: Requires net access to .*\n$/, "stderr");
  friend.send("hello", Number(port), "127.0.0.1");
  const [echo] = await once(friend, "message", { signal: AbortSignal.timeout(PATIENCE) });
  assertEquals(String(echo), "hello");
});

async function bindDatagrams(): Promise<Socket & Disposable> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.close() });
}

/** Leaves a connection whose server has ended, with bytes that its client never takes. */
const STUCK = `
import socket, time
server = socket.create_server(("127.0.0.1", 0))
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
client.connect(server.getsockname())
conn, _ = server.accept()
conn.setblocking(False)
try:
    while True:
        conn.send(bytes(65536))
except BlockingIOError:
    pass
conn.close()
server.close()
print(client.getpeername()[1], flush=True)
time.sleep(1e6)
`;

Deno.test({
  name: "app/examples/socket_states.ts does not wait for a connection of an earlier program",
  ignore: PYTHON === undefined || !works("ss", "-V"),
  async fn() {
    await using earlier = new Program(["-c", STUCK], PYTHON);
    const [, port] = await earlier.prints(/^(\d+)\n/);
    const program = "app/examples/socket_states.ts";
    const args = ["run", "--no-prompt", "--allow-net", "--allow-run=ss", program, port!];
    await using states = new Program(args);
    await states.prints("After a reset of another connection, without the listener:\n");
    assertEquals((await states.ended).code, 0);
    assert(!states.stdout.includes("FIN-WAIT-1"), states.stdout);
  },
});
