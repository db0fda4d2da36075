// Servers that are wrong on purpose, each in one way, to check the checker with.
import { concat } from "@std/bytes/concat";
import { createErrorResponse, createResponse } from "../../app/libserver.ts";
import { decodeContent, encodeMessage, type Message } from "../../mod.ts";

type Handle = (conn: Deno.Conn, server: WrongServer) => Promise<void>;

/** How a server accepts. */
interface Accepting {
  /** How many clients may wait to be accepted. */
  tcpBacklog?: number;
  /** How many clients may be connected at once. The others wait. */
  maxClients?: number;
  /** How long it does something else after each accept, in milliseconds. */
  acceptDelay?: number;
  /** Whether it accepts no more when an accept has failed. */
  endsAtFailure?: boolean;
}

/** A server in this process. Disposing it closes all its connections. */
export class WrongServer implements AsyncDisposable {
  readonly open = new Set<Deno.Conn>();
  dead = false;
  acceptsMore = true;
  readonly #listener: Deno.TcpListener;
  readonly #handling = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(handle: Handle, accepting: Accepting = {}) {
    const { tcpBacklog = 1024 } = accepting;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog });
    this.#accepting = this.#accept(handle, accepting);
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

  async #accept(
    handle: Handle,
    { maxClients = Infinity, acceptDelay = 0, endsAtFailure = false }: Accepting,
  ) {
    while (true) {
      let conn: Deno.Conn;
      try {
        while (!this.acceptsMore || this.open.size >= maxClients) {
          if (this.dead) return;
          await pause(5);
        }
        conn = await this.#listener.accept();
        if (acceptDelay > 0) await pause(acceptDelay);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || endsAtFailure) return;
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

/** Closes what may be closed already. */
export function close(resource: Disposable) {
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

/** A server with one mistake, the checks that must notice it, and what they must say. */
export interface Wrong extends Accepting {
  mistake: string;
  fails: Record<string, RegExp>;
  /** Why the other checks are skipped. */
  stopped?: RegExp;
  /** Checks that are skipped because what they need has failed. */
  skips?: string[];
  handle: Handle;
}

const shared = new Uint8Array(16 * 1024);
const talkers = new WeakSet<Deno.Conn>();
let lastWrite = Promise.resolve();

export const wrongEchoServers: Wrong[] = [
  {
    mistake: "sends back a part, to one client at a time",
    maxClients: 1,
    fails: { "echo": /^3 bytes, then the end\nThe server sends back 9 bytes fewer than it reads/ },
    stopped: /builds on echo/,
    async handle(conn) {
      await conn.read(new Uint8Array(12));
      await conn.write(encode("Hel"));
    },
  },
  {
    mistake: "waits for a second byte",
    fails: { "single-bytes": /waits for more bytes/ },
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
    fails: {
      "backpressure": /as if some were lost[^]*forgets what a write did not take/,
      "half-close": /forgets what a write did not take/,
    },
    handle: (conn) => echo(conn, new Uint8Array(100_000), (chunk) => conn.write(chunk)),
  },
  {
    mistake: "keeps in memory what it cannot write",
    fails: { "backpressure": /keeps in memory[^]*reads on without limit/ },
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
    fails: { "half-close": /then the end[^]*closes with bytes unsent/ },
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
    fails: { "half-close": /nothing within[^]*does not close/ },
    async handle(conn, server) {
      await echo(conn);
      while (!server.dead) await pause(10);
    },
  },
  {
    mistake: "looks at silent clients first",
    fails: { "idle-client": /ms[^]*waits for each client in turn/ },
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
    fails: { "never-reads": /nothing within[^]*waits in a write to one client/ },
    handle: (conn) =>
      echo(conn, undefined, (chunk) => {
        const before = lastWrite;
        const write = before.then(() => writeAll(conn, chunk));
        lastWrite = write.catch(() => {});
        return write;
      }),
  },
  {
    mistake: "awaits no write",
    fails: {
      "backpressure": /reads on without limit/,
      "half-close": /lets one write overtake another/,
    },
    handle: (conn) =>
      echo(conn, undefined, (chunk) => {
        writeAll(conn, chunk.slice()).catch(() => {});
        return Promise.resolve();
      }),
  },
  {
    mistake: "reads into a buffer that all clients share",
    fails: { "never-reads": /has come back to another/, "no-mixing": /those of another one/ },
    handle: (conn) => echo(conn, shared),
  },
  {
    mistake: "turns away the hundredth client",
    fails: { "500-clients": /the end[^]*cannot hold that many/ },
    handle: (conn, { open }) => open.size < 100 ? echo(conn) : Promise.resolve(),
  },
  {
    mistake: "dies on a reset",
    fails: {
      "reset": /^nobody listens on 127\.0\.0\.1:\d+ any more\nThe server ended during reset; look/,
    },
    stopped: /^The server ended during reset; look at its terminal$/,
    async handle(conn, server) {
      try {
        await echo(conn);
      } catch {
        server.die();
      }
    },
  },
  {
    mistake: "keeps everything, and dies on a reset",
    fails: {
      "backpressure": /reads on without limit.* Then the server ended; look at its terminal\.$/,
    },
    stopped: /ended during backpressure/,
    async handle(conn, server) {
      let written = Promise.resolve();
      try {
        await echo(conn, undefined, (chunk) => {
          const copy = chunk.slice();
          written = written.then(() => writeAll(conn, copy));
          written.catch(() => server.die());
          return Promise.resolve();
        });
        await written;
      } catch {
        server.die();
      }
    },
  },
  {
    mistake: "ends after its first client",
    fails: {
      "echo": /^nobody listens on .*\nThe server ended during echo; look at its terminal\.$/,
    },
    stopped: /ended during echo/,
    async handle(conn, server) {
      await echo(conn);
      server.die();
    },
  },
  {
    mistake: "ends by what is not text",
    fails: { "binary": /ended during binary/ },
    stopped: /ended during binary/,
    async handle(conn, server) {
      await echo(conn, undefined, async (chunk) => {
        try {
          new TextDecoder("utf-8", { fatal: true }).decode(chunk);
        } catch {
          server.die();
        }
        await writeAll(conn, chunk);
      });
    },
  },
  {
    mistake: "accepts no more after a reset, but does not end",
    fails: {
      "reset": /^nothing within .*\nAn error of one connection harms others, or the server/,
    },
    stopped: /stopped answering during reset/,
    async handle(conn, server) {
      try {
        await echo(conn);
      } catch {
        server.acceptsMore = false;
      }
    },
  },
  {
    mistake: "reads once, and closes",
    fails: {
      "echo": /^12 bytes, then the end\n|^the end\n|closed the connection\n|reset the conn/,
    },
    stopped: /^Every other check builds on echo$/,
    async handle(conn) {
      const buffer = new Uint8Array(1024);
      const n = await conn.read(buffer) ?? 0;
      await writeAll(conn, buffer.subarray(0, n));
    },
  },
  {
    mistake: "answers in capitals",
    fails: { "echo": /^'HELLO, WORLD'\nThe server must send back what it reads/ },
    stopped: /builds on echo/,
    handle: (conn) =>
      echo(conn, undefined, (chunk) => writeAll(conn, encode(decode(chunk).toUpperCase()))),
  },
  {
    mistake: "waits for the end of a line",
    fails: { "echo": /^nothing within/ },
    stopped: /builds on echo/,
    async handle(conn) {
      let waiting = "";
      await echo(conn, undefined, async (chunk) => {
        waiting += decode(chunk);
        const end = waiting.lastIndexOf("\n") + 1;
        await writeAll(conn, encode(waiting.slice(0, end)));
        waiting = waiting.slice(end);
      });
    },
  },
  {
    mistake: "answers the first client only",
    fails: { "echo": /^nothing within .*\nThe server stopped answering during echo.*no other/ },
    stopped: /stopped answering during echo/,
    async handle(conn, server) {
      server.acceptsMore = false;
      await echo(conn);
    },
  },
  {
    mistake: "takes the bytes for text",
    fails: { "binary": /takes the bytes for text/ },
    handle: (conn) => echo(conn, undefined, (chunk) => writeAll(conn, encode(decode(chunk)))),
  },
  {
    mistake: "leaves out the ends of lines",
    fails: { "binary": /left out what is none, or blanks and line ends/ },
    handle: (conn) =>
      echo(conn, undefined, (chunk) => writeAll(conn, chunk.filter((byte) => byte !== 10))),
  },
  {
    mistake: "sends back at most 64 KiB on a connection",
    fails: { "large": /stops: after so many bytes/ },
    skips: ["backpressure", "half-close", "never-reads", "no-mixing", "reset"],
    async handle(conn) {
      let rest = 64 * 1024;
      await echo(conn, undefined, async (chunk) => {
        await writeAll(conn, chunk.subarray(0, rest));
        rest = Math.max(0, rest - chunk.length);
      });
    },
  },
  {
    mistake: "stops for good when a write is not taken whole",
    fails: {
      "backpressure": /bytes, then nothing.*\n.* after a write that took only a part/,
      "half-close": /bytes, then nothing.*\n.* after a write that took only a part/,
    },
    handle: (conn, server) =>
      echo(conn, new Uint8Array(100_000), async (chunk) => {
        const isWhole = await conn.write(chunk) === chunk.length;
        while (!isWhole && !server.dead) await pause(10);
      }),
  },
  {
    mistake: "writes the beginning again after a write that was not taken whole",
    fails: {
      "backpressure": /sends again what it has already sent/,
      "half-close": /sends again what it has already sent/,
    },
    handle: (conn) =>
      echo(conn, new Uint8Array(100_000), async (chunk) => {
        for (let left = chunk.length; left > 0;) {
          left -= await conn.write(chunk.subarray(0, left));
        }
      }),
  },
  {
    mistake: "ends its accept loop when an accept fails",
    tcpBacklog: 8,
    acceptDelay: 5,
    endsAtFailure: true,
    fails: { "100-resets": /^nothing within .*\n.* an accept that fails ends its accept loop/ },
    stopped: /stopped answering during 100-resets/,
    handle: (conn) => echo(conn),
  },
  {
    mistake: "serves two clients at a time",
    maxClients: 2,
    fails: {
      "five-clients": /^nothing within .*\nThe server serves one client, or a few/,
      "idle-client": /^nothing within .*\nThe server waits for each client in turn, or serves/,
      "no-mixing": /^nothing within .*\nThe server serves only some of the clients/,
      "500-clients": /^nothing within .*\nThe server cannot hold that many clients at once/,
    },
    handle: (conn) => echo(conn),
  },
];

/** Echo servers that are right. */
export const rightEchoServers: Wrong[] = [0, 1, 5].map((tcpBacklog) => ({
  mistake: `none, but a backlog of ${tcpBacklog}, and a little work at each accept`,
  fails: {},
  tcpBacklog,
  acceptDelay: 1,
  handle: (conn) => echo(conn),
}));

const encoder = new TextEncoder();
const encode = (text: string) => encoder.encode(text);
const decode = (bytes: Uint8Array) => decoder.decode(bytes);

/** What a wrong application server does. With none of it, it is a good one. */
interface Mistakes {
  countsCharacters?: boolean;
  readsOnce?: boolean;
  forgetsTheRest?: boolean;
  acceptsNegativeLength?: boolean;
  acceptsAnyLength?: boolean;
  takesWhatHasCome?: boolean;
  goesOnAfterErrors?: boolean;
  acceptsMissingKeys?: boolean;
  acceptsAnyText?: boolean;
  acceptsAnyEncoding?: boolean;
  spins?: boolean;
  closesAfterOne?: boolean;
  takesNegativeForZero?: boolean;
  diesOnNegative?: boolean;
  lacksTheRing?: boolean;
  readsByPosition?: boolean;
  hangs?: boolean;
  saysBytesAreJson?: boolean;
  sendsAllBytes?: boolean;
  sendsBytesAsText?: boolean;
  answersAgain?: boolean;
  usesOtherQuotes?: boolean;
  isSilentAtUnknown?: boolean;
  endsAtUnknown?: boolean;
  looksInAnObject?: boolean;
  ignoresBytes?: boolean;
  endsBytesWithALine?: boolean;
  takesAnEmptyHeader?: boolean;
  takesHalfARequest?: boolean;
  answersErrors?: boolean;
}

/** The mistakes, each with the check that must notice it and what that must say. */
const appMistakes: [string, Mistakes, string, RegExp, RegExp?][] = [
  ["takes characters for bytes", { countsCharacters: true }, "dog", /characters instead of bytes/],
  ["takes a read for a message", { readsOnce: true }, "split", /what one read returns/],
  ["forgets what follows", { forgetsTheRest: true }, "pipelined", /beyond the first request/],
  ["accepts a negative length", { acceptsNegativeLength: true }, "negative-length", /other bytes/],
  ["takes a negative length for 0", { takesNegativeForZero: true }, "negative-length", /request: /],
  [
    "dies on a negative length",
    { diesOnNegative: true },
    "negative-length",
    /ended during negative-length/,
    /ended during negative-length/,
  ],
  [
    "accepts any length",
    { acceptsAnyLength: true },
    "huge-length",
    /^nothing within .*\nThe server neither answers nor closes/,
  ],
  [
    "takes what has come for a long content",
    { acceptsAnyLength: true, takesWhatHasCome: true },
    "huge-length",
    /^\{"result":"Follow.*\nThe server takes what has come for all of it/,
  ],
  ["accepts less than four keys", { acceptsMissingKeys: true }, "missing-key", /all four keys/],
  ["replaces what is not UTF-8", { acceptsAnyText: true }, "invalid-utf8", /replaces what/],
  ["ignores the encoding", { acceptsAnyEncoding: true }, "unknown-encoding", /ignores content-e/],
  [
    "spins on {}",
    { spins: true },
    "falsy-content",
    /^nothing within .*\nThe server neither answers nor closes/,
  ],
  ["lacks an answer", { lacksTheRing: true }, "ring", /^\{"result":"No.*\n.*lacks this answer/],
  ["reads keys by position", { readsByPosition: true }, "key-order", /does not read .* as JSON/],
  ["says that bytes are JSON", { saysBytesAreJson: true }, "binary", /content-type of JSON/],
  ["sends back all bytes", { sendsAllBytes: true }, "binary", /more than 10 bytes: all of them/],
  ["prints the bytes", { sendsBytesAsText: true }, "binary", /as a programming language does/],
  ["answers from the start again", { answersAgain: true }, "pipelined", /a request twice/],
  ["uses other quotes", { usesOtherQuotes: true }, "unknown-value", /in other words/],
  ["looks in an object", { looksInAnObject: true }, "unknown-value", /names that every object has/],
  ["ignores bytes", { ignoresBytes: true }, "binary", /does not answer content other than JSON/],
  [
    "ends bytes with a line",
    { endsBytesWithALine: true },
    "binary",
    /more bytes than it announces/,
  ],
  ["takes an empty header", { takesAnEmptyHeader: true }, "empty-header", /though no header says/],
  ["takes half a request", { takesHalfARequest: true }, "truncated", /answers half a request/],
  [
    "is silent",
    { hangs: true },
    "search",
    /^nothing within/,
    /^Every other check builds on search$/,
  ],
];

const ANSWERS: Record<string, string> & { morpheus: string } = {
  morpheus: "Follow the white rabbit. 🐰",
  ring: "In the caves beneath the Misty Mountains. 💍",
  "🐶": "🐾 Playing ball! 🏐",
};

/** Ends a connection without an answer. */
class End extends Error {}

const GOES_ON = /^\{"result":"No match .*\n.* may catch an error, and go on/;

export const wrongAppServers: Wrong[] = [
  ...appMistakes.map(([mistake, mistakes, check, cause, stopped]): Wrong => ({
    mistake,
    fails: { [check]: cause },
    ...(stopped && { stopped }),
    handle: (conn, server) => answer(conn, server, mistakes),
  })),
  ...["is silent at", "ends at"].map((what): Wrong => ({
    mistake: `${what} what it does not know`,
    fails: {
      "unknown-value": /^nothing within .*\n.* does not answer\.|^the end\n.* instead of answering/,
      "pipelined": /gets no good response when it comes alone, either/,
    },
    handle: (conn, server) =>
      answer(conn, server, { isSilentAtUnknown: true, endsAtUnknown: what === "ends at" }),
  })),
  {
    mistake: "answers when it cannot read a header",
    fails: {
      "empty-header": /though no header says so/,
      "invalid-utf8": /or goes on after that error/,
      "not-an-object": /though the header is no object/,
      "missing-key": /all four keys/,
      "falsy-content": /something that is no response to it/,
      "garbage": /takes anything for a request/,
    },
    handle: (conn, server) => answer(conn, server, { answersErrors: true }),
  },
  {
    mistake: "goes on after each error",
    fails: {
      "empty-header": GOES_ON,
      "invalid-utf8": GOES_ON,
      "not-an-object": GOES_ON,
      "missing-key": GOES_ON,
      "negative-length": GOES_ON,
      "huge-length": GOES_ON,
      "unknown-encoding": GOES_ON,
      "garbage": GOES_ON,
    },
    handle: (conn, server) => answer(conn, server, { goesOnAfterErrors: true }),
  },
];

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
        if (mistakes.hangs) break;
        await writeAll(conn, await respond(request, mistakes));
        if (mistakes.closesAfterOne) return;
        if (mistakes.answersAgain && request.rest.length > 0) continue;
        bytes = mistakes.forgetsTheRest ? new Uint8Array() : request.rest;
      }
      if (mistakes.readsOnce && bytes.length > 0) return;
    }
    if (mistakes.takesHalfARequest && bytes.length > 0) {
      return await writeAll(conn, encodeMessage({ result: ANSWERS.morpheus }));
    }
  } catch (error) {
    if (error instanceof End) return;
    const isHeader = /header|byteorder|content-|JSON|Unexpected|encoded/.test(`${error}`);
    if (mistakes.answersErrors && isHeader) {
      return await writeAll(conn, encodeMessage({ result: ANSWERS.morpheus }));
    }
    if (mistakes.goesOnAfterErrors) {
      return await writeAll(conn, await createResponse({ action: "search", value: "" }));
    }
    if (mistakes.diesOnNegative && (error as Error).message === "Negative length") server.die();
    await writeAll(conn, createErrorResponse((error as Error).message));
  }
}

function respond(request: Message, mistakes: Mistakes): Uint8Array | Promise<Uint8Array> {
  const content = decodeContent(request) as { value?: string };
  if (content instanceof Uint8Array && mistakes.ignoresBytes) return new Uint8Array();
  const value = `${content?.value}`;
  if (mistakes.isSilentAtUnknown && content?.value && !Object.hasOwn(ANSWERS, value)) {
    if (mistakes.endsAtUnknown) throw new End();
    return new Uint8Array();
  }
  if (mistakes.looksInAnObject && value in ANSWERS) {
    return encodeMessage({ result: `${ANSWERS[value]}` });
  }
  if (mistakes.lacksTheRing && content?.value === "ring") content.value = "a ring";
  if (mistakes.usesOtherQuotes && content?.value === "needle") {
    return encodeMessage({ result: 'No match for "needle".' });
  }
  return content instanceof Uint8Array
    ? respondToBytes(content, mistakes)
    : createResponse(content);
}

function respondToBytes(content: Uint8Array, mistakes: Mistakes): Uint8Array | Promise<Uint8Array> {
  const begins = encode("First 10 bytes of request: ");
  const answer = (bytes: Uint8Array, contentType = "binary/custom-server-binary-type") =>
    encodeMessage(concat([begins, bytes]), { contentType });
  if (mistakes.endsBytesWithALine) {
    return concat([answer(content.slice(0, 10)), encode("\n")]);
  }
  if (mistakes.saysBytesAreJson) return answer(content.slice(0, 10), "text/json");
  if (mistakes.sendsAllBytes) return answer(content);
  if (mistakes.sendsBytesAsText) return answer(encode(`b'${decode(content.slice(0, 8))}'`));
  return createResponse(content);
}

function parse(bytes: Uint8Array, mistakes: Mistakes) {
  if (bytes.length < 2) return undefined;
  const headerLength = bytes[0]! * 256 + bytes[1]!;
  if (headerLength === 0 && mistakes.takesAnEmptyHeader) {
    const header = { "content-type": "text/json", "content-encoding": "utf-8" };
    return {
      header: header as Message["header"],
      content: bytes.subarray(2),
      rest: new Uint8Array(),
    };
  }
  if (headerLength === 0 || headerLength > 8192) throw new Error("Wrong header length");
  if (bytes.length < 2 + headerLength) return undefined;
  const text = new TextDecoder("utf-8", { fatal: !mistakes.acceptsAnyText });
  const header = { ...JSON.parse(text.decode(bytes.subarray(2, 2 + headerLength))) };
  if (mistakes.acceptsMissingKeys) header["byteorder"] ??= "little";
  if (mistakes.acceptsAnyEncoding) header["content-encoding"] &&= "utf-8";
  for (const key of ["byteorder", "content-type", "content-encoding", "content-length"]) {
    if (!(key in header)) throw new Error(`No ${key}`);
  }
  if (mistakes.readsByPosition && Object.keys(header)[0] !== "byteorder") throw new Error("Order");
  if (mistakes.takesNegativeForZero) {
    header["content-length"] = Math.max(0, header["content-length"]);
  }
  const rest = bytes.subarray(2 + headerLength);
  if (mistakes.takesWhatHasCome && header["content-length"] > 1024 * 1024) {
    header["content-length"] = rest.length;
  }
  const length = header["content-length"];
  if (!mistakes.acceptsNegativeLength && length < 0) throw new Error("Negative length");
  if (!mistakes.acceptsAnyLength && length > 1024 * 1024) throw new Error("Too long");
  const counts = mistakes.countsCharacters && header["content-type"] === "text/json";
  if ((counts ? decoder.decode(rest) : rest).length < length) return undefined;
  return { header, content: rest.subarray(0, length), rest: rest.subarray(length) };
}

const decoder = new TextDecoder();

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
