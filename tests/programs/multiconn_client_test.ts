import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Socket } from "node:net";
import { some, tryAll } from "../support/sampling.ts";
import {
  findFreePort,
  Program,
  runAgainst,
  runScript,
  startServer,
  works,
} from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";

const CLIENT = "app/multiconn_client.ts";

Deno.test("the multiconn pair prints the tutorial's transcript with two connections", async () => {
  await using server = await startServer("app/multiconn_server.ts");
  const { code, stdout, stderr } = await runClient(server.port, "2");
  assertEquals([code, stderr], [0, ""]);
  for (const id of [1, 2]) {
    const lines = stdout.split("\n").filter((line) => line.includes(`connection ${id}`));
    const received = lines.splice(3, lines.length - 4).join("");
    assertEquals(lines, [
      `Starting connection ${id} to 127.0.0.1:${server.port}`,
      `Sending 'Message 1 from client.' to connection ${id}`,
      `Sending 'Message 2 from client.' to connection ${id}`,
      `Closing connection ${id}`,
    ]);
    assertEquals( // whole, or in the pieces it came in
      received.replaceAll(/Received '(.*?)' from connection \d/g, "$1"),
      "Message 1 from client.Message 2 from client.",
    );
  }
  await server.prints(/(Closing connection to 127\.0\.0\.1:\d+\n[^]*){2}/);
  assertEquals(server.stdout.match(/^Accepted connection from 127\.0\.0\.1:\d+$/gm)?.length, 2);
  const echoed = server.stdout.matchAll(/^Echoing '(.*)' to 127\.0\.0\.1:\d+$/gm);
  assertEquals([...echoed].map(([, text]) => text).join("").length, 2 * 44);
});

Deno.test("app/multiconn_client.ts with --quiet runs 2000 connections and prints nothing", async () => {
  await using server = await startServer("app/multiconn_server.ts", "--quiet");
  const { code, stdout, stderr } = await runClient(server.port, "2000", "--quiet");
  assertEquals([code, stdout, stderr], [0, "", ""]);
});

Deno.test({
  name: "app/multiconn_client.ts shows its progress on a terminal, and nowhere else",
  ignore: PYTHON === undefined || Deno.build.os === "windows",
  async fn() {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    const command = [Deno.execPath(), "run", "--allow-net", CLIENT, "127.0.0.1", `${server.port}`];
    const inTerminal = ["-c", "import pty, sys; pty.spawn(sys.argv[1:])", ...command];
    await using many = new Program([...inTerminal, "200", "--quiet"], PYTHON);
    await many.prints("200 of 200 connections done");
    await using few = new Program([...inTerminal, "2", "--quiet"], PYTHON);
    await few.ended;
    assertEquals(few.stdout, "");
    const { stderr } = await runClient(server.port, "200", "--quiet");
    assertEquals(stderr, "");
  },
});

Deno.test({
  name: "app/multiconn_client.ts works against a Python server, and a Python client against ours",
  ignore: PYTHON === undefined,
  async fn() {
    await using python = new Program(
      ["tests/support/python/multiconn_server.py", "127.0.0.1", "0"],
      PYTHON,
    );
    const [, port] = await python.prints(/Listening on \('127.0.0.1', (\d+)\)/);
    const { code, stdout, stderr } = await runClient(Number(port), "50");
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.match(/^Closing connection \d+$/gm)?.length, 50);

    await using server = await startServer("app/multiconn_server.ts");
    await using client = new Program(
      ["tests/support/python/multiconn_client.py", "127.0.0.1", String(server.port), "50"],
      PYTHON,
    );
    assertEquals((await client.ended).code, 0, client.stderr);
    assertEquals(client.stdout.match(/^Closing connection \d+$/gm)?.length, 50);
  },
});

const wrongServers: Record<
  string,
  [answer: (socket: Socket) => void, reason: string, ...args: string[]]
