// Sends back every byte its clients send, to any number of them at once.
//
//   deno run --allow-net app/multiconn_server.ts <host> <port>

import {
  flag,
  integer,
  listenForStop,
  readAddress,
  readCommandLine,
  seconds,
} from "./core/command_line.ts";
import { listen } from "./core/listen.ts";
import { exit, printLine } from "./core/output.ts";
import { serve } from "./core/serve.ts";
import type { TimedConn } from "./core/timed_conn.ts";
import { escapeBytes } from "./wire/escape.ts";

const { options, args } = readCommandLine(
  `deno run --allow-net app/multiconn_server.ts <host> <port>

Sends back every byte its clients send. Port 0 takes a free one.`,
  {
    "idle-timeout": seconds(60, "maximum time for a client to send something"),
    "write-timeout": seconds(30, "maximum time for a client to take the next bytes of its echo"),
    "drain-timeout": seconds(10, "maximum time to finish the echoes after Ctrl-C"),
    "max-connections": integer(
      "COUNT",
      20_000,
      { min: 1, max: 1e6 },
      "maximum number of clients at once",
    ),
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
async function echo(conn: TimedConn): Promise<void> {
  for (let bytes; (bytes = await conn.read()) !== null;) { // null: the client will send no more
    if (!options.quiet) printLine(`Echoing ${escapeBytes(bytes)} to ${conn.name}`);
    await conn.writeAll(bytes); // before the next read, or a client that never reads fills the memory
  }
}
