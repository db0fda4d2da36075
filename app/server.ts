// The application server: answers requests in the tutorial's message protocol.
import {
  fail,
  failUsage,
  flag,
  integer,
  listenForStop,
  readCommandLine,
  readPort,
  seconds,
  text,
} from "./core/command_line.ts";
import { DeadlineError, MessageConnection, nameOf, serve } from "./core/connection.ts";
import { escapeBytes, escapeJson, escapeText } from "./wire/escape.ts";
import { createErrorResponse, createResponse } from "./libserver.ts";
import { decodeContent, isMessageError, JSON_CONTENT_TYPE, type Message } from "./wire/message.ts";

const { options, args } = readCommandLine(
  `deno run --allow-net app/server.ts [host] [port]

Answers requests on host (127.0.0.1) and port (65432; 0 takes a free one).`,
  {
    "unix": text("PATH", "listen on a Unix socket instead (needs --allow-read, --allow-write)"),
    "tls-cert": text("FILE", "speak TLS with this certificate, as PEM (needs --allow-read)"),
    "tls-key": text("FILE", "the certificate's private key, as PEM"),
    "max-header-length": integer("BYTES", 8192, 65_535, "refuse longer headers"),
    "max-content-length": integer("BYTES", 1024 ** 2, 2 ** 30, "refuse longer contents"),
    "header-timeout": seconds(
      10,
      "from connecting, or a message's first byte, to its header's end",
    ),
    "message-timeout": seconds(30, "from a message's first byte until all of it is here"),
    "idle-timeout": seconds(60, "between two messages"),
    "write-timeout": seconds(30, "until a client that does not read takes the next bytes"),
    "linger-timeout": seconds(2, "for a client to read the last response before the end"),
    "drain-timeout": seconds(10, "for responses to be finished after Ctrl-C"),
    "max-connections": integer("COUNT", 1000, 1e6, "turn away more clients than this"),
    "tcp-backlog": integer("COUNT", 4096, 65_535, "let this many clients wait to be accepted"),
    "quiet": flag("print no lines about connections and messages"),
  },
);
const log = (line: () => string) => options.quiet || console.log(line());

const signals = listenForStop(options.drainTimeout);
const listener = listen();
if ("hostname" in listener.addr && ["0.0.0.0", "::"].includes(listener.addr.hostname)) {
  console.error(
    "Warning: listening on all interfaces, every machine that reaches this one can connect",
  );
}
console.log(`Listening on ${nameOf(listener.addr)}`);
await serve(listener, handle, { ...signals, maxConnections: options.maxConnections });
Deno.exit(signals.kill.aborted ? 1 : 0);

/** Answers the requests of one client, in order, until it is done or asks something impossible. */
async function handle(conn: Deno.Conn): Promise<void> {
  const name = nameOf(conn.remoteAddr);
  log(() => `Accepted connection from ${name}`);
  using connection = new MessageConnection(conn, { ...options, signal: signals.stop });
  try {
    for (let request; (request = connection.next() ?? await connection.receive());) {
      const response = respond(request);
      log(() => `Received ${describe(request)} from ${name}`);
      log(() => `Sending ${escapeBytes(response)} to ${name}`);
      connection.queue(response);
    }
  } catch (error) {
    if (!isClientError(error)) throw error;
    if (!(error instanceof DeadlineError && error.phase === "idle")) { // nobody waits for an answer
      log(() => `Refused request from ${name}: ${escapeText(error.message)}`);
      await connection.send(createErrorResponse(error.message));
      await connection.linger();
    }
  }
  log(() => `Closing connection to ${name}`);
}

function respond(request: Message): Uint8Array {
  try {
    return createResponse(request);
  } catch (error) {
    if (isMessageError(error)) throw error;
    const report = `An action failed: ${Deno.inspect(error)}`; // which may quote the client
    for (const line of report.split("\n")) console.error(escapeText(line));
    return createErrorResponse("the action failed");
  }
}

function isClientError(error: unknown): error is Error {
  return isMessageError(error) || (error instanceof DeadlineError && error.phase !== "write");
}

function describe(request: Message): string {
  const type = request.header["content-type"];
  return type === JSON_CONTENT_TYPE
    ? `request ${escapeJson(decodeContent(request))}`
    : `${escapeText(type)} request`;
}

function listen(): Deno.Listener {
  const [hostname = "127.0.0.1", port = "65432"] = args;
  const { unix, tlsCert, tlsKey, tcpBacklog } = options;
  if (args.length > 2) failUsage(`Unexpected argument ${args[2]}`);
  if (unix !== undefined && args.length > 0) failUsage("--unix takes no host and port");
  if (unix !== undefined && (tlsCert ?? tlsKey) !== undefined) failUsage("--unix takes no TLS");
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    failUsage("--tls-cert and --tls-key need each other");
  }
  try {
    if (unix !== undefined) return Deno.listen({ transport: "unix", path: unix });
    const address = { hostname, port: readPort(port), tcpBacklog };
    if (tlsCert === undefined || tlsKey === undefined) return Deno.listen(address);
    return Deno.listenTls({
      ...address,
      cert: Deno.readTextFileSync(tlsCert),
      key: Deno.readTextFileSync(tlsKey),
    });
  } catch (error) {
    return fail(`Cannot listen on ${unix ?? `${hostname}:${port}`}: ${(error as Error).message}`);
  }
}
