import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../../app/core/command_line.ts";
import { type KindName, kinds } from "../../../app/check/kinds.ts";
import { lessons } from "../../../app/check/lessons.ts";
import type { Report } from "../../../app/check/job.ts";
import { check, failed, failures, firstStepWith, stepOf } from "../../support/checking.ts";
import { some } from "../../support/sampling.ts";
import { read } from "../../support/pages.ts";
import { isRunning, peakMemory } from "../../support/resource_usage.ts";
import {
  accept,
  findFreePort,
  HAS_IPV6,
  Program,
  runScript,
  startServer,
  stopListening,
  works,
} from "../../support/programs.ts";
import { PYTHON } from "../../support/python.ts";
import { WrongServer } from "../../support/wrong_servers.ts";

const SERVER_KINDS = ["echo", "app", "chat"];
const CLEAR = { hostname: "127.0.0.1", port: 0 };

/** Starts the checker of a client. */
function checkClient(args: string[], options: string[] = [], kind = "echo-client"): Program {
  const run = ["run", "--no-prompt", "--allow-net", "--allow-run", "app/check.ts"];
  return new Program([...run, kind, ...options, "--", ...args]);
}

Deno.test("app/check.ts prints what was expected, what came, what that means and where to read", async () => {
  await using server = new WrongServer(async (conn) => {
    await conn.read(new Uint8Array(100));
    await conn.write(new TextEncoder().encode("\x1b[2J"));
  });
  const args = ["echo", "127.0.0.1", String(server.port), "--only=echo,large"];
  const { code, stdout, stderr } = await runScript("app/check.ts", ...args);
  assertEquals([code, stderr], [1, ""]);
  assertMatch(
    stdout,
    new RegExp(
      String.raw`^✗ echo   What is sent comes back \(\d+ ms\)
    expected: 'Hello, world'
    actual:   '\\x1b\[2J'
    The server must send back what it reads, .*\.
    Read "The smallest server" in README\.md\.
- large  skipped

2 checks: 0 passed, 1 failed, 1 skipped \(\d+\.\d s\)
Every other check builds on echo\.
$`,
    ),
  );
});

Deno.test("app/check.ts says in words that a server has closed the connection", async () => {
  await using server = new WrongServer(async (conn) => {
    const buffer = new Uint8Array(1024);
    let rest = 1_000_000; // bytes
    for (let n; rest > 0 && (n = await conn.read(buffer)) !== null; rest -= n) {
      await conn.write(buffer.subarray(0, n));
    }
  });
  const args = ["127.0.0.1", String(server.port), "--only", "backpressure,never-reads"];
  const report = await check("echo", ...args);
  assertEquals(failed(report), ["backpressure"]); // to give up the other client is no harm
  for (const { actual } of failures(report)) {
    assertMatch(actual, /^the server has (closed|reset) the connection$/);
  }
});

Deno.test("app/check.ts says in one line that no server is listening, and fails no check", async () => {
  const port = `${findFreePort()}`;
  const { code, stdout, stderr } = await runScript("app/check.ts", "echo", "127.0.0.1", port);
  const line = `No server is listening on 127.0.0.1:${port}; start it first\n`;
  assertEquals([code, stdout, stderr], [1, "", line]);
  for (const kind of SERVER_KINDS) {
    const { stopped, checks } = await check(kind, "127.0.0.1", port);
    assertMatch(stopped!, /^No server is listening/);
    assert(checks.length > 0 && checks.every(({ status }) => status === "skipped"));
  }
});

Deno.test({
  name: "app/check.ts takes an IPv6 address with and without brackets",
  ignore: !HAS_IPV6,
  async fn() {
    const listener = Deno.listen({ hostname: "::1", port: 0 });
    const port = String(listener.addr.port);
    const echoing = (async () => {
      for await (const conn of listener) {
        await conn.readable.pipeTo(conn.writable).catch(() => {});
      }
    })();
    const { checks } = await check("echo", "[::1]", port, "--only=echo,binary");
    stopListening(listener);
    await echoing;
    assertEquals(checks.map(({ status }) => status), ["passed", "passed"]);
    for (const host of ["[::1]", "::1"]) {
      const { stopped } = await check("echo", host, port);
      assertEquals(stopped, `No server is listening on [::1]:${port}; start it first`);
    }
  },
});

