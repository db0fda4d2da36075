// What clients do to servers that they mean no good. Each attack ends when the server has ended it.
import { concat } from "@std/bytes/concat";
import { encodeChat } from "../../app/chat/messages.ts";
import { createRequest } from "../../app/libclient.ts";
import { encodeFrame, encodeMessage } from "../../mod.ts";
import { connectAndReset, noise, readToEnd, writeAll } from "../support/programs.ts";

export type Attack = (port: number) => Promise<void>;

const FLOOD_LENGTH = 1024 * 1024; // bytes of one write; the next ones are there when the server reads
const FLOOD_TIME = 300; // milliseconds

const NOISE = noise(64 * 1024);
const REQUEST = createRequest("search", "morpheus");
const REQUESTS = concat(Array<Uint8Array>(200).fill(REQUEST));
const SMALLEST = repeat(
  encodeMessage(new Uint8Array(), { contentType: "", contentEncoding: "" }),
);
const FRAMES = repeat(encodeFrame(new Uint8Array(1)));
const PONGS = repeat(encodeChat({ type: "pong" }));
const SPOKEN = encodeChat({ type: "say", text: "x".repeat(1000) });

/** For every server. */
export const anywhere: Record<string, Attack> = {
  "resets at once": (port) => connectAndReset(port),
  "resets after some bytes": (port) => connectAndReset(port, NOISE),
  "closes without reading": async (port) => {
    using conn = await connect(port);
    await writeAll(conn, NOISE.subarray(0, 1000));
  },
};

/** For servers that have deadlines. */
export const anywhereWithDeadlines: Record<string, Attack> = {
  ...anywhere,
  "floods": (port) => flood(port, NOISE),
  "is silent": (port) => sendAndWait(port, new Uint8Array()),
  "sends noise": (port) => sendAndWait(port, NOISE),
  "never reads": (port) => sendForEver(port, NOISE),
};

/** For the application server. */
export const onApp: Record<string, Attack> = {
  ...anywhereWithDeadlines,
  "floods with the smallest requests": (port) => flood(port, SMALLEST),
  "stops in a header": (port) => sendAndWait(port, REQUEST.subarray(0, 20)),
  "stops in a content": (port) => sendAndWait(port, REQUEST.subarray(0, -1)),
  "sends an empty header": (port) => sendAndWait(port, new Uint8Array(2)),
  "sends a request byte by byte": async (port) => {
    using conn = await connect(port);
    for (const byte of REQUEST) await writeAll(conn, new Uint8Array([byte]));
    await conn.closeWrite();
    await readToEnd(conn);
  },
  "asks for ever, and never reads": (port) => sendForEver(port, REQUESTS),
};

/** For the relay, whose own work is to label what it takes for messages, frames or text. */
export const onRelay: Record<string, Attack> = {
  ...anywhereWithDeadlines,
  "floods with the smallest messages": (port) => flood(port, SMALLEST),
  "floods with frames of one byte": (port) => flood(port, FRAMES),
};

let guests = 0;

/** For the chat server. */
export const onChat: Record<string, Attack> = {
  ...anywhereWithDeadlines,
  "joins and floods with pongs": (port) => flood(port, PONGS, join()),
  "joins and resets": (port) => connectAndReset(port, join()),
  "joins, says something and leaves without reading": async (port) => {
    using conn = await connect(port);
    await writeAll(conn, concat([join(), SPOKEN]));
  },
  "joins and never answers a ping": (port) => sendAndWait(port, join()),
  "has a bad name": (port) => sendAndWait(port, encodeChat({ type: "join", name: "\x1b[31m" })),
};

/** For the page of the relay. */
export const onPage: Record<string, Attack> = {
  ...anywhere,
  "is silent": (port) => sendAndWait(port, new Uint8Array()),
  "sends noise": (port) => sendAndWait(port, NOISE),
  "comes from elsewhere": (port) => sendAndWait(port, get("/", "attacker.example")),
  "watches and never reads": async (port) => {
    using conn = await connect(port);
    await writeAll(conn, get("/events", `127.0.0.1:${port}`));
    await new Promise((resolve) => setTimeout(resolve, 1000));
  },
};

function repeat(message: Uint8Array): Uint8Array {
  return concat(Array<Uint8Array>(Math.ceil(FLOOD_LENGTH / message.length)).fill(message));
}

function join(): Uint8Array {
  return encodeChat({ type: "join", name: `guest ${++guests}` });
}

function get(path: string, host: string): Uint8Array {
  return new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

async function sendAndWait(port: number, bytes: Uint8Array): Promise<void> {
  using conn = await connect(port);
  await writeAll(conn, bytes);
  await readToEnd(conn);
}

async function sendForEver(port: number, bytes: Uint8Array): Promise<never> {
  using conn = await connect(port);
  return await keepSending(conn, bytes);
}

async function discard(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  while (await conn.read(buffer) !== null);
}

/** Sends as much as it can for a while, and reads what comes back. */
async function flood(
  port: number,
  bytes: Uint8Array,
  first: Uint8Array = new Uint8Array(),
): Promise<void> {
  using conn = await connect(port);
  const reading = discard(conn).catch(() => {}); // the server may refuse it
  await writeAll(conn, first);
  const end = performance.now() + FLOOD_TIME;
  while (performance.now() < end) await writeAll(conn, bytes);
  await conn.closeWrite();
  await reading;
}

async function keepSending(conn: Deno.Conn, bytes: Uint8Array): Promise<never> {
  while (true) {
    await writeAll(conn, bytes);
    await new Promise((resolve) => setTimeout(resolve, 5)); // or the other attackers would have to wait
  }
}
