import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import { connect, createServer } from "node:net";
import {
  Annotator,
  formatEvent,
  type Limits,
  type Part,
  type Protocol,
  show,
} from "../app/relay/annotate.ts";
import { encodeFrame, encodeMessage } from "../mod.ts";
import {
  connectAndReset,
  exchange,
  noise,
  Program,
  readToEnd,
  startLimitedRelay,
  startRelay,
  startServer,
  writeAll,
} from "./processes.ts";
import { descriptors, residentMemory, settled } from "./proc.ts";

const DATA = new URL("data/", import.meta.url);
const CAPTURES = ["morpheus", "ring", "dog", "unknown", "binary", "binary-long", "binary-split"];
const MIB = 1024 * 1024;

function capture(name: string, kind: "request" | "response"): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`wire/${name}.${kind}.bin`, DATA));
}

function golden(name: string): string {
  return Deno.readTextFileSync(new URL(`relay_${name}.txt`, DATA)).replaceAll("\r\n", "\n");
}

/** What the relay prints for chunks of one direction. */
function print(
  chunks: Uint8Array[],
  { protocol = "app" as Protocol, from = "client" as "client" | "server", color = false } = {},
): string {
  const annotator = new Annotator(protocol);
  const to = from === "client" ? "server" : "client";
  const blocks = chunks.map((chunk) => {
    const text = `${from} → ${to}  ${chunk.length} byte${chunk.length === 1 ? "" : "s"}`;
    const parts = show(chunk, annotator.push(chunk));
    const event = { connection: 1, time: 0, type: "chunk", from, text, parts } as const;
    return formatEvent(event, protocol, color) + "\n";
  });
  return blocks.join("");
}

function message(content: unknown): Uint8Array {
  return encodeMessage(content, { contentType: "text/json", contentEncoding: "utf-8" });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What each byte is said to be. */
function meanings(chunks: Uint8Array[], protocol: Protocol): string[] {
  const annotator = new Annotator(protocol);
  return chunks.flatMap((chunk) => {
    const parts = annotator.push(chunk).filter(({ kind }) => kind !== "error");
    let place = 0;
    return parts.flatMap(({ kind, frame, start, end }: Part) => {
      assertEquals(start, place, "parts lie side by side");
      place = end;
      return Array(end - start).fill(`${kind} ${frame}`);
    });
  });
}

for (const name of CAPTURES) {
  Deno.test(`formatEvent prints the captured messages of ${name} as the golden text`, () => {
    const printed = print([capture(name, "request")]) +
      print([capture(name, "response")], { from: "server" });
    assertEquals(printed, golden(name));
  });
}

Deno.test("formatEvent prints messages that are cut, that share a chunk, or are none, as the golden text", () => {
  const request = capture("ring", "request");
  const chunks = [
    request.subarray(0, 1),
    request.subarray(1, 40),
    concat([request.subarray(40), request, bytesOf("GE")]),
    bytesOf("T / HTTP/1.1\r\n"),
  ];
  assertEquals(print(chunks), golden("cut"));
});

Deno.test("formatEvent prints frames as the golden text", () => {
  const bytes = concat([encodeFrame(bytesOf("hello")), encodeFrame(new Uint8Array())]);
  const chunks = [bytes.subarray(0, 3), concat([bytes.subarray(3), encodeFrame(noise(600))])];
  assertEquals(print(chunks, { protocol: "frames" }), golden("frames"));
});

Deno.test("Annotator labels every byte the same at every split point", () => {
  const cases: [Protocol, Uint8Array][] = [
    ["app", concat([capture("dog", "request"), capture("binary-split", "request")])],
    ["app", concat([message("ok"), new Uint8Array([0, 2]), bytesOf("{}more that is raw")])],
    [
      "frames",
      concat([encodeFrame(bytesOf("ab")), encodeFrame(new Uint8Array()), bytesOf("GET /")]),
    ],
  ];
  for (const [protocol, bytes] of cases) {
    const whole = meanings([bytes], protocol);
    assertEquals(whole.length, bytes.length);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assertEquals(meanings([bytes.subarray(0, cut), bytes.subarray(cut)], protocol), whole);
    }
    assertEquals(meanings(Array.from(bytes, (byte) => new Uint8Array([byte])), protocol), whole);
  }
});

