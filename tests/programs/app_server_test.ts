// The application server under the clients it must survive. After each of them a good client is served.
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { formatAddress } from "../../app/core/address.ts";
import { MessageConnection } from "../../app/core/message_connection.ts";
import { DeadlineConn } from "../../app/core/deadline_conn.ts";
import { createRequest } from "../../app/libclient.ts";
import { decodeContent, encodeMessage, type Message, MessageDecoder } from "../../mod.ts";
import { runs, some } from "../support/sampling.ts";
import {
  CLOSE_CANCELS_WRITES,
  connectAndReset,
  HAS_IPV6,
  noise,
  Program,
  readToEnd,
  runScript,
  sendAndHalfClose,
  startLimitedServer,
  startServer,
  startServerWithActions,
  works,
  writeAll,
} from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";
import { descriptors, peakMemory, processorTime } from "../support/resource_usage.ts";

const MORPHEUS = createRequest("search", "morpheus");
const ANSWER = { result: "Follow the white rabbit. 🐰" };
const TRICKLE = new TextEncoder().encode("a");
const linux = Deno.build.os === "linux";
const windows = Deno.build.os === "windows";

Deno.test("app/server.ts prints what the original prints", async () => {
  await using server = await startApp();
  await exchange(server.port, MORPHEUS);
  await exchange(server.port, createRequest("binary", "😃"));
  await server.prints(
    new RegExp(
      [
        String.raw`^Listening on 127\.0\.0\.1:\d+`,
        String.raw`Accepted connection from (127\.0\.0\.1:\d+)`,
        String.raw`Received request \{"action":"search","value":"morpheus"\} from \1`,
        String
          .raw`Sending '\\x00.\{"byteorder".*\}\{"result":"Follow the white rabbit\. .*"\}' to \1`,
        String.raw`Closing connection to \1`,
        String.raw`Accepted connection from (127\.0\.0\.1:\d+)`,
        String.raw`Received binary/custom-client-binary-type request from \2`,
        String.raw`Sending '.*First 10 bytes of request: binary\\xf0\\x9f\\x98\\x83' to \2`,
        String.raw`Closing connection to \2`,
        "$",
      ].join("\n"),
    ),
  );
  assertEquals(server.stderr, "");
});

Deno.test("app/server.ts answers what the Python programs sent as the Python server did", async () => {
  await using server = await startApp();
  for (const { name } of Deno.readDirSync(new URL("../support/data/wire", import.meta.url))) {
    if (!name.endsWith(".request.bin")) continue;
    const file = (name: string) =>
      Deno.readFile(new URL(`../support/data/wire/${name}`, import.meta.url));
    const [response] = await exchange(server.port, await file(name));
    const [expected] = decode(await file(name.replace("request", "response")));
    assertEquals(
      { ...response!.header, byteorder: "little" }, // tells what machine it runs on
      { ...expected!.header, "content-length": response!.content.length },
    );
    assertEquals(decodeContent(response!), decodeContent(expected!));
  }
});

Deno.test("app/server.ts answers a request that comes one byte at a time", async () => {
  await using server = await startApp();
  using conn = await dial(server.port);
  conn.setNoDelay(true);
  for (const byte of MORPHEUS) await conn.write(new Uint8Array([byte]));
  await conn.closeWrite();
  assertEquals(decode(await readToEnd(conn)).map(decodeContent), [ANSWER]);
  await assertServes(server.port);
});

Deno.test("app/server.ts answers 1000 pipelined requests, in order and whole", async () => {
  await using server = await startApp();
  const values = Array.from({ length: 1000 }, (_, i) => `value ${i}`);
  const responses = await exchange(
    server.port,
    concat(values.map((value) => createRequest("search", value))),
  );
  assertEquals(
    responses.map(decodeContent),
    values.map((value) => ({ result: `No match for '${value}'.` })),
  );
  await assertServes(server.port);
});

Deno.test("app/server.ts keeps a connection for one request after the other", async () => {
  await using server = await startApp();
  using connection = await talk(server.port);
  for (let i = 0; i < 3; i++) {
    await connection.send(MORPHEUS);
    assertEquals(decodeContent((await connection.receive())!), ANSWER);
  }
});

