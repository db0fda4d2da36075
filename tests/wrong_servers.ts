// Servers that are wrong on purpose, each in one way, to check the checker with.
import { concat } from "@std/bytes/concat";
import { createErrorResponse, createResponse } from "../app/libserver.ts";
import { decodeContent } from "../mod.ts";

type Handle = (conn: Deno.Conn, server: WrongServer) => Promise<void>;

/** A server in this process. Disposing it closes all its connections. */
export class WrongServer implements AsyncDisposable {
  readonly open = new Set<Deno.Conn>();
  dead = false;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1024 });
  readonly #handling = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(handle: Handle) {
    this.#accepting = this.#accept(handle);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends as a process does that dies. */
  die(): void {
    this.dead = true;
    close(this.#listener);
    for (const conn of this.open) close(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.die();
    await this.#accepting;
    await Promise.all(this.#handling);
  }

  async #accept(handle: Handle) {
    while (true) {
      let conn: Deno.Conn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        continue;
      }
      this.open.add(conn);
      const handling = handle(conn, this).catch(() => {}).finally(() => {
        this.open.delete(conn);
        close(conn);
        this.#handling.delete(handling);
      });
      this.#handling.add(handling);
    }
  }
}

function close(resource: Disposable) {
  try {
    resource[Symbol.dispose]();
  } catch { /* it is closed already */ }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** A good echo, but for what happens to each chunk before it is written. */
async function echo(
  conn: Deno.Conn,
  buffer = new Uint8Array(64 * 1024),
  write: (chunk: Uint8Array) => Promise<unknown> = (chunk) => writeAll(conn, chunk),
): Promise<void> {
  for (let n; (n = await conn.read(buffer)) !== null;) await write(buffer.subarray(0, n));
}

/** A server with one mistake, and the one check that must notice it. */
export interface Wrong {
  mistake: string;
  fails: string;
  handle: Handle;
}

const shared = new Uint8Array(16 * 1024);
const talkers = new WeakSet<Deno.Conn>();
let lastWrite = Promise.resolve();

export const wrongEchoServers: Wrong[] = [
  {
    mistake: "waits for a second byte",
    fails: "single-bytes",
    async handle(conn) {
      let waiting: Uint8Array = new Uint8Array();
      await echo(conn, undefined, async (chunk) => {
        waiting = concat([waiting, chunk]);
        if (waiting.length < 2) return;
        await writeAll(conn, waiting);
        waiting = new Uint8Array();
      });
    },
  },
  {
    mistake: "writes once, and forgets what that did not take",
    fails: "backpressure",
    handle: (conn) => echo(conn, new Uint8Array(100_000), (chunk) => conn.write(chunk)),
  },
  {
    mistake: "keeps in memory what it cannot write",
    fails: "backpressure",
    async handle(conn) {
      let written = Promise.resolve();
      await echo(conn, undefined, async (chunk) => {
        const copy = chunk.slice();
        written = written.then(() => writeAll(conn, copy));
        written.catch(() => {});
        await Promise.resolve();
      });
      await written;
    },
  },
  {
    mistake: "closes at a half-close with bytes unsent",
    fails: "half-close",
    async handle(conn) {
      let waiting = 0;
      let written = Promise.resolve();
      await echo(conn, undefined, async (chunk) => {
        const copy = chunk.slice();
        waiting += copy.length;
        written = written.then(() => writeAll(conn, copy)).then(() => {
          waiting -= copy.length;
        });
        written.catch(() => {});
        if (waiting > 8 * 1024 * 1024) await written;
      });
    },
  },
  {
    mistake: "never closes after a half-close",
    fails: "half-close",
    async handle(conn, server) {
      await echo(conn);
      while (!server.dead) await pause(10);
    },
  },
  {
    mistake: "looks at silent clients first",
    fails: "idle-client",
    async handle(conn, { open }) {
      await echo(conn, undefined, async (chunk) => {
        talkers.add(conn);
        if ([...open].some((other) => !talkers.has(other))) await pause(150);
        await writeAll(conn, chunk);
      });
    },
  },
  {
    mistake: "writes to one client at a time",
    fails: "never-reads",
    handle: (conn) =>
      echo(conn, undefined, (chunk) => {
        const before = lastWrite;
        const write = before.then(() => writeAll(conn, chunk));
        lastWrite = write.catch(() => {});
        return write;
      }),
  },
  {
    mistake: "reads into a buffer that all clients share",
    fails: "no-mixing",
    handle: (conn) => echo(conn, shared),
  },
  {
    mistake: "turns away the hundredth client",
    fails: "500-clients",
    handle: (conn, { open }) => open.size < 100 ? echo(conn) : Promise.resolve(),
  },
  {
    mistake: "dies on a reset",
    fails: "reset",
    async handle(conn, server) {
      try {
        await echo(conn);
      } catch {
        server.die();
      }
    },
  },
];

/** What a wrong application server does. With none of it, it is a good one. */
interface Mistakes {
  countsCharacters?: boolean;
  readsOnce?: boolean;
  forgetsTheRest?: boolean;
  acceptsNegativeLength?: boolean;
  acceptsAnyLength?: boolean;
  acceptsMissingKeys?: boolean;
  acceptsAnyText?: boolean;
  acceptsAnyEncoding?: boolean;
  spins?: boolean;
  closesAfterOne?: boolean;
}

export const wrongAppServers: Wrong[] = [
  ["takes characters for bytes", "dog", { countsCharacters: true }],
  ["takes a read for a message", "split", { readsOnce: true }],
  ["forgets what follows a request", "pipelined", { forgetsTheRest: true }],
  ["accepts a negative length", "negative-length", { acceptsNegativeLength: true }],
  ["accepts any length", "huge-length", { acceptsAnyLength: true }],
  ["accepts a header without byteorder", "missing-key", { acceptsMissingKeys: true }],
  ["replaces what is not UTF-8", "invalid-utf8", { acceptsAnyText: true }],
  ["ignores the encoding", "unknown-encoding", { acceptsAnyEncoding: true }],
  ["spins on {}", "falsy-content", { spins: true }],
].map(([mistake, fails, mistakes]) => ({
  mistake: mistake as string,
  fails: fails as string,
  handle: (conn, server) => answer(conn, server, mistakes as Mistakes),
}));

/** Like the tutorial's Python server, and not wrong. */
export const answersOnce: Handle = (conn, server) => answer(conn, server, { closesAfterOne: true });

async function answer(conn: Deno.Conn, server: WrongServer, mistakes: Mistakes): Promise<void> {
  let bytes: Uint8Array = new Uint8Array();
  const buffer = new Uint8Array(4096);
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      bytes = concat([bytes, buffer.subarray(0, n)]);
      for (let request; (request = parse(bytes, mistakes)) !== undefined;) {
        while (mistakes.spins && decoder.decode(request.content) === "{}" && !server.dead) {
          await pause(0);
        }
        await writeAll(conn, await createResponse(decodeContent(request)));
        if (mistakes.closesAfterOne) return;
        bytes = mistakes.forgetsTheRest ? new Uint8Array() : request.rest;
      }
      if (mistakes.readsOnce && bytes.length > 0) return;
    }
  } catch (error) {
    await writeAll(conn, createErrorResponse((error as Error).message));
  }
}

