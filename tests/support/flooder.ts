// A client that sends without end what costs a server the most, and reads what comes back. It runs until
// it is killed.
//
//   deno run --allow-net tests/support/flooder.ts <port> echo|app|chat
import { concat } from "@std/bytes/concat";
import { encodeChat } from "../../app/chat/messages.ts";
import { encodeMessage } from "../../mod.ts";

const CHUNK_LENGTH = 1024 * 1024; // bytes; so that the next ones are always there when a server reads

/** The smallest message: a binary request without content, and with short words. */
const SMALLEST = encodeMessage(new Uint8Array(), { contentType: "", contentEncoding: "" });
const KINDS: Record<string, { first: Uint8Array; again: Uint8Array }> = {
  echo: { first: new Uint8Array(), again: new Uint8Array([1]) },
  app: { first: new Uint8Array(), again: SMALLEST },
  chat: {
    first: encodeChat({ type: "join", name: "flooder" }),
    again: encodeChat({ type: "pong" }),
  },
};

const [port, kind] = Deno.args;
const { first, again } = KINDS[kind!]!;
const chunk = concat(Array(Math.ceil(CHUNK_LENGTH / again.length)).fill(again));

const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
await conn.write(first);
console.log("Flooding");
await Promise.race([readAll(), sendForever()]);

async function readAll(): Promise<void> {
  const buffer = new Uint8Array(CHUNK_LENGTH);
  while (await conn.read(buffer) !== null);
}

async function sendForever(): Promise<never> {
  while (true) {
    for (let sent = 0; sent < chunk.length;) sent += await conn.write(chunk.subarray(sent));
  }
}