const refused: Record<string, [bytes: Uint8Array, reason: string]> = {
  "header length 0": [new Uint8Array([0, 0]), "its length is 0 bytes"],
  "header length over the limit": [new Uint8Array([0xff, 0xff]), "the limit is 8192"],
  "header not UTF-8": [new Uint8Array([0, 2, 0xff, 0xff]), "it is not UTF-8"],
  "header []": [frame("[]"), "it is not a JSON object"],
  "header null": [frame("null"), "it is not a JSON object"],
  "header 42": [frame("42"), "it is not a JSON object"],
  'header "text"': [frame('"text"'), "it is not a JSON object"],
  "a missing key": [frame('{"byteorder":"big"}'), "it has no content-type"],
  "content-length -1": [request("-1"), "content-length is not an integer"],
  "content-length as text": [request('"2"'), "content-length is not an integer"],
  "content-length true": [request("true"), "content-length is not an integer"],
  "content-length 1.5": [request("1.5"), "content-length is not an integer"],
  "content-length 1e400": [request("1e400"), "content-length is not an integer"],
  "content-length null": [request("null"), "content-length is not an integer"],
  "content-length 10^18": [request("1000000000000000000"), "content-length is not an integer"],
  "content-length over the limit": [request("1048577"), "the limit is 1048576"],
  "content-length 0": [request("0"), "it is not JSON"],
  "content that is cut short": [
    request("10", "{}"),
    "expected content of 10 bytes, received 2 bytes",
  ],
  "an unknown encoding": [request("2", "{}", "klingon"), '"klingon" is not a known encoding'],
  "a header that is cut short": [
    frame("[]").subarray(0, 3),
    "expected header of 2 bytes, received 1 byte",
  ],
};
Deno.test("app/server.ts refuses malformed requests with an error reply, one by one", async (t) => {
  await using server = await startApp();
  for (const [name, [bytes, reason]] of Object.entries(refused)) {
    await t.step(name, async () => {
      const [good, bad, ...more] = await exchange(server.port, concat([MORPHEUS, bytes]));
      assertEquals(decodeContent(good!), ANSWER);
      assertStringIncludes((decodeContent(bad!) as { result: string }).result, reason);
      assertEquals(more, []);
      await assertServes(server.port);
    });
  }
});

Deno.test("app/server.ts gives its error reply whole although junk follows the malformed request", async () => {
  await using server = await startApp();
  const [response] = await exchange(server.port, concat([new Uint8Array(2), noise(100_000)]));
  assertMatch((decodeContent(response!) as { result: string }).result, /^Error: /);
  await assertServes(server.port);
});

Deno.test("app/server.ts takes what a refused client still sends, and so does not reset it", async () => {
  await using server = await startApp("--linger-timeout", "30");
  using conn = await dial(server.port);
  await writeAll(conn, new Uint8Array(2));
  assertEquals(decode(await readToEnd(conn)).length, 1); // the error reply, and a half-close
  for (let i = 0; i < 20; i++) await writeAll(conn, noise(1000));
  await conn.closeWrite();
  await server.prints(/Closing connection/);
});

Deno.test("app/server.ts answers strange but well-formed requests at once, and goes on", async () => {
  await using server = await startApp();
  using connection = await talk(server.port);
  const results: [content: string, result: string | RegExp][] = [
    ["{}", "Error: the request names no action."],
    ["0", "Error: the request names no action."],
    ["null", "Error: the request names no action."],
    ["[]", "Error: the request names no action."],
    ['{"action":1}', "Error: the request names no action."],
    ['{"action":"fly","value":1}', "Error: invalid action 'fly'."],
    ['{"action":"constructor","value":1}', "Error: invalid action 'constructor'."],
    ['{"action":"__proto__","value":1}', "Error: invalid action '__proto__'."],
    ['{"action":"search","value":"constructor"}', "No match for 'constructor'."],
    ['{"action":"search","value":"__proto__"}', "No match for '__proto__'."],
    ['{"action":"search","value":["morpheus"]}', "Error: the value is not a text."],
    ['{"action":"search"}', "Error: the value is not a text."],
    [
      `{"action":"search","value":${"[".repeat(999)}${"]".repeat(999)}}`,
      "Error: the value is not a text.",
    ],
    ['{"action":"search","value":"\\ud800"}', "Error: the request has a lone surrogate."],
    ['{"action":"\\udfff","value":""}', "Error: the request has a lone surrogate."],
  ];
  for (const [content, result] of results) {
    await connection.send(request(String(content.length), content));
    assertEquals(decodeContent((await connection.receive())!), { result });
  }
  await connection.send(MORPHEUS);
  assertEquals(decodeContent((await connection.receive())!), ANSWER);
  await assertServes(server.port);
});

