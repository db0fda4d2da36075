import { assert, assertEquals, assertMatch } from "@std/assert";
import { equals } from "@std/bytes/equals";
import {
  CLOSE_CANCELS_WRITES,
  connectAndReset,
  exchange,
  noise,
  Program,
  readToEnd,
  resetInEcho,
  runScript,
  sendAndHalfClose,
  startLimitedServer,
  startServer,
  stuck,
  works,
  writeAll,
} from "../support/programs.ts";
import { some, tryAll } from "../support/sampling.ts";
import { processorTime, residentMemory } from "../support/resource_usage.ts";

const HELLO = new TextEncoder().encode("Hello, world");
const SERVER = "app/multiconn_server.ts";
const WAITING = /^Waiting for \d+ open connections?; press Ctrl-C again to stop now\n/m;
const linux = Deno.build.os === "linux";
const ADDRESS_IN_USE = Deno.build.os === "windows" ? "Only one usage" : "Address already in use";
/** An address that leads nowhere without its zone, such as fe80::1%eth0. */
const LINK_LOCAL = Deno.networkInterfaces()
  .filter(({ address }) => address.startsWith("fe80:"))
  .map(({ address, name }) => `${address}%${name}`)
  .find(canListenOn);
const hasCompiler = linux && works("cc", "--version");

Deno.test("app/multiconn_server.ts prints connections and echoes, cut and escaped", async () => {
  await using server = await startServer(SERVER);
  using conn = await connect(server.port);
  const name = `127\\.0\\.0\\.1:${conn.localAddr.port}`;
  const said: [string, string][] = [
    ["Hello, \u{1F430}", String.raw`'Hello, \xf0\x9f\x90\xb0'`],
    ["\x1b[31m\u009b1m\u007f\n", String.raw`'\x1b[31m\xc2\x9b1m\x7f\x0a'`],
    ["x".repeat(201), `'${"x".repeat(200)}'… (201 bytes)`],
  ];
  for (const [text, quoted] of said) {
    const bytes = new TextEncoder().encode(text);
    await writeAll(conn, bytes);
    assertEquals(await readExactly(conn, bytes.length), bytes);
    await server.prints(new RegExp(`\nEchoing ${RegExp.escape(quoted)} to ${name}\n`));
  }
  await conn.closeWrite();
  await server.prints(new RegExp(`Closing connection to ${name}\n`));
  assertMatch(
    server.stdout,
    new RegExp(
      `^Listening on .*\nAccepted connection from ${name}\n(Echoing .*\n){3}Closing .*\n$`,
    ),
  );
  assertEquals(server.stderr, "");
});

Deno.test("app/multiconn_server.ts with --quiet prints only where it listens", async () => {
  await using server = await startServer(SERVER, "--quiet");
  assertEquals(await exchange(server.port, HELLO), HELLO);
  await server.stop();
  assertMatch(server.stdout, /^Listening on 127\.0\.0\.1:\d+\n$/);
  assertEquals(server.stderr, "");
});

Deno.test("app/multiconn_server.ts serves a second client while the first is silent", async () => {
  await using server = await startServer(SERVER);
  using first = await connect(server.port);
  await server.prints(/Accepted/);
  assertEquals(await exchange(server.port, HELLO), HELLO);
  await writeAll(first, HELLO);
  assertEquals(await readExactly(first, HELLO.length), HELLO);
});

Deno.test("app/multiconn_server.ts returns 64 MiB that were on the way at the half-close", async () => {
  await using server = await startServer(SERVER, "--quiet");
  using conn = await connect(server.port);
  const bytes = noise(64 * 1024 * 1024);
  const sent = sendAndHalfClose(conn, bytes);
  assertEquals(await exchange(server.port, HELLO), HELLO); // meanwhile
  const received = await readToEnd(conn);
  await sent;
  assert(equals(received, bytes));
  assertEquals(await exchange(server.port, HELLO), HELLO);
});

