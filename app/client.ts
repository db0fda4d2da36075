// The application client: sends requests in the tutorial's message protocol and prints the answers.
import {
  duration,
  fail,
  failUsage,
  messageLimits,
  readAddress,
  readCommandLine,
  text,
} from "./core/command_line.ts";
import { formatAddress, type ServerAddress } from "./core/address.ts";
import { connect } from "./core/connect.ts";
import { MessageConnection } from "./core/message_connection.ts";
import { printSync } from "./core/output.ts";
import { DeadlineConn } from "./core/deadline_conn.ts";
import { escapeBytes, escapeJson, escapeText } from "./wire/escape.ts";
import { createRequest, describeResponse } from "./libclient.ts";
import { RESPONSE_TIMEOUT } from "./wire/limits.ts";
import { decodeContent, JSON_CONTENT_TYPE, type Message } from "./wire/message.ts";

const { options, args } = readCommandLine(
  `deno run --allow-net app/client.ts <host> <port> <action> <value> [<action> <value> ...]

Sends requests on one connection and prints the responses. The action "search" is sent as JSON: try
the values morpheus, ring and 🐶. Any other action is sent as bytes. After "--", an action or a value
may begin with a dash.`,
  {
    "unix": text(
      "PATH",
      "connect to a Unix socket instead of <host> <port> (needs --allow-read, --allow-write)",
    ),
    "timeout": duration(
      RESPONSE_TIMEOUT,
      "maximum time for a response to begin, and again to be complete",
    ),
    ...messageLimits,
  },
);

const { address, requests } = readArguments();
const serverAddress = formatAddress(address);
let answered = 0;
try {
  await exchange();
} catch (error) {
  const count = answered === 0
    ? `No response from ${serverAddress}`
    : `Only ${answered} of ${requests.length} requests were answered by ${serverAddress}`;
  fail(`${count}: ${escapeText((error as Error).message)}`);
}

/** Sends all requests, and prints the responses as they arrive, at the same time. */
async function exchange(): Promise<void> {
  printSync(`Starting connection to ${serverAddress}`);
  const { timeout } = options;
  const conn = await connect(address);
  using connection = new MessageConnection(
    new DeadlineConn(conn, { idleTimeout: timeout, writeTimeout: timeout }),
    { ...options, headerTimeout: timeout, messageTimeout: timeout },
  );

  send(connection).catch(() => {}); // then no response arrives either, and the client reports that
  while (answered < requests.length) {
    const response = await connection.receive();
    if (response === undefined) throw new Error("The server closed the connection");
    printSync(`Received ${describe(response)} from ${serverAddress}`);
    printSync(describeResponse(response));
    answered++;
  }
  printSync(`Closing connection to ${serverAddress}`);
}

async function send(connection: MessageConnection): Promise<void> {
  for (const request of requests) {
    printSync(`Sending ${escapeBytes(request)} to ${serverAddress}`);
    await connection.send(request);
  }
}

function describe(response: Message): string {
  const type = response.header["content-type"];
  return type === JSON_CONTENT_TYPE
    ? `response ${escapeJson(decodeContent(response))}`
    : `${escapeText(type)} response`;
}

function readArguments(): { address: ServerAddress; requests: Uint8Array[] } {
  const words = [...args];
  const address = options.unix === undefined
    ? readAddress(words.splice(0, 2))
    : { path: options.unix };
  if (words.length === 0) failUsage("Missing action and value");
  if (words.length % 2 === 1) failUsage(`Missing value for the action ${words.at(-1)}`);
  const requests: Uint8Array[] = [];
  for (let i = 0; i < words.length; i += 2) {
    requests.push(createRequest(words[i]!, words[i + 1]!));
  }
  return { address, requests };
}
