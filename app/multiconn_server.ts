// Sends back every byte its clients send, to any number of them at once.
//
//   deno run --allow-net app/multiconn_server.ts <host> <port>

import {
  connectionLimit,
  duration,
  flag,
  readAddress,
  readCommandLine,
} from "./core/command_line.ts";
import { listen } from "./core/listen.ts";
import { exit, printLine } from "./core/output.ts";
import { serve } from "./core/serve.ts";
import { listenForStop } from "./core/stop_signals.ts";
import type { DeadlineConn } from "./core/deadline_conn.ts";
import { escapeBytes } from "./wire/escape.ts";
import { DRAIN_TIMEOUT, IDLE_TIMEOUT, MAX_ECHO_CONNECTIONS, WRITE_TIMEOUT } from "./wire/limits.ts";

const { options, args } = readCommandLine(
  `deno run --allow-net app/multiconn_server.ts <host> <port>

Sends back every byte its clients send. Port 0 takes a free one.`,
  {
    "idle-timeout": duration(IDLE_TIMEOUT, "maximum time for a client to send something"),
    "write-timeout": duration(WRITE_TIMEOUT, "maximum time for a client to take the next bytes"),
    "drain-timeout": duration(DRAIN_TIMEOUT, "maximum time to finish the echoes after Ctrl-C"),
    "max-connections": connectionLimit(MAX_ECHO_CONNECTIONS),
    "quiet": flag("print no lines about connections and echoes"),
  },
);
const log = (line: string) => options.quiet || printLine(line);

// The first Ctrl-C asks the server to stop, the second forces it.
const { stop, kill } = listenForStop(options.drainTimeout);
const listener = listen(readAddress(args));

// Accepts clients and calls `echo` for each, without waiting for it before it accepts the next.
await serve(listener, echo, { ...options, stop, kill, log });
await exit(kill.aborted ? 1 : 0);

/** Serves one client. When this returns or throws, `serve` closes the connection. */
async function echo(conn: DeadlineConn): Promise<void> {
  while (true) {
    const bytes = await conn.read();
    if (bytes === null) break; // the client will send no more
    if (!options.quiet) printLine(`Echoing ${escapeBytes(bytes)} to ${conn.peerAddress}`);
    await conn.writeAll(bytes); // before the next read, or a client that never reads fills the memory
  }
}
