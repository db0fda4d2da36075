// What clients do to servers that they mean no good. Each attack ends when the server has ended it.
import { concat } from "@std/bytes/concat";
import { encodeChat } from "../../app/chat/messages.ts";
import { createRequest } from "../../app/libclient.ts";
import { connectAndReset, noise, readToEnd, writeAll } from "../support/programs.ts";

export type Attack = (port: number) => Promise<void>;

const NOISE = noise(64 * 1024);
const REQUEST = createRequest("search", "morpheus");
const REQUESTS = concat(Array<Uint8Array>(200).fill(REQUEST));
const SPOKEN = encodeChat({ type: "say", text: "x".repeat(1000) });

/** The first bytes of a TLS handshake. */
export const CLIENT_HELLO: Uint8Array<ArrayBuffer> = new Uint8Array([22, 3, 1, 2, 0, 1]);

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
  "is silent": (port) => sendAndWait(port, new Uint8Array()),
  "sends noise": (port) => sendAndWait(port, NOISE),
  "never reads": (port) => sendForEver(port, NOISE),
};

/** For the application server. */
export const onApp: Record<string, Attack> = {
  ...anywhereWithDeadlines,
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

/** For the application server with TLS. */
export function onTls(caCert: string): Record<string, Attack> {
  const dial = (port: number) =>
    Deno.connectTls({ hostname: "localhost", port, caCerts: [caCert] });
  return {
    ...anywhereWithDeadlines,
    "stops in the handshake": (port) => sendAndWait(port, CLIENT_HELLO),
    "is silent after the handshake": async (port) => {
      using conn = await dial(port);
      await conn.handshake();
      await readToEnd(conn);
    },
    "asks for ever, and never reads": async (port) => {
      using conn = await dial(port);
      await keepSending(conn, REQUESTS);
    },
  };
}

let guests = 0;

/** For the chat server. */
export const onChat: Record<string, Attack> = {
  ...anywhereWithDeadlines,
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

async function keepSending(conn: Deno.Conn, bytes: Uint8Array): Promise<never> {
  while (true) {
    await writeAll(conn, bytes);
    await new Promise((resolve) => setTimeout(resolve, 5)); // or the other attackers would have to wait
  }
}
