// Clients that stall, vanish or never read. Whatever they do, no descriptor stays open, and others are served.
import {
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
  writeAll,
} from "../support/programs.ts";
import { OtherMachine } from "../support/other_machine.ts";
import { descriptors, settled } from "../support/resource_usage.ts";

const SERVER = "app/server.ts";
const REQUEST = createRequest("search", "morpheus");
const BEGINNING = REQUEST.subarray(0, 20);
const TIMEOUTS = timeouts(1);
const linux = Deno.build.os === "linux";

Deno.test({
  name: "app/server.ts: clients that stall or never read leave nothing open",
  ignore: !linux || !CLOSE_CANCELS_WRITES, // descriptors can be counted on Linux
  async fn() {
    await using server = await startServer(SERVER, ...TIMEOUTS, "--quiet");
    await exchange(server.port);
    const before = descriptors(server.pid);
    const conns = await Promise.all([
      ...times(100, () => connect(server.port)),
      ...times(100, () => beginRequest(server.port)),
    ]);
    const count = tryAll ? 10 : 3;
    const neverReading = times(count, async () => neverRead(await connect(server.port)));
    await server.prints("The peer did not read within 1 s", "stderr", count);
    await exchange(server.port);
    assertLessOrEqual(await settled(server.pid, before), before);
    for (const conn of conns) conn.close();
    await Promise.all(neverReading);
  },
});

Deno.test({
  name: "app/server.ts: clients that stall take places, and lose them in time",
  ignore: !linux, // ulimit
  async fn() {
    const limits = ["--header-timeout", "1", "--linger-timeout", "1", "--max-connections", "50"];
    await using server = await startLimitedServer(128, SERVER, ...limits, "--quiet");
    for (let round = 1; round <= (tryAll ? 5 : 2); round++) {
      const conns = await Promise.all(times(60, () => beginRequest(server.port)));
      await Promise.all(conns.map(untilEnd)); // an error for 50, and nothing for those turned away
      for (const conn of conns) conn.close();
      await served(server.port);
    }
    assertStringIncludes(server.stderr, ": 50 connections are open");
    assertEquals(server.stderr.includes("Too many open files"), false);
  },
});

Deno.test({
  name: "app/server.ts holds nothing of clients for whom descriptors did not suffice",
  ignore: !linux, // ulimit, /proc
  async fn() {
    await using server = await startLimitedServer(64, SERVER, ...TIMEOUTS, "--quiet");
    await exchange(server.port);
    const before = descriptors(server.pid);
    for (let round = 1; round <= 3; round++) {
      const conns = await Promise.all(times(100, () => connect(server.port)));
      await server.prints("trying again in 5 ms: Too many open files", "stderr", round);
      for (const conn of conns) conn.close();
      await exchange(server.port);
    }
    assertLessOrEqual(await settled(server.pid, before), before);
    assertEquals(server.stderr.includes("An action failed"), false); // no error that nobody has caught
  },
});

Deno.test({
  name: "app/server.ts, told to stop, does not wait for clients who say nothing",
  ignore: Deno.build.os === "windows", // signals
  async fn() {
    const timeouts = ["--header-timeout", "60", "--drain-timeout", "5"];
    await using server = await startServer(SERVER, ...timeouts);
    using _silent = await connect(server.port);
    await server.prints("Accepted connection");
    server.kill("SIGINT");
    assertEquals((await server.ended).code, 0);
    assertStringIncludes(server.stderr, "Waiting for 1 open connection");
    assertEquals(server.stderr.includes("Lost connection"), false);
  },
});

Deno.test({
  name: "app/server.ts: clients that vanish leave nothing open",
  ignore: !CLOSE_CANCELS_WRITES || !OtherMachine.isPossible(),
  async fn() {
    using machine = new OtherMachine();
    const host = machine.host;
    // Long enough for all clients to be there at once.
    await using server = await startServerOn(host, SERVER, ...timeouts(5), "--quiet");
    const before = descriptors(server.pid);
    const script = `
      const address = { hostname: "${host}", port: ${server.port} };
      const request = new Uint8Array([${REQUEST}]);
      const conns = [];
      for (let i = 0; i < 30; i++) {
        (await Deno.connect(address)).write(request.subarray(0, 20));
        const conn = await Deno.connect(address);
        await conn.write(request);
        await conn.read(new Uint8Array(1)); // accepted, and so was the one before
        conns.push(conn);
      }
      const requests = new Uint8Array(500 * request.length);
      for (let at = 0; at < requests.length; at += request.length) requests.set(request, at);
      console.log("ready");
      for (const conn of conns) sendForEver(conn).catch(() => {});

      async function sendForEver(conn) {
        while (true) await conn.write(requests);
      }`;
    await using clients = new Program(machine.runs(Deno.execPath(), "eval", script), "ip");
    await clients.prints("ready");
    assertGreaterOrEqual(descriptors(server.pid), before + 60);
    machine.cutOff();
    assertLessOrEqual(await settled(server.pid, before), before);
  },
});

function timeouts(seconds: number): string[] {
  return ["header", "message", "idle", "write"].flatMap((name) => [
    `--${name}-timeout`,
    `${seconds}`,
  ]);
}

/** Gets the answer to a request. */
async function exchange(port: number): Promise<void> {
  using conn = await connect(port);
  await writeAll(conn, REQUEST);
  await conn.closeWrite();
  const { length } = await readToEnd(conn);
  if (length === 0) throw new Error("No answer");
}

/** Waits until there is a place, and a request is answered. */
async function served(port: number): Promise<void> {
  const end = performance.now() + 30_000;
  while (true) {
    try {
      return await exchange(port);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

async function beginRequest(port: number): Promise<Deno.TcpConn> {
  const conn = await connect(port);
  await writeAll(conn, BEGINNING);
  return conn;
}

/** Reads to the end, which may be a reset. */
async function untilEnd(conn: Deno.Conn): Promise<void> {
  await readToEnd(conn).catch(() => {});
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

function times<T>(count: number, act: () => Promise<T>): Promise<T>[] {
  return Array.from({ length: count }, act);
}