Deno.test("app/server.ts never prints a peer's control characters, and cuts what is long", async () => {
  await using server = await startApp();
  const value = "\x1b[31m\r\n\x07\x85" + "x".repeat(10_000);
  const content = encodeMessage({ action: "search", value });
  const binary = encodeMessage(new TextEncoder().encode(value), {
    contentType: "\x1b[31m" + value.slice(0, 1000),
    contentEncoding: "binary",
  });
  await exchange(server.port, concat([content, binary, frame('"\x1b[31m"')]));
  await server.prints(/Closing connection/);
  // deno-lint-ignore no-control-regex -- these are the ones that must not be printed
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(server.stdout), server.stdout);
  for (const line of server.stdout.split("\n")) assertLessOrEqual(line.length, 1000);
  await assertServes(server.port);
});

Deno.test("app/server.ts never prints control characters of a failed action, or of a Unix path", async () => {
  await using server = await startServerWithActions(
    `actions.set("plugged", ({ value }) => { throw new Error("bad value " + value); });`,
    "--quiet",
  );
  const request = encodeMessage({ action: "plugged", value: "\x1b[31m\x07" });
  const [response] = await exchange(server.port, request);
  assertEquals(decodeContent(response!), { result: "Error: the action failed." });
  await server.prints(/An action failed: Error: bad value \\x1b\[31m\\x07\n +at /, "stderr");
  // deno-lint-ignore no-control-regex -- these are the ones that must not be printed
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(server.stderr), server.stderr);
  assertEquals(formatAddress({ transport: "unix", path: "\x1b[31m" }), "unix:\\x1b[31m");
  await assertServes(server.port);
});

Deno.test({
  name: "app/server.ts answers no more requests than a client reads answers",
  ignore: !CLOSE_CANCELS_WRITES,
  async fn() {
    await using server = await startServerWithActions(
      `actions.set("plugged", () => (console.error("asked"), "x".repeat(1e6)));`,
      "--quiet",
      "--write-timeout=0.5",
    );
    using conn = await dial(server.port);
    const request = encodeMessage({ action: "plugged", value: "" });
    await writeAll(conn, concat(Array(100).fill(request))); // in one read, and no answer is taken
    await server.prints(/The peer did not read within 0\.5 s/, "stderr");
    assertLessOrEqual(server.stderr.match(/asked/g)!.length, 20); // what socket buffers hold
    await assertServes(server.port);
  },
});

Deno.test("app/server.ts keeps its deadlines although bytes trickle in", async (t) => {
  await using server = await startApp(
    ...["--header-timeout", "1", "--message-timeout", "2", "--idle-timeout", "30"],
  );
  const cases: Record<string, [start: Uint8Array, trickle: boolean, reply: string | undefined]> = {
    "nothing at all is a quiet close": [new Uint8Array(), false, undefined],
    "one byte, then silence": [MORPHEUS.subarray(0, 1), false, "header did not arrive within 1 s"],
    "a byte now and then": [MORPHEUS.subarray(0, 1), true, "header did not arrive within 1 s"],
    "content that stops": [MORPHEUS.subarray(0, 110), false, "content did not arrive within 2 s"],
    "content that trickles": [
      concat([request("9999"), new Uint8Array(9)]),
      true,
      "content did not arrive within 2 s",
    ],
  };
  for (const [name, [start, trickle, reply]] of Object.entries(cases)) {
    await t.step(name, async () => {
      using conn = await dial(server.port);
      await writeAll(conn, start);
      const timer = trickle && setInterval(() => conn.write(TRICKLE).catch(() => {}), 50);
      const [response] = decode(await readToEnd(conn)); // ends only when the server gives up
      if (timer) clearInterval(timer);
      if (reply === undefined) assertEquals(response, undefined);
      else assertStringIncludes((decodeContent(response!) as { result: string }).result, reply);
      await assertServes(server.port);
    });
  }
  await t.step("idle after an answer is a quiet close", async () => {
    await using server = await startApp("--header-timeout", "30", "--idle-timeout", "0.3");
    using conn = await dial(server.port);
    await writeAll(conn, MORPHEUS);
    assertEquals(decode(await readToEnd(conn)).map(decodeContent), [ANSWER]);
  });
});

