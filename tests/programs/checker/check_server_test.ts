// Servers of all kinds, right and wrong, each with the checks that must notice it, and the cause.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Failed } from "../../../app/check/result.ts";
import { assertGrades, type Case, check, failed, failures } from "../../support/checking.ts";
import { tryAll } from "../../support/sampling.ts";
import { CLOSE_CANCELS_WRITES, Program, startServer } from "../../support/programs.ts";
import { PYTHON } from "../../support/python.ts";
import { createChat, wrongChatServers } from "../../support/wrong_chat_servers.ts";
import {
  answersOnce,
  rightEchoServers,
  type Wrong,
  wrongAppServers,
  wrongEchoServers,
  WrongServer,
} from "../../support/wrong_servers.ts";

const SECONDS = "4"; // for a step of a server
const MORE_SECONDS = "5"; // where connections wait until they are tried again, after a second or more

/** A server of this package, as a process of its own. */
function ours(
  kind: Case["kind"],
  script: string,
  fails: Case["fails"] = {},
  seconds = SECONDS,
): Case {
  return {
    kind,
    name: script,
    isOurs: true,
    start: async () => serving(await startServer(script), seconds),
    fails,
  };
}

/** A server of this process, right or wrong. */
function wrong(kind: Case["kind"], seconds = SECONDS) {
  return ({ mistake, fails, stopped, skips, handle, ...accepting }: Wrong): Case => ({
    kind,
    name: mistake,
    start: () => Promise.resolve(serving(new WrongServer(handle, accepting), seconds)),
    fails,
    stopped,
    skips,
  });
}

/** A server in Python. */
function python(
  kind: Case["kind"],
  script: string,
  argument: string,
  fails: Case["fails"] = {},
  stopped?: RegExp,
): Case {
  return {
    kind,
    name: `${script} ${argument}`,
    async start() {
      const program = new Program([`tests/support/python/${script}`, argument], PYTHON);
      const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
      return serving(Object.assign(program, { port: Number(port) }), MORE_SECONDS);
    },
    fails,
    stopped,
  };
}

function serving(server: AsyncDisposable & { port: number }, seconds = SECONDS) {
  return {
    args: ["127.0.0.1", String(server.port), "--timeout", seconds],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

Deno.test("app/check.ts fails nothing for right servers", async () => {
  await assertGrades([
    ours("echo", "app/multiconn_server.ts"),
    ours("app", "app/server.ts"),
    ours("chat", "app/chat_server.ts"), // whose pings come after 15 s
    ...(tryAll ? rightEchoServers.map(wrong("echo", MORE_SECONDS)) : []),
  ]);
});

Deno.test({
  name: "app/check.ts finds the mistake of each wrong echo or application server",
  ignore: !CLOSE_CANCELS_WRITES, // the checker, too, closes connections to which it writes
  async fn() {
    const silence = /^nothing within/;
    const oneAtATime = ours("echo", "echo_server.ts", {
      "five-clients": silence,
      "slow-client": silence,
      "idle-client": silence,
      "never-reads": silence,
      "no-mixing": silence,
      "500-clients": silence,
    }, "2");
    await assertGrades([
      oneAtATime,
      ...wrongEchoServers.map(wrong("echo")),
      ...wrongAppServers.map(wrong("app")),
    ]);
  },
});

Deno.test("app/check.ts finds the mistake of each wrong chat server", async () => {
  await assertGrades(wrongChatServers.map((server) => {
    const handle = createChat(server.mistake);
    return wrong("chat", MORE_SECONDS)({ ...server, handle });
  }));
});

Deno.test({
  name: "app/check.ts finds the mistake of each wrong Python server, and no other",
  ignore: !tryAll || PYTHON === undefined,
  async fn() {
    await assertGrades([
      python("echo", "wrong_echo_server.py", "none"),
      python("echo", "threaded_echo_server.py", "0"),
      python("echo", "threaded_echo_server.py", "1"),
      python("echo", "wrong_echo_server.py", "sends-once", {
        "backpressure": /a write did not take/,
      }),
      python("echo", "wrong_echo_server.py", "drops", { "half-close": /closes with bytes unsent/ }),
      python(
        "echo",
        "wrong_echo_server.py",
        "resets",
        { "reset": /ended during reset/ },
        /ended during reset/,
      ),
      python(
        "echo",
        "wrong_echo_server.py",
        "keeps",
        { "backpressure": /ended during backpressure/ },
        /ended during backpressure/,
      ),
      python(
        "echo",
        "wrong_echo_server.py",
        "ends",
        { "echo": /^nobody listens on .*\nThe server ended during echo/ },
        /ended during echo/,
      ),
      python("app", "wrong_app_server.py", "none"),
      python(
        "app",
        "wrong_app_server.py",
        "negative-length",
        { "negative-length": /takes other bytes for the content/ },
      ),
      python("app", "wrong_app_server.py", "spins", {
        "falsy-content": /neither answers nor closes/,
      }),
    ]);
  },
});

Deno.test("app/check.ts accepts one response a connection, as beyond the tutorial", async () => {
  await using server = new WrongServer(answersOnce);
  const report = await check("app", "127.0.0.1", String(server.port));
  assertEquals([failed(report), report.stopped], [[], null]);
  const remarks = report.checks.filter((result) => result.status === "passed" && result.remark);
  assertEquals(remarks.map(({ name }) => name), ["pipelined"]);
  assertStringIncludes(JSON.stringify(remarks), "beyond the tutorial");
});

Deno.test("app/check.ts ends a check that never ends, and closes its connection", async () => {
  const open: number[] = [];
  await using server = new WrongServer(async (conn, server) => {
    open.push(server.open.size);
    const buffer = new Uint8Array(1);
    for (let bytes = 1; await conn.read(buffer) !== null; bytes++) {
      await conn.write(buffer);
      if (bytes > 1000) await new Promise((resume) => setTimeout(resume, 10));
    }
  });
  const args = ["127.0.0.1", String(server.port), "--timeout", "0.5", "--only", "echo,large"];
  const report = await check("echo", ...args);
  assertEquals(failed(report), ["large"]);
  const [large] = failures(report) as [Failed];
  assertEquals(large.expected, "the end of the check within 2 s");
  assert(large.ms < 4000);
  // After each of the two, it looks whether the server survived. A connection may be seen to end late.
  assertEquals(open.length, 4);
  assert(Math.max(...open) <= 2, `${open} connections were open`);
});

Deno.test("app/check.ts closes the connections of each check", async () => {
  let max = 0;
  await using server = new WrongServer(async (conn, { open }) => {
    max = Math.max(max, open.size);
    const buffer = new Uint8Array(64 * 1024);
    for (let n; (n = await conn.read(buffer)) !== null;) await conn.write(buffer.subarray(0, n));
  });
  const names = "echo,binary,single-bytes,five-clients,slow-client,idle-client,no-mixing";
  await check("echo", "127.0.0.1", String(server.port), "--only", names);
  assert(max <= 14, `${max} connections were open`); // one check has 10; without closing, over 20
});
