import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { equals } from "@std/bytes/equals";
import { connect, createServer } from "node:net";
import { capture, golden } from "../support/captures.ts";
import { some } from "../support/sampling.ts";
import {
  accept,
  connectAndReset,
  exchange,
  findFreePort,
  HAS_IPV6,
  noise,
  Program,
  readToEnd,
  readToReset,
  runScript,
  sendAndHalfClose,
  startLimitedRelay,
  startRelay,
  startServer,
} from "../support/programs.ts";
import { descriptors, settled } from "../support/resource_usage.ts";

const MIB = 1024 * 1024;

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function listen(): Deno.TcpListener & { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return Object.assign(listener, { port: listener.addr.port });
}

function dial(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** What was printed, without what differs from run to run. */
function stable({ stdout }: Program): string {
  return stdout.replace(/^(?:(?!#).*\n)*/, "").replaceAll(/ {2}\d+\.\d{3} s {2}/g, "  0.000 s  ")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT");
}

Deno.test("app/relay.ts prints a real exchange as the golden text", async () => {
  using listener = listen();
  await using relay = await startRelay(listener.port);
  using client = await dial(relay.port);
  await client.write(capture("morpheus", "request"));
  {
    using server = await accept(listener);
    const buffer = new Uint8Array(1024);
    assertEquals(await server.read(buffer), 146);
    await server.write(capture("morpheus", "response"));
    await server.closeWrite();
    assertEquals(await readToEnd(client), capture("morpheus", "response"));
    await client.closeWrite();
    assertEquals(await server.read(buffer), null);
  }
  await relay.prints(/closed\n/);
  const events = ["server half-closed (FIN)", "client half-closed (FIN)", "closed"];
  const expected = "#1  0.000 s  127.0.0.1:PORT connected\n" + golden("morpheus") +
    events.map((event) => `#1  0.000 s  ${event}\n`).join("");
  assertEquals(stable(relay), expected);
  assertEquals(relay.stderr, "");
});

Deno.test("app/relay.ts passes on a half-close with 6 MB on the way, and every byte", async () => {
  await using server = await startServer("app/multiconn_server.ts");
  await using relay = await startRelay(server.port, "--quiet");
  const bytes = noise(6e6);
  const received = await Promise.all([exchange(relay.port, bytes), exchange(relay.port, bytes)]);
  for (const echo of received) assert(equals(echo, bytes));
  assertMatch(relay.stdout, /^Listening on .*\nPassing on to .*\n(#\d+ .* takes .*\n)*$/);
});

Deno.test("app/relay.ts passes on a reset by the client", async () => {
  using listener = listen();
  await using relay = await startRelay(listener.port);
  const client = connect(relay.port, "127.0.0.1");
  const closed = new Promise((resolve) => client.on("close", resolve));
  client.write("hello");
  using server = await accept(listener);
  assertEquals(await server.read(new Uint8Array(9)), 5);
  client.resetAndDestroy();
  await closed;
  assertEquals(await readToReset(server), [0, "ConnectionReset"]);
  await relay.prints(/client reset \(RST\)\n/);
});

Deno.test("app/relay.ts lives on after 500 clients that connect and reset", async () => {
  await using server = await startServer("app/multiconn_server.ts");
  await using relay = await startRelay(server.port);
  for (let i = 0; i < 500; i += 50) {
    await Promise.all(Array.from({ length: 50 }, () => connectAndReset(relay.port)));
  }
  assertEquals(await exchange(relay.port, bytesOf("hello")), bytesOf("hello"));
  assertEquals(relay.stderr, "");
});

Deno.test("app/relay.ts passes on half-closes that come before it has reached the server", async () => {
  await using server = await startServer("app/multiconn_server.ts", "--quiet");
  await using relay = await startRelay(server.port);
  const clients = await Promise.all(Array.from({ length: 200 }, () => dial(relay.port)));
  await Promise.all(clients.map(async (client) => {
    using conn = client;
    await conn.closeWrite();
    assertEquals(await readToReset(conn), [0, "end"]);
  }));
});

Deno.test("app/relay.ts refuses the 401st client, and serves again when others have gone", async () => {
  await using server = await startServer("app/multiconn_server.ts", "--quiet");
  await using relay = await startRelay(server.port);
  const clients = await Promise.all(Array.from({ length: 400 }, () => dial(relay.port)));
  await relay.prints(/#400 .* connected\n/);
  await relay.prints(
    `Taking no more clients on 127.0.0.1:${relay.port}: 400 connections are open\n`,
    "stderr",
  );
  for (let i = 0; i < 3; i++) {
    await assertRejects(() => dial(relay.port), Deno.errors.ConnectionRefused);
  }
  for (const client of clients) client.close();
  for (let i = 1; i <= 400; i++) await relay.prints(new RegExp(`^#${i} .* closed$`, "m"));
  assertEquals(await exchange(relay.port, bytesOf("hello")), bytesOf("hello"));
});

Deno.test("app/relay.ts --max-connections sets the limit, and nobody else gets to the server", async () => {
  await using server = await startServer("app/multiconn_server.ts");
  await using relay = await startRelay(server.port, "--quiet", "--max-connections", "1");
  {
    using client = await dial(relay.port);
    await client.write(bytesOf("hello"));
    assertEquals(await client.read(new Uint8Array(9)), 5);
    await assertRejects(() => dial(relay.port), Deno.errors.ConnectionRefused);
  }
  await served(relay.port);
  await server.prints("Closing connection", "stdout", 2);
  assertEquals(server.stdout.match(/Accepted connection/g)!.length, 2);
});

for (const limit of some([90, 130, 256], 2)) {
  Deno.test({
    name: `app/relay.ts with ${limit} descriptors serves again within 5 s after a rush`,
    ignore: Deno.build.os !== "linux", // bash, ulimit, /proc
    async fn() {
      await using server = await startServer("app/multiconn_server.ts", "--quiet");
      await using relay = await startLimitedRelay(limit, server.port, "--quiet");
      await relay.prints(/^Taking at most \d+ clients at once/, "stderr");
      const before = descriptors(relay.pid);
      for (let rush = 0; rush < 3; rush++) {
        const dials = Array.from({ length: 1000 }, () => dial(relay.port));
        const clients = await Promise.allSettled(dials); // a relay that is full refuses most
        await relay.prints("Taking no more clients", "stderr");
        for (const client of clients) if (client.status === "fulfilled") client.value.close();
        const start = performance.now();
        await served(relay.port);
        assertLessOrEqual(performance.now() - start, 5_000);
      }
      assertLessOrEqual(await settled(relay.pid, before), before);
    },
  });
}

Deno.test({
  name: "app/relay.ts --stall ends both sides when the client has ended",
  ignore: Deno.build.os !== "linux", // /proc
  async fn() {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    await using relay = await startRelay(server.port, "--stall");
    const before = descriptors(relay.pid);
    const clients = await Promise.all(Array.from({ length: 100 }, () => dial(relay.port)));
    await relay.prints("never read (--stall)", "stdout", 100);
    for (const client of clients) client.close();
    await relay.prints("the client has ended, and gets nothing (--stall)", "stdout", 100);
    assertLessOrEqual(await settled(relay.pid, before), before);
  },
});

Deno.test("app/relay.ts passes on a reset by the server, after the bytes before it", async () => {
  const server = createServer((socket) => {
    socket.once("data", () => socket.write("half", () => socket.resetAndDestroy()));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    await using relay = await startRelay((server.address() as { port: number }).port);
    using client = await dial(relay.port);
    await client.write(bytesOf("hello"));
    const buffer = new Uint8Array(9);
    assertEquals(await client.read(buffer), 4);
    assertEquals(await readToReset(client), [0, "ConnectionReset"]);
    await relay.prints(/server reset \(RST\)\n/);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
});

Deno.test("app/relay.ts resets a client whose server cannot be reached, and serves the next", async () => {
  const port = findFreePort();
  await using relay = await startRelay(port);
  const outcome = await dial(relay.port).then(async (conn) => {
    using client = conn;
    return (await readToReset(client))[1];
  }, (error: Error) => error.name); // the reset may come before dial has returned
  assertEquals(outcome, "ConnectionReset");
  await relay.prints(/the server cannot be reached: .*ECONNREFUSED.*\n/);

  using listener = Deno.listen({ hostname: "127.0.0.1", port });
  using next = await dial(relay.port);
  using server = await accept(listener);
  await next.write(bytesOf("hello"));
  assertEquals(await server.read(new Uint8Array(9)), 5);
});

Deno.test("app/relay.ts --chunk and --delay pass on small pieces, slowly, and nothing is lost", async () => {
  await using server = await startServer("app/server.ts");
  await using relay = await startRelay(server.port, "--chunk", "20", "--delay", "5");
  const begin = performance.now();
  const response = await exchange(relay.port, capture("morpheus", "request"));
  const took = performance.now() - begin;
  assertStringIncludes(new TextDecoder().decode(response), "Follow the white rabbit.");
  await relay.prints(/closed\n/);
  const sizes = [...relay.stdout.matchAll(/client → server {2}(\d+) bytes/g)].map(([, n]) =>
    Number(n)
  );
  assertEquals(sizes, [20, 20, 20, 20, 20, 20, 20, 6]);
  const pieces = [...relay.stdout.matchAll(/→/g)].length;
  assert(took >= pieces * 5 * 0.9, `${pieces} pieces took ${took} ms`);
  assertStringIncludes(relay.stdout, "header, bytes 1-18 of 103\n");
});

Deno.test("app/relay.ts --cut resets both sides after so many bytes", async () => {
  using listener = listen();
  await using relay = await startRelay(listener.port, "--cut", "50");
  using client = await dial(relay.port);
  using server = await accept(listener); // before the cut: what is reset already cannot be accepted
  await client.write(capture("morpheus", "request"));
  assertEquals(await readToReset(server), [50, "ConnectionReset"]);
  assertEquals(await readToReset(client), [0, "ConnectionReset"]);
  await relay.prints(/the relay resets both sides \(--cut 50\)\n/);

  using second = await dial(relay.port); // counts both directions, and each connection anew
  await second.write(new Uint8Array(30));
  using conn = await accept(listener);
  assertEquals(await conn.read(new Uint8Array(99)), 30);
  await conn.write(new Uint8Array(30));
  assertEquals(await readToReset(second), [20, "ConnectionReset"]);
  assertEquals(await readToReset(conn), [0, "ConnectionReset"]);
});

Deno.test("app/relay.ts --stall makes backpressure arrive at the client, and holds little", async () => {
  await using server = await startServer("app/multiconn_server.ts");
  await using relay = await startRelay(server.port, "--stall");
  using client = await dial(relay.port);
  let sent = 0;
  const flood = (async () => {
    for (const bytes = new Uint8Array(64 * 1024); sent < 256 * MIB;) {
      sent += await client.write(bytes);
    }
  })().catch(() => {}); // it ends when the connection is closed
  await relay.prints(/server takes no more, so client is not read\n/);
  // Nobody moves any more: what the client has sent since then is what the system's buffers hold.
  assert(sent < 64 * MIB, `${sent} bytes were taken`);
  if (Deno.build.os === "linux") {
    const status = Deno.readTextFileSync(`/proc/${relay.pid}/status`);
    const peak = Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
    assert(peak < 250, `The relay held ${peak} MiB`);
  }
  relay.kill("SIGKILL");
  await flood;
});

for (const args of [[], ["--quiet"]]) {
  const command = ["app/relay.ts", ...args].join(" ");
  Deno.test(`${command} says when a client does not read, waits for it, and then goes on`, async () => {
    using listener = listen();
    await using relay = await startRelay(listener.port, ...args);
    using client = await dial(relay.port);
    using server = await accept(listener);
    const bytes = noise(32 * MIB);
    const sending = sendAndHalfClose(server, bytes);
    await relay.prints(/client takes no more, so server is not read\n/);
    assert(equals(await readToEnd(client), bytes));
    await sending;
    await relay.prints(/client takes bytes again\n/);
    assertEquals(/→|connected|FIN/.test(relay.stdout), args.length === 0, "the rest is quiet");
  });
}

for (
  const [name, unit, ...args] of [
    ["smallest frames", "0, 0, 0, 1, 0", "--protocol", "frames"],
    ["bytes, one by one", "0", "--chunk", "1"],
  ]
) {
  Deno.test(`app/relay.ts serves others while one client floods it with ${name}`, async () => {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    await using relay = await startRelay(server.port, ...args, "--quiet", "--web", "0");
    const flood = `
      const bytes = new Uint8Array(Array(10_000).fill([${unit}]).flat());
      const conn = await Deno.connect({ port: ${relay.port} });
      const read = async () => { while (await conn.read(new Uint8Array(65536)) !== null); };
      read();
      for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
      console.log("Flooding");
      while (true) for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));`;
    await using flooder = new Program(["eval", flood]);
    await flooder.prints("Flooding");
    const start = performance.now();
    for (let i = 0; i < 5; i++) {
      assertEquals(await exchange(relay.port, bytesOf("hello")), bytesOf("hello"));
    }
    assertLessOrEqual(performance.now() - start, 10_000); // they take some 100 ms, or a minute without pauses
    assert(flooder.isRunning);
  });
}

for (const host of ["0.0.0.0", "[::]"]) {
  Deno.test({
    name: `app/relay.ts warns when everybody can connect to ${host}`,
    ignore: host === "[::]" && !HAS_IPV6,
    async fn() {
      const words = ["run", "--allow-net", "app/relay.ts", "--listen", `${host}:0`];
      await using relay = new Program(words);
      await relay.prints(/Passing on .*\n/);
      await relay.prints(/^Warning: listening on all interfaces.*\n/, "stderr");
    },
  });
}

Deno.test({
  name: "app/relay.ts ends with exit code 0 on Ctrl-C, with connections open",
  ignore: Deno.build.os === "windows", // where a process cannot send this signal to another
  async fn() {
    using listener = listen();
    await using relay = await startRelay(listener.port, "--web", "0");
    using client = await dial(relay.port);
    using server = await accept(listener);
    await client.write(bytesOf("hello"));
    assertEquals(await server.read(new Uint8Array(9)), 5);
    relay.kill("SIGINT");
    assertEquals((await relay.ended).code, 0);
    assertEquals(relay.stderr, "");
    assertEquals(await readToReset(client), [0, "end"]);
  },
});

Deno.test("app/relay.ts says in one line what is wrong with its command line", async () => {
  using taken = listen();
  const cases: [number, string, ...string[]][] = [
    [2, `Wrong --listen: "nowhere" is not a host and a port`, "--listen", "nowhere"],
    [2, `Wrong --to: "99999" is not an integer from 0 to 65535`, "--to", "127.0.0.1:99999"],
    [2, `Wrong --protocol: "smtp" is not auto, app, frames, text or raw`, "--protocol", "smtp"],
    [
      2,
      `Wrong --max-connections: "3001" is not an integer from 1 to 3000`,
      "--max-connections",
      "3001",
    ],
    [2, `Unexpected argument extra`, "extra"],
    [1, `Cannot listen on 127.0.0.1:${taken.port}: `, "--listen", `127.0.0.1:${taken.port}`],
    [
      1,
      `Cannot listen on 127.0.0.1:${taken.port}: `,
      "--listen",
      "127.0.0.1:0",
      "--web",
      `${taken.port}`,
    ],
  ];
  await Promise.all(cases.map(async ([code, line, ...args]) => {
    await using program = new Program([
      "run",
      "--no-prompt",
      "--allow-net",
      "app/relay.ts",
      ...args,
    ]);
    assertEquals((await program.ended).code, code);
    assertStringIncludes(program.stderr, line);
    assertEquals(program.stderr.trimEnd().split("\n").length, 1);
  }));
});

Deno.test("app/relay.ts says in one line which permission is missing", async () => {
  const port = `${findFreePort()}`;
  const own = `127.0.0.1:${port}`;
  const cases: [string, ...string[]][] = [
    ["127.0.0.1:65431", "app/relay.ts"],
    ["127.0.0.1:1", `--allow-net=${own}`, "app/relay.ts", "--listen", own, "--web", "1"],
  ];
  for (const [address, ...args] of cases) {
    await using program = new Program(["run", "--no-prompt", ...args]);
    assertEquals((await program.ended).code, 1);
    assertStringIncludes(
      program.stderr,
      `Cannot listen on ${address}: Requires net access to "${address}", run again with`,
    );
    assertEquals(program.stderr.trimEnd().split("\n").length, 1);
  }
});

Deno.test("app/relay.ts goes on if it is not permitted to listen again", async () => {
  using listener = listen();
  const permission = `--allow-net=127.0.0.1:0,127.0.0.1:${listener.port}`;
  const to = `127.0.0.1:${listener.port}`;
  const args = ["--listen", "127.0.0.1:0", "--to", to, "--max-connections", "1"];
  await using relay = new Program(["run", "--no-prompt", permission, "app/relay.ts", ...args]);
  const [, port] = await relay.prints(/Listening on 127\.0\.0\.1:(\d+)\n/);
  const client = await dial(Number(port));
  const server = await accept(listener);
  client.close();
  server.close();
  await relay.prints(`Cannot listen on 127.0.0.1:${port} again: Requires net access`, "stderr", 2);
  assert(relay.isRunning);
});

Deno.test("app/relay.ts refuses an address with a zone in one line", async () => {
  for (const option of ["--listen", "--to"]) {
    const { code, stderr } = await runScript("app/relay.ts", option, "[fe80::1%lo]:6220");
    assertEquals(code, 2);
    assertEquals(
      stderr,
      `Wrong ${option}: "[fe80::1%lo]:6220" has a zone, and the sockets of node:net take none in Deno ` +
        "(try --help)\n",
    );
  }
});

/** Waits until an echo comes through the relay: before that, clients are refused or reset. */
async function served(port: number): Promise<void> {
  const end = performance.now() + 30_000;
  while (performance.now() < end) {
    if (await echoes(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The relay serves nobody any more");
}

/** Returns whether an echo comes within a second. */
async function echoes(port: number): Promise<boolean> {
  let timer;
  try {
    using conn = await dial(port);
    timer = setTimeout(() => conn.close(), 1_000);
    await conn.write(bytesOf("hello"));
    return await conn.read(new Uint8Array(9)) === 5;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
