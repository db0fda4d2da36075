import { assert, assertEquals, assertMatch } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import { encodeChat, type FromClient, type FromServer } from "../../app/chat/messages.ts";
import { decodeContent, type Message, MessageDecoder } from "../../app/wire/message.ts";
import { MAX_OUTBOX_LENGTH } from "../../app/wire/limits.ts";
import { tryAll } from "../support/sampling.ts";
import {
  accept,
  CLOSE_CANCELS_WRITES,
  Program,
  startServer,
  writeAll,
} from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";

const SERVER = "app/chat_server.ts";
const COUNT = tryAll ? 200 : 50; // clients
const LONGEST = "x".repeat(16 * 1024 - 30); // about as much as can be said at once
const PATIENCE = 120_000; // milliseconds after which a test that waits in vain fails
const NO_PINGS = ["--ping-interval", "1000"]; // for tests that read all that comes, and may take long
const encoder = new TextEncoder();

/** What a client hears, without the pings, which it answers. */
class Peer implements Disposable {
  readonly conn: Deno.Conn;
  readonly #decoder = new MessageDecoder({ copy: true });
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(conn: Deno.Conn) {
    this.conn = conn;
    this.#timer = setTimeout(() => conn[Symbol.dispose](), PATIENCE);
  }

  send(...contents: FromClient[]): Promise<void> {
    return writeAll(this.conn, concat(contents.map(encodeChat)));
  }

