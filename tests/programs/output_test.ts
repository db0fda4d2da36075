import { assert, assertEquals, assertMatch } from "@std/assert";
import { LineWriter } from "../../app/core/output.ts";
import { RateLimitedLog } from "../../app/core/rate_limited_log.ts";
import { createRequest } from "../../app/libclient.ts";
import { programs } from "../support/command_lines.ts";
import {
  findFreePort,
  Guard,
  Program,
  readToEnd,
  startServer,
  writeAll,
} from "../support/programs.ts";

const LIFETIME = 60_000; // milliseconds, far more than the program takes that this is for

/** Takes what is written when the test says so. */
class FakeOutput {
  text = "";
  #taking = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    await this.#taking.promise;
    const part = bytes.subarray(0, 7); // an output may take a part only
    this.text += String.fromCharCode(...part);
    return part.length;
  }

  take(): void {
    this.#taking.resolve();
  }

  fail(): void {
    this.#taking.reject(new Error("broken"));
  }
}

Deno.test("LineWriter writes all lines in order, however little the output takes at once", async () => {
  const output = new FakeOutput();
  const writer = new LineWriter(output);
  for (const line of ["one", "two", "", "three and more"]) writer.print(line);
  assertEquals(output.text, ""); // nobody waits
  output.take();
  await writer.flush();
  assertEquals(output.text, "one\ntwo\n\nthree and more\n");
  writer.print("four");
  await writer.flush();
  assert(output.text.endsWith("more\nfour\n"));
});

