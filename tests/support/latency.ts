// How long clients wait for an answer, those who are connected and those who come, while others flood.
import { encodeChat } from "../../app/chat/messages.ts";
import { DeadlineConn } from "../../app/core/deadline_conn.ts";
import { MessageConnection } from "../../app/core/message_connection.ts";
import { createRequest } from "../../app/libclient.ts";
import { decodeContent } from "../../mod.ts";
import { Program, writeAll } from "./programs.ts";

/** What a server does for a client. */
export type Kind = "echo" | "app" | "chat";

/** How long answers took, in milliseconds: the middle one, the slowest hundredth at least, the slowest. */
export interface Latency {
  median: number;
  p99: number;
  worst: number;
  /** How many answers there were. */
  count: number;
}

const CLIENTS = 50;
const PAUSE = 20; // milliseconds between two answers of one client
const HELLO = new TextEncoder().encode("Hello, world");
const SEARCH = createRequest("search", "ring");

/** A client that asks for one answer after the other. */
interface Client extends Disposable {
  ask(): Promise<void>;
}

/**
 * Measures with 50 clients who are connected, and with one newcomer after the other, while one client
 * more floods the server.
 */
export async function measureUnderFlood(
  kind: Kind,
  port: number,
  time: number, // milliseconds
): Promise<{ connected: Latency; newcomers: Latency }> {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => connect(kind, port, `client ${i}`)),
  );
  const flooder = ["run", "--allow-net", "tests/support/flooder.ts", String(port), kind];
  await using flood = new Program(flooder);
  await flood.prints("Flooding");
  const end = performance.now() + time;
  const [connected, newcomers]: [number[], number[]] = [[], []];
  await Promise.all([
    ...clients.map((client) => repeat(end, connected, () => client.ask())),
    repeat(end, newcomers, async () => {
      using client = await connect(kind, port, `newcomer ${newcomers.length}`);
      await client.ask();
    }),
  ]);
  for (const client of clients) client[Symbol.dispose]();
  if (!flood.isRunning) throw new Error(`The flood has ended: ${flood.stderr}`);
  return { connected: summarize(connected), newcomers: summarize(newcomers) };
}

async function repeat(end: number, times: number[], act: () => Promise<void>): Promise<void> {
  while (performance.now() < end) {
    const start = performance.now();
    await act();
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

function summarize(times: number[]): Latency {
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(part * (times.length - 1))]!;
  return { median: at(0.5), p99: at(0.99), worst: at(1), count: times.length };
}

async function connect(kind: Kind, port: number, name: string): Promise<Client> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  if (kind === "echo") return new EchoClient(conn);
  const connection = new MessageConnection(new DeadlineConn(conn));
  if (kind === "app") return new MessageClient(connection, SEARCH, () => true);
  await connection.send(encodeChat({ type: "join", name }));
  const who = encodeChat({ type: "who" });
  return new MessageClient(connection, who, ({ type }) => type === "who");
}

class EchoClient implements Client {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(HELLO.length);

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async ask(): Promise<void> {
    await writeAll(this.#conn, HELLO);
    for (let length = 0; length < HELLO.length;) {
      const n = await this.#conn.read(this.#buffer.subarray(length));
      if (n === null) throw new Error("The echo ended");
      length += n;
    }
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

class MessageClient implements Client {
  readonly #connection: MessageConnection;
  readonly #request: Uint8Array;
  readonly #isAnswer: (content: Record<string, unknown>) => boolean;

  constructor(
    connection: MessageConnection,
    request: Uint8Array,
    isAnswer: (content: Record<string, unknown>) => boolean,
  ) {
    this.#connection = connection;
    this.#request = request;
    this.#isAnswer = isAnswer;
  }

  async ask(): Promise<void> {
    await this.#connection.send(this.#request);
    while (true) { // others may say something before
      const message = await this.#connection.receive();
      if (message === undefined) throw new Error("The server closed the connection");
      if (this.#isAnswer(Object(decodeContent(message)))) return;
    }
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
