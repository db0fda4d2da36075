// The chat client: sends each line of its input to everybody, and prints what everybody says.
import { decodeChat, encodeChat, type FromClient } from "./chat/messages.ts";
import { duration, fail, failUsage, readAddress, readCommandLine } from "./core/command_line.ts";
import { formatAddress } from "./core/address.ts";
import { connect } from "./core/connect.ts";
import { MessageConnection } from "./core/message_connection.ts";
import { Outbox } from "./core/outbox.ts";
import { printSync } from "./core/output.ts";
import { listenForStop } from "./core/stop_signals.ts";
import { Terminal } from "./core/terminal.ts";
import { DeadlineConn } from "./core/deadline_conn.ts";
import { escapeText } from "./wire/escape.ts";
import {
  LEAVE_TIMEOUT,
  MAX_CHAT_CONTENT_LENGTH,
  MAX_OUTBOX_LENGTH,
  RESPONSE_TIMEOUT,
} from "./wire/limits.ts";

const { options, args } = readCommandLine(
  `deno run --allow-net app/chat_client.ts <host> <port> <name>

Joins a chat under a name. Each line that you type is sent to everybody, except
  /who   lists who is there
  /quit  leaves the chat, as do Ctrl-D and Ctrl-C`,
  {
    "timeout": duration(
      RESPONSE_TIMEOUT,
      "maximum time for the server to send something, such as a ping",
    ),
  },
);
const [, , name, unexpected] = args;
const address = readAddress(args.slice(0, 2));
if (name === undefined) failUsage("Missing name");
if (unexpected !== undefined) failUsage(`Unexpected argument ${unexpected}`);
const place = formatAddress(address);

let outbox: Outbox;
let terminal: Terminal | undefined; // unless the input or the output goes elsewhere
let hasJoined = false;
try {
  const { timeout } = options;
  const connection = new MessageConnection(
    new DeadlineConn(await connect(address), { idleTimeout: timeout }),
    { headerTimeout: timeout, messageTimeout: timeout },
  );
  outbox = new Outbox(connection, () => {}); // if sending fails, receiving fails too, and tells why
  const { stop, kill } = listenForStop(LEAVE_TIMEOUT);
  stop.addEventListener("abort", () => send({ type: "leave" }));
  kill.addEventListener("abort", () => end(0));
  send({ type: "join", name });
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) terminal = new Terminal();
  sendInput().catch((error: Error) => endWith(`Cannot read the input: ${error.message}`));
  await printMessages(connection);
  end(0);
} catch (error) {
  const what = hasJoined ? `The chat at ${place} has ended` : `Cannot join the chat at ${place}`;
  endWith(`${what}: ${escapeText((error as Error).message)}`);
}

/** Ends the program, although the input may go on. */
function end(code: number): never {
  terminal?.[Symbol.dispose]();
  Deno.exit(code);
}

function endWith(message: string): never {
  terminal?.[Symbol.dispose]();
  fail(message);
}

/** Sends what is typed, and the commands among it, to the end. */
async function sendInput(): Promise<void> {
  for await (const line of terminal?.lines() ?? readLines()) {
    if (line === "/quit") break;
    if (line === "/who") send({ type: "who" });
    else if (line !== "") send({ type: "say", text: line });
    await outbox.written; // a file is read as fast as the server takes it
  }
  send({ type: "leave" });
}

/** Reads the lines of an input that is not a terminal. */
async function* readLines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    yield* lines;
    if (rest.length > MAX_OUTBOX_LENGTH) refuseLine(); // its end may never come
  }
  if (rest !== "") yield rest;
}

/** Prints what happens, until the server reports that this client has left. */
async function printMessages(connection: MessageConnection): Promise<void> {
  while (true) {
    const message = await connection.receive();
    if (message === undefined) throw new Error("The server closed the connection");
    const { type, name: who, names, text, reason } = decodeChat(message);
    if (type === "error") throw new Error(String(reason).replace(/^Cannot join: /, ""));
    if (type === "leave" && who === name) return;
    const isIdle = outbox.written === undefined; // if not, the server hears from this client anyway
    if (type === "ping" && isIdle) send({ type: "pong" });
    if (type === "join") {
      hasJoined = true; // the first of them is about this client
      print(`* ${printable(who)} joined`);
    }
    if (type === "leave") print(`* ${printable(who)} left`);
    if (type === "say") print(`${printable(who)}: ${printable(text)}`);
    if (type === "who") print(`* here: ${[names].flat().map(printable).join(", ")}`);
  }
}

function print(line: string): void {
  if (terminal) terminal.print(line);
  else printSync(line);
}

function printable(value: unknown): string {
  return escapeText(String(value), MAX_CHAT_CONTENT_LENGTH);
}

/** Sends a message after those before it. */
function send(content: FromClient): void {
  const message = encodeChat(content);
  if (message.length > MAX_OUTBOX_LENGTH) refuseLine();
  outbox.push(message);
}

function refuseLine(): never {
  endWith("Cannot send a line that is so long");
}
