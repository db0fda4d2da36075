// Stands between a client and a server and shows the bytes that travel. It can also reshape them.
import { fail, failUsage, flag, integer, parsePort, readCommandLine } from "./core/command_line.ts";
import { formatAddress } from "./core/address.ts";
import { countFreeDescriptors } from "./core/descriptors.ts";
import { warnIfOpen } from "./core/listen.ts";
import { exit, printError, printLine } from "./core/output.ts";
import { listenForStop } from "./core/stop_signals.ts";
import type { Protocol } from "./relay/guess.ts";
import { BoundedServer } from "./relay/bounded_server.ts";
import { EventLog } from "./relay/event_log.ts";
import type { RelayEvent } from "./relay/events.ts";
import { RelayedConnection, SOCKET_OPTIONS } from "./relay/relayed_connection.ts";
import { formatEvent } from "./relay/show.ts";
import { DEFAULT_LIMITS } from "./relay/unit_reader.ts";
import { MAX_WEB_CONNECTIONS, servePage } from "./relay/web.ts";

const PROTOCOLS: readonly Protocol[] = ["auto", "app", "frames", "text", "raw"];
const RESERVED_DESCRIPTORS = 16; // for Deno itself, also while it looks up host names
const DEFAULT_CONNECTIONS = 400; // with two descriptors each; systems often give a program 1024
const MAX_CONNECTIONS = 3_000; // their descriptors are counted by opening them, for which ports run out

const { options, args } = readCommandLine(
  `deno run --allow-net app/relay.ts [--listen HOST:PORT] [--to HOST:PORT]

Passes on what a client and a server send each other, and shows it.`,
  {
    "listen": address("127.0.0.1:65431", "where clients connect; port 0 takes a free one"),
    "to": address("127.0.0.1:65432", "where the server is"),
    "protocol": {
      placeholder: "NAME",
      help:
        "how to label the bytes: app (messages), frames (4 bytes of length and a payload), text, " +
        "raw, or auto, which looks at the first ones (default: auto)",
      initial: "auto" as Protocol,
      read: readProtocol,
    },
    "chunk": integer(
      "BYTES",
      0,
      { min: 0, max: 2 ** 30 },
      "pass on pieces of this many bytes, or what comes with 0",
    ),
    "delay": integer(
      "MS",
      0,
      { min: 0, max: 60_000 },
      "wait this many milliseconds before each piece",
    ),
    "cut": integer(
      "BYTES",
      undefined,
      { min: 0, max: Number.MAX_SAFE_INTEGER },
      "reset a connection after this many bytes, both directions together (default: never)",
    ),
    "max-connections": integer(
      "COUNT",
      DEFAULT_CONNECTIONS,
      { min: 1, max: MAX_CONNECTIONS },
      "take no more clients than this at once",
    ),
    "max-header-length": integer(
      "BYTES",
      DEFAULT_LIMITS.maxHeaderLength,
      { min: 1, max: 65_535 },
      "of messages: show longer headers as raw bytes",
    ),
    "max-content-length": integer(
      "BYTES",
      DEFAULT_LIMITS.maxContentLength,
      { min: 0, max: 2 ** 30 },
      "of messages: show longer contents as raw bytes",
    ),
    "max-frame-length": integer(
      "BYTES",
      DEFAULT_LIMITS.maxFrameLength,
      { min: 0, max: 2 ** 32 - 1 },
      "of frames: show longer ones as raw bytes",
    ),
    "stall": flag("never read what the server sends"),
    "quiet": flag("print only when a side takes no more, and other notes"),
    "web": integer(
      "PORT",
      undefined,
      { min: 0, max: 65_535 },
      "show a diagram in the browser, on this port of 127.0.0.1; 0 takes a free one",
    ),
  },
);
if (args.length > 0) failUsage(`Unexpected argument ${args[0]}`);

const color = Deno.stdout.isTerminal() && !Deno.noColor;
const log = new EventLog(); // for the page
let connections = 0;

const { cut = Infinity, web } = options;
const isWatched = !options.quiet || web !== undefined;
const relaying = { ...options, cut, isWatched, publish };
const server = new BoundedServer(
  options.listen,
  findMaxConnections(),
  (client) => new RelayedConnection(++connections, client, relaying).closed,
  SOCKET_OPTIONS,
);
listenForStop(0).stop.addEventListener("abort", () => exit(0));
const listening = await server.listen().catch((error) => failToListen(options.listen, error));
const route = `${formatAddress(listening)} → ${formatAddress(options.to)}`;
warnIfOpen(listening.hostname);
printLine(`Listening on ${formatAddress(listening)}`);
printLine(`Passing on to ${formatAddress(options.to)}`);
if (web !== undefined) {
  const port = await servePage(web, log, route).catch((error) =>
    failToListen({ transport: "tcp", hostname: "127.0.0.1", port: web }, error)
  );
  printLine(`Showing it on http://127.0.0.1:${port}/`);
}

/** How many clients to take: fewer than wanted if there are not enough descriptors, two for each. */
function findMaxConnections(): number {
  const reserved = RESERVED_DESCRIPTORS + (web === undefined ? 0 : MAX_WEB_CONNECTIONS);
  const wanted = options.maxConnections;
  const possible = Math.floor((countFreeDescriptors(2 * wanted + reserved) - reserved) / 2);
  if (possible < 1) fail("Cannot relay: there are too few file descriptors (see `ulimit -n`)");
  if (possible >= wanted) return wanted;
  printError(`Taking at most ${possible} clients at once: there are no more file descriptors`);
  return possible;
}

function failToListen(address: Deno.NetAddr, error: Error): never {
  return fail(`Cannot listen on ${formatAddress(address)}: ${error.message}`);
}

function publish(event: RelayEvent) {
  if (!options.quiet || event.type === "note") {
    printLine(formatEvent(event, color));
  }
  if (web !== undefined) log.add(event);
}

/** An option whose value is an address as people write it. */
function address(initial: string, help: string) {
  return {
    placeholder: "HOST:PORT",
    help: `${help} (default: ${initial})`,
    initial: parseHostAndPort(initial),
    read: parseHostAndPort,
  };
}

function parseHostAndPort(text: string): Deno.NetAddr {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
  if (!match) throw new RangeError(`"${text}" is not a host and a port, such as 127.0.0.1:65432`);
  const [, ipv6, name, port] = match;
  if (ipv6?.includes("%")) {
    throw new RangeError(`"${text}" has a zone, and the sockets of node:net take none in Deno`);
  }
  return { transport: "tcp", hostname: ipv6 ?? name!, port: parsePort(port!) };
}

function readProtocol(text: string): Protocol {
  const protocol = PROTOCOLS.find((protocol) => protocol === text);
  if (protocol === undefined) {
    throw new RangeError(`"${text}" is not ${PROTOCOLS.slice(0, -1).join(", ")} or raw`);
  }
  return protocol;
}
