// TLS clients that mean no good. Whatever they do, no descriptor stays open, and others are served.
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { concat } from "@std/bytes/concat";
import { createRequest } from "../../app/libclient.ts";
import { tryAll } from "../support/sampling.ts";
import {
  CLOSE_CANCELS_WRITES,
  Program,
  readToEnd,
  startLimitedServer,
  startServer,
  startServerOn,
  works,
  writeAll,
} from "../support/programs.ts";
import { descriptors, settled } from "../support/resource_usage.ts";

const SERVER = "app/server.ts";
const FILES = [
  "--tls-cert",
  "tests/support/data/tls/cert.pem",
  "--tls-key",
  "tests/support/data/tls/key.pem",
];
const CA = Deno.readTextFileSync(new URL("../support/data/tls/ca.pem", import.meta.url));
const REQUEST = createRequest("search", "morpheus");
const CLIENT_HELLO = new Uint8Array([22, 3, 1, 2, 0, 1]); // the first bytes of one
const TIMEOUTS = ["header", "message", "idle", "write"].flatMap((
  name,
) => [`--${name}-timeout`, "1"]);
const linux = Deno.build.os === "linux";

const ADD_NETWORK = [
  "{ ip netns del sockets; ip link del sockets0; true; }", // what an earlier run may have left
  "ip netns add sockets",
  "ip link add sockets0 type veth peer name sockets1",
  "ip link set sockets1 netns sockets",
  "ip addr add 10.99.0.1/24 dev sockets0",
  "ip link set sockets0 up",
  "ip -n sockets addr add 10.99.0.2/24 dev sockets1",
  "ip -n sockets link set sockets1 up",
].join(" && ");
const REMOVE_NETWORK = "ip netns del sockets";
const DROP_ALL = "ip -n sockets link set sockets1 down";

Deno.test("app/server.ts with TLS: a client that half-closes gets all answers, and a clean end", async () => {
  await using server = await startTlsServer();
  using conn = await dial(server.port);
  const requests = 2_000;
  const sent = (async () => {
    for (let i = 0; i < requests; i++) await writeAll(conn, REQUEST);
    await conn.closeWrite();
  })();
  const { length } = await readToEnd(conn); // throws where the end is not TLS's own
  await sent;
  assertEquals(length, requests * (await exchange(server.port)).length);
});

Deno.test("app/server.ts with TLS: an error is answered, and then comes a clean end", async () => {
  await using server = await startTlsServer();
  using conn = await dial(server.port);
  await writeAll(conn, new Uint8Array(2)); // a header of no bytes
  assert(new TextDecoder().decode(await readToEnd(conn)).includes("Error: "));
});

Deno.test({
  name: "app/server.ts with TLS: clients that stall or never read leave nothing open",
  ignore: !linux || !CLOSE_CANCELS_WRITES, // descriptors can be counted on Linux
  async fn() {
    await using server = await startTlsServer();
    await exchange(server.port);
    const before = descriptors(server.pid);
    const conns = await Promise.all([
      ...times(100, () => connect(server.port)),
      ...times(100, () => beginHandshake(server.port)),
    ]);
    const neverReading: Promise<unknown>[] = [];
    const count = tryAll ? 10 : 3;
    for (let i = 0; i < count; i++) neverReading.push(neverRead(await dial(server.port)));
    await server.prints("The peer did not read within 1 s", "stderr", count);
    await server.prints("The TLS handshake was not complete within 1 s", "stderr", 200);
    await exchange(server.port);
    assertLessOrEqual(await settled(server.pid, before), before);
    for (const conn of conns) conn.close();
    await Promise.all(neverReading);
  },
});

Deno.test({
  name: "app/server.ts with TLS: clients that stall take places, and lose them in time",
  ignore: !linux, // bash, ulimit
  async fn() {
    const limits = ["--header-timeout", "1", "--max-connections", "50"];
    await using server = await startLimitedServer(256, SERVER, ...FILES, ...limits, "--quiet");
    const conns: Deno.Conn[] = [];
    for (let round = 1; round <= (tryAll ? 5 : 2); round++) {
      conns.push(...await Promise.all(times(60, () => beginHandshake(server.port))));
      await server.prints("The TLS handshake was not complete", "stderr", 50 * round);
      await exchange(server.port);
    }
    assertStringIncludes(server.stderr, ": 50 connections are open");
    assertEquals(server.stderr.includes("Too many open files"), false);
    for (const conn of conns) conn.close();
  },
});