Deno.test("app/multiconn_server.ts outlives 500 connections that are reset at once", async () => {
  await using server = await startServer(SERVER, "--quiet");
  for (let i = 0; i < 10; i++) {
    await Promise.all(Array.from({ length: 50 }, () => connectAndReset(server.port)));
  }
  assertEquals(await exchange(server.port, HELLO), HELLO);
});

Deno.test("app/multiconn_server.ts contains a reset: one line, and the other clients go on", async () => {
  await using server = await startServer(SERVER, "--quiet");
  using other = await connect(server.port);
  for (let i = 0; i < 20; i++) {
    await connectAndReset(server.port, HELLO); // between the request and its echo
    await resetInEcho(server.port, noise(1024 * 1024));
    await writeAll(other, HELLO);
    assertEquals(await readExactly(other, HELLO.length), HELLO);
  }
  assertEquals(await exchange(server.port, HELLO), HELLO);
  other.close();
  await server.stop();
  const lines = server.stderr.replace(WAITING, "").trimEnd().split("\n");
  // A client that has gone before it is accepted may leave nothing behind.
  assert(lines.length >= 20 && lines.length <= 40, server.stderr);
  for (const line of lines) assertMatch(line, /^Lost connection to 127\.0\.0\.1:\d+: [ -~]+$/);
});

Deno.test({
  name: "app/multiconn_server.ts holds bounded memory for a client that never reads, and closes it",
  ignore: !linux || !CLOSE_CANCELS_WRITES, // the memory of a process is found in /proc
  async fn() {
    await using server = await startServer(SERVER, "--quiet", "--write-timeout", "1");
    assertEquals(await exchange(server.port, noise(1024 * 1024)), noise(1024 * 1024)); // warm
    const before = residentMemory(server.pid);
    using conn = await connect(server.port);
    let sent = 0;
    const flood = (async () => {
      const bytes = noise(1024 * 1024);
      while (true) sent += await conn.write(bytes);
    })();
    const closed = flood.catch((error) => error);
    assertEquals(await exchange(server.port, HELLO), HELLO); // meanwhile
    assertMatch((await closed).message, /reset|Broken pipe/);
    assert(sent > 1024 * 1024);
    const grown = residentMemory(server.pid) - before;
    assert(grown < 16 * 1024 * 1024, `${grown} bytes`);
    assertEquals(await exchange(server.port, HELLO), HELLO);
    await server.prints(
      /^Lost connection to 127\.0\.0\.1:\d+: The peer did not read within 1 s\n$/,
      "stderr",
    );
  },
});

Deno.test("app/multiconn_server.ts does not close a client that reads its echo slowly", async () => {
  await using server = await startServer(SERVER, "--quiet", "--write-timeout", "1");
  using conn = await connect(server.port);
  const bytes = noise(16 * 1024 * 1024);
  const sent = sendAndHalfClose(conn, bytes);
  const received = new Uint8Array(bytes.length);
  const chunk = bytes.length / 8; // one every 0.2 s: the whole takes longer than the time-out
  for (let at = 0; at < bytes.length; at += chunk) {
    received.set(await readExactly(conn, chunk), at);
    await new Promise((resume) => setTimeout(resume, 200));
  }
  await sent;
  assert(equals(received, bytes));
});

Deno.test("app/multiconn_server.ts closes idle clients, and spends no time on them meanwhile", async () => {
  await using server = await startServer(SERVER, "--quiet", "--idle-timeout", "1");
  const start = performance.now();
  const connections = await Promise.all(Array.from({ length: 100 }, () => connect(server.port)));
  assertEquals(await exchange(server.port, HELLO), HELLO); // so the others are accepted
  const used = linux ? processorTime(server.pid) : 0;
  await Promise.all(connections.map(readToEnd));
  assert(performance.now() - start >= 1000);
  if (linux) assert(processorTime(server.pid) - used <= 0.1); // closing them included
  for (const conn of connections) conn.close();
  assertEquals(await exchange(server.port, HELLO), HELLO);
  assertEquals(server.stderr, "");
});

