import { assert } from "@std/assert";
import { once } from "node:events";
import { Socket } from "node:net";
import { RelayedConnection, type RelayOptions } from "../../../app/relay/relayed_connection.ts";
import { DEFAULT_LIMITS } from "../../../app/relay/unit_reader.ts";
import { pauseForOthers } from "../../../app/core/fair_work.ts";

const WORK = 6; // milliseconds for each chunk: two of them in a row are too much

/** A connection to a listener, from a client of whom the test says what comes. */
async function relay(listener: Deno.TcpListener) {
  const client = new Socket();
  const { promise: opened, resolve: resume } = Promise.withResolvers<void>();
  client.resume = () => {
    resume();
    return Socket.prototype.resume.call(client);
  };
  const options: RelayOptions = {
    ...DEFAULT_LIMITS,
    to: listener.addr,
    protocol: "raw",
    chunk: 0,
    delay: 0,
    cut: Infinity,
    stall: false,
    isWatched: true,
    publish: ({ type }) => {
      for (const start = performance.now(); type === "chunk" && performance.now() < start + WORK;);
    },
  };
  const connection = new RelayedConnection(1, client, options);
  const server = await listener.accept();
  await opened; // and only now the client is read
  await pauseForOthers(-Infinity, 0); // so that the work of other tests does not count
  return { client, connection, server };
}

/** Whether a client is paused who sends ten chunks of this length in a row. */
async function isPausedAfter(length: number): Promise<boolean> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { client, connection, server } = await relay(listener);
  using _ = server;
  for (let i = 0; i < 10 && !client.isPaused(); i++) client.emit("data", new Uint8Array(length));
  const isPaused = client.isPaused();
  if (isPaused) await once(client, "resume"); // after the pause
  client.destroy(new Error("The client has gone"));
  await connection.closed;
  return isPaused;
}

for (const [what, length] of [["fills", 64 * 1024], ["does not fill", 40 * 1024]] as const) {
  Deno.test(`RelayedConnection lets others in while a client floods it, if each read ${what} the buffer`, async () => {
    assert(await isPausedAfter(length));
  });
}

Deno.test("RelayedConnection has nobody wait who sends little at a time", async () => {
  assert(!(await isPausedAfter(1024)));
});
