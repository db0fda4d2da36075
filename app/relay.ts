// Stands between a client and a server and shows the bytes that travel. It can also reshape them.
//
// A reset must be passed on as a reset, and Deno.Conn cannot send one: hence the sockets of node:net.
import { connect, createServer, type Socket } from "node:net";
import {
  Annotator,
  formatEvent,
  type Protocol,
  type RelayEvent,
  show,
  type Side,
} from "./relay/annotate.ts";
import {
  fail,
  failUsage,
  flag,
  integer,
  listenForStop,
  readCommandLine,
  readPort,
} from "./core/command_line.ts";
import { nameOf } from "./core/address.ts";
import { warnIfOpen } from "./core/listen.ts";
import { escapeText } from "./wire/escape.ts";
import page from "./relay/page.html" with { type: "text" };
import script from "./relay/page.js" with { type: "text" };

const MAX_WAITING = 64 * 1024; // bytes in each direction, while a side does not take them
const PATIENCE = 200; // milliseconds; longer waiting is worth an event
const CONNECT_TIMEOUT = 5_000; // milliseconds
// A connection takes two descriptors, 1024 is a usual limit, and without one left the server of
// node:net never accepts again.
const MAX_CONNECTIONS = 400;
const MAX_EVENTS = 2000; // are kept for the page

const { options, args } = readCommandLine(
  `deno run --allow-net app/relay.ts [--listen HOST:PORT] [--to HOST:PORT]

Passes on what a client and a server send each other, and shows it.`,
  {
    "listen": address("127.0.0.1:65431", "where clients connect; port 0 takes a free one"),
    "to": address("127.0.0.1:65432", "where the server is"),
    "protocol": {
      placeholder: "NAME",
      help: "label messages (app), frames with 4 bytes of length (frames) or nothing (raw) (app)",
      initial: "app" as Protocol,
      read: readProtocol,
    },
    "chunk": integer("BYTES", 0, 2 ** 30, "pass on pieces of so many bytes; 0: as they come"),
    "delay": integer("MS", 0, 60_000, "wait so many milliseconds before each piece"),
    "cut": {
      ...integer("BYTES", Infinity, Number.MAX_SAFE_INTEGER, ""),
      help: "reset a connection after so many bytes, those of both directions together",
    },
    "stall": flag("never read what the server sends"),
    "quiet": flag("print nothing about connections and bytes"),
    "web": {
      ...integer("PORT", -1, 65_535, ""),
      help: "show a diagram in the browser, on this port of 127.0.0.1; 0 takes a free one",
    },
  },
);
if (args.length > 0) failUsage(`Unexpected argument ${args[0]}`);

const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true, highWaterMark: MAX_WAITING };

type NewEvent = Omit<RelayEvent, "connection" | "time">;

const isWatched = !options.quiet || options.web >= 0;
const isReshaped = options.chunk > 0 || options.delay > 0 || options.cut < Infinity;
const color = Deno.stdout.isTerminal() && !Deno.noColor;
const run = crypto.randomUUID(); // tells a page that another relay has taken the port
const lastEvents: string[] = [];
const viewers = new Set<(event: string) => void>();
const sockets = new Set<Socket>();
let connections = 0;
let eventCount = 0;

const server = createServer(SOCKET_OPTIONS, (client) => new RelayedConnection(client));
server.maxConnections = MAX_CONNECTIONS;
server.on("error", (error) => {
  if (!server.listening) fail(`Cannot listen on ${nameOf(options.listen)}: ${error.message}`);
  console.error(`Cannot accept: ${error.message}`);
});
server.listen(options.listen.port, options.listen.hostname, () => {
  const { address, port } = server.address() as { address: string; port: number };
  warnIfOpen(address);
  const from = nameOf({ transport: "tcp", hostname: address, port });
  console.log(`Listening on ${from}`);
  console.log(`Passing on to ${nameOf(options.to)}`);
  if (options.web >= 0) servePage(`${from} → ${nameOf(options.to)}`);
});
listenForStop(0).stop.addEventListener("abort", () => {
  for (const socket of sockets) socket.destroy();
  Deno.exit(0);
});

/** A client's connection and the one to the server that belongs to it. */
class RelayedConnection {
  readonly #number = ++connections;
  readonly #accepted = performance.now();
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #opened: Promise<void>; // to the server
  #isOpen = false;
  #isReset = false;
  #passed = 0; // bytes
  #closed = 0; // sides

