import { TCP_BACKLOG } from "../wire/limits.ts";
import { formatAddress, type ServerAddress, withZoneOf } from "./address.ts";
import { fail } from "./command_line.ts";
import { printError, printLine } from "./output.ts";
import type { Listener } from "./serve.ts";
import { UnixListener } from "./unix.ts";

const ALL_INTERFACES = ["0.0.0.0", "::"];

/** Listens, and prints the address. If that fails, it ends the program with one line on stderr. */
export function listen(address: ServerAddress, tcpBacklog: number = TCP_BACKLOG): Listener {
  try {
    if ("path" in address) {
      const listener = new UnixListener(address.path);
      printLine(`Listening on ${formatAddress(listener.addr)}`);
      return listener;
    }
    const listener = Deno.listen({ ...address, tcpBacklog });
    warnIfOpen(listener.addr.hostname);
    printLine(`Listening on ${formatAddress(withZoneOf(address.hostname, listener.addr))}`);
    return listener;
  } catch (error) {
    return fail(`Cannot listen on ${formatAddress(address)}: ${(error as Error).message}`);
  }
}

/** Prints a warning if everybody can connect to this address. */
export function warnIfOpen(hostname: string): void {
  if (!ALL_INTERFACES.includes(hostname)) return;
  printError(
    "Warning: listening on all interfaces, so every machine that reaches this one can connect",
  );
}
