import { assertEquals, assertMatch } from "@std/assert";
import { equals } from "@std/bytes/equals";
import { createServer } from "node:net";
import { fullListener } from "../support/full_listener.ts";
import { findFreePort, noise, Program, runScript, startServer } from "../support/programs.ts";

const LIFETIME = 60_000; // milliseconds, far more than it takes
const WORDS = ["run", "--no-prompt", "--allow-net", "app/netcat.ts", "127.0.0.1"];

/** A netcat to a server on this port, with a keyboard. */
function startNetcat(port: number): Program {
  return new Program([...WORDS, `${port}`], undefined, {}, "piped");
}

Deno.test("app/netcat.ts sends what is typed, line by line, and ends after the end of the input", async () => {
  await using server = await startServer("echo_server.ts");
  await using netcat = startNetcat(server.port);
  for (const line of ["Hello\n", "wörld 🐶\n"]) {
    await netcat.types(line);
    await netcat.prints(line);
  }
  await netcat.endInput();
  assertEquals((await netcat.ended).code, 0);
  assertEquals([netcat.stdout, netcat.stderr], ["Hello\nwörld 🐶\n", ""]);
});

Deno.test("app/netcat.ts passes on every byte both ways, and the half-close", async () => {
  await using server = await startServer("app/multiconn_server.ts", "--quiet");
  const child = new Deno.Command(Deno.execPath(), {
    args: [...WORDS, `${server.port}`],
    cwd: new URL("../../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    signal: AbortSignal.timeout(LIFETIME),
  }).spawn();
  const bytes = noise(8e6);
  const sending = new Response(bytes).body!.pipeTo(child.stdin);
  const received = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  await sending;
  assertEquals((await child.status).code, 0);
  assertEquals(equals(received, bytes), true);
});

Deno.test("app/netcat.ts ends when the server has finished, also while the input is open", async () => {
  const server = createServer((socket) => socket.end("Bye\n"));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    await using netcat = startNetcat((server.address() as { port: number }).port);
    assertEquals((await netcat.ended).code, 0);
    assertEquals(netcat.stdout, "Bye\n");
  } finally {
    await new Promise((closed) => server.close(closed));
  }
});

Deno.test("app/netcat.ts says in one line what went wrong", async () => {
  const port = findFreePort();
  const refused = await runScript("app/netcat.ts", "127.0.0.1", `${port}`);
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, new RegExp(`^127\\.0\\.0\\.1:${port}: .*refused.*\\n$`));
  // Not before the first line, since a reset before connect() has returned is another error.
  const server = createServer((socket) => socket.on("data", () => socket.resetAndDestroy()));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    await using netcat = startNetcat((server.address() as { port: number }).port);
    await netcat.types("Hello\n");
    assertEquals((await netcat.ended).code, 1);
    assertMatch(netcat.stderr, /^127\.0\.0\.1:\d+: .*reset.*\n$/i);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
});

Deno.test({
  name: "app/netcat.ts gives up a server that does not answer",
  ignore: Deno.build.os === "windows", // where a full backlog refuses
  async fn() {
    using server = await fullListener();
    await using netcat = startNetcat(server.addr.port);
    const late = setTimeout(() => netcat.kill("SIGKILL"), 20_000); // milliseconds, four times the deadline
    const { code } = await netcat.ended;
    clearTimeout(late);
    assertEquals([code, netcat.stderr], [
      1,
      `127.0.0.1:${server.addr.port}: No connection within 5 s\n`,
    ]);
  },
});
