import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createServer, type Socket } from "node:net";
import {
  accept,
  exchange,
  findFreePort,
  Program,
  readToReset,
  runScript,
  startServer,
  writeAll,
} from "../support/programs.ts";

const HELLO = new TextEncoder().encode("hello");
const MIB = 1024 * 1024;

/** A bad client of a server on this port. */
function startBadClient(mode: string, port: number, ...options: string[]): Program {
  const args = [mode, "127.0.0.1", `${port}`, ...options];
  return new Program(["run", "--no-prompt", "--allow-net", "app/bad_client.ts", ...args]);
}

/** Runs it to its end, and returns its line without the time. */
async function run(mode: string, port: number, ...options: string[]): Promise<string> {
  await using client = startBadClient(mode, port, ...options);
  const { code } = await client.ended;
  assertEquals([code, client.stderr], [0, ""], mode);
  return client.stdout.replace(/^(Connected|\d+ clients are connected)\n/, "").replace(
    / in \d+\.\d s/,
    "",
  );
}

Deno.test("app/bad_client.ts reset resets the connection after the first answer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = run("reset", listener.addr.port);
  using conn = await accept(listener);
  assertEquals(await conn.read(new Uint8Array(9)), 3);
  await conn.write(HELLO);
  assertEquals(await readToReset(conn), [0, "ConnectionReset"]);
  assertEquals(
    await running,
    "Sent 3 bytes and received 5: this client has reset the connection\n",
  );
});

Deno.test("app/bad_client.ts half-close gets all of its 8 MiB from a good server", async () => {
  await using server = await startServer("app/multiconn_server.ts", "--quiet");
  const both = `${8 * MIB}`;
  assertEquals(
    await run("half-close", server.port),
    `Sent ${both} bytes and received ${both}: the server has ended the connection\n`,
  );
});

Deno.test("app/bad_client.ts garbage and drip end when the server has had enough", async () => {
  await using server = await startServer("app/server.ts", "--header-timeout", "1.5", "--quiet");
  const [garbage, drip] = await Promise.all([
    run("garbage", server.port),
    run("drip", server.port),
  ]);
  // What a server answers to garbage depends on it, and the end may come as a reset.
  assertMatch(garbage, /^Sent 1000 bytes and received \d+: .*\n$/);
  assertMatch(drip, /^Sent [1-9] bytes and received \d+: .*\n$/);
});

Deno.test("app/bad_client.ts silent sends nothing until the server gives it up", async () => {
  await using server = await startServer("app/multiconn_server.ts", "--idle-timeout", "0.5");
  assertEquals(
    await run("silent", server.port),
    "Sent 0 bytes and received 0: the server has ended the connection\n",
  );
});

const SENDING_MODES = ["reset", "never-reads", "drip", "half-close", "garbage", "flood"];

/** What servers do too early, and in which modes the client must say in one line how it was. */
const ENDINGS: [name: string, handle: (socket: Socket) => void, modes: string[]][] = [
  ["ends connections at once", (socket) => socket.destroy(), ["silent", ...SENDING_MODES]],
  [
    "resets them at the first byte",
    (socket) => socket.on("data", () => socket.resetAndDestroy()),
    SENDING_MODES,
  ],
];

for (const [name, handle, modes] of ENDINGS) {
  Deno.test(`app/bad_client.ts says in each mode how it was with a server that ${name}`, async () => {
    const server = createServer(handle);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    try {
      const { port } = server.address() as { port: number };
      const lines = await Promise.all(modes.map((mode) => run(mode, port, "--clients", "3")));
      for (const line of lines) assertMatch(line, /^Sent \d+ bytes and received 0: [^\n]*\n$/);
    } finally {
      await new Promise((closed) => server.close(closed));
    }
  });
}

Deno.test("app/bad_client.ts --clients is as many at once", async () => {
  await using server = await startServer("app/multiconn_server.ts", "--max-connections", "20");
  const { code, stdout } = await runScript(
    "app/bad_client.ts",
    ...["reset", "127.0.0.1", `${server.port}`, "--clients", "20"],
  );
  assertEquals(code, 0);
  assertMatch(stdout, /^Sent 60 bytes and received 60 in \d+\.\d s: this client has reset/);
});

const hasSignals = Deno.build.os !== "windows"; // there a process cannot send them to another

Deno.test({
  name: "app/bad_client.ts never-reads tells when it is stuck, and at Ctrl-C how much it was",
  ignore: !hasSignals,
  async fn() {
    await using server = await startServer("app/multiconn_server.ts");
    await using client = startBadClient("never-reads", server.port);
    await client.prints(/^Connected\nStuck after \d+ bytes\n/);
    assertEquals(await exchange(server.port, HELLO), HELLO);
    client.kill("SIGINT");
    assertEquals((await client.ended).code, 0);
    assertMatch(
      client.stdout,
      /^Connected\nStuck after \d+ bytes\nSent [1-9]\d* bytes and received 0 in \d+\.\d s: stopped\n$/,
    );
  },
});

Deno.test({
  name: "app/bad_client.ts flood sends and reads until Ctrl-C, and then tells how much it was",
  ignore: !hasSignals,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using client = startBadClient("flood", listener.addr.port);
    using conn = await accept(listener);
    const length = 32 * MIB; // more than the systems keep for the two
    await Promise.all([writeAll(conn, new Uint8Array(length)), readSome(conn, length)]);
    client.kill("SIGINT");
    assertEquals((await client.ended).code, 0);
    const [, sent, received] =
      /^Connected\nSent (\d+) bytes and received (\d+) in \d+\.\d s: stopped\n$/
        .exec(client.stdout)!;
    assert(Number(sent) > 0 && Number(received) > 0, client.stdout);
  },
});

/** Reads at least this many bytes. */
async function readSome(conn: Deno.Conn, length: number): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let received = 0; received < length;) received += await conn.read(buffer) ?? Infinity;
}

Deno.test("app/bad_client.ts says in one line what is wrong", async () => {
  const port = findFreePort();
  for (const mode of ["reset", "silent"]) {
    const { code, stderr } = await runScript("app/bad_client.ts", mode, "127.0.0.1", `${port}`);
    assertEquals(code, 1);
    assertMatch(stderr, new RegExp(`^Cannot connect to 127\\.0\\.0\\.1:${port}: .*\\n$`));
  }
  for (
    const [args, line] of [[[], "Missing mode"], [["toString"], "Unknown mode toString"]] as const
  ) {
    const { code, stderr } = await runScript("app/bad_client.ts", ...args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `${line} (try --help)\n`);
  }
});
