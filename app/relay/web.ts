// Serves the relay's page, and the events for it, to browsers on this machine.
//
// With node:http, because connections can be limited there. Deno.serve has no limit, and ends the program
// when descriptors run out.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import page from "./page.html" with { type: "text" };
import script from "./page.js" with { type: "text" };
import { BoundedServer } from "./bounded_server.ts";
import type { EventLog } from "./event_log.ts";

export const MAX_WEB_CONNECTIONS = 16;
const MAX_VIEWERS = 8; // pages that are open
const MAX_LAG = 256 * 1024; // bytes that a page has not taken; it gets the next ones when it has
const TIMEOUT = 5_000; // milliseconds for a connection: to ask, and to take the answer
const HEADERS = {
  "cache-control": "no-store",
  "connection": "close", // so that one deadline is enough
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

/** Serves the page on a port of 127.0.0.1, and returns which. */
export async function servePage(port: number, log: EventLog, route: string): Promise<number> {
  let viewers = 0;
  let own: URL[] = [];
  // Its own deadlines for requests are off: Deno 2.8 applies them to answers that go on, too.
  const http = createServer({ headersTimeout: 0, requestTimeout: 0 }, respond);
  const watching = new WeakSet<Socket>(); // those that get events
  const address: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port };
  const listening = await new BoundedServer(address, MAX_WEB_CONNECTIONS, serve).listen();
  own = ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${listening.port}`));
  return listening.port;

  /** Lets a client ask for one thing. Only events may take longer than the timeout. */
  async function serve(client: Socket): Promise<void> {
    const closed = new Promise((resolve) => client.once("close", resolve));
    const timer = setTimeout(() => {
      if (!watching.has(client)) client.destroy();
    }, TIMEOUT);
    http.emit("connection", client);
    await closed;
    clearTimeout(timer);
  }

  function respond(request: IncomingMessage, response: ServerResponse): void {
    // A page of another site must not read the traffic, also if its name leads here (DNS rebinding).
    const { host, origin, "last-event-id": lastId } = request.headers;
    if (!own.some((url) => url.host === host)) return refuse(response, 403);
    if (origin !== undefined && !own.some((url) => url.origin === origin)) {
      return refuse(response, 403);
    }
    if (request.method !== "GET") return refuse(response, 405);
    const url = URL.parse(request.url ?? "", own[0]);
    switch (url?.pathname) {
      case "/":
        return sendPage(response);
      case "/page.js":
        return send(response, script, { "content-type": "text/javascript; charset=utf-8" });
      case "/events":
        if (viewers === MAX_VIEWERS) return refuse(response, 503);
        viewers++;
        watching.add(request.socket);
        response.on("close", () => viewers--);
        return sendEvents(response, String(lastId ?? url?.searchParams.get("after")));
      default:
        return refuse(response, 404);
    }
  }

  /** Sends the events after one, and then each that comes: as fast as the page takes them. */
  function sendEvents(response: ServerResponse, lastId: string): void {
    let next = log.after(lastId);
    let timer: ReturnType<typeof setTimeout> | undefined; // while it has not taken all
    const greet = () => {
      response.write(`event: hello\ndata: ${JSON.stringify({ run: log.run, route, next })}\n\n`);
    };
    const send = () => {
      while (next < log.next && response.writableLength < MAX_LAG) {
        const event = log.at(next);
        if (event) {
          response.write(event);
          next++;
        } else { // it is not kept any more, because the page takes them too slowly
          next = log.after(undefined);
          greet();
        }
      }
      // Whoever takes nothing must not keep a place from others. A browser comes again by itself.
      if (response.writableNeedDrain) timer ??= setTimeout(() => response.destroy(), TIMEOUT);
    };
    response.on("drain", () => {
      clearTimeout(timer);
      timer = undefined;
      send();
    });
    response.on("close", () => {
      clearTimeout(timer);
      log.unwatch(send);
    });
    response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" });
    greet();
    log.watch(send);
    send();
  }
}

function sendPage(response: ServerResponse): void {
  const nonce = crypto.randomUUID();
  const policy = `default-src 'none'; script-src 'self'; style-src 'nonce-${nonce}'; ` +
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  send(response, page.replaceAll("NONCE", nonce), {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
  });
}

function send(response: ServerResponse, text: string, headers: Record<string, string>): void {
  const bytes = new TextEncoder().encode(text);
  response.writeHead(200, { ...HEADERS, ...headers, "content-length": bytes.length });
  response.end(bytes);
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, HEADERS);
  response.end();
}