Deno.test({
  name: "app/server.ts with TLS holds nothing of clients for whom descriptors did not suffice",
  ignore: !linux, // bash, ulimit, /proc
  async fn() {
    await using server = await startLimitedServer(80, SERVER, ...FILES, ...TIMEOUTS, "--quiet");
    await exchange(server.port);
    const before = descriptors(server.pid);
    for (let round = 0; round < 3; round++) {
      const conns = await Promise.all(times(60, () => connect(server.port)));
      await server.prints("Too many open files", "stderr");
      for (const conn of conns) conn.close();
    }
    await served(server.port); // those in the backlog take descriptors once more
    assertLessOrEqual(await settled(server.pid, before), before);
    assertEquals(server.stderr.includes("An action failed"), false); // no error that nobody has caught
  },
});

Deno.test({
  name: "app/server.ts with TLS, told to stop, does not wait for clients who say nothing",
  ignore: Deno.build.os === "windows", // signals
  async fn() {
    const timeouts = ["--header-timeout", "60", "--drain-timeout", "5"];
    await using server = await startServer(SERVER, ...FILES, ...timeouts);
    using _silent = await connect(server.port);
    await server.prints("Accepted connection");
    server.kill("SIGINT");
    assertEquals((await server.ended).code, 0);
    assertStringIncludes(server.stderr, "Waiting for 1 open connection");
    assertEquals(server.stderr.includes("Lost connection"), false);
  },
});

Deno.test("app/server.ts with TLS says which permission it lacks", async () => {
  const args = ["run", "--no-prompt", "--allow-read", "--allow-net=127.0.0.1:0", SERVER];
  await using server = new Program([...args, "127.0.0.1", "0", ...FILES]);
  assertEquals((await server.ended).code, 1);
  assertStringIncludes(server.stderr, "TLS needs --allow-net=127.0.0.1");
});

Deno.test({
  name: "app/server.ts with TLS: clients that vanish leave nothing open",
  ignore: !linux || !works("bash", "-c", `${ADD_NETWORK} && ${REMOVE_NETWORK}`), // needs root
  async fn() {
    bash(ADD_NETWORK);
    try {
      const options = [...FILES, ...TIMEOUTS, "--quiet"];
      await using server = await startServerOn("10.99.0.1", SERVER, ...options);
      const before = descriptors(server.pid);
      const script = `
        const address = { hostname: "10.99.0.1", port: ${server.port} };
        const tls = { hostname: "localhost", caCerts: [${JSON.stringify(CA)}] };
        const hello = new Uint8Array([${CLIENT_HELLO}]);
        const request = new Uint8Array([${REQUEST}]);
        const conns = [];
        for (let i = 0; i < 30; i++) {
          (await Deno.connect(address)).write(hello);
          const conn = await Deno.startTls(await Deno.connect(address), tls);
          await conn.write(request);
          conns.push(conn);
        }
        const requests = new Uint8Array(500 * request.length);
        for (let at = 0; at < requests.length; at += request.length) requests.set(request, at);
        console.log("ready");
        for (const conn of conns) sendForEver(conn).catch(() => {});

        async function sendForEver(conn) {
          while (true) await conn.write(requests);
        }`;
      const words = ["netns", "exec", "sockets", Deno.execPath(), "eval", script];
      await using clients = new Program(words, "ip");
      await clients.prints("ready");
      assertGreaterOrEqual(descriptors(server.pid), before + 60);
      bash(DROP_ALL);
      assertLessOrEqual(await settled(server.pid, before), before);
    } finally {
      bash(REMOVE_NETWORK);
    }
  },
});

function bash(command: string): void {
  assert(works("bash", "-c", command), command);
}

function startTlsServer(...args: string[]): Promise<Program & { port: number }> {
  return startServer(SERVER, ...FILES, ...TIMEOUTS, "--quiet", ...args);
}

async function exchange(port: number): Promise<Uint8Array> {
  using conn = await dial(port);
  await writeAll(conn, REQUEST);
  await conn.closeWrite();
  return await readToEnd(conn);
}

/** Waits until a request is answered. */
async function served(port: number): Promise<void> {
  const end = performance.now() + 30_000;
  while (true) {
    try {
      return void await exchange(port);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

async function beginHandshake(port: number): Promise<Deno.TcpConn> {
  const conn = await connect(port);
  await writeAll(conn, CLIENT_HELLO);
  return conn;
}

/** Sends until the server closes the connection. */
async function neverRead(conn: Deno.Conn): Promise<void> {
  using _ = conn;
  await assertRejects(() => sendForEver(conn));
}

async function sendForEver(conn: Deno.Conn): Promise<never> {
  const requests = concat(Array(500).fill(REQUEST));
  while (true) await writeAll(conn, requests);
}

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

function dial(port: number): Promise<Deno.TlsConn> {
  return Deno.connectTls({ hostname: "localhost", port, caCerts: [CA] });
}

function times<T>(count: number, act: () => Promise<T>): Promise<T>[] {
  return Array.from({ length: count }, act);
}
