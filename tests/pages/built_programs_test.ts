// Holds the programs that a reader of README.md builds to what the page says of them, beside their grades,
// which transcripts_test.ts compares.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CHANGE, nextTry, read, README, ROOT, stagesOf, WHOLE } from "../support/pages.ts";
import { findFreePort, Program } from "../support/programs.ts";
import { peakMemory } from "../support/resource_usage.ts";

const STAGES = stagesOf(README);
const PATIENCE = 60_000; // milliseconds, of the servers of step 2

/** Runs the last stage that has this in it, on a port of its own. */
async function start(part: string): Promise<Program & { port: number }> {
  const port = findFreePort();
  const folder = await Deno.makeTempDir();
  try {
    const stage = STAGES.findLast((stage) => stage.includes(part))!;
    const text = stage.replaceAll("65432", `${port}`)
      .replace("TIMEOUT = 5_000", `TIMEOUT = ${PATIENCE}`); // or a busy machine would be too slow for it
    await Deno.writeTextFile(`${folder}/try.ts`, text);
    const args = ["run", "--allow-net", "--config", "deno.json", `${folder}/try.ts`];
    const program = new Program(args);
    await program.prints("Listening on");
    return Object.assign(program, { port });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function say(conn: Deno.Conn, text: string): Promise<string> {
  await conn.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(64);
  return new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
}

/** Waits until nobody listens on a port any more. */
async function refuses(port: number): Promise<void> {
  while (true) {
    try {
      (await Deno.connect({ port })).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return;
      const { ConnectionReset, NotConnected } = Deno.errors; // it was in the backlog
      if (!(error instanceof ConnectionReset || error instanceof NotConnected)) throw error;
    }
  }
}

Deno.test("The programs that the pages build have no type errors", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Promise.all(
      [...STAGES, ...stagesOf(read("app/examples/web_server.md"))].map((program, i) =>
        Deno.writeTextFile(`${folder}/${i}.ts`, program)
      ),
    );
    const args = ["check", "--config", "deno.json", folder];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
      .output();
    assert(STAGES.length > 10 && success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A change of a program must fit one place", () => {
  const block = { section: "", language: CHANGE, line: 1 };
  const change = (text: string) => nextTry({ ...block, text }, "one\ntwo\nthree\ntwo\nfour");
  assertEquals(change(" one\n-two\n+2\n+2\n three"), "one\n2\n2\nthree\ntwo\nfour");
  assertEquals(change("-one\n…\n-four\n+4"), "two\nthree\ntwo\n4");
  for (const text of [" two\n+new", "-on\n+1", " one\n three"]) {
    assertThrows(() => change(text), Error);
  }
  assertThrows(() => nextTry({ ...block, language: WHOLE, text: "one" }, "two"), Error);
});

Deno.test({
  name: "The server of step 2 lets those who are there finish after Ctrl-C, and accepts no more",
  ignore: Deno.build.os === "windows", // which ends a program that gets a signal
  async fn() {
    await using server = await start("MAX_CLIENTS");
    const { port } = server;
    using conn = await Deno.connect({ port });
    assertEquals(await say(conn, "one"), "one");
    server.kill("SIGINT");
    await refuses(port);
    assertEquals(await say(conn, "two"), "two");
    await conn.closeWrite();
    assertEquals((await server.ended).code, 0, server.stderr);
  },
});

Deno.test({
  name: "The server of step 2 ends at the second Ctrl-C, whoever is there",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await start("MAX_CLIENTS");
    using conn = await Deno.connect({ port: server.port });
    assertEquals(await say(conn, "one"), "one");
    server.kill("SIGINT");
    await refuses(server.port);
    server.kill("SIGINT");
    assertEquals((await server.ended).code, 1);
  },
});

Deno.test("The server of step 2 turns away one client too many, and serves the others", async () => {
  const stage = STAGES.findLast((stage) => stage.includes("MAX_CLIENTS"))!;
  assert(stage.includes("const MAX_CLIENTS = 1000;"));
  await using server = await start("MAX_CLIENTS");
  const conns: Deno.Conn[] = [];
  try {
    while (conns.length < 1000) {
      const conn = await Deno.connect({ port: server.port });
      conns.push(conn);
      assertEquals(await say(conn, "one"), "one"); // it is accepted, and before the next one
    }
    using late = await Deno.connect({ port: server.port });
    const begin = performance.now();
    assertEquals(await late.read(new Uint8Array(1)), null);
    assert(performance.now() - begin < PATIENCE / 2, "it was not turned away, but given up");
    for (const conn of [conns[0]!, conns[999]!]) assertEquals(await say(conn, "two"), "two");
  } finally {
    for (const conn of conns) conn.close();
  }
});

/** A guest of the chat of step 4, which reads unless it is asked not to. */
class Guest implements Disposable {
  readonly conn: Deno.Conn;
  heard = ""; // the last of it, with the end of what came before
  length = 0; // of all that it has heard, in bytes
  #reading: Promise<void> | undefined;
  #isOver = false;
  #wake = () => {};

  private constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  static async join(port: number, name: string, reads = true): Promise<Guest> {
    const guest = new Guest(await Deno.connect({ port }));
    await guest.say(name);
    if (reads) {
      guest.#reading = guest.#read();
      await guest.hears(`* ${name} joined`);
    } else {
      await guest.conn.read(new Uint8Array(1)); // it has joined now
    }
    return guest;
  }

  async say(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(`${text}\n`);
    for (let sent = 0; sent < bytes.length;) sent += await this.conn.write(bytes.subarray(sent));
  }

  async hears(text: string): Promise<void> {
    while (!this.heard.includes(`${text}\n`)) {
      if (this.#isOver) throw new Error(`Nobody has said "${text}"`);
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    while (true) {
      const n = await this.conn.read(buffer).catch(() => null); // it is closed at the end
      if (n === null) break;
      this.length += n;
      this.heard = this.heard.slice(-100) + new TextDecoder().decode(buffer.subarray(0, n));
      this.#wake();
    }
    this.#isOver = true;
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.conn[Symbol.dispose]();
    await this.#reading;
  }

  [Symbol.dispose](): void {
    this.conn[Symbol.dispose]();
  }
}

const SENTENCE = "The quick brown fox jumps over the lazy dog\n".repeat(1000).trimEnd();
const MORE_THAN_BUFFERS = 16 * 1024 * 1024; // bytes; systems keep less than that for a connection

Deno.test("The chat of step 4 that awaits its writes stalls, and then throws out the wrong guest", async () => {
  await using server = await start("for (const client of clients) await write(");
  using carl = await Guest.join(server.port, "carl", false);
  await using bob = await Guest.join(server.port, "bob");
  await using ada = await Guest.join(server.port, "ada");
  let isStuck = false;
  const talking = (async () => {
    for (let said = 0; said < MORE_THAN_BUFFERS; said += SENTENCE.length) await ada.say(SENTENCE);
  })().catch(() => isStuck = true);
  await stops(() => bob.length);
  assert(bob.length < MORE_THAN_BUFFERS);
  carl[Symbol.dispose]();
  await bob.hears("* ada left");
  await talking;
  assert(isStuck);
});

/** Waits until a number stays the same for a while. */
async function stops(number: () => number): Promise<void> {
  let last = NaN;
  while (number() !== last) {
    last = number();
    await new Promise((resume) => setTimeout(resume, 1000));
  }
}

Deno.test({
  name: "The chat of step 4 that awaits nothing keeps what a guest does not read",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await start("client of clients) write(client");
    using _carl = await Guest.join(server.port, "carl", false);
    await using bob = await Guest.join(server.port, "bob");
    await using ada = await Guest.join(server.port, "ada");
    for (let said = 0; said < MORE_THAN_BUFFERS / 2; said += SENTENCE.length) {
      await ada.say(SENTENCE);
    }
    await ada.say("the end");
    await bob.hears("ada: the end");
    assert(peakMemory(server.pid) > 150e6, `${peakMemory(server.pid) / 1e6} MB`);
  },
});

Deno.test("The chat of step 4 with outboxes drops a guest that does not read, and goes on", async () => {
  await using server = await start("function push(client: Client");
  using _carl = await Guest.join(server.port, "carl", false);
  await using bob = await Guest.join(server.port, "bob");
  await using ada = await Guest.join(server.port, "ada");
  let isGone = false;
  const gone = bob.hears("* carl left").then(() => isGone = true);
  for (let i = 0; !isGone; i++) {
    await ada.say(`${SENTENCE}\n${i}`);
    await ada.hears(`ada: ${i}`); // a guest who talks faster than she reads is dropped, too
  }
  await gone;
  await ada.say("Still here?");
  await bob.hears("ada: Still here?");
  if (Deno.build.os === "linux") {
    assert(peakMemory(server.pid) < 150e6, `${peakMemory(server.pid) / 1e6} MB`);
  }
});
