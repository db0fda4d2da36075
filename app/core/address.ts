import { escapeText } from "../wire/escape.ts";

/** Returns an address as people write it: `127.0.0.1:65432`, `[::1]:65432`, `unix:/tmp/socket`. */
export function nameOf(address: Deno.Addr): string {
  if ("path" in address) {
    return address.path ? `unix:${escapeText(address.path)}` : "a local client";
  }
  if (!("hostname" in address)) return address.transport;
  const { port } = address;
  const hostname = escapeText(address.hostname);
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/**
 * Adds the zone of an address that was asked for, such as `fe80::1%eth0`, to the one that Deno names
 * instead. Deno leaves out the zone, and without it nobody can connect.
 */
export function withZoneOf(hostname: string, address: Deno.NetAddr): Deno.NetAddr {
  const zone = /%[^\]]+/.exec(hostname)?.[0] ?? "";
  return { ...address, hostname: address.hostname + zone };
}
