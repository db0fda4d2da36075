import { assert, assertEquals, assertMatch } from "@std/assert";
import { equals } from "@std/bytes/equals";
import {
  connectAndReset,
  exchange,
  noise,
  Program,
  readToEnd,
  resetInEcho,
  runScript,
  startServer,
  writeAll,
} from "../support/programs.ts";

const HELLO = new TextEncoder().encode("Hello, world");

Deno.test("echo_server.ts fits one screen and imports nothing", async () => {
  const source = await Deno.readTextFile(new URL("../../echo_server.ts", import.meta.url));
  assert(source.trimEnd().split("\n").length <= 42);
  assert(!/\bimport\b/.test(source));
});

Deno.test("echo_server.ts prints where it listens and who connects, and serves client after client", async () => {
  await using server = await startServer("echo_server.ts");
  for (let i = 0; i < 3; i++) assertEquals(await exchange(server.port, HELLO), HELLO);
  await server.prints(/^Listening on 127\.0\.0\.1:\d+\n(Connected by 127\.0\.0\.1:\d+\n){3}$/);
  assertEquals(server.stderr, "");
});

Deno.test("echo_server.ts names an IPv6 address in brackets", async () => {
  await using server = new Program(["run", "--allow-net", "echo_server.ts", "::1", "0"]);
  await server.prints(/^Listening on \[::1\]:\d+\n/);
});

Deno.test("echo_server.ts returns 16 MiB intact when the client half-closes behind them", async () => {
  await using server = await startServer("echo_server.ts");
  const bytes = noise(16 * 1024 * 1024);
  assert(equals(await exchange(server.port, bytes), bytes));
});

Deno.test("echo_server.ts echoes a thousand 1-byte writes", async () => {
  await using server = await startServer("echo_server.ts");
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  conn.setNoDelay(true);
  const bytes = noise(1000);
  const received = readToEnd(conn);
  for (let i = 0; i < bytes.length; i++) await conn.write(bytes.subarray(i, i + 1));
  await conn.closeWrite();
  assertEquals(await received, bytes);
});

Deno.test("echo_server.ts outlives 100 clients that reset before it accepts them", async () => {
  await using server = await startServer("echo_server.ts");
  using busy = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await server.prints(/Connected by/); // one client at a time: all the others wait in the backlog
  for (let i = 0; i < 100; i++) await connectAndReset(server.port);
  await busy.closeWrite();
  assertEquals(await exchange(server.port, HELLO), HELLO);
});

Deno.test("echo_server.ts outlives a client that resets in the middle of an echo", async () => {
  await using server = await startServer("echo_server.ts");
  for (let i = 0; i < 5; i++) await resetInEcho(server.port, noise(1024 * 1024));
  assertEquals(await exchange(server.port, HELLO), HELLO);
  await server.prints("Connection lost: ", "stderr");
});

Deno.test("echo_server.ts outlives a client that leaves without reading its echo", async () => {
  await using server = await startServer("echo_server.ts");
  {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await conn.write(noise(64 * 1024));
  }
  assertEquals(await exchange(server.port, HELLO), HELLO);
});

Deno.test("echo_server.ts gives one clear line and exit code 1 when it cannot listen", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const wrong: [string[], string][] = [
    [["127.0.0.1", String(port)], `Cannot listen on 127.0.0.1:${port}: `],
    [["127.0.0.1", "65536"], "Cannot listen on 127.0.0.1:65536: Invalid port"],
    [["no-such-host.invalid", "0"], "Cannot listen on no-such-host.invalid:0: "],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await runScript("echo_server.ts", ...args);
    assertEquals([code, stdout], [1, ""]);
    assert(stderr.startsWith(message), stderr);
    assertMatch(stderr, /^[^\n]+\n$/);
  }
});

Deno.test("echo_server.ts says which permission it lacks", async () => {
  await using server = new Program(["run", "--no-prompt", "echo_server.ts"]);
  assertEquals((await server.ended).code, 1);
  assertMatch(server.stderr, /^Cannot listen on 127\.0\.0\.1:65432: .*--allow-net.*\n$/);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `echo_server.ts ends cleanly on ${signal} with a client connected, and frees its port`,
    ignore: Deno.build.os === "windows", // where a process cannot send these signals to another
    async fn() {
      await using server = await startServer("echo_server.ts");
      assertEquals(await exchange(server.port, HELLO), HELLO);
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      await writeAll(conn, HELLO);
      await conn.read(new Uint8Array(1));
      server.kill(signal);
      assertEquals((await server.ended).code, 0);
      assertEquals(server.stderr, "");
      Deno.listen({ hostname: "127.0.0.1", port: server.port }).close();
    },
  });
}

Deno.test("the echo pair answers --help with a usage line", async () => {
  for (const script of ["echo_server.ts", "echo_client.ts"]) {
    const { code, stdout, stderr } = await runScript(script, "--help");
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, `Usage: deno run --allow-net ${script} [host] [port]\n`);
  }
});
