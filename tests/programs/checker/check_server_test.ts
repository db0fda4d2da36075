// What the checker does to servers besides naming causes, which is in cause_test.ts.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Failed } from "../../../app/check/result.ts";
import { StartedServer } from "../../../app/check/server.ts";
import { check, failed, failures } from "../../support/checking.ts";
import { HAS_IPV6 } from "../../support/programs.ts";
import { answersOnce, WrongServer } from "../../support/wrong_servers.ts";

Deno.test("app/check.ts accepts one response a connection, as beyond the tutorial", async () => {
  await using server = new WrongServer(answersOnce);
  const report = await check("app", "127.0.0.1", String(server.port));
  assertEquals([failed(report), report.stopped], [[], null]);
  const remarks = report.checks.filter((result) => result.status === "passed" && result.remark);
  assertEquals(remarks.map(({ name }) => name), ["pipelined"]);
  assertStringIncludes(JSON.stringify(remarks), "beyond the tutorial");
});

Deno.test("app/check.ts ends a check that never ends, and closes its connection", async () => {
  const open: number[] = [];
  await using server = new WrongServer(async (conn, server) => {
    open.push(server.open.size);
    const buffer = new Uint8Array(1);
    for (let bytes = 1; await conn.read(buffer) !== null; bytes++) {
      await conn.write(buffer);
      if (bytes > 1000) await new Promise((resume) => setTimeout(resume, 10));
    }
  });
  const args = ["127.0.0.1", String(server.port), "--timeout", "0.5", "--only", "echo,large"];
  const report = await check("echo", ...args);
  assertEquals(failed(report), ["large"]);
  const [large] = failures(report) as [Failed];
  assertEquals(large.expected, "the end of the check within 2 s");
  // After each of the two, it looks whether the server survived, and it tries again if this process was
  // stopped meanwhile. A connection may be seen to end late.
  assert(open.length >= 4);
  assert(Math.max(...open) <= 2, `${open} connections were open`);
});

Deno.test("app/check.ts closes the connections of each check", async () => {
  let max = 0;
  await using server = new WrongServer(async (conn, { open }) => {
    max = Math.max(max, open.size);
    const buffer = new Uint8Array(64 * 1024);
    for (let n; (n = await conn.read(buffer)) !== null;) await conn.write(buffer.subarray(0, n));
  });
  const names = "echo,binary,single-bytes,five-clients,slow-client,idle-client,no-mixing";
  await check("echo", "127.0.0.1", String(server.port), "--only", names);
  assert(max <= 14, `${max} connections were open`); // one check has 10; without closing, over 20
});

Deno.test("app/check.ts does not take a server that is busy for one with one client at a time", async () => {
  let clients = 0;
  let isBusy = false; // from the fifth client at once on, until it has let down one that came later
  let fifth = Infinity;
  await using server = new WrongServer(async (conn, { open }) => {
    const number = ++clients;
    if (open.size === 5 && fifth === Infinity) {
      fifth = number;
      isBusy = true;
    }
    const buffer = new Uint8Array(1024);
    let received = 0;
    for (let n; (n = await conn.read(buffer)) !== null; received += n) {
      if (!isBusy) await conn.write(buffer.subarray(0, n));
    }
    if (number > fifth && received > 0) isBusy = false;
  });
  const args = ["127.0.0.1", String(server.port), "--timeout", "0.5", "--only", "five-clients"];
  const report = await check("echo", ...args);
  assertEquals([failed(report), report.stopped], [["five-clients"], null]);
  assert(fifth < clients);
  const [{ hint }] = failures(report) as [Failed];
  assert(!hint.includes("as long as another one is connected"), hint);
});

Deno.test({
  name: "app/check.ts says that a server listens by IPv6 alone, as one may that names localhost",
  ignore: !HAS_IPV6,
  async fn() {
    using running = Deno.listen({ hostname: "::1", port: 0 });
    const { port } = running.addr;
    const { stopped } = await check("echo", "127.0.0.1", String(port));
    assertEquals(stopped, `No server is listening on 127.0.0.1:${port}, but on [::1]:${port}`);

    const idle = "setInterval(() => {}, 1000)"; // this process listens in its place
    await using cleanup = new AsyncDisposableStack();
    const server = new StartedServer({
      words: [Deno.execPath(), "eval", idle],
      folder: ".",
      port: 0,
    });
    cleanup.defer(async () => void await server.end());
    const own = server.address.port;
    using _listener = Deno.listen({ hostname: "::1", port: own });
    const why = `The server listens on [::1]:${own}, and not on 127.0.0.1:${own}`;
    assertEquals(server.whyAbsent(), why);
  },
});
