import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Program, runScript, startServer } from "./processes.ts";
import { createChat, wrongChatServers } from "./wrong_chat_servers.ts";
import { answersOnce, wrongAppServers, wrongEchoServers, WrongServer } from "./wrong_servers.ts";

const AT_ONCE = 6; // runs of the checker; they mostly wait
const SECONDS = "2"; // for a step of a server

interface Check {
  name: string;
  what: string;
  ok: boolean;
  ms: number;
  expected: string | null;
  actual: string | null;
}

/** A server, and what must fail. */
interface Case {
  kind: "echo" | "app" | "chat";
  server: string;
  start: () => Promise<AsyncDisposable & { port: number }>;
  fails: string[];
  seconds?: string;
}

/** Runs the checks. */
async function check(kind: string, port: number, ...args: string[]): Promise<Check[]> {
  const all = [kind, "127.0.0.1", String(port), "--json", ...args];
  const { code, stdout, stderr } = await runScript("app/check.ts", ...all);
  assertEquals(stderr, "");
  const { checks }: { checks: Check[] } = JSON.parse(stdout);
  assertEquals(code, checks.every(({ ok }) => ok) ? 0 : 1);
  return checks;
}

function failed(checks: Check[]): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name }) => name);
}

async function assertFails(cases: Case[]): Promise<void> {
  const actual: Record<string, string[]> = {};
  const waiting = [...cases];
  const work = async () => {
    for (let next; (next = waiting.shift()) !== undefined;) {
      const { kind, server, start, seconds = SECONDS } = next;
      await using running = await start();
      actual[server] = failed(await check(kind, running.port, "--timeout", seconds));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const expected = cases.map(({ server, fails }) => [server, fails]);
  assertEquals(cases.map(({ server }) => [server, actual[server]]), expected);
}

Deno.test("app/check.ts fails nothing for the servers here that serve many clients", async () => {
  await assertFails([
    ["echo", "multiconn_server.ts"] as const,
    ["app", "app/server.ts"] as const,
    ["chat", "app/chat_server.ts"] as const,
  ].map(([kind, server]) => ({ kind, server, start: () => startServer(server), fails: [] })));
});

Deno.test("app/check.ts fails for each wrong server exactly the check that is meant for it", async () => {
  const wrong = (kind: Case["kind"]) =>
    (kind === "echo" ? wrongEchoServers : wrongAppServers).map(({ mistake, fails, handle }) => ({
      kind,
      server: mistake,
      start: () => Promise.resolve(new WrongServer(handle)),
      fails: [fails],
    }));
  const oneAtATime: Case = {
    kind: "echo",
    server: "echo_server.ts",
    start: () => startServer("echo_server.ts"),
    fails: [
      "five-clients",
      "slow-client",
      "idle-client",
      "never-reads",
      "no-mixing",
      "500-clients",
    ],
    seconds: "1",
  };
  await assertFails([oneAtATime, ...wrong("echo"), ...wrong("app")]);
});

Deno.test("app/check.ts fails for each wrong chat server the checks that are meant for it", async () => {
  await assertFails(wrongChatServers.map(({ mistake, fails }) => ({
    kind: "chat",
    server: mistake,
    start: () => Promise.resolve(new WrongServer(createChat(mistake))),
    fails,
    seconds: "3",
  })));
});

Deno.test({
  name: "app/check.ts fails for each wrong Python server exactly the check that is meant for it",
  ignore: !await hasPython(),
  async fn() {
    await assertFails([
      ["echo", "none", []] as const,
      ["echo", "resets", ["reset"]] as const,
      ["echo", "sends-once", ["backpressure"]] as const,
      ["echo", "drops", ["half-close"]] as const,
      ["app", "none", []] as const,
      ["app", "negative-length", ["negative-length"]] as const,
      ["app", "spins", ["falsy-content"]] as const,
    ].map(([kind, mistake, fails]) => ({
      kind,
      server: `${kind} ${mistake}`,
      async start() {
        const program = new Program([`tests/python/wrong_${kind}_server.py`, mistake], "python3");
        const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
        return Object.assign(program, { port: Number(port) });
      },
      fails: [...fails],
    })));
  },
});

Deno.test("app/check.ts accepts one response a connection, as beyond the tutorial", async () => {
  await using server = new WrongServer(answersOnce);
  const checks = await check("app", server.port);
  assertEquals(failed(checks), []);
  const remarks = checks.filter(({ actual }) => actual !== null);
  assertEquals(remarks.map(({ name }) => name), ["pipelined"]);
  assertStringIncludes(remarks[0]!.actual!, "beyond the tutorial");
});

Deno.test("app/check.ts fails every check of a silent server in time, and leaves no connection open", async () => {
  let max = 0;
  await using server = new WrongServer(async (conn, { open }) => {
    max = Math.max(max, open.size);
    const buffer = new Uint8Array(64 * 1024);
    while (await conn.read(buffer) !== null);
  });
  await Promise.all(([["echo", 14], ["app", 17]] as const).map(async ([kind, number]) => {
    const checks = await check(kind, server.port, "--timeout", "0.1");
    assertEquals(failed(checks).length, number);
    assert(checks.every(({ ms }) => ms < 2000));
  }));
  assert(max <= 14, `${max} connections were open`); // one check has 10; without closing, over 40
});

Deno.test("app/check.ts ends a check that never ends, and closes its connection", async () => {
  const open: number[] = [];
  await using server = new WrongServer(async (conn, server) => {
    open.push(server.open.size);
    const buffer = new Uint8Array(1);
    while (await conn.read(buffer) !== null) {
      await conn.write(buffer);
      await new Promise((resume) => setTimeout(resume, 10));
    }
  });
  const checks = await check("echo", server.port, "--timeout", "0.5", "--only", "large,echo");
  assertEquals(failed(checks), ["large"]);
  assertEquals(checks[0]!.expected, "the end within 2 s");
  assert(checks[0]!.ms < 4000);
  // The last of the three looks whether the server survived. A connection may be seen to end late.
  assertEquals(open.length, 3);
  assert(Math.max(...open) <= 2, `${open} connections were open`);
});

Deno.test("app/check.ts prints what was expected, what came instead, and what that means", async () => {
  await using server = new WrongServer(async (conn) => {
    await conn.read(new Uint8Array(100));
    await conn.write(new TextEncoder().encode("\x1b[2J"));
  });
  const { code, stdout, stderr } = await runScript(
    "app/check.ts",
    "echo",
    "127.0.0.1",
    String(server.port),
    "--only=echo",
  );
  assertEquals([code, stderr], [1, ""]);
  assertMatch(
    stdout,
    new RegExp(
      String.raw`^✗ echo  What is sent comes back \(\d+ ms\)
    expected: 'Hello, world'
    actual:   '\\x1b\[2J'
    The server does not .*; step 1 .*\.

1 check: 0 passed, 1 failed \(\d+\.\d s\)
$`,
    ),
  );
});

Deno.test("app/check.ts stops where nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const checks = await check("app", listener.addr.port);
  assertEquals(checks.length, 1);
  assertMatch(checks[0]!.actual!, /refused/);
});

Deno.test("app/check.ts prints exactly the documented keys as JSON", async () => {
  await using server = await startServer("echo_server.ts");
  const [echo, ...rest] = await check("echo", server.port, "--only", "echo");
  assertEquals(rest, []);
  assertEquals({ ...echo, ms: 0 }, {
    name: "echo",
    what: "What is sent comes back",
    ok: true,
    ms: 0,
    expected: null,
    actual: null,
  });
});

Deno.test("app/check.ts lists the checks", async () => {
  for (const [kind, least] of [["echo", 14], ["app", 16]] as const) {
    const { code, stdout } = await runScript("app/check.ts", kind, "--list");
    assertEquals(code, 0);
    assert(stdout.trimEnd().split("\n").length >= least);
  }
});

Deno.test("app/check.ts refuses a wrong command line with exit code 2", async () => {
  const wrong: [string[], string][] = [
    [[], "Missing kind of server"],
    [["talk", "127.0.0.1", "1"], "Unknown kind of server: talk is not echo, app or chat"],
    [["echo", "127.0.0.1"], "Missing port"],
    [["echo", "127.0.0.1", "x"], 'Wrong port: "x" is not an integer from 0 to 65535'],
    [["echo", "127.0.0.1", "1", "2"], "Unexpected argument 2"],
    [["echo", "127.0.0.1", "1", "--only=none"], 'Wrong --only: there is no check "none"'],
    [["echo", "127.0.0.1", "1", "--fast"], "Unknown option --fast"],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await runScript("app/check.ts", ...args);
    assertEquals([code, stdout], [2, ""]);
    assert(stderr.startsWith(message), stderr);
    assertMatch(stderr, /^[^\n]+\n$/);
  }
});

Deno.test("app/check.ts needs --remote for any other than a loopback address, before it uses the network", async () => {
  const others = ["192.0.2.1", "no-such-host.invalid", "127.0.0.1.no-such-host.invalid", "127.1"];
  for (const host of [...others, "::", "::2", "0.0.0.0", "127.0.0.256", "localhost.", ""]) {
    const args = ["run", "--no-prompt", "--deny-net", "app/check.ts", "echo", host, "1"];
    await using program = new Program(args);
    assertEquals([(await program.ended).code, program.stdout], [2, ""]);
    assertStringIncludes(program.stderr, `Cannot check ${host}: without --remote`);
  }
  await using server = await startServer("echo_server.ts");
  const all = [String(server.port), "--only", "echo"];
  for (const host of [["127.1", "--remote"], ["localhost"]]) {
    const { code } = await runScript("app/check.ts", "echo", ...host, ...all);
    assertEquals(code, 0);
  }
});

Deno.test({
  name: "app/check.ts uses colour and shows progress on a terminal only, and respects NO_COLOR",
  ignore: !await hasPython() || Deno.build.os === "windows",
  async fn() {
    await using server = new WrongServer(async (conn) => {
      await conn.read(new Uint8Array(1));
      await new Promise((resume) => setTimeout(resume, 700));
    });
    const command = [Deno.execPath(), "run", "--allow-net", "app/check.ts", "echo", "127.0.0.1"];
    const all = [...command, String(server.port), "--only=echo"];
    const spawn = "import pty, sys; pty.spawn(sys.argv[1:])";
    for (const [noColor, mark] of [["", "\x1b[31m✗\x1b[0m echo"], ["1", "✗ echo"]] as const) {
      await using program = new Program(["-c", spawn, ...all], "python3", { NO_COLOR: noColor });
      await program.ended;
      assertStringIncludes(program.stdout, "\r\x1b[K… echo");
      assertStringIncludes(program.stdout, `\r\x1b[K${mark}`);
    }
  },
});

async function hasPython(): Promise<boolean> {
  try {
    return (await new Deno.Command("python3", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}
