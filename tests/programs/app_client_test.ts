import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import type { Socket } from "node:net";
import { createRequest, describeResponse, jsonActions } from "../../app/libclient.ts";
import { encodeMessage, type Message, MessageDecoder } from "../../mod.ts";
import { some } from "../support/sampling.ts";
import {
  findFreePort,
  HAS_IPV6,
  Program,
  runAgainst,
  runScript,
  startServer,
} from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";

const SPACES = new Uint8Array(65_536).fill(0x20);
const RABBIT = encodeMessage({ result: "Follow the white rabbit. 🐰" });

Deno.test("app/client.ts prints what the original prints", async () => {
  await using server = await startServer("app/server.ts");
  const search = await runClient(server.port, "search", "morpheus");
  assertEquals([search.code, search.stderr], [0, ""]);
  assertMatch(
    search.stdout,
    new RegExp(
      [
        String.raw`^Starting connection to (127\.0\.0\.1:\d+)`,
        String.raw`Sending '.*\}\{"action":"search","value":"morpheus"\}' to \1`,
        String.raw`Received response \{"result":"Follow the white rabbit\. 🐰"\} from \1`,
        String.raw`Got result: Follow the white rabbit\. 🐰`,
        String.raw`Closing connection to \1`,
        "$",
      ].join("\n"),
    ),
  );
  const binary = await runClient(server.port, "binary", "😃");
  assertEquals(binary.code, 0);
  assertMatch(binary.stdout, /Received binary\/custom-server-binary-type response from 127/);
  assertStringIncludes(
    binary.stdout,
    String.raw`Got response: 'First 10 bytes of request: binary\xf0\x9f\x98\x83'` + "\n",
  );
});

Deno.test("app/client.ts sends several requests on one connection and prints the answers in order", async () => {
  await using server = await startServer("app/server.ts");
  const { code, stdout } = await runClient(
    server.port,
    ...["search", "ring", "fly", "high", "search", "🐶", "search", "x", "--", "search", "--help"],
  );
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").filter((line) => line.startsWith("Got")), [
    "Got result: In the caves beneath the Misty Mountains. 💍",
    "Got response: 'First 10 bytes of request: flyhigh'",
    "Got result: 🐾 Playing ball! 🏐",
    "Got result: No match for 'x'.",
    "Got result: No match for '--help'.",
  ]);
  await server.prints(/Closing connection/);
  assertEquals(server.stdout.match(/Accepted/g)!.length, 1);
});

const ways: [how: string, hostname: string][] = [
  ["by name", "localhost"],
  ["by IPv6", "::1"],
  ["by IPv6, as it is printed", "[::1]"],
];
for (const [how, hostname] of ways) {
  Deno.test({
    name: `app/client.ts connects ${how}`,
    ignore: hostname.includes(":") && !HAS_IPV6,
    async fn() {
      await using server = new Program(["run", "--allow-net", "app/server.ts", hostname, "0"]);
      const [, port] = await server.prints(/Listening on .*:(\d+)\n/);
      const request = [hostname, port!, "search", "morpheus"];
      const { code, stdout, stderr } = await runScript("app/client.ts", ...request);
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "Got result: Follow the white rabbit. 🐰\n");
    },
  });
}

