// Behaves as badly as clients do, on purpose, so that you see what your server makes of it.
//
//   deno run --allow-net app/bad_client.ts <mode> [host] [port]
import { connect } from "node:net";
import { formatAddress } from "./core/address.ts";
import {
  fail,
  failUsage,
  integer,
  readCommandLine,
  readOptionalAddress,
} from "./core/command_line.ts";
import { printSync } from "./core/output.ts";
import { onStopSignal } from "./core/stop_signals.ts";
import { pause } from "./core/timeout.ts";
import { createRequest } from "./libclient.ts";
import { escapeText } from "./wire/escape.ts";

const STUCK = 1_000; // milliseconds without progress
const HEAD_START = 500; // milliseconds, in which nothing is read
const DRIP_INTERVAL = 1_000; // milliseconds
const MUCH = 8 * 1024 * 1024; // bytes
const HI = new TextEncoder().encode("Hi\n");
const CHUNK = new Uint8Array(64 * 1024).fill(0x0a); // empty lines

const THEIR_END = "the server has ended the connection";

const MODES: Record<string, (conn: Deno.Conn) => Promise<void>> = {
  "silent": read,
  "never-reads": neverRead,
  "drip": drip,
  "half-close": halfClose,
  "garbage": sendGarbage,
  "flood": flood,
};

const { options, args } = readCommandLine(
  `deno run --allow-net app/bad_client.ts MODE [host] [port]

Is a bad client in one of these ways, until Ctrl-C. A good server goes on serving all others.

  reset        resets the connection when an answer comes; a good server loses this client only
  silent       sends nothing; a good server gives it up after a while
  never-reads  sends, and never reads; a good server stops reading, too, and gives it up
  drip         sends a request, one byte a second; a good server has a deadline for whole requests
  half-close   sends 8 MiB, half-closes, and then reads; a good server answers all of it
  garbage      sends 1000 random bytes; a good server refuses them, or knows what to do with any bytes
  flood        sends and reads without a pause; a good server keeps nobody else waiting`,
  { "clients": integer("COUNT", 1, { min: 1, max: 10_000 }, "be so many of them at once") },
);
const [mode = "", ...rest] = args;
const behave = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined;
if (mode === "") failUsage("Missing mode");
if (!behave && mode !== "reset") failUsage(`Unknown mode ${mode}`);
const address = readOptionalAddress(rest);

let sent = 0; // bytes
let received = 0; // bytes
let stuckTimer: ReturnType<typeof watchForStuck> | undefined;
const start = performance.now();
onStopSignal(() => end("stopped"));
const count = options.clients;
end(behave ? await run(behave) : await resetAll());

/** Connects as many clients, and lets them behave badly. Returns how it ended for the first. */
async function run(behave: (conn: Deno.Conn) => Promise<void>): Promise<string> {
  const connecting = Array.from({ length: count }, () => Deno.connect(address));
  const conns = await Promise.all(connecting).catch(failToConnect);
  printSync(count === 1 ? "Connected" : `${count} clients are connected`);
  const behaving = conns.map((conn) =>
    behave(conn).then(() => THEIR_END, (error) => escapeText(error.message))
  );
  const [first] = await Promise.all(behaving);
  return first!;
}

async function resetAll(): Promise<string> {
  const [first] = await Promise.all(Array.from({ length: count }, reset));
  return first!;
}

/** Sends, and ends the connection in both directions at once when an answer comes. */
function reset(): Promise<string> {
  const socket = connect(address.port, address.hostname); // a Deno.Conn cannot be reset
  let isConnected = false;
  return new Promise((resolve) => {
    socket.on("connect", () => {
      isConnected = true;
      socket.write(HI);
      sent += HI.length; // now, since the answer may be here before the news that all was written
    });
    socket.on("data", (bytes) => {
      received += bytes.length;
      socket.resetAndDestroy();
      resolve("this client has reset the connection");
    });
    socket.on("error", (error) => {
      if (!isConnected) failToConnect(error);
      resolve(escapeText(error.message));
    });
    socket.on("close", () => resolve(THEIR_END));
  });
}

async function neverRead(conn: Deno.Conn): Promise<void> {
  stuckTimer ??= watchForStuck();
  while (true) await send(conn, CHUNK);
}

/** Tells once how much was sent, when no more can be. */
function watchForStuck() {
  let before = -1;
  const timer = setInterval(() => {
    if (sent === before) {
      printSync(`Stuck after ${sent} bytes`);
      clearInterval(timer);
    }
    before = sent;
  }, STUCK);
  return timer;
}

async function drip(conn: Deno.Conn): Promise<void> {
  let isOver = false;
  const reading = read(conn).finally(() => isOver = true);
  const dripping = (async () => {
    for (const byte of createRequest("search", "morpheus")) {
      if (isOver) break;
      await send(conn, new Uint8Array([byte]));
      await Promise.race([reading, pause(DRIP_INTERVAL)]);
    }
  })();
  await Promise.all([reading, dripping]);
}

async function halfClose(conn: Deno.Conn): Promise<void> {
  const sending = sendAndEnd(conn, new Uint8Array(MUCH));
  // Meanwhile the buffers fill, and the server can write no more.
  const reading = pause(HEAD_START).then(() => read(conn));
  await Promise.all([sending, reading]);
}

async function sendGarbage(conn: Deno.Conn): Promise<void> {
  await sendAndEnd(conn, crypto.getRandomValues(new Uint8Array(1000)));
  await read(conn);
}

async function flood(conn: Deno.Conn): Promise<void> {
  const reading = read(conn);
  const sending = (async () => {
    while (true) await send(conn, CHUNK);
  })();
  await Promise.race([reading, sending]);
}

async function send(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length;) {
    const count = await conn.write(bytes.subarray(start));
    start += count;
    sent += count;
  }
}

async function sendAndEnd(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  await send(conn, bytes);
  await conn.closeWrite();
}

/** Reads until the server has finished. */
async function read(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  while (true) {
    const count = await conn.read(buffer);
    if (count === null) break;
    received += count;
  }
}

function failToConnect(error: Error): never {
  return fail(`Cannot connect to ${formatAddress(address)}: ${error.message}`);
}

/** Says in one line what happened, and ends the program. */
function end(how: string): never {
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  printSync(`Sent ${sent} bytes and received ${received} in ${seconds} s: ${how}`);
  Deno.exit(0);
}
