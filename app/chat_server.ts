// The chat server: sends what one client says to everybody, and lets nobody wait for a slow reader.
import { decodeChat, encodeChat, type FromServer } from "./chat/messages.ts";
import { isName, keyOf, NAME_RULE } from "./chat/names.ts";
import {
  connectionLimit,
  duration,
  readCommandLine,
  readOptionalAddress,
} from "./core/command_line.ts";
import { MessageConnection } from "./core/message_connection.ts";
import { listen } from "./core/listen.ts";
import { Outbox, untilWritten } from "./core/outbox.ts";
import { exit, printError } from "./core/output.ts";
import { serve } from "./core/serve.ts";
import { listenForStop } from "./core/stop_signals.ts";
import type { DeadlineConn } from "./core/deadline_conn.ts";
import { escapeText } from "./wire/escape.ts";
import {
  DRAIN_TIMEOUT,
  MAX_CHAT_CONTENT_LENGTH,
  MAX_UNDELIVERED_LENGTH,
  PING_INTERVAL,
} from "./wire/limits.ts";
import { isMessageError, type Message } from "./wire/message.ts";

const { options, args } = readCommandLine(
  `deno run --allow-net app/chat_server.ts [host] [port]

Runs a chat. It listens on 127.0.0.1 and port 65432 unless you say otherwise. Port 0 takes a free
one.`,
  {
    "ping-interval": duration(
      PING_INTERVAL,
      "time between pings; a client that stays silent for two intervals is disconnected",
    ),
    "max-connections": connectionLimit(),
  },
);

/** The error for something that a client may not do. */
class ChatError extends Error {}

/** Somebody in the chat, who has a name once they have joined. */
interface Member {
  name?: string;
  outbox: Outbox;
}

const members = new Map<string, Member>(); // that have joined, by `keyOf` their names
let undelivered = 0; // bytes of messages since everybody had got everything
let delivery: Promise<void> | undefined; // in progress

const signals = listenForStop(DRAIN_TIMEOUT);
const listener = listen(readOptionalAddress(args));
const pings = setInterval(() => broadcast({ type: "ping" }), options.pingInterval);
signals.stop.addEventListener("abort", () => clearInterval(pings)); // whose answers would keep clients
await serve(listener, handle, {
  ...signals,
  idleTimeout: 2 * options.pingInterval,
  maxConnections: options.maxConnections,
});
await exit(signals.kill.aborted ? 1 : 0);

/** Serves one client until it leaves or makes a mistake. */
async function handle(conn: DeadlineConn): Promise<void> {
  const connection = new MessageConnection(conn, { maxContentLength: MAX_CHAT_CONTENT_LENGTH });
  let isReported = false;
  const report = (reason: string) => {
    const who = escapeText(member.name ?? "a stranger");
    if (!isReported) printError(`Dropped ${who} (${conn.peerAddress}): ${reason}`);
    isReported = true;
  };
  const outbox = new Outbox(connection, (reason) => {
    conn.close(); // ends the read and the write that wait
    report(reason);
  });
  const member: Member = { outbox };
  try {
    while (true) {
      const message = await connection.receive();
      if (message === undefined) break; // the client will send no more
      while (undelivered > MAX_UNDELIVERED_LENGTH) await (delivery ??= deliver());
      if (!handleMessage(member, message)) break;
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
  leave(member);
  await outbox.written;
  await connection.linger();
}

/** Does what a message asks for, and returns whether the client stays. */
function handleMessage(member: Member, message: Message): boolean {
  const { type, name, text } = decodeChat(message);
  if (member.name === undefined) {
    if (type !== "join") throw new ChatError("Expected a join as the first message");
    join(member, name);
  } else if (type === "say") {
    if (typeof text !== "string" || !text.isWellFormed()) {
      throw new ChatError("Cannot say that: it is not a text");
    }
    broadcast({ type, name: member.name, text });
  } else if (type === "who") {
    member.outbox.push(encode({ type, names: [...members.values()].map(({ name }) => name!) }));
  } else if (type !== "pong" && type !== "leave") {
    throw new ChatError("Expected a message of type say, who, pong or leave");
  }
  return type !== "leave";
}

function join(member: Member, name: unknown): void {
  if (!isName(name)) throw new ChatError(`Cannot join: ${NAME_RULE}`);
  if (members.has(keyOf(name))) throw new ChatError("Cannot join: somebody else has this name");
  member.name = name;
  members.set(keyOf(name), member);
  broadcast({ type: "join", name });
}

function leave({ name }: Member): void {
  if (name === undefined) return;
  if (!signals.stop.aborted) broadcast({ type: "leave", name });
  members.delete(keyOf(name));
}

/** Queues a message for everybody. It is encoded once, and all get it in the same order. */
function broadcast(content: FromServer): void {
  const message = encode(content);
  for (const { outbox } of members.values()) outbox.push(message);
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
  await untilWritten([...members.values()].map(({ outbox }) => outbox));
  undelivered = 0;
  delivery = undefined;
}