Deno.test("app/multiconn_server.ts turns away one client more than it takes, until one has gone", async () => {
  await using server = await startServer(SERVER, "--max-connections", "2");
  const first = await connect(server.port);
  using _second = await connect(server.port);
  await server.prints(/(Accepted .*\n){2}/);
  using third = await connect(server.port);
  assertEquals(await readToEnd(third), new Uint8Array());
  await server.prints(/Turned away 127\.0\.0\.1:\d+: 2 connections are open\n/, "stderr");
  first.close();
  await server.prints(/Closing .*\n/);
  assertEquals(await exchange(server.port, HELLO), HELLO);
});

Deno.test({
  name: "app/multiconn_server.ts waits when descriptors run out, and goes on when there are some",
  ignore: !linux, // ulimit, /proc
  async fn() {
    await using server = await startLimitedServer(64, SERVER, "--quiet");
    const { port } = server;
    const connections = await Promise.all(Array.from({ length: 100 }, () => connect(port)));
    await server.prints(/Cannot accept, trying again in 5 ms: Too many open files/, "stderr");
    const used = processorTime(server.pid);
    await server.prints(/trying again in 640 ms/, "stderr");
    assert(processorTime(server.pid) - used < 0.3); // of more than a second: no spin
    for (const conn of connections) conn.close();
    assertEquals(await exchange(port, HELLO), HELLO);
  },
});

Deno.test({
  name:
    "app/multiconn_server.ts on a signal lets clients finish, closes idle ones and frees its port",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      await using server = await startServer(SERVER, "--quiet");
      const { port } = server;
      using idle = await connect(port);
      using busy = await connect(port);
      const bytes = noise(16 * 1024 * 1024);
      const sent = sendAndHalfClose(busy, bytes);
      await readExactly(busy, 1024 * 1024);
      server.kill(signal);
      assertEquals(await readToEnd(idle), new Uint8Array());
      assertEquals((await readToEnd(busy)).length, bytes.length - 1024 * 1024);
      await sent;
      assertEquals((await server.ended).code, 0);
      assertMatch(server.stderr, WAITING);
      await using next = await startServer(SERVER, "--quiet");
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      assertEquals(await exchange(next.port, HELLO), HELLO);
    }
  },
});

Deno.test({
  name: "app/multiconn_server.ts on a signal waits for a client that pauses for less than a second",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await startServer(SERVER, "--quiet");
    using conn = await connect(server.port);
    await writeAll(conn, HELLO);
    assertEquals(await readExactly(conn, HELLO.length), HELLO);
    server.kill("SIGTERM");
    await server.prints(WAITING, "stderr");
    await new Promise((resume) => setTimeout(resume, 400)); // a lost packet is sent again after 200 ms
    await writeAll(conn, HELLO);
    await conn.closeWrite();
    assertEquals(await readToEnd(conn), HELLO);
    assertEquals((await server.ended).code, 0);
  },
});

Deno.test({
  name: "app/multiconn_server.ts ends with exit code 1 at a second signal",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await startServer(SERVER, "--quiet", "--drain-timeout", "100");
    using _conn = await stuck(server.port);
    const start = performance.now();
    server.kill("SIGINT");
    while (await connect(server.port).then((conn) => (conn.close(), true), () => false));
    server.kill("SIGTERM");
    assertEquals((await server.ended).code, 1);
    assertMatch(server.stderr, WAITING);
    assert(performance.now() - start < 50_000); // not the drain timeout
  },
});

