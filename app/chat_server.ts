// The chat server: sends what one client says to everybody, and lets nobody wait for a slow reader.
import { decodeChat, encodeChat, type FromServer, MAX_CONTENT_LENGTH } from "./chat/messages.ts";
import { isName, keyOf, NAME_RULE } from "./chat/names.ts";
import {
  integer,
  listenForStop,
  readCommandLine,
  readOptionalAddress,
  seconds,
} from "./core/command_line.ts";
import { MessageConnection } from "./core/connection.ts";
import { listen } from "./core/listen.ts";
import { Outbox, untilWritten } from "./core/outbox.ts";
import { exit, printError } from "./core/output.ts";
import { serve } from "./core/serve.ts";
import type { TimedConn } from "./core/timed_conn.ts";
import { escapeText } from "./wire/escape.ts";
import { isMessageError, type Message } from "./wire/message.ts";

const DRAIN_TIMEOUT = 10_000; // milliseconds for all to get what was said, after Ctrl-C
const MAX_UNDELIVERED = 64 * 1024; // bytes of messages; a quarter of what may wait for one slow reader

const { options, args } = readCommandLine(
  `deno run --allow-net app/chat_server.ts [host] [port]

Runs a chat. It listens on 127.0.0.1 and port 65432 unless you say otherwise. Port 0 takes a free
one.`,
  {
    "ping-interval": seconds(
      15,
      "time between pings; a client that stays silent for two intervals is disconnected",
    ),
    "max-connections": integer(
      "COUNT",
      1000,
      { min: 1, max: 1e6 },
      "maximum number of clients at once",
    ),
  },
);

/** The error for something that a client may not do. */
class ChatError extends Error {}

/** A client of the chat. It has a name once it has joined. */
interface Client {
  name?: string;
  outbox: Outbox;
}

const clients = new Map<string, Client>(); // that have joined, by `keyOf` their names
let undelivered = 0; // bytes of messages since everybody had got everything
let delivery: Promise<void> | undefined; // in progress

const signals = listenForStop(DRAIN_TIMEOUT);
const listener = listen(readOptionalAddress(args));
setInterval(() => broadcast({ type: "ping" }), options.pingInterval);
await serve(listener, handle, {
  ...signals,
  idleTimeout: 2 * options.pingInterval,
  maxConnections: options.maxConnections,
});
await exit(signals.kill.aborted ? 1 : 0);

/** Serves one client until it leaves or makes a mistake. */
async function handle(conn: TimedConn): Promise<void> {
  const connection = new MessageConnection(conn, { maxContentLength: MAX_CONTENT_LENGTH });
  let isReported = false;
  const report = (reason: string) => {
    const who = escapeText(client.name ?? "a stranger");
    if (!isReported) printError(`Dropped ${who} (${conn.name}): ${reason}`);
    isReported = true;
  };
  const outbox = new Outbox(connection, report);
  const client: Client = { outbox };
  try {
    for (let message; (message = await connection.receive()) !== undefined;) {
      while (undelivered > MAX_UNDELIVERED) await (delivery ??= deliver());
      if (!handleMessage(client, message)) break;
    }
  } catch (error) {
    const reason = escapeText((error as Error).message);
    if (error instanceof ChatError || isMessageError(error)) {
      report(reason);
      outbox.push(encode({ type: "error", reason }));
    } else {
      outbox.drop(reason);
    }
  }
  leave(client);
  await outbox.written;
  await connection.linger();
}

/** Does what a message asks for, and returns whether the client stays. */
function handleMessage(client: Client, message: Message): boolean {
  const { type, name, text } = decodeChat(message);
  if (client.name === undefined) {
    if (type !== "join") throw new ChatError("Expected a join as the first message");
    join(client, name);
  } else if (type === "say") {
    if (typeof text !== "string" || !text.isWellFormed()) {
      throw new ChatError("Cannot say that: it is not a text");
    }
    broadcast({ type, name: client.name, text });
  } else if (type === "who") {
    client.outbox.push(encode({ type, names: [...clients.values()].map(({ name }) => name!) }));
  } else if (type !== "pong" && type !== "leave") {
    throw new ChatError("Expected a message of type say, who, pong or leave");
  }
  return type !== "leave";
}

function join(client: Client, name: unknown): void {
  if (!isName(name)) throw new ChatError(`Cannot join: ${NAME_RULE}`);
  if (clients.has(keyOf(name))) throw new ChatError("Cannot join: somebody else has this name");
  client.name = name;
  clients.set(keyOf(name), client);
  broadcast({ type: "join", name });
}

function leave({ name }: Client): void {
  if (name === undefined) return;
  if (!signals.stop.aborted) broadcast({ type: "leave", name });
  clients.delete(keyOf(name));
}

/** Queues a message for everybody. It is encoded once, and all get it in the same order. */
function broadcast(content: FromServer): void {
  const message = encode(content);
  for (const { outbox } of clients.values()) outbox.push(message);
}

function encode(content: FromServer): Uint8Array {
  const message = encodeChat(content);
  undelivered += message.length;
  return message;
}

/**
 * Waits until everybody who reads has got everything. In a large chat, it takes many turns of the event
 * loop to write a message to all. If the server took in more messages meanwhile, queues would overflow
 * although everybody reads.
 */
async function deliver(): Promise<void> {
  await untilWritten([...clients.values()].map(({ outbox }) => outbox));
  undelivered = 0;
  delivery = undefined;
}