function parse(bytes: Uint8Array, mistakes: Mistakes) {
  if (bytes.length < 2) return undefined;
  const headerLength = bytes[0]! * 256 + bytes[1]!;
  if (headerLength === 0 || headerLength > 8192) throw new Error("Wrong header length");
  if (bytes.length < 2 + headerLength) return undefined;
  const text = new TextDecoder("utf-8", { fatal: !mistakes.acceptsAnyText });
  const header = { ...JSON.parse(text.decode(bytes.subarray(2, 2 + headerLength))) };
  if (mistakes.acceptsMissingKeys) header["byteorder"] ??= "little";
  if (mistakes.acceptsAnyEncoding) header["content-encoding"] &&= "utf-8";
  for (const key of ["byteorder", "content-type", "content-encoding", "content-length"]) {
    if (!(key in header)) throw new Error(`No ${key}`);
  }
  const length = header["content-length"];
  if (!mistakes.acceptsNegativeLength && length < 0) throw new Error("Negative length");
  if (!mistakes.acceptsAnyLength && length > 1024 * 1024) throw new Error("Too long");
  const rest = bytes.subarray(2 + headerLength);
  const counts = mistakes.countsCharacters && header["content-type"] === "text/json";
  if ((counts ? decoder.decode(rest) : rest).length < length) return undefined;
  return { header, content: rest.subarray(0, length), rest: rest.subarray(length) };
}

const decoder = new TextDecoder();

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
