// Tests that take long, and are therefore not part of `deno task test`: deno task test:long
import { assertEquals, assertMatch } from "@std/assert";
import { runAgainst } from "./processes.ts";

Deno.test("echo_client.ts gives up on a server that is silent for 30 s", async () => {
  const { code, stdout, stderr } = await runAgainst(() => {}, "echo_client.ts");
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^No echo from 127\.0\.0\.1:\d+: Silent for 30 s\n$/);
});
