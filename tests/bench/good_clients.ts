// Clients that do nothing wrong, in a thread of their own, so that an attacker does not delay them here.
import { equals } from "@std/bytes/equals";
import { encodeChat } from "../../app/chat/messages.ts";
import { MessageConnection } from "../../app/core/connection.ts";
import { TimedConn } from "../../app/core/timed_conn.ts";
import { createRequest } from "../../app/libclient.ts";
import { decodeContent } from "../../mod.ts";
import { noise, writeAll } from "../support/programs.ts";

/** What the good clients of one server have seen. */
export interface Report {
  answers: number;
  /** The time that the slowest answer took, in milliseconds. */
  slowest: number;
  /** How many connections did not get the answers they must. */
  lost: number;
  problem?: string;
}

/** What a server does for a client. */
export type Kind = "echo" | "app" | "tls" | "chat" | "page";

/** Where a server is, and what it does. */
export interface Target {
  name: string;
  kind: Kind;
  port: number;
  clients: number;
}

const SOURCE = noise(64 * 1024);
const PAUSE = 20; // milliseconds between two answers
const ANSWERS = 20; // on one connection
const SEARCH = createRequest("search", "ring");
const RESULT = "In the caves beneath the Misty Mountains. 💍";

const soak = self as unknown as Worker; // who has started this one
const reports: Record<string, Report> = {};
let caCerts: string[] = [];
let goOn = Promise.withResolvers<void>(); // ends a pause
let isPaused = true;
let busy = 0; // clients

/** `"start"` lets the clients go on, `"stop"` ends their connections, and is answered with the reports. */
soak.onmessage = ({ data }: MessageEvent<{ targets: Target[]; caCert: string } | string>) => {
  if (data === "start") {
    isPaused = false;
    goOn.resolve();
  } else if (data === "stop") {
    isPaused = true;
    goOn = Promise.withResolvers();
    reportWhenIdle();
  } else if (typeof data === "object") {
    caCerts = [data.caCert];
    for (const target of data.targets) {
      reports[target.name] = { answers: 0, slowest: 0, lost: 0 };
      for (let i = 0; i < target.clients; i++) keepUsing(target, i);
    }
  }
};

function reportWhenIdle(): void {
  if (!isPaused || busy > 0) return;
  soak.postMessage(reports);
  for (const name in reports) reports[name] = { answers: 0, slowest: 0, lost: 0 };
}

async function keepUsing(target: Target, number: number): Promise<never> {
  while (true) {
    await goOn.promise;
    busy++;
    try {
      await clients[target.kind](target, number);
    } catch (error) {
      const report = reports[target.name]!;
      report.lost++;
      report.problem ??= (error as Error).message;
    }
    busy--;
    reportWhenIdle();
  }
}

const clients: Record<Kind, (target: Target, number: number) => Promise<void>> = {
  async echo({ name, port }) {
    using conn = await connect(port);
    const reply = new Uint8Array(SOURCE.length);
    await repeat(name, async () => {
      const start = Math.floor(Math.random() * SOURCE.length);
      const bytes = SOURCE.subarray(start, start + 4096);
      await writeAll(conn, bytes);
      for (let length = 0; length < bytes.length;) {
        const n = await conn.read(reply.subarray(length, bytes.length));
        if (n === null) throw new Error(`${bytes.length - length} bytes did not come back`);
        length += n;
      }
      if (!equals(reply.subarray(0, bytes.length), bytes)) throw new Error("Other bytes came back");
    });
  },

  async app({ name, port }) {
    await search(name, await connect(port));
  },

  async tls({ name, port }) {
    await search(name, await Deno.connectTls({ hostname: "localhost", port, caCerts }));
  },

  async chat({ name, port }, number) {
    using connection = new MessageConnection(new TimedConn(await connect(port)));
    const me = `good ${number} ${crypto.randomUUID().slice(0, 8)}`;
    await connection.send(encodeChat({ type: "join", name: me }));
    let count = 0;
    await repeat(name, async () => {
      const text = `${++count}`;
      await connection.send(encodeChat({ type: "say", text }));
      while (true) { // what others say comes before it
        const message = await connection.receive();
        if (message === undefined) throw new Error("The chat ended");
        const heard = decodeContent(message) as Record<string, unknown>;
        if (heard.type === "ping") await connection.send(encodeChat({ type: "pong" }));
        if (heard.type !== "say" || heard.name !== me) continue;
        if (heard.text !== text) throw new Error(`Heard ${heard.text} instead of ${text}`);
        break;
      }
    });
    await connection.send(encodeChat({ type: "leave" }));
  },

  async page({ name, port }) {
    await repeat(name, async () => {
      const headers = { connection: "close" };
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
      const text = await response.text();
      if (!text.includes("</html>")) throw new Error(`HTTP ${response.status}, and no page`);
    });
  },
};

/** Asks for an answer again and again, and takes the time. */
async function repeat(name: string, ask: () => Promise<void>): Promise<void> {
  for (let i = 0; i < ANSWERS && !isPaused; i++) {
    const start = performance.now();
    await ask();
    const report = reports[name]!;
    report.answers++;
    report.slowest = Math.max(report.slowest, performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function search(name: string, conn: Deno.Conn): Promise<void> {
  using connection = new MessageConnection(new TimedConn(conn));
  await repeat(name, async () => {
    await connection.send(SEARCH);
    const response = await connection.receive();
    if (response === undefined) throw new Error("The server closed the connection");
    const { result } = decodeContent(response) as { result: unknown };
    if (result !== RESULT) throw new Error(`Got ${result}`);
  });
}

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}