Deno.test("LineWriter counts the lines that do not fit, says so, and goes on", async () => {
  let text = "";
  const held = Promise.withResolvers<void>();
  const writer = new LineWriter({
    async write(bytes) {
      await held.promise;
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  const line = "x".repeat(1023);
  for (let i = 0; i < 1 + 1024 + 1234; i++) writer.print(line); // one is being written
  held.resolve();
  await writer.flush();
  writer.print("after");
  await writer.flush();
  assertEquals(text.match(/x\n/g)!.length, 1 + 1024);
  assert(text.endsWith("x\n… 1,234 lines not shown\nafter\n"));
});

Deno.test("LineWriter tells once that its output fails, and then drops the lines", async () => {
  const output = new FakeOutput();
  const errors: string[] = [];
  const writer = new LineWriter(output, (error) => errors.push(error.message));
  writer.print("one");
  output.fail();
  await writer.flush();
  writer.print("two");
  await writer.flush();
  assertEquals(errors, ["broken"]);
});

Deno.test("LineWriter lets the lines of an earlier writer go first, also on a busy machine", async () => {
  const slow = new FakeOutput();
  const lines: string[] = [];
  const add = (bytes: Uint8Array) => {
    lines.push(new TextDecoder().decode(bytes));
    return Promise.resolve(bytes.length);
  };
  const earlier = new LineWriter({
    write: (bytes) => slow.write(bytes).then(() => add(bytes)),
  });
  const writer = new LineWriter({ write: add }, () => {}, earlier);
  earlier.print("request");
  writer.print("error");
  setTimeout(() => slow.take(), 200); // the system has other things to do
  await writer.flush();
  assertEquals(lines, ["request\n", "error\n"]);
});

Deno.test("LineWriter does not wait forever for an earlier writer, whose output nobody takes", async () => {
  const stopped = new FakeOutput();
  const earlier = new LineWriter(stopped);
  const output = new FakeOutput();
  const writer = new LineWriter(output, () => {}, earlier);
  output.take();
  earlier.print("request");
  writer.print("error");
  await writer.flush(10_000);
  assertEquals([stopped.text, output.text], ["", "error\n"]);
  stopped.take();
  await earlier.flush();
});

Deno.test("LineWriter waits at the end no longer than it is told to", async () => {
  const output = new FakeOutput();
  const writer = new LineWriter(output);
  writer.print("one");
  await writer.flush(10);
  assertEquals(output.text, "");
  output.take();
  await writer.flush();
});

Deno.test("RateLimitedLog prints the first line at once, and how many more there were", () => {
  const lines: string[] = [];
  {
    using log = new RateLimitedLog((line) => lines.push(line));
    for (let i = 1; i <= 1000; i++) log.log(`line ${i}`);
    assertEquals(lines, ["line 1"]);
  }
  assertEquals(lines, ["line 1", "… and 999 more like this"]);
});

Deno.test({
  name: "app/server.ts serves on and stops in time although nobody takes its output",
  ignore: Deno.build.os === "windows",
  async fn() {
    const args = ["run", "--allow-net", "app/server.ts", "127.0.0.1", "0"];
    const server = new Deno.Command(Deno.execPath(), {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      env: { NO_COLOR: "1" },
      cwd: new URL("../../", import.meta.url),
    }).spawn();
    await using _guard = new Guard(server.pid);
    const late = setTimeout(() => server.kill("SIGKILL"), LIFETIME); // or a test that fails would wait for ever
    const reader = server.stdout.getReader();
    const { value } = await reader.read(); // the last time that anybody reads
    const port = Number(/:(\d+)\n/.exec(new TextDecoder().decode(value))![1]);
    const request = createRequest("search", "x".repeat(200));
    for (let i = 0; i < 20; i++) { // far more lines than a pipe and the queue hold
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      const sent = (async () => {
        for (let i = 0; i < 200; i++) await writeAll(conn, request);
        await conn.closeWrite();
      })();
      const [replies] = await Promise.all([readToEnd(conn), sent]);
      assert(replies.length > 200 * 200);
    }
    server.kill("SIGTERM");
    assertEquals((await server.status).code, 0);
    clearTimeout(late);
    await reader.cancel();
  },
});

Deno.test({
  name: "app/server.ts says that it cannot write its output, and serves on",
  ignore: Deno.build.os !== "linux", // /dev/full
  async fn() {
    const command = `exec "$0" run --allow-net app/server.ts 127.0.0.1 "$1" >/dev/full`;
    const port = String(findFreePort());
    await using server = new Program(["-c", command, Deno.execPath(), port], "sh");
    await server.prints(/^Cannot write to standard output: No space left on device.*\n/, "stderr");
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    await writeAll(conn, createRequest("search", "ring"));
    await conn.closeWrite();
    assertMatch(new TextDecoder().decode(await readToEnd(conn)), /Misty Mountains/);
    server.kill("SIGTERM");
    assertEquals((await server.ended).code, 0);
  },
});

Deno.test({
  name: "app/client.ts says that it cannot write its output, and not that there is no response",
  ignore: Deno.build.os !== "linux", // /dev/full
  async fn() {
    await using server = await startServer("app/server.ts", "--quiet");
    const command = `exec "$0" run --allow-net app/client.ts 127.0.0.1 "$1" search ring >/dev/full`;
    const words = ["-c", command, Deno.execPath(), `${server.port}`];
    await using client = new Program(words, "sh");
    assertEquals((await client.ended).code, 1);
    assertMatch(client.stderr, /^Cannot write to standard output: No space left on device.*\n$/);
  },
});

const FULL = /^Cannot write to standard output: No space left on device.*\n$/;

/** Runs a program whose standard output goes to a disk that is full. Needs a shell. */
function runWithFullDisk(program: string, ...args: string[]): Program {
  const command = `exec "$0" run --no-prompt --allow-net "$@" >/dev/full`;
  return new Program(["-c", command, Deno.execPath(), program, ...args], "sh");
}

// The examples leave that out, since each is about one protocol.
for (const program of programs.filter((program) => !/^(tests|app\/examples)\//.test(program))) {
  Deno.test({
    name: `${program} --help says in one line that it cannot write its output`,
    ignore: Deno.build.os !== "linux", // /dev/full
    async fn() {
      await using process = runWithFullDisk(program, "--help");
      assertEquals((await process.ended).code, 1);
      assertMatch(process.stderr, FULL);
    },
  });
}

Deno.test({
  name: "the echo pair says that it cannot write its output, and not that the network has failed",
  ignore: Deno.build.os !== "linux", // /dev/full
  async fn() {
    await using server = runWithFullDisk("echo_server.ts", "127.0.0.1", "0");
    assertEquals((await server.ended).code, 1);
    assertMatch(server.stderr, FULL);
    await using good = await startServer("echo_server.ts");
    await using client = runWithFullDisk("echo_client.ts", "127.0.0.1", `${good.port}`);
    assertEquals((await client.ended).code, 1);
    assertMatch(client.stderr, FULL);
  },
});