> = {
  "a short echo": [(socket) => socket.end("Message"), "Only 7 of 44 bytes came back"],
  "an echo that is too long": [
    (socket) => socket.end("Message 1 from client.Message 2 from client.!"),
    "More came back than was sent",
  ],
  "other bytes": [
    (socket) => socket.end("Message 1 from client.Message 3 from client."),
    "The echo differs from what was sent",
  ],
  "a reset": [
    (socket) => socket.on("data", () => socket.resetAndDestroy()),
    Deno.build.os === "windows"
      ? "An existing connection was forcibly closed by the remote host."
      : "Connection reset by peer",
  ],
  "silence": [() => {}, "Nothing came within 0.5 s", "--timeout", "0.5"],
};
for (const [name, [answer, reason, ...args]] of Object.entries(wrongServers)) {
  Deno.test(`app/multiconn_client.ts counts connections that end in ${name}, exit code 1`, async () => {
    const { code, stderr, port } = await against(answer, "3", "--quiet", ...args);
    assertEquals(code, 1);
    assertEquals(
      stderr.replace(/ \(os error \d+\)/, ""),
      `3 of 3 connections to 127.0.0.1:${port} failed:\n  3 x ${reason}\n`,
    );
  });
}

Deno.test("app/multiconn_client.ts sums up many kinds of failure in at most five lines", async () => {
  let next = 0;
  const { code, stderr } = await against((socket) => socket.end("M".repeat(next++)), "20");
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^20 of 20 connections to 127\.0\.0\.1:\d+ failed:\n( {2}\d+ x [ -~]+\n){4}$/,
  );
});

Deno.test("app/multiconn_client.ts escapes what a server sends", async () => {
  const { stdout } = await against((socket) => socket.end("\x1b[31m\u009b1m"), "1");
  assert(stdout.includes(String.raw`Received '\x1b[31m\xc2\x9b1m' from connection 1`), stdout);
});

Deno.test({
  name: "app/multiconn_client.ts says so when descriptors run out, and finishes the others",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    const args = `${CLIENT} 127.0.0.1 ${server.port} 100 --quiet`;
    const command = `ulimit -n 64; exec "$0" run --no-prompt --allow-net ${args}`;
    await using client = new Program(["-c", command, Deno.execPath()], "sh");
    assertEquals((await client.ended).code, 1);
    assertMatch(
      client.stderr,
      /^\d\d of 100 connections to .* failed:\n {2}\d\d x Too many open files/,
    );
  },
});

Deno.test("app/multiconn_client.ts gives one clear line for wrong arguments", async () => {
  const wrong: [args: string[], message: string][] = [
    [[], "Missing host and port"],
    [["127.0.0.1"], "Missing port"],
    [["127.0.0.1", "1"], "Missing number of connections"],
    [["127.0.0.1", "1", "none"], 'Wrong number of connections: "none" is not an integer from 1 '],
    [["127.0.0.1", "1", "0"], 'Wrong number of connections: "0" is not an integer from 1 '],
    [["127.0.0.1", "1", "65536"], 'Wrong number of connections: "65536" is not an integer from 1 '],
    [["127.0.0.1", "1", "2", "3"], "Unexpected argument 3"],
    [["127.0.0.1", "1", "2", "--timeout", "never"], "Wrong --timeout: "],
    [["127.0.0.1", "1", "2", "--loud"], "Unknown option --loud"],
  ];
  await Promise.all(
    some(wrong, 3).map(async ([args, message]) => {
      const { code, stdout, stderr } = await runScript(CLIENT, ...args);
      assertEquals([code, stdout], [2, ""]);
      assert(stderr.startsWith(message), stderr);
      assertEquals(stderr.split("\n").length, 2);
    }),
  );
  const { code, stdout, stderr } = await runScript(CLIENT, "--help");
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^deno run --allow-net app\/multiconn_client\.ts <host> <port> <num_conn/);
});

Deno.test("app/multiconn_client.ts counts refused connections, exit code 1", async () => {
  const { code, stderr } = await runClient(findFreePort(), "2", "--quiet");
  assertEquals(code, 1);
  assertMatch(stderr, /^2 of 2 connections to 127\.0\.0\.1:\d+ failed:\n {2}2 x [^\n]*refused/);
});

function runClient(port: number, ...args: string[]) {
  return runScript(CLIENT, "127.0.0.1", String(port), ...args);
}

function against(answer: (socket: Socket) => void, ...args: string[]) {
  return runAgainst(answer, CLIENT, ...args);
}

Deno.test({
  name: "app/multiconn_client.ts runs 10,000 connections from one process",
  ignore: !tryAll || !works("sh", "-c", "test $(ulimit -Hn) -gt 10100"),
  async fn() {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    const args = ["127.0.0.1", String(server.port), "10000", "--quiet"];
    const { code, stdout, stderr } = await runScript("app/multiconn_client.ts", ...args);
    assertEquals([code, stdout, stderr, server.stderr], [0, "", "", ""]);
  },
});