Deno.test("app/check.ts gives a client time to start, as one needs that is compiled first", async () => {
  const client = "await new Promise((resume) => setTimeout(resume, 5000));" + // more than a step may take
    "const conn = await Deno.connect({ port: Number(Deno.args[0]) });" +
    "await conn.write(new TextEncoder().encode('Hello, world'));" +
    "await conn.closeWrite();" +
    "console.log(await new Response(conn.readable).text());";
  const command = [Deno.execPath(), "eval", client, "{port}"];
  const report = await check("echo-client", "--timeout", "4", "--only", "echo", "--", ...command);
  assertEquals([report.status, failures(report)], ["passed", []]);
});

Deno.test("app/check.ts says after which check a server has ended", async () => {
  const listener = Deno.listen(CLEAR);
  const serving = (async () => {
    for (let connections = 1; connections <= 4; connections++) { // two checks, and a look after each
      using conn = await listener.accept();
      if (connections === 4) stopListening(listener);
      const buffer = new Uint8Array(1024);
      for (let n; (n = await conn.read(buffer)) !== null;) await conn.write(buffer.subarray(0, n));
    }
  })();
  const report = await check("echo", "127.0.0.1", String(listener.addr.port));
  await serving;
  const statuses = report.checks.slice(0, 3).map(({ status }) => status);
  assertEquals(statuses, ["passed", "passed", "skipped"], JSON.stringify(report));
  assertEquals(report.stopped, "The server ended after binary; look at its terminal");
});

Deno.test("app/check.ts runs the first check in any case, since all others build on it", async () => {
  await using server = new WrongServer(async (conn) => {
    await conn.read(new Uint8Array(1));
  });
  const args = ["127.0.0.1", String(server.port), "--only", "binary,large", "--timeout", "0.5"];
  const { stopped, checks } = await check("echo", ...args);
  assertEquals(checks.map(({ name, status }) => [name, status]), [
    ["echo", "failed"],
    ["binary", "skipped"],
    ["large", "skipped"],
  ]);
  assertEquals(stopped, "Every other check builds on echo");
});

Deno.test("app/check.ts prints exactly the documented keys as JSON", async () => {
  await using server = await startServer("echo_server.ts");
  const args = ["echo", "127.0.0.1", String(server.port), "--only", "echo", "--json"];
  const { code, stdout, stderr } = await runScript("app/check.ts", ...args);
  assertEquals([code, stderr], [0, ""]);
  const report: Report = JSON.parse(stdout);
  const { ms } = report.checks[0]!;
  assert(ms >= 0);
  assertEquals(report, {
    version: 1,
    kind: "echo",
    exercise: null,
    subject: { address: { hostname: "127.0.0.1", port: server.port } },
    status: "passed",
    stopped: null,
    printed: [],
    notes: [],
    checks: [{ name: "echo", what: "What is sent comes back", status: "passed", ms }],
  });
});