  async nextMessage(): Promise<Message | undefined> {
    while (true) {
      const message = this.#decoder.take();
      if (message) return message;
      const n = await this.conn.read(this.#buffer);
      if (n === null) {
        this.#decoder.end();
        return undefined;
      }
      this.#decoder.push(this.#buffer.subarray(0, n));
    }
  }

  /** The content of the next message, or `undefined` at the end. */
  async next(): Promise<Record<string, unknown> | undefined> {
    while (true) {
      const message = await this.nextMessage();
      if (message === undefined) return undefined;
      const content = decodeContent(message) as Record<string, unknown>;
      if (content.type !== "ping") return content;
      await this.send({ type: "pong" });
    }
  }

  /** Reads until a message of this type, and perhaps about this name, which is returned. */
  async until(type: string, name?: string): Promise<Record<string, unknown>> {
    while (true) {
      const content = await this.next();
      if (content === undefined) throw new Error(`The end came before ${type} ${name}`);
      if (content.type === type && (name === undefined || content.name === name)) return content;
    }
  }

  [Symbol.dispose]() {
    clearTimeout(this.#timer);
    this.conn[Symbol.dispose]();
  }
}

async function connectPeer(port: number): Promise<Peer> {
  return new Peer(await Deno.connect({ hostname: "127.0.0.1", port }));
}

/** Joins, and has heard so. */
async function join(port: number, name: string): Promise<Peer> {
  const peer = await connectPeer(port);
  await peer.send({ type: "join", name });
  await peer.until("join", name);
  return peer;
}

/** A crowd in which everybody has heard that everybody has joined. */
async function joinAll(port: number, count: number): Promise<Peer[] & Disposable> {
  const peers: Peer[] = [];
  for (let i = 0; i < count; i++) peers.push(await join(port, `guest ${i}`));
  await Promise.all(peers.slice(0, -1).map((peer) => peer.until("join", `guest ${count - 1}`)));
  return Object.assign(peers, {
    [Symbol.dispose]: () => peers.forEach((peer) => peer[Symbol.dispose]()),
  });
}

async function take(peer: Peer, count: number): Promise<Uint8Array[]> {
  const contents: Uint8Array[] = [];
  while (contents.length < count) contents.push((await peer.nextMessage())!.content);
  return contents;
}

/** Joins, does something wrong, and returns the reason for which it is thrown out. */
async function refusal(port: number, bytes: Uint8Array, name?: string): Promise<unknown> {
  using peer = name === undefined ? await connectPeer(port) : await join(port, name);
  await writeAll(peer.conn, bytes);
  const { reason } = await peer.until("error");
  while (await peer.next() !== undefined);
  return reason;
}

/** Ends a server, and returns all it has written to stderr, but for what Deno says while it starts. */
async function errorsOf(server: Program, last?: RegExp): Promise<string> {
  if (last) await server.prints(last, "stderr"); // it prints in the background
  server.kill("SIGKILL");
  await server.ended;
  return server.stderr.replaceAll(/^Download .*\n/gm, "");
}

/** A message whose content is this text, JSON or not. */
function raw(content: string): Uint8Array {
  const length = encoder.encode(content).length;
  const header = `{"byteorder":"little","content-type":"text/json","content-encoding":"utf-8",` +
    `"content-length":${length}}`;
  return concat([new Uint8Array([0, header.length]), encoder.encode(header + content)]);
}

Deno.test(`${SERVER} delivers what ${COUNT} clients say to each, once and in the same order`, async () => {
  await using server = await startServer(SERVER, ...NO_PINGS);
  using peers = await joinAll(server.port, COUNT);
  await Promise.all(
    peers.map((peer, i) =>
      peer.send({ type: "say", text: `${i} a` }, { type: "say", text: `${i} b` })
    ),
  );
  const heard = await Promise.all(peers.map((peer) => take(peer, 2 * COUNT)));
  for (const contents of heard) {
    assert(contents.every((content, i) => equals(content, heard[0]![i]!)), "the order differs");
  }
  const said = heard[0]!.map((content) => JSON.parse(new TextDecoder().decode(content)));
  for (let i = 0; i < COUNT; i++) {
    assertEquals(
      said.filter(({ name }) => name === `guest ${i}`),
      ["a", "b"].map((word) => ({ type: "say", name: `guest ${i}`, text: `${i} ${word}` })),
    );
  }
  assertEquals(await errorsOf(server), "");
});

Deno.test(`${SERVER} drops a client that stops reading, and the ${COUNT - 1} others wait for nothing`, async () => {
  await using server = await startServer(SERVER, ...NO_PINGS);
  using _sleeper = await join(server.port, "sleeper");
  using peers = await joinAll(server.port, COUNT - 1);
  const speaker = peers[0]!;
  const length = LONGEST.length;
  let said = 0;
  const told = new Set<Peer>(); // that the sleeper has left
  while (told.size < peers.length) {
    assert(said < MAX_OUTBOX_LENGTH + 8 * 1024 ** 2, "the systems' buffers hold less than 8 MiB");
    await speaker.send({ type: "say", text: LONGEST });
    said += length;
    // All of them have it before the next is said: nobody can have waited for the one who sleeps.
    for (const peer of peers) {
      for (let message; (message = (await peer.nextMessage())!).content.length < length;) {
        const { type, name } = decodeContent(message) as Record<string, unknown>;
        if (type === "leave" && name === "sleeper") told.add(peer);
      }
    }
  }
  const [, waiting] = await server.prints(
    /^Dropped sleeper \(127\.0\.0\.1:\d+\): Reads too slowly: (\d+) bytes wait, the limit is 262144\n$/,
    "stderr",
  );
  assert(Number(waiting) <= MAX_OUTBOX_LENGTH + length + 1000);
  using again = await join(server.port, "sleeper");
  await again.send({ type: "who" });
  assertEquals((await again.until("who")).names, [
    ...peers.keys().map((i) => `guest ${i}`),
    "sleeper",
  ]);
});

Deno.test(`${SERVER} drops nobody who reads when all speak at length at once`, async () => {
  await using server = await startServer(SERVER, ...NO_PINGS);
  using peers = await joinAll(server.port, 40);
  const reading = peers.map((peer) => take(peer, 40)); // 640 KiB, more than may wait for one
  await Promise.all(peers.map((peer) => peer.send({ type: "say", text: LONGEST })));
  await Promise.all(reading);
  assertEquals(await errorsOf(server), "");
});

Deno.test({
  name: `${SERVER} delivers a flood to those who read, and drops the one who does not`,
  ignore: !CLOSE_CANCELS_WRITES,
  async fn() {
    await using server = await startServer(SERVER, ...NO_PINGS);
    using peers = await joinAll(server.port, 3);
    const count = 5000;
    const flood = Array.from(
      { length: count },
      (_, i) => encodeChat({ type: "say", text: `${i}` }),
    );
    const wave = 1000; // whose 150 KB the server holds for those who cannot read at this moment
    for (let first = 0; first < count; first += wave) {
      const [, ...all] = await Promise.all([
        writeAll(peers[0]!.conn, concat(flood.slice(first, first + wave))),
        ...peers.map((peer) => take(peer, wave)),
      ]);
      for (const contents of all) {
        contents.forEach((content, i) =>
          assert(new TextDecoder().decode(content).endsWith(`"${first + i}"}`))
        );
      }
    }
    using deaf = await join(server.port, "deaf");
    await Promise.all(peers.map((peer) => peer.until("join", "deaf")));
    let heard: (Record<string, unknown> | undefined)[];
    do { // the others hear each message before the next, so that only one reads too slowly
      await deaf.send({ type: "say", text: LONGEST }).catch(() => {}); // it may have been dropped
      heard = await Promise.all(peers.map((peer) => peer.next()));
    } while (heard.every((content) => content?.type === "say"));
    assertEquals(heard, peers.map(() => ({ type: "leave", name: "deaf" })));
    assertMatch(
      await errorsOf(server, /Dropped deaf .*\n/),
      /^Dropped deaf \(.*\): Reads too slowly: .*\n$/,
    );
  },
});

Deno.test(`${SERVER} refuses names that are taken, empty, too long, or no clean text`, async () => {
  await using server = await startServer(SERVER);
  using ada = await join(server.port, "ada");
  const refuse = (name: string) => refusal(server.port, raw(`{"type":"join","name":${name}}`));
  for (const name of ["ada", "ADA", "ａｄａ", "ⓐda"]) { // all look alike
    assertEquals(await refuse(JSON.stringify(name)), "Cannot join: somebody else has this name");
  }
  const names = [
    '""',
    JSON.stringify("🐶".repeat(33)),
    '"a\\nb"',
    '"\\u009b"',
    '"\\ud800"',
    "1",
    "[]",
    ...["* bob joined", "/who", "ada: hi all", "ada, bob", " ada", "ada ", "＊bob", "ada：hi"]
      .map((name) => JSON.stringify(name)),
    ...[
      "\u202eada",
      "ad\u200ba",
      "ad\u200da",
      "a\u00adda",
      "\ufeffada",
      "ada\u{e0041}",
      "ada\u2800",
      "\u3164",
      "\ufe0f",
      "\u{e0100}",
      "\u0301",
      " ",
      "\u2003ada",
    ]
      .map((name) => JSON.stringify(name)),
  ];
  for (const name of names) {
    assertMatch(`${await refuse(name)}`, /^Cannot join: a name has 1 to 32 visible characters/);
  }
  using dogs = await join(server.port, "🐶".repeat(32));
  using prototype = await join(server.port, "__proto__");
  await ada.send({ type: "who" });
  assertEquals((await ada.until("who")).names, ["ada", "🐶".repeat(32), "__proto__"]);
  await dogs.send({ type: "leave" });
  assertEquals((await prototype.until("leave")).name, "🐶".repeat(32));
});

Deno.test({
  name: `${SERVER} does not blame its clients when it was itself stopped for a while`,
  ignore: Deno.build.os === "windows", // SIGSTOP
  async fn() {
    await using server = await startServer(SERVER, "--ping-interval", "1");
    using ada = await join(server.port, "ada");
    server.kill("SIGSTOP");
    await ada.send({ type: "say", text: "while you slept" });
    await new Promise((resolve) => setTimeout(resolve, 3000)); // a silence of two intervals is too long
    server.kill("SIGCONT");
    assertEquals((await ada.until("say")).text, "while you slept");
    await ada.send({ type: "say", text: "awake?" });
    assertEquals((await ada.until("say")).text, "awake?");
    assertEquals(await errorsOf(server), "");
  },
});

Deno.test(`${SERVER} throws out who sends nonsense, tells why, and tells the others`, async () => {
  await using server = await startServer(SERVER);
  using ada = await join(server.port, "ada");
  const oversized = raw(JSON.stringify({ type: "say", text: "x".repeat(16 * 1024) }));
  const cases: [Uint8Array, RegExp][] = [
    [oversized, /its length is 16\d+ bytes, the limit is 16384/],
    [raw("{"), /not JSON/],
    [raw("null"), /^Expected a message of type say, who, pong or leave$/],
    [raw('{"type":"join","name":"eve"}'), /^Expected a message of type say, who, pong or leave$/],
    [raw('{"type":"say"}'), /^Cannot say that/],
    [raw('{"type":"say","text":"\\ud800"}'), /^Cannot say that/],
    [new Uint8Array(2), /header/],
  ];
  for (const [bytes, reason] of cases) {
    assertMatch(`${await refusal(server.port, bytes, "eve")}`, reason);
    await ada.until("leave", "eve");
  }
  assertMatch(`${await refusal(server.port, raw('{"type":"who"}'))}`, /^Expected a join/);
  await ada.send({ type: "say", text: "still here" });
  assertEquals((await ada.until("say")).text, "still here");
});

Deno.test(`${SERVER} tells when a client leaves, ends or is reset inside a message`, async () => {
  await using server = await startServer(SERVER);
  using ada = await join(server.port, "ada");
  using bob = await connectPeer(server.port);
  const half = encodeChat({ type: "say", text: "half" }).subarray(0, 100);
  await writeAll(bob.conn, concat([encodeChat({ type: "join", name: "bob" }), half]));
  await bob.conn.read(new Uint8Array(1));
  bob.conn.close(); // with input unread, which resets the connection
  await ada.until("leave", "bob");

  using gone = await join(server.port, "carol");
  await gone.conn.closeWrite();
  await ada.until("leave", "carol");

  using polite = await join(server.port, "dan");
  await polite.send({ type: "say", text: "bye" }, { type: "leave" });
  assertEquals(await polite.next(), { type: "say", name: "dan", text: "bye" });
  assertEquals(await polite.next(), { type: "leave", name: "dan" });
  assertEquals(await polite.next(), undefined);
  assertMatch(await errorsOf(server, /Dropped bob .*\n/), /^Dropped bob \(.*\): [^\n]+\n$/);
});

Deno.test(`${SERVER} pings, and drops who does not answer`, async () => {
  await using server = await startServer(SERVER, "--ping-interval", "2");
  await using client = typist(server.port, "typist");
  await client.prints("* typist joined\n");
  using ada = await join(server.port, "ada");
  using _dead = await join(server.port, "dead");
  await ada.until("leave", "dead"); // meanwhile, the two others answer
  await ada.send({ type: "who" });
  assertEquals((await ada.until("who")).names, ["typist", "ada"]);
  assertMatch(
    await errorsOf(server, /Dropped dead .*\n/),
    /^Dropped dead \(.*\): Nothing came within 4 s\n$/,
  );
});

Deno.test({
  name: `${SERVER}, told to stop, pings no more, so that answers do not keep it`,
  ignore: Deno.build.os === "windows", // signals
  async fn() {
    await using server = await startServer(SERVER, "--ping-interval", "0.4");
    using peer = await join(server.port, "ada");
    server.kill("SIGTERM");
    assertEquals(await peer.next(), undefined); // which answers pings
    assertEquals((await server.ended).code, 0); // it would be 1 after the drain timeout
  },
});

Deno.test({
  name: `${SERVER} delivers what was said, then ends all connections and exits 0 on Ctrl-C`,
  ignore: Deno.build.os === "windows", // where a process cannot send these signals to another
  async fn() {
    await using server = await startServer(SERVER);
    using peers = await joinAll(server.port, 3);
    await peers[0]!.send({ type: "say", text: "last words" });
    await peers[1]!.until("say");
    server.kill("SIGINT");
    for (const peer of [peers[0]!, peers[2]!]) {
      assertEquals(await peer.next(), { type: "say", name: "guest 0", text: "last words" });
    }
    for (const peer of peers) {
      assertEquals(await peer.next(), undefined);
      await peer.conn.closeWrite();
    }
    assertEquals((await server.ended).code, 0);
    Deno.listen({ hostname: "127.0.0.1", port: server.port }).close();
  },
});

const CLIENT = "app/chat_client.ts";

/** A chat client that is typed to, through a pipe or on a pseudo terminal. */
function typist(
  port: number,
  name: string,
  options: { terminal?: boolean; args?: string[] } = {},
): Program {
  const { terminal = false, args = [] } = options;
  const command = [Deno.execPath(), "run", "--no-prompt", "--allow-net", CLIENT];
  const inTerminal = "import os, pty, sys; " +
    "sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
  const words = [...command, ...args, "127.0.0.1", `${port}`, name];
  if (terminal) words.unshift(PYTHON!, "-c", inTerminal);
  return new Program(words.slice(1), words[0], {}, "piped");
}

/** How a program has ended. */
async function outcome(program: Program): Promise<{ code: number; stderr: string }> {
  const { code } = await program.ended;
  return { code, stderr: program.stderr };
}

Deno.test(`${CLIENT} ends with one line when a line of its input is too long`, async () => {
  await using server = await startServer(SERVER);
  for (
    const [length, reason] of [[20_000, /its length is 2\d{4} bytes/], [
      300_000,
      /so long/,
    ]] as const
  ) {
    const args = ["run", "--allow-net", CLIENT, "127.0.0.1", `${server.port}`, `ada ${length}`];
    await using client = new Program(args, Deno.execPath(), {}, "piped");
    await client.types(`${"x".repeat(length)}\n`);
    assertEquals((await client.ended).code, 1);
    assertMatch(client.stderr, reason);
    assertMatch(client.stderr, /^[^\n]+\n$/);
  }
});

Deno.test(`${CLIENT} does not wait for the end of a line that is too long already`, async () => {
  await using server = await startServer(SERVER);
  await using client = typist(server.port, "ada");
  await client.types("x".repeat(256 * 1024 + 1)); // one too many
  await client.prints("Cannot send a line that is so long\n", "stderr");
  assertEquals((await client.ended).code, 1);
});

Deno.test(`${CLIENT} talks with another through pipes, and both leave with exit code 0`, async () => {
  await using server = await startServer(SERVER);
  await using ada = typist(server.port, "ada");
  await ada.prints("* ada joined\n");
  await using bob = typist(server.port, "bob");
  await bob.prints("* bob joined\n");
  await ada.types("Hello, bob\n/who\n\nsecond ");
  await ada.prints("* here: ada, bob\n");
  await bob.prints("ada: Hello, bob\n");
  await bob.types("Hi!\r\n🐶 last, without a line break");
  await bob.endInput();
  await ada.prints("* bob left\n");
  await ada.types("line\n/quit\nnever said\n");
  assertEquals(await outcome(bob), { code: 0, stderr: "" });
  assertEquals(await outcome(ada), { code: 0, stderr: "" });
  const both = "ada: Hello, bob\n";
  const farewell = "bob: Hi!\nbob: 🐶 last, without a line break\n";
  assertEquals(bob.stdout, `* bob joined\n${both}${farewell}`);
  assertEquals(
    ada.stdout,
    `* ada joined\n* bob joined\n${both}* here: ada, bob\n${farewell}* bob left\nada: second line\n`,
  );
});

Deno.test({
  name: `${CLIENT} works on a terminal, and leaves on Ctrl-D and on Ctrl-C with exit code 0`,
  ignore: PYTHON === undefined || Deno.build.os === "windows", // they make the pseudo terminal
  async fn() {
    await using server = await startServer(SERVER);
    using peer = await join(server.port, "peer");
    for (const [name, key] of [["ada", "\x04"], ["bob", "\x03"]] as const) {
      await using client = typist(server.port, name, { terminal: true });
      await client.prints(`* ${name} joined`);
      await client.types("typed\n");
      await client.prints(`${name}: typed`);
      await client.types(key);
      assertEquals((await client.ended).code, 0);
      assertEquals((await peer.until("leave")).name, name);
    }
  },
});

Deno.test(`${CLIENT} prints nothing that could control a terminal`, async () => {
  await using server = await startServer(SERVER);
  await using client = typist(server.port, "ada");
  await client.prints("* ada joined\n");
  using eve = await join(server.port, "eve");
  await eve.send({ type: "say", text: "\x1b[2J\x9b\r\n\u2028\u202e* ada left\x07" });
  await client.prints("eve: \\x1b[2J\\x9b\\x0d\\x0a\\u{2028}\\u{202e}* ada left\\x07\n");
});

Deno.test({
  name: `${CLIENT} exits 1 with one line when the server ends, or refuses its name`,
  ignore: Deno.build.os === "windows", // where a process cannot send these signals to another
  async fn() {
    await using server = await startServer(SERVER);
    await using ada = typist(server.port, "ada");
    await ada.prints("* ada joined\n");
    await using second = typist(server.port, "ada");
    const place = `127.0.0.1:${server.port}`;
    assertEquals(await outcome(second), {
      code: 1,
      stderr: `Cannot join the chat at ${place}: somebody else has this name\n`,
    });
    server.kill("SIGTERM");
    assertEquals(await outcome(ada), {
      code: 1,
      stderr: `The chat at ${place} has ended: The server closed the connection\n`,
    });
    await using late = typist(server.port, "late");
    const { code, stderr } = await outcome(late);
    assertEquals(code, 1);
    assertMatch(stderr, /^Cannot join the chat at .*refused.*\n$/);
  },
});

Deno.test(`${CLIENT} exits 1 with one line when the server is silent, resets or talks nonsense`, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nonsense: [Uint8Array, RegExp, ...string[]][] = [
    [new Uint8Array(), /: Nothing came within 0.3 s\n$/, "--timeout", "0.3"],
    [new Uint8Array(100), /: Cannot accept header: its length is 0 bytes\n$/],
    [raw("{"), /: Cannot decode content: it is not JSON\n$/],
    [raw('{"type":"error","reason":"\\u001b[2J"}'), /: \\x1b\[2J\n$/],
    [raw('{"type":"join","name":{"toString":1}}'), /\n$/],
  ];
  for (const [bytes, expected, ...args] of nonsense) {
    await using client = typist(listener.addr.port, "ada", { args });
    using conn = await accept(listener);
    await writeAll(conn, bytes);
    const { code, stderr } = await outcome(client);
    assertEquals(code, 1);
    assertMatch(stderr, /^(Cannot join the chat|The chat) at 127\.0\.0\.1:\d+.*: [^\n]+\n$/);
    assertMatch(stderr, expected);
  }
  await using client = typist(listener.addr.port, "ada");
  const conn = await accept(listener);
  await conn.read(new Uint8Array(1));
  conn.close(); // with input unread, which resets the connection
  assertEquals((await client.ended).code, 1);
});

Deno.test(`${CLIENT} and ${SERVER} explain themselves with --help, and refuse wrong arguments`, async () => {
  for (const script of [CLIENT, SERVER]) {
    await using help = new Program(["run", "--no-prompt", script, "--help"]);
    assertEquals((await help.ended).code, 0);
    assertMatch(help.stdout, new RegExp(`^deno run --allow-net ${script} `));
    await using wrong = new Program(["run", "--no-prompt", script, "a", "1", "b", "c"]);
    assertEquals((await wrong.ended).code, 2);
    assertMatch(wrong.stderr, /^[^\n]+ \(try --help\)\n$/);
  }
});

Deno.test({
  name: `${CLIENT} prints above a line that is half typed, and shows the line again`,
  ignore: PYTHON === undefined || Deno.build.os === "windows",
  async fn() {
    await using server = await startServer(SERVER);
    using peer = await join(server.port, "peer");
    await using client = typist(server.port, "ada", { terminal: true });
    await client.prints("* ada joined");
    await client.types("half 🐰 ty");
    await client.prints("half 🐰 ty");
    await peer.send({ type: "say", text: "in between" });
    // The cursor goes to the first column, what is there is erased, and comes again below.
    // deno-lint-ignore no-control-regex -- what controls a terminal
    await client.prints(/\x1b\[1G\x1b\[0Jpeer: in between\r\n[^a-z]*> half 🐰 ty/);
    await client.types("ped\n");
    await client.prints("ada: half 🐰 typed");
  },
});

Deno.test({
  name: `${CLIENT} prints what is said until the server confirms that it has left`,
  ignore: PYTHON === undefined || Deno.build.os === "windows",
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using client = typist(listener.addr.port, "ada", { terminal: true });
    using peer = new Peer(await accept(listener)); // which plays the server
    const reply = (content: FromServer) => writeAll(peer.conn, encodeChat(content));
    await peer.until("join");
    await reply({ type: "join", name: "ada" });
    await client.prints("* ada joined");
    await client.types("/quit\n");
    await peer.until("leave");
    await reply({ type: "say", name: "bob", text: "Bye!" });
    await reply({ type: "leave", name: "ada" });
    assertEquals((await client.ended).code, 0, client.stdout);
    const [, after] = client.stdout.split("bob: Bye!\r\n");
    assert(after !== undefined && !after.includes("> "), client.stdout); // no prompt: it has left
  },
});