Deno.test("Annotator tells what is missing at the end", () => {
  const annotator = new Annotator("app");
  assertEquals(annotator.end(), undefined);
  annotator.push(capture("ring", "request").subarray(0, 110));
  assertEquals(annotator.end(), "Input ended too early: 5 of 37 bytes of a content have come");
  annotator.push(capture("ring", "request").subarray(110));
  assertEquals(annotator.end(), undefined);
  annotator.push(new Uint8Array([0, 9]));
  assertEquals(annotator.end(), "Input ended too early: 0 of 9 bytes of a header have come");
});

Deno.test("Annotator takes longer frames when it is told to", () => {
  const content = message("x".repeat(1024 ** 2));
  const frame = encodeFrame(new Uint8Array(9 * 1024 ** 2), { maxFrameLength: 16 * 1024 ** 2 });
  for (const [protocol, bytes] of [["app", content], ["frames", frame]] as const) {
    const isUnderstood = (limits: Limits) =>
      new Annotator(protocol, limits).push(bytes).every(({ kind }) => kind !== "error");
    assertEquals(isUnderstood({}), false);
    assertEquals(isUnderstood({ maxContentLength: 2 ** 21, maxFrameLength: 2 ** 24 }), true);
  }
});

Deno.test("Annotator leaves everything unlabelled in raw", () => {
  assertEquals(meanings([capture("ring", "request")], "raw"), Array(142).fill("raw 0"));
});

Deno.test("show limits what a chunk takes: 512 bytes and 60 parts", () => {
  const chunk = new Uint8Array(64 * 1024); // 16384 empty frames
  const parts = show(chunk, new Annotator("frames").push(chunk));
  assertEquals(parts.length, 61);
  assertEquals(parts.at(-1)!.label, "… 16324 more parts, up to number 16384");
  const [raw] = show(chunk, new Annotator("raw").push(chunk));
  assertEquals(raw!.dump.length, 512 / 16 + 1);
  assertEquals(raw!.dump.at(-1), "… 65024 more bytes");
});

Deno.test("formatEvent escapes whatever peers send", () => {
  const hostile = "\x1b[2J\x9b1m\u2028\r\x07";
  const content = { contentType: hostile, contentEncoding: hostile };
  const printed = print([
    message({ action: hostile }),
    encodeMessage(bytesOf(hostile), content),
    noise(2000),
  ]);
  assertStringIncludes(printed, "\\x1b[2J\\x9b1m\\u{2028}\\x0d\\x07");
  // deno-lint-ignore no-control-regex -- these are the ones that must not be there
  assertEquals(printed.match(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]/), null);
});

Deno.test("formatEvent colours each kind of bytes, and only if told to", () => {
  const printed = print([capture("ring", "request")], { color: true });
  for (
    const begin of ["\x1b[33m0000  00 67\x1b[0m  header length", "\x1b[36m0002", "\x1b[32m0069"]
  ) {
    assertStringIncludes(printed, begin);
  }
  // deno-lint-ignore no-control-regex -- the escape codes are what is looked at
  assertEquals(printed.replaceAll(/\x1b\[\d+m/g, ""), print([capture("ring", "request")]));
});

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

/** Reads until the peer ends or resets the connection; tells how many bytes came, and which it was. */
async function readToReset(conn: Deno.Conn): Promise<[number, string]> {
  const buffer = new Uint8Array(64 * 1024);
  let length = 0;
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) length += n;
    return [length, "end"];
  } catch (error) {
    return [length, (error as Error).name];
  }
}

