// Opens many connections at once, sends two messages on each, and checks that they come back.
//
//   deno run --allow-net app/multiconn_client.ts <host> <port> <num_connections>

import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { formatAddress } from "./core/address.ts";
import {
  duration,
  failUsage,
  flag,
  readAddress,
  readCommandLine,
  readInteger,
} from "./core/command_line.ts";
import { connect } from "./core/connect.ts";
import { printSync } from "./core/output.ts";
import { DeadlineConn } from "./core/deadline_conn.ts";
import { escapeBytes } from "./wire/escape.ts";
import { RESPONSE_TIMEOUT } from "./wire/limits.ts";

const MESSAGES = ["Message 1 from client.", "Message 2 from client."];
const MAX_CONNECTIONS = 65_535; // a machine has no more ports from which to reach one server
const MAX_REASONS = 4; // lines of the summary
const MIN_FOR_PROGRESS = 100; // connections; fewer are done before anybody could read how many
const PROGRESS_INTERVAL = 200; // milliseconds

const { options, args } = readCommandLine(
  `deno run --allow-net app/multiconn_client.ts <host> <port> <num_connections>

Sends two messages on each of many connections, and checks that they come back.`,
  {
    "timeout": duration(
      RESPONSE_TIMEOUT,
      "maximum time to connect, and for the server to send or take the next bytes",
    ),
    "quiet": flag("print failures only"),
  },
);
const { timeout } = options;
const [, , count, unexpected] = args;
const address = readAddress(args.slice(0, 2));
if (count === undefined) failUsage("Missing number of connections");
if (unexpected !== undefined) failUsage(`Unexpected argument ${unexpected}`);
const total = readInteger("number of connections", count, 1, MAX_CONNECTIONS);
const serverAddress = formatAddress(address);
const log = (line: string) => options.quiet || printSync(line);

const encoder = new TextEncoder();
const expected = encoder.encode(MESSAGES.join(""));
const failures = new Map<string, number>(); // by reason, on how many connections
let ended = 0;

const timer = setInterval(showProgress, PROGRESS_INTERVAL);
await Promise.all(Array.from({ length: total }, (_, i) => run(i + 1)));
clearInterval(timer);
showProgress();
if (failures.size > 0) reportFailures();

/** Runs one connection to its end. A failure is counted, and does not stop the others. */
async function run(id: number): Promise<void> {
  try {
    await converse(id);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const reason = code === "EMFILE" ? "Too many open files, see `ulimit -n`" : message;
    failures.set(reason, (failures.get(reason) ?? 0) + 1);
  }
  ended++;
}

/** Sends the messages, reads to the end, and compares: this client knows what must come back. */
async function converse(id: number): Promise<void> {
  log(`Starting connection ${id} to ${serverAddress}`);
  const deadlines = { idleTimeout: timeout, writeTimeout: timeout };
  using conn = new DeadlineConn(await connect(address, timeout), deadlines);
  for (const message of MESSAGES) {
    log(`Sending '${message}' to connection ${id}`);
    await conn.writeAll(encoder.encode(message));
  }
  await conn.closeWrite(); // half-close: "I have finished sending", while we go on reading

  const received = new Uint8Array(expected.length);
  let length = 0;
  while (true) {
    const bytes = await conn.read();
    if (bytes === null) break; // the server will send no more
    log(`Received ${escapeBytes(bytes)} from connection ${id}`);
    if (length + bytes.length > expected.length) throw new Error("More came back than was sent");
    received.set(bytes, length);
    length += bytes.length;
  }
  if (length < expected.length) {
    throw new Error(`Only ${length} of ${expected.length} bytes came back`);
  }
  if (!equals(received, expected)) throw new Error("The echo differs from what was sent");
  log(`Closing connection ${id}`);
}

/** Shows on a terminal how many connections have ended. */
function showProgress(): void {
  if (total < MIN_FOR_PROGRESS || !Deno.stderr.isTerminal()) return;
  const end = ended < total ? "\r" : "\n";
  Deno.stderr.writeSync(encoder.encode(`${ended} of ${total} connections done${end}`));
}

/** Sums up the failures, the most frequent reasons first. */
function reportFailures(): never {
  const reasons = [...failures].sort(([, a], [, b]) => b - a);
  const failed = reasons.reduce((sum, [, times]) => sum + times, 0);
  console.error(`${failed} of ${total} connections to ${serverAddress} failed:`);
  for (const [reason, times] of reasons.slice(0, MAX_REASONS)) {
    console.error(`  ${times} x ${reason}`);
  }
  Deno.exit(1);
}
