// Tests that take long, and are therefore not part of `deno task test`: deno task test:long
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runAgainst, startServer, stuck } from "./processes.ts";

Deno.test("echo_client.ts gives up on a server that is silent for 30 s", async () => {
  const { code, stdout, stderr } = await runAgainst(() => {}, "echo_client.ts");
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^No echo from 127\.0\.0\.1:\d+: Silent for 30 s\n$/);
});

Deno.test({
  name: "multiconn_server.ts ends with exit code 1 ten seconds after a signal, whatever clients do",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await startServer("multiconn_server.ts", "--quiet");
    using conn = await stuck(server.port);
    const start = performance.now();
    server.kill("SIGINT");
    assertEquals((await server.ended).code, 1);
    assertEquals(server.stderr, "1 connections did not finish\n");
    assert(performance.now() - start >= 10_000);
    void conn;
  },
});