Deno.test({
  name: "app/server.ts answers what has arrived while it was stopped for longer than its deadlines",
  ignore: windows, // it cannot be stopped there
  async fn() {
    await using server = await startApp("--idle-timeout", "1.5", "--header-timeout", "1.5");
    using conn = await dial(server.port);
    await writeAll(conn, MORPHEUS);
    await conn.read(new Uint8Array(1000));
    server.kill("SIGSTOP");
    await writeAll(conn, MORPHEUS);
    await new Promise((resume) => setTimeout(resume, 4000)); // the time that is tested
    server.kill("SIGCONT");
    await conn.closeWrite();
    assertEquals(decode(await readToEnd(conn)).map(decodeContent), [ANSWER]);
  },
});

Deno.test({
  name:
    "app/server.ts closes a client that never reads, with bounded memory, and serves others meanwhile",
  ignore: !CLOSE_CANCELS_WRITES,
  async fn() {
    await using server = await startApp("--write-timeout", "2", "--quiet");
    const large = createRequest("search", "x".repeat(1024 * 1024 - 100));
    await exchange(server.port, concat(Array(16).fill(large))); // warm
    const before = linux ? peakMemory(server.pid) : 0;
    using conn = await dial(server.port);
    const flood = (async () => {
      try {
        while (true) await writeAll(conn, large);
      } catch { /* it has closed us */ }
    })();
    await assertServes(server.port);
    await flood;
    await server.prints(/The peer did not read within 2 s/, "stderr");
    if (linux) assertLessOrEqual(peakMemory(server.pid) - before, 32 * 1024 * 1024);
    await assertServes(server.port);
  },
});

Deno.test("app/server.ts outlives resets at any moment", async () => {
  await using server = await startApp();
  for (let i = 0; i < 100; i++) await connectAndReset(server.port);
  for (const length of [1, 2, 50, MORPHEUS.length]) {
    await connectAndReset(server.port, MORPHEUS.subarray(0, length));
  }
  await connectAndReset(server.port, concat(Array(1000).fill(MORPHEUS)));
  await assertServes(server.port);
});

Deno.test("app/server.ts turns away one client more than --max-connections", async () => {
  await using server = await startApp("--max-connections", "2");
  {
    using first = await talk(server.port);
    using second = await talk(server.port);
    for (const connection of [first, second]) {
      await connection.send(MORPHEUS);
      await connection.receive();
    }
    using third = await dial(server.port);
    assertEquals((await readToEnd(third)).length, 0);
    await server.prints(/Turned away 127\.0\.0\.1:\d+: 2 connections are open\n/, "stderr");
  }
  await server.prints(/(Closing connection[^]*?\n){2}/);
  await assertServes(server.port);
});

Deno.test({
  name: "app/server.ts waits without spinning when it is out of descriptors, and recovers",
  ignore: !linux,
  async fn() {
    await using server = await startLimitedServer(64, "app/server.ts", "--quiet");
    const { port } = server;
    const conns: Deno.Conn[] = [];
    for (let i = 0; i < 80; i++) conns.push(await dial(port));
    await server.prints(/trying again in 40 ms/, "stderr");
    for (const conn of conns) conn.close();
    await assertServes(port);
    assertStringIncludes(server.stderr, "Cannot accept, trying again in 5 ms: ");
    assertLessOrEqual(server.stderr.match(/Cannot accept/g)!.length, 20);
  },
});

