// The chat client: says every line of its input to everybody, and prints what all the others say.
import { decodeChat, encodeChat, type FromClient, MAX_CONTENT_LENGTH } from "./chat/messages.ts";
import {
  fail,
  failUsage,
  listenForStop,
  readAddress,
  readCommandLine,
  seconds,
} from "./core/command_line.ts";
import { nameOf } from "./core/address.ts";
import { connect } from "./core/connect.ts";
import { MessageConnection } from "./core/connection.ts";
import { printNow } from "./core/output.ts";
import { TimedConn } from "./core/timed_conn.ts";
import { escapeText } from "./wire/escape.ts";

const LEAVE_TIMEOUT = 2_000; // milliseconds for the server to answer our leave, after Ctrl-C

const { options, args } = readCommandLine(
  `deno run --allow-net app/chat_client.ts <host> <port> <name>

Joins a chat. Each line of the input is said to everybody, except
  /who   asks who is there
  /quit  leaves, as do the end of the input and Ctrl-C`,
  { "timeout": seconds(30, "for the server to say anything at all, and be it a ping") },
);
const [, , name, unexpected] = args;
const address = readAddress(args.slice(0, 2));
if (name === undefined) failUsage("Missing name");
if (unexpected !== undefined) failUsage(`Unexpected argument ${unexpected}`);
const place = nameOf({ transport: "tcp", ...address });

let connection: MessageConnection;
let sent = Promise.resolve();
let pong: Promise<void> | undefined;
try {
  const { timeout } = options;
  connection = new MessageConnection(
    new TimedConn(await connect({ address }), { idleTimeout: timeout }),
    { headerTimeout: timeout, messageTimeout: timeout },
  );
  const { stop, kill } = listenForStop(LEAVE_TIMEOUT);
  stop.addEventListener("abort", () => send({ type: "leave" }));
  kill.addEventListener("abort", () => Deno.exit(0));
  send({ type: "join", name });
  sendInput().catch((error: Error) => fail(`Cannot read the input: ${error.message}`));
  await printMessages();
} catch (error) {
  fail(`Cannot chat at ${place}: ${escapeText((error as Error).message)}`);
}
Deno.exit(0); // although the input may go on

async function sendInput(): Promise<void> {
  for await (const line of readLines()) {
    if (line === "/quit") break;
    if (line === "/who") await send({ type: "who" });
    else if (line !== "") await send({ type: "say", text: line });
  }
  await send({ type: "leave" });
}

async function* readLines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Prints what happens, until the server says that we have left. */
async function printMessages(): Promise<void> {
  for (let message; (message = await connection.receive()) !== undefined;) {
    const { type, name: who, names, text, reason } = decodeChat(message);
    if (type === "error") throw new Error(String(reason));
    if (type === "leave" && who === name) return;
    if (type === "ping") pong ??= send({ type: "pong" }).then(() => pong = undefined);
    if (type === "join") printNow(`* ${printable(who)} joined`);
    if (type === "leave") printNow(`* ${printable(who)} left`);
    if (type === "say") printNow(`${printable(who)}: ${printable(text)}`);
    if (type === "who") printNow(`* here: ${[names].flat().map(printable).join(", ")}`);
  }
  throw new Error("The server closed the connection");
}

function printable(value: unknown): string {
  return escapeText(String(value), MAX_CONTENT_LENGTH);
}

/** Sends a message after those before it. Where that fails, receiving fails as well, and says why. */
function send(content: FromClient): Promise<void> {
  const message = encodeChat(content);
  return sent = sent.then(() => connection.send(message)).catch(() => {});
}
