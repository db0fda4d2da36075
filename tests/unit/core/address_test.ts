import { assertEquals } from "@std/assert";
import { formatAddress, withZoneOf } from "../../../app/core/address.ts";

Deno.test("formatAddress() writes an address as people do, and nothing invisible", () => {
  const names: [Deno.Addr, string][] = [
    [{ transport: "tcp", hostname: "127.0.0.1", port: 65432 }, "127.0.0.1:65432"],
    [{ transport: "tcp", hostname: "::1", port: 0 }, "[::1]:0"],
    [{ transport: "tcp", hostname: "fe80::1%eth0", port: 1 }, "[fe80::1%eth0]:1"],
    [{ transport: "tcp", hostname: "a\x1b[1mb", port: 1 }, "a\\x1b[1mb:1"],
    [{ transport: "unix", path: "/tmp/a\nb" }, "unix:/tmp/a\\x0ab"],
    [{ transport: "unix", path: "" }, "a local client"],
  ];
  for (const [address, name] of names) assertEquals(formatAddress(address), name);
});

Deno.test("withZoneOf() adds the zone of the address that was asked for, which Deno leaves out", () => {
  const addr: Deno.NetAddr = { transport: "tcp", hostname: "fe80::1", port: 1 };
  assertEquals(withZoneOf("fe80::1%eth0", addr), { ...addr, hostname: "fe80::1%eth0" });
  assertEquals(withZoneOf("[fe80::1%eth0]", addr), { ...addr, hostname: "fe80::1%eth0" });
  const local: Deno.NetAddr = { ...addr, hostname: "127.0.0.1" };
  assertEquals(withZoneOf("localhost", local), local);
});