Deno.test("app/check.ts sends its readers to headings that there are, and not beyond the step of the exercise", () => {
  const headings = (page: string) =>
    [...read(page).replaceAll(/^```[^]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
      text
    );
  for (const { page, heading } of Object.values(lessons)) {
    const count = headings(page).filter((text) => text === heading).length;
    assertEquals(count, 1, `${page} has ${count} headings "${heading}"`);
  }
  assertEquals([stepOf(lessons.writeAll), stepOf(lessons.outbox), stepOf(lessons.command)], [
    1,
    4,
    0,
  ]);
  for (const kind of Object.keys(kinds) as KindName[]) {
    for (const { name, read, causes = {} } of kinds[kind].checks) {
      const others = Object.values(causes).map((cause) =>
        typeof cause === "string" ? read : cause.read ?? read
      );
      for (const lesson of [read, ...others]) {
        const isTaught = stepOf(lessons[lesson]) <= firstStepWith(kind, name);
        assert(
          isTaught,
          `${kind}: ${name} sends its reader too far, to "${lessons[lesson].heading}"`,
        );
      }
    }
  }
});

Deno.test("app/check.ts lists the checks of each kind", async () => {
  const least = {
    ...{ "echo": 14, "app": 17, "chat": 14, "http": 39 },
    ...{ "echo-client": 8, "app-client": 8 },
  };
  for (const [kind, number] of Object.entries(least)) {
    const { checks } = kinds[kind as KindName];
    assert(checks.length >= number, `${kind} has ${checks.length} checks`);
    for (const { name, what } of checks) {
      assertMatch(`${name} ${what}`, /^[a-z0-9-]+ [A-Z0-9].*[^.]$/);
    }
  }
  const { code, stdout, stderr } = await runScript("app/check.ts", "app", "--list");
  assertEquals([code, stderr], [0, ""]);
  const listed = stdout.trimEnd().split("\n").map((line) =>
    /^(\S+) {2,}(\S.*)$/.exec(line)?.slice(1)
  );
  assertEquals(listed, kinds["app"].checks.map(({ name, what }) => [name, what]));
});

/** Words that describe no job, and how the reason begins. */
const WRONG_JOBS: [words: string[], reason: string][] = [
  [
    ["talk", "127.0.0.1", "1"],
    "Unknown exercise or kind: talk is no exercise, and not echo, app,",
  ],
  [["__proto__"], "Unknown exercise or kind: __proto__ is no"],
  [["13", "127.0.0.1", "1"], "Unknown exercise or kind: 13 is no exercise"],
  [["echo"], "Missing -- and the server's command, or its host and port"],
  [["echo", "--"], "Missing -- and the server's command"],
  [["echo", "127.0.0.1", "--", "x"], "Unexpected argument 127.0.0.1: the server's command"],
  [["echo-server", "--", "s.py"], "The server's command has no {port}, and there is no --port"],
  [["echo", "127.0.0.1"], "Missing port"],
  [["echo", "127.0.0.1", "x"], 'Wrong port: "x" is not an integer from 0 to 65535'],
  [["echo", "127.0.0.1", "1", "2"], "Unexpected argument 2"],
  [["echo", "127.0.0.1", "1", "--only=none"], 'Wrong --only: there is no check "none"'],
  [["echo", "127.0.0.1", "1", "--fast"], "Unknown option --fast"],
  [["echo-client"], "Missing -- and the client's command"],
  [["echo-client", "--"], "Missing -- and the client's command"],
  [["echo-client", "python3", "c.py"], "Unexpected argument python3: the client's command comes"],
  [["app-client", "x", "--", "y", "{port}"], "Unexpected argument x"],
  [["echo-client", "--", "c.py"], "The client's command has no {port}"],
  [["echo-client", "--port=70000", "--", "c.py"], "Wrong --port"],
  [
    ["echo-client", "--only=search", "--", "c", "{port}"],
    'Wrong --only: there is no check "search"',
  ],
];

Deno.test("app/check.ts says what is wrong with the words of a job", () => {
  for (const [words, reason] of WRONG_JOBS) {
    const { message } = assertThrows(() => check(...words), UsageError);
    assert(message.startsWith(reason), message);
  }
});

Deno.test("app/check.ts refuses a wrong command line with exit code 2", async () => {
  const wrong: [string[], string][] = [
    [["--", "x"], "Missing exercise, or kind: echo, app, chat, http, echo-client, app-client, "],
    [["--json"], "Missing exercise, or kind: echo, app, "],
    [["--watch"], "Missing exercise, or kind: echo, app, "],
    [["all", "a", "--watch"], "--watch is for one program, and not for a file"],
    [["all", "a", "--", "x"], "Unexpected command: the commands stand in the file"],
    [["echo", "--watch", "127.0.0.1", "1"], "--watch needs the program's command"],
    [["echo", "--watch", "--", "x", "{port}"], "--watch needs a terminal"],
    [["echo", "--hint"], "Only exercises have a --hint"],
    [["all"], "Missing file with the commands"],
    [["all", "a", "b"], "Unexpected argument b"],
    ...some(WRONG_JOBS, WRONG_JOBS.length),
  ];
  for (const [args, message] of some(wrong, 3)) {
    const { code, stdout, stderr } = await runScript("app/check.ts", ...args);
    assertEquals([code, stdout], [2, ""], message);
    assert(stderr.startsWith(message), stderr);
    assertMatch(stderr, /^[^\n]+\n$/);
  }
});

Deno.test("app/check.ts says in one line why it cannot run a client", async () => {
  {
    await using program = checkClient(["no\x1bsuch-command", "{port}"]);
    assertEquals((await program.ended).code, 1);
    assertMatch(program.stderr, /^Cannot run no\\x1bsuch-command: \P{Cc}*\n$/u);
  }
  for (const command of [Deno.execPath(), `/${"long/".repeat(100)}client`]) {
    const args = ["echo-client", "--", command, "{port}"];
    const { code, stdout, stderr } = await runScript("app/check.ts", ...args);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^Cannot run [^\n]*--allow-run[^\n]*\n$/);
  }
  using listener = Deno.listen(CLEAR);
  const { port } = listener.addr;
  await using program = checkClient(["c"], ["--port", `${port}`]);
  assertEquals((await program.ended).code, 1);
  assertMatch(program.stderr, new RegExp(`^Cannot listen on 127.0.0.1:${port}: [^\n]*\n$`));
});

Deno.test("app/check.ts gives a client its command line untouched, but for {host} and {port}", async () => {
  const script = "console.error(JSON.stringify(Deno.args)); Deno.exit(3)";
  const args = [
    "--json",
    "--",
    "-x",
    "a b",
    "$HOME",
    "{host}:{port}",
    "{port}{port}",
    "{user}",
    "",
  ];
  await using program = checkClient([Deno.execPath(), "eval", script, "--", ...args]);
  assertEquals((await program.ended).code, 1);
  const shown = /^ +actual: +exit code 3 after "(.*)"$/m.exec(program.stdout)![1]!;
  const [port] = shown.match(/(?<=127\.0\.0\.1:)\d+/)!;
  const whole = args.map((word) => word.replace("{host}", "127.0.0.1").replaceAll("{port}", port));
  assertEquals(shown, JSON.stringify(whole));
});

Deno.test("app/check.ts listens on the port that a client always uses", async () => {
  const port = `${findFreePort()}`;
  const command = [Deno.execPath(), "run", "--allow-net", "echo_client.ts", "127.0.0.1", port];
  const names = "--only=echo,prints,single-bytes,reset,refused";
  await using program = checkClient(command, ["--port", port, names]);
  assertEquals((await program.ended).code, 0, program.stdout + program.stderr);
  assertStringIncludes(program.stdout, "5 checks: 5 passed, 0 failed");
});

Deno.test("app/check.ts names the error of a client that throws", async () => {
  const script = 'function serve() { throw new RangeError("my own mistake"); } serve();';
  await using program = checkClient([Deno.execPath(), "eval", script, "{port}"], ["--only=echo"]);
  assertEquals((await program.ended).code, 1);
  assertMatch(program.stdout, /exit code 1 after "error: Uncaught .*RangeError: my own mistake"$/m);
});

Deno.test("app/check.ts escapes what a client prints", async () => {
  const script = 'console.error("\\x1b[2J\\x9b1m\\u202e"); Deno.exit(1)';
  await using program = checkClient([Deno.execPath(), "eval", script, "{port}"]);
  assertEquals((await program.ended).code, 1);
  assertStringIncludes(program.stdout, String.raw`exit code 1 after "\x1b[2J\x9b1m\u{202e}"`);
});

Deno.test({
  name: "app/check.ts ends a client that goes on, with all that it has started",
  ignore: Deno.build.os === "windows",
  async fn() {
    // The shell starts another one as a process of its own, which must not survive either.
    const folder = await Deno.makeTempDir();
    try {
      const script = `sh -c 'echo $$; exec sleep 1000' {port} > "$0"; true`;
      const words = ["sh", "-c", script, `${folder}/pid`];
      await using program = checkClient(words, ["--timeout=2", "--only=echo"]);
      assertEquals((await program.ended).code, 1);
      assertMatch(program.stdout, /^✗ echo/);
      await assertEnds(Number(await Deno.readTextFile(`${folder}/pid`)));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** The command of a client that connects to the checker, if it should, and never ends. */
function startEndless(connects: boolean): { words: string[]; pid: Promise<number> } {
  const listener = Deno.listen(CLEAR); // where the client says who it is
  const script =
    "const [server, test] = Deno.args; const tell = await Deno.connect({ port: test });" +
    "await tell.write(new TextEncoder().encode(`${Deno.pid}`)); tell.close();" +
    (connects ? "await Deno.connect({ port: server });" : "") +
    "await new Promise((resolve) => setTimeout(resolve, 1e6))";
  const pid = accept(listener).then(async (conn) => {
    listener.close();
    return Number(await new Response(conn.readable).text());
  });
  pid.catch(() => {}); // something else may fail before it is awaited
  return { words: [Deno.execPath(), "eval", script, "{port}", `${listener.addr.port}`], pid };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `app/check.ts ends its client at ${signal}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const { words, pid } = startEndless(false);
      await using program = checkClient(words, ["--timeout=20"]);
      const client = await pid;
      program.kill(signal);
      assertEquals((await program.ended).code, 130);
      await assertEnds(client);
    },
  });
}

