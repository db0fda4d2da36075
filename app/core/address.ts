import { escapeText } from "../wire/escape.ts";

/** A host name or address, and a port. */
export interface HostAndPort {
  hostname: string;
  port: number;
}

/** Where a server is: a host and port, or the path of a Unix socket. */
export type ServerAddress = HostAndPort | { path: string };

/** Writes an address as people do: `127.0.0.1:65432`, `[::1]:65432`, `unix:/tmp/socket`. */
export function formatAddress(address: ServerAddress | Deno.Addr): string {
  if ("path" in address) {
    return address.path ? `unix:${escapeText(address.path)}` : "a local client";
  }
  if (!("hostname" in address)) return address.transport;
  const hostname = escapeText(address.hostname);
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${address.port}`;
}

/**
 * Adds the zone of an address that was asked for, such as `fe80::1%eth0`, to the one that Deno names
 * instead. Deno leaves out the zone, and without it nobody can connect.
 */
export function withZoneOf(hostname: string, address: Deno.NetAddr): Deno.NetAddr {
  const zone = /%[^\]]+/.exec(hostname)?.[0] ?? "";
  return { ...address, hostname: address.hostname + zone };
}