Deno.test({
  name: "app/client.ts connects to a Unix socket",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const flags = ["run", "--allow-net", "--allow-read", "--allow-write"];
      const path = `${folder}/socket`;
      await using server = new Program([...flags, "app/server.ts", "--unix", path]);
      await server.prints(/Listening/);
      const args = ["app/client.ts", "--unix", path, "search", "morpheus"];
      await using client = new Program([...flags, ...args]);
      assertEquals((await client.ended).code, 0, client.stderr);
      assertStringIncludes(client.stdout, "Got result: Follow the white rabbit. 🐰\n");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const badServers: Record<
  string,
  [answer: (socket: Socket) => void, message: RegExp, timeout?: string]
> = {
  "a server that closes without a word": [
    (socket) => socket.end(),
    /^No response from 127\.0\.0\.1:\d+: The server closed the connection\n$/,
  ],
  "a server that resets": [
    (socket) => socket.on("data", () => socket.resetAndDestroy()),
    /^No response from .*(reset|forcibly closed).*\n$/,
  ],
  "a silent server": [() => {}, /^No response from .*: Nothing came within 0\.5 s\n$/, "0.5"],
  "a truncated response": [
    (socket) => socket.end(RABBIT.subarray(0, 120)),
    /^No response from .*: Input ended too early: expected content of \d+ bytes, received \d+ bytes\n$/,
  ],
  "a response that trickles": [
    (socket) => {
      let sent = 0;
      const timer = setInterval(() => socket.write(RABBIT.subarray(sent, ++sent)), 100);
      socket.on("close", () => clearInterval(timer));
    },
    /^No response from .*: The (header|content) did not arrive within 2 s\n$/,
    "2",
  ],
  "garbage": [
    (socket) => socket.end("\x00\x05\x1b[31m"),
    /^No response from .*: Cannot accept header: it is not JSON\n$/,
  ],
  "an answer in another protocol": [
    (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    /^No response from .*: Cannot accept header: its length is 18516 bytes, the limit is 8192\n$/,
  ],
  "an endless header": [
    (socket) => {
      socket.write(new Uint8Array([0x20, 0]));
      const flood = () => {
        while (socket.writable && socket.write(SPACES));
      };
      socket.on("drain", flood);
      flood();
    },
    /^No response from .*: Cannot accept header: it is not JSON\n$/,
  ],
  "an endless body": [
    (socket) => {
      const header = new TextEncoder().encode(
        '{"byteorder":"big","content-type":"text/json","content-encoding":"utf-8",' +
          '"content-length":1048576}',
      );
      socket.write(concat([new Uint8Array([0, header.length]), header]));
      const flood = () => {
        while (socket.writable && socket.write(SPACES));
      };
      socket.on("drain", flood);
      flood();
    },
    /^No response from .*: Cannot decode content: it is not JSON\n$/,
  ],
  "content that is too long": [
    (socket) =>
      socket.end(
        encodeMessage(new Uint8Array(1024 ** 2 + 1), {
          contentType: "a",
          contentEncoding: "binary",
        }),
      ),
    /^No response from .*: Cannot accept content: its length is 1048577 bytes, the limit is 1048576\n$/,
  ],
};
for (const [name, [answer, message, timeout = "30"]] of Object.entries(badServers)) {
  Deno.test(`app/client.ts gives one clear line and exit code 1 for ${name}`, async () => {
    const { code, stderr } = await against(answer, "search", "morpheus", "--timeout", timeout);
    assertEquals(code, 1);
    assertMatch(stderr, message);
  });
}

Deno.test("app/client.ts says how many requests were answered when the server closes after the first", async () => {
  const { code, stdout, stderr } = await against(
    (socket) => socket.on("data", () => socket.end(RABBIT)),
    ...["search", "morpheus", "search", "ring", "search", "x"],
  );
  assertEquals(code, 1);
  assertStringIncludes(stdout, "Got result: Follow the white rabbit. 🐰\n");
  assertMatch(
    stderr,
    /^Only 1 of 3 requests were answered by 127\.0\.0\.1:\d+: [ -~]+\n$/,
  );
});

Deno.test("app/client.ts escapes what the server sends", async () => {
  const value = { result: "\x1b[31mred\x07\x9b\r\n" };
  const { code, stdout } = await against((socket) => {
    socket.end(concat([
      encodeMessage(value),
      encodeMessage(new Uint8Array([27]), { contentType: "\x1b[2J", contentEncoding: "b" }),
    ]));
  }, ...["search", "x", "search", "y"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, String.raw`Got result: \x1b[31mred\x07\x9b\x0d\x0a` + "\n");
  // deno-lint-ignore no-control-regex -- these are the ones that must not be printed
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(stdout), stdout);
});

Deno.test("app/client.ts gives one clear line for a wrong command line or a server that is not there", async () => {
  const wrong: [args: string[], code: number, stderr: RegExp][] = [
    [[], 2, /^Missing host and port .*\n$/],
    [["127.0.0.1", "65432"], 2, /^Missing action and value .*\n$/],
    [["127.0.0.1", "65432", "search"], 2, /^Missing value for the action search .*\n$/],
    [["127.0.0.1", "http", "search", "x"], 2, /^Wrong port: "http" .*\n$/],
    [["::1", "1", "search", "x"], 1, /^No response from \[::1\]:1: .*\n$/],
    [["127.0.0.1", `${findFreePort()}`, "search", "x"], 1, /^No response from .*refused.*\n$/],
    [["no-such-host.invalid", "65432", "search", "x"], 1, /^No response from .*\n$/],
  ];
  for (const [args, code, stderr] of some(wrong, 3)) {
    const run = await runScript("app/client.ts", ...args);
    assertEquals(run.code, code);
    assertMatch(run.stderr, stderr);
  }
  assertMatch(
    (await runScript("app/client.ts", "--help")).stdout,
    /--timeout SECONDS .*\(default: 30\)/,
  );
});

Deno.test({
  name: "app/client.ts and a Python server understand each other",
  ignore: PYTHON === undefined,
  async fn() {
    await using server = new Program(["tests/support/python/app_server.py"], PYTHON);
    const [, port] = await server.prints(/Listening on .*:(\d+)\n/);
    const answers: Record<string, [string, string]> = {
      "Got result: Follow the white rabbit. 🐰": ["search", "morpheus"],
      "Got result: 🐾 Playing ball! 🏐": ["search", "🐶"],
      "Got result: No match for 'needle'.": ["search", "needle"],
      "Got response: 'First 10 bytes of request: binary\\xf0\\x9f\\x98\\x83'": ["binary", "😃"],
    };
    for (const [answer, request] of Object.entries(answers)) {
      const { code, stdout } = await runClient(Number(port), ...request);
      assertEquals(code, 0);
      assertStringIncludes(stdout, answer + "\n");
    }
    const { code, stderr } = await runClient(Number(port), "search", "x", "search", "y");
    assertEquals(code, 1);
    assertMatch(stderr, /^Only 1 of 2 requests were answered/);
    assertEquals(server.stderr, "");
  },
});

Deno.test({
  name: "a Python client and app/server.ts understand each other",
  ignore: PYTHON === undefined,
  async fn() {
    await using server = await startServer("app/server.ts");
    const answers: Record<string, [string, string]> = {
      "Follow the white rabbit. 🐰": ["search", "morpheus"],
      "🐾 Playing ball! 🏐": ["search", "🐶"],
      "No match for 'needle'.": ["search", "needle"],
      "b'First 10 bytes of request: binary\\xf0\\x9f\\x98\\x83'": ["binary", "😃"],
    };
    for (const [answer, request] of Object.entries(answers)) {
      const args = ["tests/support/python/app_client.py", `${server.port}`, ...request];
      await using client = new Program(args, PYTHON, { PYTHONIOENCODING: "utf-8" });
      assertEquals((await client.ended).code, 0, client.stderr);
      assertEquals(client.stdout.trimEnd(), answer);
    }
    assertEquals(server.stderr, "");
  },
});

Deno.test("createRequest() sends the listed actions as JSON, and all others as bytes", () => {
  assert(jsonActions.has("search"));
  const decoder = new MessageDecoder();
  decoder.push(createRequest("search", "🐶"));
  assertEquals(decoder.take()!.header["content-type"], "text/json");
  decoder.push(createRequest("double", "hello"));
  const { header, content } = decoder.take()!;
  assertEquals(header["content-type"], "binary/custom-client-binary-type");
  assertEquals(new TextDecoder().decode(content), "doublehello");
});

Deno.test("describeResponse() shows results that are not texts as JSON", () => {
  assertEquals(describeResponse(response({ result: [1, "\x1b"] })), 'Got result: [1,"\\u001b"]');
  assertEquals(describeResponse(response({ result: null })), "Got result: null");
});

Deno.test("describeResponse() refuses a response without a result", () => {
  for (const value of [{}, [], 5, null]) {
    assertThrows(() => describeResponse(response(value)), Error, "The response has no result");
  }
});

Deno.test("app/client.ts exits 1 when a response has no result", async () => {
  const bytes = encodeMessage({ answer: 42 });
  const { code, stderr } = await against((socket) => socket.end(bytes), "search", "morpheus");
  assertEquals(code, 1);
  assertMatch(stderr, /^No response from 127\.0\.0\.1:\d+: The response has no result\n$/);
});

Deno.test("app/client.ts takes longer headers and contents when it is told to", async () => {
  const long = encodeMessage({ result: "x".repeat(9000) });
  const ask = (...args: string[]) =>
    against((socket) => socket.end(long), "search", "morpheus", ...args);
  const refused = await ask("--max-content-length", "8000");
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /the limit is 8000\n$/);
  assertEquals((await ask("--max-content-length", "10000")).code, 0);
});

function response(value: unknown): Message {
  const decoder = new MessageDecoder();
  decoder.push(encodeMessage(value));
  return decoder.take()!;
}

function runClient(port: number, ...args: string[]) {
  return runScript("app/client.ts", "127.0.0.1", String(port), ...args);
}

function against(answer: (socket: Socket) => void, ...args: string[]) {
  return runAgainst(answer, "app/client.ts", ...args);
}