Deno.test({
  name: "app/check.ts ends its client also if it may run this one program only",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { words, pid } = startEndless(true);
    const run = ["run", "--no-prompt", "--allow-net", `--allow-run=${Deno.execPath()}`];
    // In this time it must have started.
    const args = ["app/check.ts", "echo-client", "--timeout=8", "--only=echo", "--", ...words];
    await using program = new Program([...run, ...args]);
    assertEquals((await program.ended).code, 1);
    assertStringIncludes(program.stdout, "nothing within 8 s");
    await assertEnds(await pid);
  },
});

/** Waits until a process has ended. */
async function assertEnds(pid: number): Promise<void> {
  assert(pid > 0);
  for (let i = 0; i < 100; i++) {
    if (!isRunning(pid)) return;
    await new Promise((resume) => setTimeout(resume, 50));
  }
  throw new Error(`The process ${pid} is still there`);
}

Deno.test("app/check.ts needs --remote for any other than a loopback address, before it uses the network", async () => {
  const others = ["192.0.2.1", "no-such-host.invalid", "127.0.0.1.no-such-host.invalid", "127.1"];
  const odd = ["::", "::2", "0.0.0.0", "127.0.0.256", "localhost.", ""];
  for (const host of [...others, ...odd]) {
    const { message } = assertThrows(() => check("echo", host, "1"), UsageError);
    assert(message.startsWith(`Cannot check ${host}: without --remote`), message);
  }
  for (const host of some([...others, ...odd], 10)) {
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
  ignore: PYTHON === undefined || Deno.build.os === "windows",
  async fn() {
    await using server = new WrongServer(async (conn) => {
      await conn.read(new Uint8Array(1));
      await new Promise((resume) => setTimeout(resume, 700));
    });
    const command = [Deno.execPath(), "run", "--allow-net", "app/check.ts", "echo", "127.0.0.1"];
    const all = [...command, String(server.port), "--only=echo", "--timeout=0.5"];
    const spawn = "import pty, sys; pty.spawn(sys.argv[1:])";
    for (const [noColor, mark] of [["", "\x1b[31m✗\x1b[0m echo"], ["1", "✗ echo"]] as const) {
      await using program = new Program(["-c", spawn, ...all], PYTHON, { NO_COLOR: noColor });
      await program.ended;
      assertStringIncludes(program.stdout, "\r\x1b[K… echo");
      assertStringIncludes(program.stdout, `\r\x1b[K${mark}`);
    }
  },
});

Deno.test("app/check.ts says that a server has ended, also if it does so before its first echo", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ending = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(64));
    stopListening(listener);
  })();
  const report = await check("echo", "127.0.0.1", String(listener.addr.port));
  await ending;
  assertEquals(report.stopped, "The server ended during echo; look at its terminal");
  assertEquals(failed(report), ["echo"]);
  assertMatch(failures(report)[0]!.actual, /^nobody listens on .* any more$/);
});