Deno.test({
  name: "app/multiconn_server.ts gives each of 1000 busy clients its turn",
  ignore: !hasCompiler,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      assert(works("cc", "-O2", "-o", `${folder}/load`, "tests/bench/peers/load.c"));
      await using server = await startServer(SERVER, "--quiet");
      const play = async (seconds: number) => {
        const args = ["pingpong", String(server.port), "1000", "64", String(seconds)];
        await using load = new Program(args, `${folder}/load`);
        assertEquals((await load.ended).code, 0, load.stderr);
        return JSON.parse(load.stdout);
      };
      // In few rounds, chance decides who is ahead. A busy machine needs longer for enough of them.
      let seconds = 2;
      let result = await play(seconds);
      while (result.meanRounds < 20 && seconds < 60) result = await play(seconds *= 2);
      assertEquals(result.wrong, 0);
      assert(result.leastRounds > result.meanRounds / 4, JSON.stringify(result)); // a plain loop: next to none
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "the echo and multiconn pairs talk over an address with a zone, and print the zone",
  ignore: LINK_LOCAL === undefined,
  async fn() {
    const address = `[${LINK_LOCAL}]`;
    for (const script of ["echo_server.ts", SERVER]) {
      for (const host of [LINK_LOCAL!, address]) {
        await using server = new Program(["run", "--allow-net", script, host, "0"]);
        const [line, port] = await server.prints(/Listening on .*:(\d+)\n/);
        assertEquals(line, `Listening on ${address}:${port}\n`);
        const echoClient = await runScript("echo_client.ts", host, port!);
        assertEquals(echoClient.stdout, 'Received "Hello, world"\n');
        const client = await runScript("app/multiconn_client.ts", host, port!, "1");
        assert(client.stdout.startsWith(`Starting connection 1 to ${address}:${port}\n`));
        assertEquals(client.code, 0, client.stderr);
      }
    }
  },
});

Deno.test("app/multiconn_server.ts gives one clear line for wrong arguments", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const wrong: [args: string[], code: number, message: string][] = [
    [[], 2, "Missing host and port"],
    [["127.0.0.1"], 2, "Missing port"],
    [["127.0.0.1", "0", "1"], 2, "Unexpected argument 1"],
    [["127.0.0.1", "0", "--idle-timeout", "soon"], 2, "Wrong --idle-timeout: "],
    [["127.0.0.1", "0", "--write-timeout=0"], 2, "Wrong --write-timeout: "],
    [["127.0.0.1", "0", "--max-connections=none"], 2, "Wrong --max-connections: "],
    [["127.0.0.1", "0", "--loud"], 2, "Unknown option --loud"],
    [["127.0.0.1", "http"], 2, 'Wrong port: "http" is not an integer from 0 to 65535'],
    [["127.0.0.1", `${port}`], 1, `Cannot listen on 127.0.0.1:${port}: ${ADDRESS_IN_USE}`],
  ];
  await Promise.all(
    some(wrong, 3).map(async ([args, code, message]) => {
      const run = await runScript(SERVER, ...args);
      assertEquals([run.code, run.stdout], [code, ""]);
      assert(run.stderr.startsWith(message), run.stderr);
      assertEquals(run.stderr.split("\n").length, 2);
    }),
  );
  for (const flag of ["--help", "-h"]) {
    const { code, stdout, stderr } = await runScript(SERVER, flag);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^deno run --allow-net app\/multiconn_server\.ts <host> <port>\n/);
  }
});

function canListenOn(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

async function readExactly(conn: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const n = await conn.read(bytes.subarray(at));
    if (n === null) throw new Error(`The stream ended after ${at} of ${length} bytes`);
    at += n;
  }
  return bytes;
}

Deno.test({
  name:
    "app/multiconn_server.ts ends with exit code 1 ten seconds after a signal, whatever clients do",
  ignore: !tryAll || Deno.build.os === "windows",
  async fn() {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    using _conn = await stuck(server.port);
    const start = performance.now();
    server.kill("SIGINT");
    assertEquals((await server.ended).code, 1);
    assertEquals(
      server.stderr,
      "Waiting for 1 open connection; press Ctrl-C again to stop now\n",
    );
    const took = performance.now() - start;
    assert(took >= 10_000 && took < 20_000, `${took} ms`);
  },
});
