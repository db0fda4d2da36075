import { escapeText } from "../wire/escape.ts";

/** Returns an address as people write it: `127.0.0.1:65432`, `[::1]:65432`, `unix:/tmp/socket`. */
export function nameOf(address: Deno.Addr): string {
  if ("path" in address) {
    return address.path ? `unix:${escapeText(address.path)}` : "a local client";
  }
  if (!("hostname" in address)) return address.transport;
  const { hostname, port } = address;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