Deno.test({
  name:
    "app/server.ts stops on SIGINT and SIGTERM: idle clients are closed, what has begun is answered",
  ignore: windows,
  async fn() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      await using server = await startApp();
      using idle = await dial(server.port);
      await writeAll(idle, MORPHEUS);
      await idle.read(new Uint8Array(1000));
      using busy = await dial(server.port);
      await writeAll(busy, MORPHEUS.subarray(0, 50));
      await server.prints(/(Accepted[^]*?\n){2}/);

      server.kill(signal);
      assertEquals((await readToEnd(idle)).length, 0);
      await writeAll(busy, MORPHEUS.subarray(50));
      assertEquals(decode(await readToEnd(busy)).map(decodeContent), [ANSWER]);
      assertEquals((await server.ended).code, 0);
      Deno.listen({ hostname: "127.0.0.1", port: server.port }).close();
    }
  },
});

Deno.test({
  name: "app/server.ts ends at once on a second signal, or after --drain-timeout, with exit code 1",
  ignore: windows,
  async fn() {
    for (const drainTimeout of ["1000", "0.2"]) {
      const timeouts = ["--header-timeout", "1000", "--drain-timeout", drainTimeout];
      await using server = await startApp(...timeouts);
      using busy = await dial(server.port);
      await writeAll(busy, MORPHEUS.subarray(0, 50));
      await server.prints(/Accepted/);
      server.kill("SIGINT");
      if (drainTimeout === "1000") {
        while (await accepts(server.port)); // until the first signal has been noticed
        server.kill("SIGINT");
      }
      assertEquals((await server.ended).code, 1);
    }
  },
});

Deno.test({
  name: "app/server.ts uses no processor time for idle clients",
  ignore: !linux,
  async fn() {
    await using server = await startApp();
    const conns = [];
    for (let i = 0; i < 50; i++) conns.push(await dial(server.port));
    await server.prints(/(Accepted[^\n]*\n){50}/);
    const before = processorTime(server.pid);
    await new Promise((resume) => setTimeout(resume, 1000)); // the time that is measured
    const used = processorTime(server.pid) - before;
    for (const conn of conns) conn.close();
    assertLessOrEqual(used, 0.1);
  },
});

Deno.test({
  name: "app/server.ts answers mutated requests with documented errors, and leaks no descriptor",
  ignore: !linux,
  async fn() {
    await using server = await startApp("--quiet", "--header-timeout", "5");
    await assertServes(server.port);
    const before = descriptors(server.pid);
    const mutation = fc.record({
      request: fc.constantFrom(MORPHEUS, createRequest("binary", "😃"), request("10", "{}")),
      at: fc.nat(150),
      add: fc.uint8Array({ maxLength: 3 }),
      remove: fc.nat(2),
    }).map(({ request, at, add, remove }) =>
      concat([request.subarray(0, at), add, request.subarray(at + remove)])
    );
    const seed = Math.floor(Math.random() * 2 ** 31);
    for (const bytes of fc.sample(mutation, { numRuns: runs(2000), seed })) {
      for (const response of await exchange(server.port, bytes)) {
        const content = decodeContent(response);
        if (!(content instanceof Uint8Array)) {
          assertEquals(Object.keys(content as object), ["result"]);
        }
      }
    }
    await assertServes(server.port);
    assertEquals(server.stderr, "", `seed ${seed}`);
    for (let i = 0; i < 100 && descriptors(server.pid) > before; i++) {
      await assertServes(server.port); // the last one may still be closing
    }
    assertLessOrEqual(descriptors(server.pid), before);
  },
});

