// One client that sends without end may slow others down, but must not keep them out.
import { assert } from "@std/assert";
import { type Kind, measureUnderFlood } from "../support/latency.ts";
import { startServer } from "../support/programs.ts";

const TIME = 2_000; // milliseconds
const MAX_MEDIAN = 1_000; // milliseconds; the benchmark has the real limits, for a machine that is not busy

const servers: [kind: Kind, script: string, ...args: string[]][] = [
  ["echo", "app/multiconn_server.ts", "--quiet"],
  ["app", "app/server.ts", "--quiet"],
  ["chat", "app/chat_server.ts"],
];
for (const [kind, script, ...args] of servers) {
  Deno.test(`${script} answers others and newcomers while one client floods it`, async () => {
    await using server = await startServer(script, ...args);
    const { connected, newcomers } = await measureUnderFlood(kind, server.port, TIME);
    const told = JSON.stringify({ connected, newcomers });
    assert(connected.median < MAX_MEDIAN, told);
    assert(newcomers.median < MAX_MEDIAN, told);
  });
}
