// The application server: answers requests in the tutorial's message protocol.
import type { ServerAddress } from "./core/address.ts";
import {
  connectionLimit,
  duration,
  failUsage,
  flag,
  integer,
  messageLimits,
  readCommandLine,
  readOptionalAddress,
  text,
} from "./core/command_line.ts";
import { MessageConnection } from "./core/message_connection.ts";
import { DeadlineError } from "./core/deadlines.ts";
import { listen } from "./core/listen.ts";
import { exit, printError, printLine } from "./core/output.ts";
import { serve } from "./core/serve.ts";
import { listenForStop } from "./core/stop_signals.ts";
import type { DeadlineConn } from "./core/deadline_conn.ts";
import { TIMED_OUT, withTimeout } from "./core/timeout.ts";
import { createErrorResponse, createResponse } from "./libserver.ts";
import { escapeBytes, escapeJson, escapeText } from "./wire/escape.ts";
import {
  ACTION_TIMEOUT,
  DRAIN_TIMEOUT,
  HEADER_TIMEOUT,
  IDLE_TIMEOUT,
  LINGER_TIMEOUT,
  MESSAGE_TIMEOUT,
  TCP_BACKLOG,
  WRITE_TIMEOUT,
} from "./wire/limits.ts";
import { decodeContent, isMessageError, JSON_CONTENT_TYPE, type Message } from "./wire/message.ts";

const { options, args } = readCommandLine(
  `deno run --allow-net app/server.ts [host] [port]

Answers requests. It listens on 127.0.0.1 and port 65432 unless you say otherwise. Port 0 takes a
free one.`,
  {
    "unix": text("PATH", "listen on a Unix socket instead (needs --allow-read, --allow-write)"),
    ...messageLimits,
    "header-timeout": duration(
      HEADER_TIMEOUT,
      "maximum time to receive a header, from connecting or the message's first byte",
    ),
    "message-timeout": duration(
      MESSAGE_TIMEOUT,
      "maximum time to receive a message, from its first byte",
    ),
    "idle-timeout": duration(IDLE_TIMEOUT, "maximum time between two messages"),
    "write-timeout": duration(WRITE_TIMEOUT, "maximum time for a client to take the next bytes"),
    "linger-timeout": duration(
      LINGER_TIMEOUT,
      "maximum time for a client to read the last response before the end",
    ),
    "action-timeout": duration(ACTION_TIMEOUT, "maximum time for an action that returns a promise"),
    "drain-timeout": duration(DRAIN_TIMEOUT, "maximum time to finish the responses after Ctrl-C"),
    "max-connections": connectionLimit(),
    "tcp-backlog": integer(
      "COUNT",
      TCP_BACKLOG,
      { min: 1, max: 65_535 },
      "maximum number of clients that wait to be accepted",
    ),
    "quiet": flag("print no lines about connections and messages"),
  },
);
// The line is a function, because describing a message costs more than answering it.
const log = (line: () => string) => options.quiet || printLine(line());

// An action may also fail where nothing awaits it: in a listener, or in a promise that it forgets.
addEventListener("error", (event) => {
  event.preventDefault();
  reportFailure(event.error);
});
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  reportFailure(event.reason);
});

const signals = listenForStop(options.drainTimeout);
await serve(listen(readListenAddress(), options.tcpBacklog), handle, {
  ...options,
  ...signals,
  log: (line) => log(() => line),
});
await exit(signals.kill.aborted ? 1 : 0);

/** Answers the requests of one client in order, until it sends no more or sends a wrong one. */
async function handle(conn: DeadlineConn): Promise<void> {
  const connection = new MessageConnection(conn, options);
  try {
    while (true) {
      const request = await connection.receive();
      if (request === undefined) break; // the client will send no more
      const content = decodeContent(request);
      log(() => `Received ${describe(request, content)} from ${conn.peerAddress}`);
      let response = respond(content);
      if (response instanceof Promise) {
        await connection.flush(); // what is answered already does not wait for this action
        response = await response;
      }
      log(() => `Sending ${escapeBytes(response)} to ${conn.peerAddress}`);
      connection.reply(response);
    }
  } catch (error) {
    if (!isClientError(error)) throw error;
    log(() => `Refused request from ${conn.peerAddress}: ${escapeText(error.message)}`);
    await connection.send(createErrorResponse(error.message));
    await connection.linger();
  }
}

/** Runs the action of a request. If it fails, the client gets an answer, and no other client notices. */
function respond(content: unknown): Uint8Array | Promise<Uint8Array> {
  const late = new AbortController();
  try {
    const response = createResponse(content, { ...options, signal: late.signal });
    return response instanceof Promise ? inTime(response, late).catch(reportFailure) : response;
  } catch (error) {
    return reportFailure(error);
  }
}

/** Waits for a response until the timeout. Then it fails, and the action's signal aborts. */
async function inTime(response: Promise<Uint8Array>, late: AbortController): Promise<Uint8Array> {
  const result = await withTimeout(response, options.actionTimeout);
  if (result !== TIMED_OUT) return result;
  const error = new DeadlineError("action", options.actionTimeout);
  late.abort(error);
  throw error;
}

/** Prints why an action failed, and returns the response for the client. */
function reportFailure(error: unknown): Uint8Array {
  const report = `An action failed: ${Deno.inspect(error)}`; // it may quote the client
  for (const line of report.split("\n")) printError(escapeText(line));
  return createErrorResponse("the action failed");
}

/** Returns whether the client made a mistake, and may still read a response that names it. */
function isClientError(error: unknown): error is Error {
  const isLate = error instanceof DeadlineError && ["header", "content"].includes(error.phase);
  return isLate || isMessageError(error);
}

function describe({ header }: Message, content: unknown): string {
  const type = header["content-type"];
  return type === JSON_CONTENT_TYPE
    ? `request ${escapeJson(content)}`
    : `${escapeText(type)} request`;
}

function readListenAddress(): ServerAddress {
  const { unix } = options;
  if (unix === undefined) return readOptionalAddress(args);
  if (args.length > 0) failUsage("--unix takes no host and port");
  return { path: unix };
}