Deno.test({
  name: "app/server.ts listens on a Unix socket, and removes it at the end",
  ignore: windows,
  async fn() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/socket`;
      await using server = await startUnixServer(path);
      using conn = await Deno.connect({ transport: "unix", path });
      await writeAll(conn, MORPHEUS);
      await conn.closeWrite();
      assertEquals(decode(await readToEnd(conn)).map(decodeContent), [ANSWER]);
      server.kill(signal);
      assertEquals((await server.ended).code, 0);
      assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), []);
    }
  },
});

Deno.test({
  name: "app/server.ts ends in an orderly way when its terminal is closed",
  ignore: windows || PYTHON === undefined,
  async fn() {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    const command = [Deno.execPath(), ...UNIX_SERVER, path];
    const inTerminal = ["-c", "import pty, sys; pty.spawn(sys.argv[1:])", ...command];
    await using terminal = new Program(inTerminal, PYTHON);
    await terminal.prints(/Listening on unix:/);
    using conn = await Deno.connect({ transport: "unix", path });
    await terminal.prints(/Accepted connection/);
    terminal.kill("SIGKILL");
    assertEquals(await readToEnd(conn), new Uint8Array()); // it was idle
    assertEquals([...Deno.readDirSync(folder.path)], []); // a server that is killed leaves its socket
  },
});

Deno.test({
  name: "app/server.ts serves on at a SIGHUP when nohup has started it",
  ignore: windows || !works("nohup", "--version"),
  async fn() {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    await using server = new Program([Deno.execPath(), ...UNIX_SERVER, path], "nohup");
    await server.prints(/Listening on unix:/);
    server.kill("SIGHUP");
    for (let i = 0; i < 2; i++) { // the first client may come before the signal is noticed
      using conn = await Deno.connect({ transport: "unix", path });
      await writeAll(conn, MORPHEUS);
      await conn.closeWrite();
      assertEquals(decode(await readToEnd(conn)).map(decodeContent), [ANSWER]);
    }
    await server.stop();
  },
});

Deno.test({
  name: "app/server.ts and app/client.ts print no control character of a path",
  ignore: windows,
  async fn() {
    const path = "/nowhere/\x1b[31m";
    await using server = new Program(["run", "-A", "app/server.ts", "--unix", path]);
    assertEquals((await server.ended).code, 1);
    assertMatch(server.stderr, /^Cannot listen on unix:\/nowhere\/\\x1b\[31m: [ -~]*\n$/);
    const words = ["run", "-A", "app/client.ts", "--unix", path, "search", "ring"];
    await using client = new Program(words);
    assertEquals((await client.ended).code, 1);
    assertMatch(client.stderr, /^No response from unix:\/nowhere\/\\x1b\[31m: [ -~]*\n$/);
    assertMatch(client.stdout, /^[ -~\n]*$/);
  },
});

Deno.test({
  name: "app/server.ts on a Unix socket, told to stop, lets nobody wait who was not accepted yet",
  ignore: windows,
  async fn() {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    await using server = await startUnixServer(path);
    using begun = await Deno.connect({ transport: "unix", path });
    await writeAll(begun, MORPHEUS.subarray(0, 20));
    await server.prints("Accepted connection");
    server.kill("SIGSTOP");
    const late = await Promise.all(
      Array.from({ length: 3 }, () => Deno.connect({ transport: "unix", path })),
    );
    server.kill("SIGTERM");
    server.kill("SIGCONT");
    for (const conn of late) {
      assertEquals((await readToEnd(conn)).length, 0);
      conn.close();
    }
    await writeAll(begun, MORPHEUS.subarray(20));
    await begun.closeWrite();
    assertEquals(decode(await readToEnd(begun)).map(decodeContent), [ANSWER]);
    assertEquals((await server.ended).code, 0);
  },
});

Deno.test({
  name: "app/server.ts removes at the end only the Unix socket that it has made",
  ignore: windows,
  async fn() {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    await using first = await startUnixServer(path);
    await Deno.remove(path);
    await using second = await startUnixServer(path);
    first.kill("SIGTERM");
    assertEquals((await first.ended).code, 0);
    using conn = await Deno.connect({ transport: "unix", path }); // to the second one
    await writeAll(conn, MORPHEUS);
    await conn.closeWrite();
    assertEquals(decode(await readToEnd(conn)).map(decodeContent), [ANSWER]);

    await Deno.remove(path);
    await Deno.writeTextFile(path, "a file");
    second.kill("SIGTERM");
    assertEquals((await second.ended).code, 0);
    assertEquals(await Deno.readTextFile(path), "a file");
  },
});

const WARNING = /^Warning: listening on all interfaces.*\n$/;
const addresses: [what: string, hostname: string, client: string, stderr: RegExp][] = [
  ["IPv6", "::1", "::1", /^$/],
  ["a host name", "localhost", "localhost", /^$/],
  ["all interfaces, with a warning", "0.0.0.0", "127.0.0.1", WARNING],
  ["all interfaces of IPv6, with a warning", "::0", "::1", WARNING],
];
for (const [what, hostname, client, stderr] of addresses) {
  Deno.test({
    name: `app/server.ts listens on ${what}`,
    ignore: hostname.includes(":") && !HAS_IPV6,
    async fn() {
      await using server = new Program(["run", "--allow-net", "app/server.ts", hostname, "0"]);
      const [, port] = await server.prints(/Listening on .*:(\d+)\n/);
      using conn = await Deno.connect({ hostname: client, port: Number(port) });
      await writeAll(conn, MORPHEUS);
      await conn.closeWrite();
      assertEquals(decode(await readToEnd(conn)).map(decodeContent), [ANSWER]);
      await server.prints(stderr, "stderr");
    },
  });
}

Deno.test("app/server.ts gives one clear line for a wrong command line or a port that is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const wrong: [args: string[], code: number, stderr: RegExp][] = [
    [["127.0.0.1", `${taken.addr.port}`], 1, /^Cannot listen on 127\.0\.0\.1:\d+: .*\n$/],
    [["127.0.0.1", "http"], 2, /^Wrong port: "http" is not an integer from 0 to 65535.*\n$/],
    [["a", "1", "b"], 2, /^Unexpected argument b .*\n$/],
    [["--nope"], 2, /^Unknown option --nope .*\n$/],
    [["--idle-timeout"], 2, /^Wrong --idle-timeout: it needs a value .*\n$/],
    [["--idle-timeout", "0"], 2, /^Wrong --idle-timeout: "0" is not a number of seconds .*\n$/],
    [["--max-connections", "1.5"], 2, /^Wrong --max-connections: "1\.5" is not an integer.*\n$/],
    [["--unix", "x", "127.0.0.1"], 2, /^--unix takes no host and port .*\n$/],
  ];
  for (const [args, code, stderr] of some(wrong, 3)) {
    const run = await runScript("app/server.ts", ...args);
    assertEquals([run.code, run.stdout], [code, ""]);
    assertMatch(run.stderr, stderr);
  }
  const help = await runScript("app/server.ts", "--help");
  assertEquals([help.code, help.stderr], [0, ""]);
  assertMatch(
    help.stdout,
    /--max-header-length BYTES .*\(default: 8192\)[^]*--drain-timeout SECONDS .*\(default: 10\)/,
  );
});

function startApp(...args: string[]) {
  return startServer("app/server.ts", ...args);
}

/** The server with an action of one's own, "plugged". */
const UNIX_SERVER = [
  "run",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "app/server.ts",
  "--unix",
];

async function startUnixServer(path: string): Promise<Program> {
  const server = new Program([...UNIX_SERVER, path]);
  await server.prints(`Listening on unix:${path}\n`);
  return server;
}

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function talk(port: number): Promise<MessageConnection> {
  return new MessageConnection(new DeadlineConn(await dial(port)));
}

function dial(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** Sends the bytes, half-closes, and returns the responses. */
async function exchange(port: number, bytes: Uint8Array): Promise<Message[]> {
  using conn = await dial(port);
  const sending = sendAndHalfClose(conn, bytes).catch(() => {});
  const responses = decode(await readToEnd(conn));
  await sending;
  return responses;
}

async function assertServes(port: number): Promise<void> {
  assertEquals((await exchange(port, MORPHEUS)).map(decodeContent), [ANSWER]);
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await dial(port)).close();
    return true;
  } catch {
    return false;
  }
}

function decode(bytes: Uint8Array): Message[] {
  const decoder = new MessageDecoder();
  decoder.push(bytes);
  decoder.end();
  return [...decoder];
}

function frame(header: string): Uint8Array {
  const bytes = new TextEncoder().encode(header);
  return concat([new Uint8Array([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** A request whose content-length is written as it is given. */
function request(length: string, content = "", encoding = "utf-8"): Uint8Array {
  const header = `{"byteorder":"big","content-type":"text/json","content-encoding":"${encoding}",` +
    `"content-length":${length}}`;
  return concat([frame(header), new TextEncoder().encode(content)]);
}