Deno.test("app/relay.ts prints a real exchange as the golden text", async () => {
  using listener = listen();
  await using relay = await startRelay(listener.port);
  using client = await dial(relay.port);
  await client.write(capture("morpheus", "request"));
  {
    using server = await listener.accept();
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
  await using server = await startServer("multiconn_server.ts");
  await using relay = await startRelay(server.port, "--quiet");
  const bytes = noise(6e6);
  const received = await Promise.all([exchange(relay.port, bytes), exchange(relay.port, bytes)]);
  for (const echo of received) assert(equals(echo, bytes));
  assertMatch(relay.stdout, /^Listening on .*\nPassing on to .*\n$/);
});

Deno.test("app/relay.ts passes on a reset by the client", async () => {
  using listener = listen();
  await using relay = await startRelay(listener.port);
  const client = connect(relay.port, "127.0.0.1");
  const closed = new Promise((resolve) => client.on("close", resolve));
  client.write("hello");
  using server = await listener.accept();
  assertEquals(await server.read(new Uint8Array(9)), 5);
  client.resetAndDestroy();
  await closed;
  assertEquals(await readToReset(server), [0, "ConnectionReset"]);
  await relay.prints(/client reset \(RST\)\n/);
});

Deno.test("app/relay.ts lives on after 500 clients that connect and reset", async () => {
  await using server = await startServer("multiconn_server.ts");
  await using relay = await startRelay(server.port);
  for (let i = 0; i < 500; i += 50) {
    await Promise.all(Array.from({ length: 50 }, () => connectAndReset(relay.port)));
  }
  assertEquals(await exchange(relay.port, bytesOf("hello")), bytesOf("hello"));
  assertEquals(relay.stderr, "");
});

Deno.test("app/relay.ts passes on half-closes that come before it has reached the server", async () => {
  await using server = await startServer("multiconn_server.ts", "--quiet");
  await using relay = await startRelay(server.port);
  const clients = await Promise.all(Array.from({ length: 200 }, () => dial(relay.port)));
  await Promise.all(clients.map(async (client) => {
    using conn = client;
    await conn.closeWrite();
    assertEquals(await readToReset(conn), [0, "end"]);
  }));
});

Deno.test("app/relay.ts turns away the 401st client, and serves again when others have gone", async () => {
  await using server = await startServer("multiconn_server.ts", "--quiet");
  await using relay = await startRelay(server.port);
  const clients = await Promise.all(Array.from({ length: 400 }, () => dial(relay.port)));
  await relay.prints(/#400 .* connected\n/);
  for (let i = 0; i < 3; i++) {
    using refused = await dial(relay.port);
    assertEquals((await readToReset(refused))[0], 0);
  }
  await relay.prints(/^Turned away 127\.0\.0\.1:\d+: 400 connections are open\n/, "stderr");
  await relay.prints(/\n… and 2 more like this\n$/, "stderr");
  for (const client of clients) client.close();
  for (let i = 1; i <= 400; i++) await relay.prints(new RegExp(`^#${i} .* closed$`, "m"));
  assertEquals(await exchange(relay.port, bytesOf("hello")), bytesOf("hello"));
});

Deno.test("app/relay.ts --max-connections sets the limit", async () => {
  await using server = await startServer("multiconn_server.ts", "--quiet");
  await using relay = await startRelay(server.port, "--quiet", "--max-connections", "1");
  using client = await dial(relay.port);
  await client.write(bytesOf("hello"));
  assertEquals(await client.read(new Uint8Array(9)), 5);
  using refused = await dial(relay.port);
  assertEquals((await readToReset(refused))[0], 0);
  await relay.prints(": 1 connections are open", "stderr");
});

Deno.test({
  name: "app/relay.ts connects nobody to the server but its clients, also after it was full",
  ignore: Deno.build.os !== "linux", // /proc
  async fn() {
    await using server = await startServer("multiconn_server.ts");
    await using relay = await startRelay(server.port, "--quiet", "--max-connections", "1");
    const before = descriptors(relay.pid);
    {
      using _first = await dial(relay.port);
      using refused = await dial(relay.port);
      assertEquals((await readToReset(refused))[0], 0);
    }
    await server.prints("Closing connection");
    await new Promise((resolve) => setTimeout(resolve, 2500)); // it asks itself after a second
    assertEquals(await exchange(relay.port, bytesOf("hello")), bytesOf("hello"));
    await server.prints("Closing connection", "stdout", 2);
    assertEquals(server.stdout.match(/Accepted connection/g)!.length, 2);
    assertEquals(relay.stderr.includes("listening again"), false);
    assertLessOrEqual(await settled(relay.pid, before), before);
  },
});

Deno.test({
  name: "app/relay.ts takes fewer clients where descriptors are few, and outlives too many at once",
  ignore: Deno.build.os !== "linux", // bash, ulimit, /proc
  async fn() {
    await using server = await startServer("multiconn_server.ts", "--quiet");
    for (const limit of [80, 400]) {
      await using relay = await startLimitedRelay(limit, server.port, "--quiet");
      await relay.prints(/^Taking at most \d+ clients at once/, "stderr");
      const before = descriptors(relay.pid);
      const clients = await Promise.all(Array.from({ length: 1000 }, () => dial(relay.port)));
      await relay.prints("Turned away", "stderr");
      for (const client of clients) client.close();
      await served(relay.port);
      assertLessOrEqual(await settled(relay.pid, before), before);
    }
  },
});

Deno.test({
  name: "app/relay.ts --stall ends both sides when the client has ended",
  ignore: Deno.build.os !== "linux", // /proc
  async fn() {
    await using server = await startServer("multiconn_server.ts", "--quiet");
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
  const gone = listen();
  gone.close();
  await using relay = await startRelay(gone.port);
  const outcome = await dial(relay.port).then(async (conn) => {
    using client = conn;
    return (await readToReset(client))[1];
  }, (error: Error) => error.name); // the reset may come before dial has returned
  assertEquals(outcome, "ConnectionReset");
  await relay.prints(/the server cannot be reached: .*ECONNREFUSED.*\n/);

  using listener = Deno.listen({ hostname: "127.0.0.1", port: gone.port });
  using next = await dial(relay.port);
  using server = await listener.accept();
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
  await client.write(capture("morpheus", "request"));
  using server = await listener.accept();
  assertEquals(await readToReset(server), [50, "ConnectionReset"]);
  assertEquals(await readToReset(client), [0, "ConnectionReset"]);
  await relay.prints(/the relay resets both sides \(--cut 50\)\n/);

  using second = await dial(relay.port); // counts both directions, and each connection anew
  await second.write(new Uint8Array(30));
  using conn = await listener.accept();
  assertEquals(await conn.read(new Uint8Array(99)), 30);
  await conn.write(new Uint8Array(30));
  assertEquals(await readToReset(second), [20, "ConnectionReset"]);
  assertEquals(await readToReset(conn), [0, "ConnectionReset"]);
});

Deno.test("app/relay.ts --stall makes backpressure arrive at the client, and holds little", async () => {
  await using server = await startServer("multiconn_server.ts");
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

Deno.test("app/relay.ts waits for a client that does not read, and then goes on", async () => {
  using listener = listen();
  await using relay = await startRelay(listener.port);
  using client = await dial(relay.port);
  using server = await listener.accept();
  const bytes = noise(32 * MIB);
  const sending = writeAll(server, bytes).then(() => server.closeWrite());
  await relay.prints(/client takes no more, so server is not read\n/);
  assert(equals(await readToEnd(client), bytes));
  await sending;
  await relay.prints(/client takes bytes again\n/);
});

Deno.test("app/relay.ts warns when everybody can connect", async () => {
  for (const host of ["0.0.0.0", "[::]"]) {
    await using relay = new Program([
      "run",
      "--allow-net",
      "app/relay.ts",
      "--listen",
      `${host}:0`,
    ]);
    await relay.prints(/Passing on .*\n/);
    await relay.prints(/^Warning: listening on all interfaces.*\n/, "stderr");
  }
});

Deno.test("app/relay.ts ends with exit code 0 on Ctrl-C, with connections open", async () => {
  using listener = listen();
  await using relay = await startRelay(listener.port, "--web", "0");
  using client = await dial(relay.port);
  using server = await listener.accept();
  await client.write(bytesOf("hello"));
  assertEquals(await server.read(new Uint8Array(9)), 5);
  relay.kill("SIGINT");
  assertEquals((await relay.ended).code, 0);
  assertEquals(relay.stderr, "");
  assertEquals(await readToReset(client), [0, "end"]);
});

Deno.test("app/relay.ts says in one line what is wrong with its command line", async () => {
  using taken = listen();
  const cases: [number, string, ...string[]][] = [
    [2, `Wrong --listen: "nowhere" is not a host and a port`, "--listen", "nowhere"],
    [2, `Wrong --protocol: "smtp" is not app, frames or raw`, "--protocol", "smtp"],
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

/** Asks the page's server as any other program, or a page of another site, could. */
async function ask(port: number, head: string): Promise<string> {
  using conn = await dial(port);
  await writeAll(conn, bytesOf(`${head}\r\nConnection: close\r\n\r\n`));
  return new TextDecoder().decode(await readToEnd(conn));
}

Deno.test("app/relay.ts --web answers only its own page", async () => {
  await using relay = await startRelay(1, "--web", "0");
  const own = `127.0.0.1:${relay.web}`;
  const status = async (head: string) =>
    Number(/^HTTP\/1.1 (\d+)/.exec(await ask(relay.web, head))![1]);
  for (const path of ["/", "/page.js", "/events"]) {
    const get = `GET ${path} HTTP/1.1\r\n`;
    assertEquals(await status(`${get}Host: attacker.example:${relay.web}`), 403, "DNS rebinding");
    assertEquals(await status(`${get}Host: 127.0.0.1`), 403, "another port");
    assertEquals(await status(`${get}Host: ${own}\r\nOrigin: http://attacker.example`), 403);
    assertEquals(await status(`${get}Host: ${own}\r\nOrigin: null`), 403);
    assertEquals(await status(`POST ${path} HTTP/1.1\r\nHost: ${own}\r\nContent-Length: 0`), 405);
  }
  assertEquals(await status(`GET /relay.ts HTTP/1.1\r\nHost: ${own}`), 404);
  assertEquals(await status(`GET / HTTP/1.1\r\nHost: localhost:${relay.web}`), 200);
  const get = (path: string) =>
    ask(relay.web, `GET ${path} HTTP/1.1\r\nHost: ${own}\r\nOrigin: http://${own}`);
  const page = await get("/");
  const [, nonce] =
    /content-security-policy: default-src 'none'; script-src 'self'; style-src 'nonce-([\w-]+)';/
      .exec(page)!;
  assertStringIncludes(page, `<style nonce="${nonce}">`);
  assertStringIncludes(page, `<script type="module" src="/page.js"></script>`);
  const script = await get("/page.js");
  const [head, body] = script.split("\r\n\r\n");
  assertStringIncludes(head!, "HTTP/1.1 200 OK\r\n");
  assertStringIncludes(head!, "\r\ncontent-type: text/javascript; charset=utf-8\r\n");
  for (const answer of [page, script]) {
    assertStringIncludes(answer, "\r\ncache-control: no-store\r\n");
    assertStringIncludes(answer, "\r\ncross-origin-resource-policy: same-origin\r\n");
    assertStringIncludes(answer, "\r\nx-content-type-options: nosniff\r\n");
    assertEquals(
      answer.match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)[^"']*/),
      null,
      "all is local",
    );
  }
  assertEquals(body, await Deno.readTextFile(new URL("../app/relay/page.js", import.meta.url)));
});

Deno.test("app/relay.ts --web keeps the last 2000 events, and goes on where a page has left off", async () => {
  await using echo = await startServer("multiconn_server.ts");
  await using relay = await startRelay(echo.port, "--web", "0", "--quiet", "--chunk", "1");
  await exchange(relay.port, noise(1100)); // makes 1100 arrows each way, and some events more
  const events = async (id = "") => {
    const headers: HeadersInit = id === "" ? {} : { "last-event-id": id };
    const response = await fetch(`http://127.0.0.1:${relay.web}/events`, { headers });
    let text = "";
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (/"closed"}\n\n$/.test(text)) break;
    }
    return [...text.matchAll(/^id: (.*)\ndata: (.*)\n\n/gm)].map(([, id, data]) => ({
      id: id!,
      ...JSON.parse(data!),
    }));
  };
  const all = await events();
  assertEquals(all.length, 2000);
  assertEquals(all.at(-1).type, "close");
  assertEquals(
    (await events(all.at(-3).id)).map(({ id }) => id),
    all.slice(-2).map(({ id }) => id),
  );
  assertEquals((await events("another relay 7")).length, 2000);
});

Deno.test({
  name: "app/relay.ts --web closes connections that ask for nothing, and outlives too many of them",
  ignore: Deno.build.os !== "linux", // bash, ulimit, /proc
  async fn() {
    await using echo = await startServer("multiconn_server.ts", "--quiet");
    await using relay = await startLimitedRelay(256, echo.port, "--web", "0", "--quiet");
    const before = descriptors(relay.pid);
    using relayed = await dial(relay.port);
    const silent = await Promise.all(Array.from({ length: 600 }, () => dial(relay.web)));
    await Promise.all(silent.map(readToReset)); // all are closed, sooner or later
    for (const conn of silent) conn.close();
    await relayed.write(bytesOf("hello"));
    assertEquals(await relayed.read(new Uint8Array(9)), 5);
    const own = `127.0.0.1:${relay.web}`;
    let page = "";
    while (!page.includes("</html>")) {
      page = await ask(relay.web, `GET / HTTP/1.1\r\nHost: ${own}`).catch(() => "");
    }
    assertLessOrEqual(await settled(relay.pid, before + 2), before + 2);
  },
});

Deno.test({
  name: "app/relay.ts --web holds little for pages that do not read, and refuses the ninth",
  ignore: Deno.build.os !== "linux", // /proc
  async fn() {
    await using echo = await startServer("multiconn_server.ts", "--quiet");
    await using relay = await startRelay(echo.port, "--web", "0", "--quiet", "--chunk", "16");
    const own = `127.0.0.1:${relay.web}`;
    const before = residentMemory(relay.pid);
    const viewers: Deno.Conn[] = [];
    for (let i = 0; i < 8; i++) {
      const viewer = await dial(relay.web);
      await writeAll(viewer, bytesOf(`GET /events HTTP/1.1\r\nHost: ${own}\r\n\r\n`));
      assertEquals(await viewer.read(new Uint8Array(8)), 8); // "HTTP/1.1", and no more
      viewers.push(viewer);
    }
    assertMatch(await ask(relay.web, `GET /events HTTP/1.1\r\nHost: ${own}`), /^HTTP\/1.1 503 /);
    await exchange(relay.port, noise(400_000)); // 25,000 events in each direction
    assertLessOrEqual(residentMemory(relay.pid) - before, 128 * MIB);
    for (const viewer of viewers) viewer.close();
    assertMatch(
      await ask(relay.web, `GET /page.js HTTP/1.1\r\nHost: ${own}`),
      /^HTTP\/1.1 200 /,
    );
  },
});

/** Waits until an echo comes through the relay: before that, clients are turned away or reset. */
async function served(port: number): Promise<void> {
  while (true) {
    const echo = await exchange(port, bytesOf("hello")).catch(() => new Uint8Array());
    if (equals(echo, bytesOf("hello"))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