/** The command of a client that is right, but for what is named, see the file. */
function oddClient(oddity: string): string[] {
  return [PYTHON!, "tests/support/wrong_clients/odd_client.py", oddity, "{host}", "{port}"];
}

Deno.test("app/check.ts says in one line that it may not listen", async () => {
  const run = ["run", "--no-prompt", "--allow-run", "app/check.ts", "echo-client", "--"];
  await using program = new Program([...run, "no-such-command", "{port}"]);
  assertEquals([(await program.ended).code, program.stdout], [1, ""]);
  assertMatch(program.stderr, /^Cannot listen on 127\.0\.0\.1:0: [^\n]*--allow-net[^\n]*\n$/);
});

Deno.test({
  name: "app/check.ts keeps little of what a client prints and sends, and says where it stopped",
  ignore: PYTHON === undefined || Deno.build.os !== "linux",
  async fn() {
    const limit = 400 * 1024 * 1024; // bytes; a checker at work needs some 150 MB
    // The first one prints all that before it connects.
    for (const [oddity, timeout] of [["prints-single-bytes", 30], ["never-ends", 5]] as const) {
      const options = ["--json", "--only=echo", `--timeout=${timeout}`];
      await using program = checkClient(oddClient(oddity), options);
      let peak = 0;
      const timer = setInterval(() => {
        if (program.isRunning) peak = Math.max(peak, peakMemoryIfRunning(program.pid));
      }, 10);
      await program.ended;
      clearInterval(timer);
      assert(peak > 0 && peak < limit, `${oddity}: ${peak} bytes`);
      const report = JSON.parse(program.stdout) as Report;
      // It may pause for so long that it seems to wait for its echo, which it never reads.
      const stopped = /^more than 16 MiB|^none of it read within/;
      if (oddity === "never-ends") assertMatch(failures(report)[0]!.actual, stopped);
      else assertEquals(report.status, "passed", program.stdout);
    }
  },
});

