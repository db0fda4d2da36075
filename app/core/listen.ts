import { nameOf, withZoneOf } from "./address.ts";
import { fail } from "./command_line.ts";
import { printError, printLine } from "./output.ts";
import type { Listener } from "./serve.ts";
import { UnixListener } from "./unix.ts";

const TCP_BACKLOG = 4096; // clients; with Deno's default of 511, some of 5000 clients at once wait for 6 s
const ALL_INTERFACES = ["0.0.0.0", "::"];

/** The address to listen on: a host and port, or the path of a Unix socket. */
export type ListenAddress =
  | { hostname: string; port: number; tcpBacklog?: number }
  | { path: string };

/** Listens, and prints the address. If that fails, it ends the program with one line on stderr. */
export function listen(address: ListenAddress): Listener {
  const listener = tryToListen(address);
  const addr = "hostname" in address
    ? withZoneOf(address.hostname, listener.addr as Deno.NetAddr)
    : listener.addr;
  if ("hostname" in addr) warnIfOpen(addr.hostname);
  printLine(`Listening on ${nameOf(addr)}`);
  return listener;
}

/** Prints a warning if everybody can connect to this address. */
export function warnIfOpen(hostname: string): void {
  if (!ALL_INTERFACES.includes(hostname)) return;
  printError(
    "Warning: listening on all interfaces, so every machine that reaches this one can connect",
  );
}

function tryToListen(address: ListenAddress): Listener {
  try {
    if ("path" in address) return new UnixListener(address.path);
    return Deno.listen({ tcpBacklog: TCP_BACKLOG, ...address });
  } catch (error) {
    const transport = "path" in address ? "unix" : "tcp";
    const name = nameOf({ transport, ...address } as Deno.Addr);
    return fail(`Cannot listen on ${name}: ${(error as Error).message}`);
  }
}
