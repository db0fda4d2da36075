// Sends what you type to a server, and prints what comes back.
//
//   deno run --allow-net app/netcat.ts [host] [port]
import { formatAddress } from "./core/address.ts";
import { fail, readCommandLine, readOptionalAddress } from "./core/command_line.ts";
import { connect } from "./core/connect.ts";

const { args } = readCommandLine(
  `deno run --allow-net app/netcat.ts [host] [port]

Sends standard input to a server, half-closes at its end (Ctrl-D, on Windows Ctrl-Z and Enter), and
writes all that comes to standard output, as it is. Ends when the server has finished.`,
  {},
);
const address = readOptionalAddress(args);

try {
  const conn = await connect(address);
  send(conn).catch((error) => console.error(`Cannot send: ${error.message}`)); // the answer may still come
  await conn.readable.pipeTo(Deno.stdout.writable);
  Deno.exit(); // or the program would go on and wait for your keyboard
} catch (error) {
  fail(`${formatAddress(address)}: ${(error as Error).message}`);
}

/** Sends all input. At its end, `pipeTo` alone would close the whole connection, before the answer. */
async function send(conn: Deno.Conn): Promise<void> {
  await Deno.stdin.readable.pipeTo(conn.writable, { preventClose: true });
  await conn.closeWrite(); // half-close: no more will be sent, and all that comes is still read
}