function peakMemoryIfRunning(pid: number): number {
  try {
    return peakMemory(pid);
  } catch {
    return 0; // it has just ended
  }
}

Deno.test({
  name: "app/check.ts passes clients that send, or print, more than others",
  ignore: PYTHON === undefined,
  async fn() {
    for (const [oddity, only] of [["long-message", "single-bytes"], ["prints-before", "prints"]]) {
      const times = ["--timeout", "30", "--patience", "20"];
      const args = ["--only", `echo,${only}`, ...times, "--", ...oddClient(oddity!)];
      const report = await check("echo-client", ...args);
      assertEquals(failed(report), [], JSON.stringify(report, null, 1));
    }
  },
});

Deno.test({
  name: "app/check.ts says how long an output is, also if it is escaped and cut",
  ignore: PYTHON === undefined,
  async fn() {
    const args = ["--only", "echo,prints", "--", ...oddClient("prints-no-echo")];
    const report = await check("echo-client", ...args);
    assertMatch(failures(report)[0]!.actual, /^"(\\x1b){200}… \(5000\d characters\)"$/);
  },
});

Deno.test({
  name: "app/check.ts goes on after a client that a real-time signal has ended",
  ignore: PYTHON === undefined || Deno.build.os !== "linux",
  async fn() {
    await using program = checkClient(oddClient("real-time-signal"), ["--only=echo"]);
    assertEquals((await program.ended).code, 1);
    assertMatch(program.stdout, /^ +actual: +signal 40$/m);
  },
});

Deno.test({
  name: "app/check.ts ends what its client has started outside of its group of processes",
  ignore: PYTHON === undefined || Deno.build.os !== "linux",
  async fn() {
    const args = ["--only", "echo", "--", ...oddClient("leaves-a-daemon")];
    const report = await check("echo-client", ...args);
    await assertEnds(Number(/daemon (\d+)/.exec(failures(report)[0]!.actual)![1]));
  },
});

const CAN_UNSHARE = works("unshare", "-rn", "true");

Deno.test({
  name: "app/check.ts says that it cannot connect where there is no such network, and stops",
  ignore: !CAN_UNSHARE,
  async fn() {
    const run = [Deno.execPath(), "run", "--no-prompt", "--allow-net", "app/check.ts"];
    await using program = new Program(["-rn", ...run, "echo", "::1", "65432"], "unshare");
    assertEquals([(await program.ended).code, program.stdout], [1, ""]);
    assertMatch(program.stderr, /^Cannot connect to \[::1\]:65432: [^\n]*\n$/);
  },
});

Deno.test({
  name: "app/check.ts does not blame others for time in which it did not run itself",
  ignore: PYTHON === undefined || Deno.build.os === "windows",
  async fn() {
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    const address = ["127.0.0.1", String(server.port)];
    const client = [
      "--patience",
      "3",
      "--",
      PYTHON!,
      "tests/support/wrong_clients/echo_client.py",
      "none",
    ];
    await Promise.all([
      checkStopped(["echo", "--timeout", "2", "--only", "echo,half-close,500-clients", ...address]),
      checkStopped(["echo-client", "--only", "echo,split", ...client, "{host}", "{port}"]),
    ]);
  },
});

/** Runs the checker, and stops it, in the middle of its work, for longer than every deadline. */
async function checkStopped(args: string[]): Promise<void> {
  const run = ["run", "--no-prompt", "--allow-net", "--allow-run", "app/check.ts"];
  await using program = new Program([...run, ...args]);
  await program.prints(/echo/);
  program.kill("SIGSTOP");
  await new Promise((resume) => setTimeout(resume, 6000)); // the time itself is what is tested
  program.kill("SIGCONT");
  assertEquals((await program.ended).code, 0, program.stdout + program.stderr);
}
