import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Socket } from "node:net";
import {
  exchange,
  findFreePort,
  Program,
  runAgainst,
  runScript,
  startServer,
} from "../support/programs.ts";

Deno.test("echo_client.ts fits one screen and imports nothing", async () => {
  const source = await Deno.readTextFile(new URL("../../echo_client.ts", import.meta.url));
  assert(source.trimEnd().split("\n").length <= 40);
  assert(!/\bimport\b/.test(source));
});

Deno.test("echo_client.ts prints what the echo server sent back", async () => {
  await using server = await startServer("echo_server.ts");
  const { code, stdout, stderr } = await runClient(server.port);
  assertEquals([code, stdout, stderr], [0, 'Received "Hello, world"\n', ""]);
});

Deno.test("echo_client.ts accepts an echo that comes in pieces", async () => {
  const { code, stdout } = await runAgainst((socket) => {
    socket.setNoDelay(true);
    socket.on("data", (data) => {
      for (const byte of data) socket.write(new Uint8Array([byte]));
    });
    socket.on("end", () => socket.end());
  }, "echo_client.ts");
  assertEquals([code, stdout], [0, 'Received "Hello, world"\n']);
});

const wrongServers: Record<string, [answer: (socket: Socket) => void, message: RegExp]> = {
  "a short echo": [(socket) => socket.end("Hello"), /Only 5 of 12 bytes came back/],
  "an echo that is too long": [
    (socket) => socket.end("Hello, world!"),
    /More came back than was sent/,
  ],
  "an endless answer": [
    (socket) => {
      const flood = () => {
        while (socket.writable && socket.write(new Uint8Array(65536)));
      };
      socket.on("drain", flood);
      flood();
    },
    /More came back than was sent/,
  ],
  "other bytes": [(socket) => socket.end("\x1b[31m Hello,"), /The echo differs from what was sent/],
  "a reset": [
    (socket) => socket.on("data", () => socket.resetAndDestroy()),
    /reset|forcibly closed/,
  ],
};
for (const [name, [answer, message]] of Object.entries(wrongServers)) {
  Deno.test(`echo_client.ts gives one clear line and exit code 1 for ${name}`, async () => {
    const { code, stdout, stderr } = await runAgainst(answer, "echo_client.ts");
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, message);
    assertMatch(stderr, /^No echo from 127\.0\.0\.1:\d+: [ -~]+\n$/);
  });
}

Deno.test("echo_client.ts gives one clear line and exit code 1 when it cannot connect", async () => {
  const wrong: [string[], string][] = [
    [["127.0.0.1", String(findFreePort())], "refused"],
    [["127.0.0.1", "65536"], "Invalid port"],
    [["no-such-host.invalid", "65432"], "lookup"],
  ];
  for (const [args, reason] of wrong) {
    const { code, stdout, stderr } = await runScript("echo_client.ts", ...args);
    assertEquals([code, stdout], [1, ""]);
    assert(
      stderr.startsWith(`No echo from ${args.join(":")}: `) && stderr.includes(reason),
      stderr,
    );
    assertMatch(stderr, /^[^\n]+\n$/);
  }
  await using client = new Program(["run", "--no-prompt", "echo_client.ts"]);
  assertEquals((await client.ended).code, 1);
  assertMatch(client.stderr, /^No echo from 127\.0\.0\.1:65432: .*--allow-net.*\n$/);
});

Deno.test("the echo pair runs from a URL with an empty cache", async () => {
  await using site = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const file = new URL(`../..${new URL(request.url).pathname}`, import.meta.url);
      return new Response(await Deno.readFile(file), {
        headers: { "content-type": "application/typescript" },
      });
    },
  );
  const cache = await Deno.makeTempDir();
  try {
    const fromSite = (file: string, ...args: string[]) =>
      new Program(
        [
          "run",
          "--no-config",
          "--allow-net",
          `http://127.0.0.1:${site.addr.port}/${file}`,
          ...args,
        ],
        Deno.execPath(),
        { DENO_DIR: cache },
      );
    await using server = fromSite("echo_server.ts", "127.0.0.1", "0");
    const [, port] = await server.prints(/Listening on 127\.0\.0\.1:(\d+)\n/);
    await using client = fromSite("echo_client.ts", "127.0.0.1", port!);
    assertEquals((await client.ended).code, 0);
    assertEquals(client.stdout, 'Received "Hello, world"\n');
    assertEquals(await exchange(Number(port), new Uint8Array([0, 255])), new Uint8Array([0, 255]));
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

function runClient(port: number) {
  return runScript("echo_client.ts", "127.0.0.1", String(port));
}

Deno.test("echo_client.ts names an IPv6 address as people write it", async () => {
  const { code, stderr } = await runScript("echo_client.ts", "::1", "1");
  assertEquals(code, 1);
  assertMatch(stderr, /^No echo from \[::1\]:1: /);
});