  constructor(client: Socket) {
    this.#client = client;
    const { hostname: host, port } = options.to;
    this.#server = connect({ host, port, ...SOCKET_OPTIONS });
    const { remoteAddress: hostname, remotePort } = client; // not known if it has gone already
    const peer = hostname === undefined
      ? "a client"
      : nameOf({ transport: "tcp", hostname, port: remotePort! });
    this.#record({ type: "open", text: `${peer} connected`, peer });
    this.#watch(client, "client");
    this.#watch(this.#server, "server");
    this.#server.setTimeout(CONNECT_TIMEOUT, () => {
      this.#server.destroy(new Error(`No connection within ${CONNECT_TIMEOUT / 1000} s`));
    });
    this.#opened = new Promise((resolve) => this.#server.on("connect", resolve));
    this.#server.on("connect", () => {
      this.#isOpen = true;
      this.#server.setTimeout(0);
    });
    this.#pass(client, this.#server, "client", "server");
    if (options.stall) this.#record({ type: "note", text: "the server is never read (--stall)" });
    else this.#pass(this.#server, client, "server", "client");
  }

  #record(event: NewEvent) {
    if (!isWatched || (this.#closed === 2 && event.type !== "close")) return; // it came too late
    publish({ connection: this.#number, time: performance.now() - this.#accepted, ...event });
  }

  #watch(socket: Socket, side: "client" | "server") {
    sockets.add(socket);
    socket.on("error", (error) => {
      const { code } = error as { code?: string };
      const reason = code === "ECONNRESET" || code === "EPIPE" ? "" : `: ${error.message}`;
      const isUnreachable = side === "server" && !this.#isOpen;
      const what = isUnreachable ? "the server cannot be reached" : `${side} reset (RST)`;
      this.#reset(side, escapeText(`${what}${reason}`));
    });
    socket.on("close", () => {
      sockets.delete(socket);
      if (++this.#closed === 2) this.#record({ type: "close", text: "closed" });
    });
  }

  /** Ends both sides with a reset, as far as they have not ended yet. */
  #reset(from: Side, text: string) {
    if (this.#isReset) return;
    this.#isReset = true;
    this.#record({ type: "reset", from, text });
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  /** Passes on one direction. It is read no further before the other side has taken what came. */
  #pass(source: Socket, target: Socket, from: "client" | "server", to: "client" | "server") {
    const annotator = new Annotator(options.protocol);
    let passing = this.#opened;
    const write = (bytes: Uint8Array): Promise<void> | undefined => {
      if (isWatched) {
        const text = `${from} → ${to}  ${bytes.length} byte${bytes.length === 1 ? "" : "s"}`;
        const parts = show(bytes, annotator.push(bytes));
        this.#record({ type: "chunk", from, text, size: bytes.length, parts });
      }
      if (isReshaped) return this.#taken((done) => target.write(bytes, done), from, to);
      if (target.write(bytes)) return undefined;
      return this.#taken((done) => target.once("drain", done), from, to);
    };
    source.on("data", (chunk: Uint8Array) => {
      const taken = isReshaped ? this.#reshape(chunk, write) : write(chunk);
      if (!taken) return;
      passing = taken;
      source.pause();
      taken.then(() => source.resume());
    });
    source.pause();
    this.#opened.then(() => source.resume());
    source.on("end", async () => {
      await passing; // a pause does not hold back the end
      const missing = annotator.end();
      const text = `${from} half-closed (FIN)${missing ? `. ${missing}` : ""}`;
      this.#record({ type: "end", from, text });
      target.end();
    });
  }

  /** Waits until a side has taken the bytes. If it goes away meanwhile, this never ends. */
  async #taken(wait: (done: () => void) => void, from: Side, to: Side): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      if (this.#isReset) return;
      isLate = true;
      this.#record({ type: "note", text: `${to} takes no more, so ${from} is not read` });
    }, PATIENCE);
    await new Promise<void>(wait);
    clearTimeout(timer);
    if (isLate) this.#record({ type: "note", text: `${to} takes bytes again` });
  }

  async #reshape(
    chunk: Uint8Array,
    write: (bytes: Uint8Array) => Promise<void> | undefined,
  ): Promise<void> {
    const length = options.chunk || chunk.length;
    for (let start = 0; start < chunk.length; start += length) {
      if (options.delay > 0) await new Promise((resume) => setTimeout(resume, options.delay));
      if (this.#isReset) return;
      const end = Math.min(start + length, chunk.length, start + options.cut - this.#passed);
      const piece = chunk.subarray(start, end);
      this.#passed += piece.length;
      if (piece.length > 0) await write(piece);
      if (this.#passed >= options.cut) {
        return this.#reset("relay", `the relay resets both sides (--cut ${options.cut})`);
      }
    }
  }
}

function publish(event: RelayEvent) {
  if (!options.quiet) console.log(formatEvent(event, options.protocol, color));
  if (options.web < 0) return;
  const text = `id: ${run} ${++eventCount}\ndata: ${JSON.stringify(event)}\n\n`;
  lastEvents.push(text);
  if (lastEvents.length > MAX_EVENTS) lastEvents.shift();
  for (const view of viewers) view(text);
}

/** Serves the page, and the events for it, to browsers on this machine. */
function servePage(route: string) {
  try {
    const web: Deno.HttpServer<Deno.NetAddr> = Deno.serve({
      hostname: "127.0.0.1",
      port: options.web,
      onListen: ({ port }) => console.log(`Showing it on http://127.0.0.1:${port}/`),
    }, (request) => respond(request, web.addr.port, route));
  } catch (error) {
    fail(`Cannot listen on 127.0.0.1:${options.web}: ${(error as Error).message}`);
  }
}

function respond(request: Request, port: number, route: string): Response {
  // A page of another site must not read the traffic, whatever name it has made this address have.
  const own = ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${port}`));
  const origin = request.headers.get("origin");
  if (!own.some(({ host }) => host === request.headers.get("host"))) return refuse(403);
  if (origin !== null && !own.some((url) => url.origin === origin)) return refuse(403);
  if (request.method !== "GET") return refuse(405);
  switch (new URL(request.url).pathname) {
    case "/": {
      const nonce = crypto.randomUUID();
      return new Response(page.replaceAll("NONCE", nonce), { headers: pageHeaders(nonce) });
    }
    case "/page.js":
      return new Response(script, {
        headers: { ...HEADERS, "content-type": "text/javascript; charset=utf-8" },
      });
    case "/events": {
      const events = eventsAfter(request.headers.get("last-event-id"), route);
      return new Response(events, {
        headers: { ...HEADERS, "content-type": "text/event-stream" },
      });
    }
    default:
      return refuse(404);
  }
}

const HEADERS = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

function pageHeaders(nonce: string): HeadersInit {
  const policy = `default-src 'none'; script-src 'self'; style-src 'nonce-${nonce}'; ` +
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return {
    ...HEADERS,
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
  };
}

function refuse(status: number): Response {
  return new Response(null, { status, headers: HEADERS });
}

/** A stream of the events after the one a page has seen last, as Server-Sent Events. */
function eventsAfter(lastId: string | null, route: string): ReadableStream<Uint8Array> {
  const seen = lastEvents.findIndex((event) => event.startsWith(`id: ${lastId}\n`));
  const encoder = new TextEncoder();
  let view: (event: string) => void;
  return new ReadableStream({
    start(controller) {
      const hello = `event: hello\ndata: ${JSON.stringify({ run, route })}\n\n`;
      controller.enqueue(encoder.encode(hello + lastEvents.slice(seen + 1).join("")));
      view = (event) => {
        controller.enqueue(encoder.encode(event));
        if (controller.desiredSize! > -MAX_EVENTS) return;
        viewers.delete(view); // it does not keep up; when it connects again, it gets the last ones
        controller.close();
      };
      viewers.add(view);
    },
    cancel: () => void viewers.delete(view),
  });
}

/** An option whose value is an address as people write it. */
function address(initial: string, help: string) {
  return {
    placeholder: "HOST:PORT",
    help: `${help} (${initial})`,
    initial: readAddress(initial),
    read: readAddress,
  };
}

function readAddress(text: string): Deno.NetAddr {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
  if (!match) throw new RangeError(`"${text}" is not a host and a port, such as 127.0.0.1:65432`);
  return { transport: "tcp", hostname: match[1] ?? match[2]!, port: readPort(match[3]!) };
}

function readProtocol(text: string): Protocol {
  if (text === "app" || text === "frames" || text === "raw") return text;
  throw new RangeError(`"${text}" is not app, frames or raw`);
}
