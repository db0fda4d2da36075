// Opens many connections at once, sends two messages on each, and checks that they come back.
//
//   deno run --allow-net app/multiconn_client.ts <host> <port> <num_connections>

import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { nameOf } from "./core/address.ts";
import {
  failUsage,
  flag,
  readAddress,
  readCommandLine,
  readInteger,
  seconds,
} from "./core/command_line.ts";
import { connect } from "./core/connect.ts";
import { printNow } from "./core/output.ts";
import { TimedConn } from "./core/timed_conn.ts";
import { escapeBytes } from "./wire/escape.ts";

const MESSAGES = ["Message 1 from client.", "Message 2 from client."];
const MAX_CONNECTIONS = 1_000_000; // more than a machine can have, and no accident
const MAX_REASONS = 4; // lines of the summary
const SLOW = 100; // connections; with fewer, there is no progress to show
const PROGRESS_INTERVAL = 200; // milliseconds

const { options, args } = readCommandLine(
  `deno run --allow-net app/multiconn_client.ts <host> <port> <num_connections>

Sends two messages on each of many connections, and checks that they come back.`,
  {
    "timeout": seconds(
      30,
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
const name = nameOf({ transport: "tcp", ...address });
const log = (line: string) => options.quiet || printNow(line);

const encoder = new TextEncoder();
const expected = encoder.encode(MESSAGES.join(""));
const failures = new Map<string, number>(); // by reason, on how many connections
let ended = 0;

const timer = setInterval(showProgress, PROGRESS_INTERVAL);
await Promise.all(Array.from({ length: total }, (_, i) => run(i + 1)));
clearInterval(timer);
showProgress();
if (failures.size > 0) fail();

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
  log(`Starting connection ${id} to ${name}`);
  const options = { idleTimeout: timeout, writeTimeout: timeout };
  using conn = new TimedConn(await connect({ address, timeout }), options);
  for (const message of MESSAGES) {
    log(`Sending '${message}' to connection ${id}`);
    await conn.writeAll(encoder.encode(message));
  }
  await conn.closeWrite(); // half-close: "I have finished sending", while we go on reading

  const received = new Uint8Array(expected.length);
  let length = 0;
  for (let bytes; (bytes = await conn.read()) !== null;) {
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
  if (total < SLOW || !Deno.stderr.isTerminal()) return;
  const end = ended < total ? "\r" : "\n";
  Deno.stderr.writeSync(encoder.encode(`${ended} of ${total} connections done${end}`));
}

/** Sums up the failures, the most frequent reasons first. */
function fail(): never {
  const reasons = [...failures].sort(([, a], [, b]) => b - a);
  const failed = reasons.reduce((sum, [, times]) => sum + times, 0);
  console.error(`${failed} of ${total} connections to ${name} failed:`);
  for (const [reason, times] of reasons.slice(0, MAX_REASONS)) {
    console.error(`  ${times} x ${reason}`);
  }
  Deno.exit(1);
}
