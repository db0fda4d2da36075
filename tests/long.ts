// Tests that take long, and are therefore not part of `deno task test`: deno task test:long
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runAgainst, runScript, startServer, stuck, works } from "./support/programs.ts";

Deno.test("echo_client.ts gives up on a server that is silent for 30 s", async () => {
  const { code, stdout, stderr } = await runAgainst(() => {}, "echo_client.ts");
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^No echo from 127\.0\.0\.1:\d+: No answer within 30 s\n$/);
});

Deno.test({
  name:
    "app/multiconn_server.ts ends with exit code 1 ten seconds after a signal, whatever clients do",
  ignore: Deno.build.os === "windows",
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

Deno.test({
  name: "app/multiconn_client.ts runs 10,000 connections from one process",
  ignore: !works("bash", "-c", "(( $(ulimit -Hn) > 10100 ))"),
  async fn() {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    const args = ["127.0.0.1", String(server.port), "10000", "--quiet"];
    const { code, stdout, stderr } = await runScript("app/multiconn_client.ts", ...args);
    assertEquals([code, stdout, stderr, server.stderr], [0, "", "", ""]);
  },
});
