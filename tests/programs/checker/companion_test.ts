// app/check.ts as a companion: it starts servers, knows exercises and progress, grades classes, and watches.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { splitWords } from "../../../app/check/command_words.ts";
import { exercises } from "../../../app/check/exercises.ts";
import type { Report } from "../../../app/check/job.ts";
import { ByteStore, Lines, Output } from "../../../app/check/output.ts";
import { progressLine, wrap } from "../../../app/check/printer.ts";
import { Progress } from "../../../app/check/progress.ts";
import { check } from "../../support/checking.ts";
import { tryAll } from "../../support/sampling.ts";
import { commandLines, peakMemory } from "../../support/resource_usage.ts";
import { findFreePort, isSoonFree, Program, works } from "../../support/programs.ts";
import { PYTHON } from "../../support/python.ts";

const ROOT = new URL("../../../", import.meta.url);
const READ_SIZE = 64 * 1024; // bytes
const MAX_MEMORY = 400 * 1024 * 1024; // bytes; a checker at work needs some 150 MB
const ALL = ["--allow-net", "--allow-run", "--allow-read", "--allow-write", "--allow-env=INIT_CWD"];
const unix = Deno.build.os !== "windows";
const hasTmux = unix && works("tmux", "-V");

/** Runs the checker in a folder, as `deno task check` does. */
function checker(folder: string, ...args: string[]): Program {
  return new Program(["run", "--no-prompt", ...ALL, "app/check.ts", ...args], Deno.execPath(), {
    INIT_CWD: folder,
  });
}

async function runIn(folder: string, ...args: string[]) {
  await using program = checker(folder, ...args);
  const { code } = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

async function reportIn(folder: string, ...args: string[]): Promise<Report> {
  const { stdout, stderr } = await runIn(folder, "--json", ...args);
  assertEquals(stderr, "");
  return JSON.parse(stdout);
}

/** Calls a function with a folder that is removed afterwards. */
async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(file, ROOT));
}

/** The command of a server that does something bad, which can be found by its name. */
function hostile(misdeed: string, name: string = crypto.randomUUID()): string[] {
  return [
    PYTHON!,
    "-X",
    `name=${name}`,
    pathOf("tests/support/python/hostile_server.py"),
    misdeed,
    "{port}",
  ];
}

/** Waits until there are no processes with this text in their command: one that is killed needs a moment. */
async function assertAllEnd(text: string): Promise<void> {
  const isTheirs = (line: string) => line.includes(text) && !line.includes("app/check.ts");
  for (let tries = 0; commandLines().some(isTheirs); tries++) {
    assert(tries < 100, text);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

Deno.test({
  name: "app/check.ts starts a server, and again when it has ended, and shows what it has printed",
  ignore: PYTHON === undefined,
  async fn() {
    const script = pathOf("tests/support/python/wrong_echo_server.py");
    const report = await check(
      ...["echo", "--only", "echo,reset,binary,100-resets", "--"],
      ...[PYTHON!, script, "resets", "{port}"],
    );
    assertEquals(report.checks.map(({ status }) => status), [
      ...["passed", "failed", "passed", "failed"],
    ]);
    assertEquals([report.status, report.stopped], ["failed", null]);
    for (const result of report.checks) {
      if (result.status !== "failed") continue;
      assertEquals(result.hint, `The server ended during ${result.name} with exit code 1.`);
      assertMatch(result.printed.at(-1)!, /^ConnectionResetError/);
    }
  },
});

Deno.test({
  name: "app/check.ts keeps what it has found where it cannot start a server again",
  ignore: PYTHON === undefined || !unix,
  async fn() {
    await inFolder(async (folder) => {
      const path = `${folder}/server`;
      const server = pathOf("tests/support/python/wrong_echo_server.py");
      const lines = ["#!/bin/sh", 'rm "$0"', `exec '${PYTHON}' '${server}' resets "$1"`];
      await Deno.writeTextFile(path, lines.join("\n"), { mode: 0o755 });
      const report = await check("echo", "--only", "echo,reset,binary", "--", path, "{port}");
      assertEquals(report.checks.map(({ status }) => status), ["passed", "failed", "skipped"]);
      assertEquals(report.stopped, "The server ended during reset with exit code 1");
    });
  },
});

Deno.test({
  name: "app/check.ts says why a server that it starts cannot be checked, with its last lines",
  ignore: PYTHON === undefined,
  async fn() {
    await inFolder(async (folder) => {
      const ended = await runIn(folder, "echo", "--", ...hostile("prints-and-ends"));
      assertEquals([ended.code, ended.stdout], [1, ""]);
      const lines = ended.stderr.trimEnd().split("\n");
      assertMatch(lines[0]!, /^The server ended before it listened on .*, with exit code 7$/);
      assertEquals(lines.at(-1), "  last");
      assertMatch(lines.at(-2)!, /^ {2}\\x1b\[31mred\ufffd x{100,}… \(160 characters\)$|x{100}/u);
      assert(lines.length <= 10 && !/\p{Cc}/u.test(lines.join("")), ended.stderr);

      const missing = await runIn(folder, "echo", "--", "no such command", "{port}");
      assertMatch(missing.stderr, /^Cannot run no such command: [^\n]*\n$/);
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const port = `${listener.addr.port}`;
      const busy = await runIn(folder, "echo", "--port", port, "--", ...hostile("none"));
      assertEquals(
        busy.stderr,
        `Cannot start the server: another program listens on 127.0.0.1:${port}\n`,
      );
    });
  },
});

Deno.test({
  name: "app/check.ts waits for a server that listens late, and for one with a port of its own",
  ignore: PYTHON === undefined || !unix,
  async fn() {
    const late = ["sh", "-c", `sleep 2; exec "$0" "$@"`, ...hostile("none")];
    const only = ["--only", "echo", "--timeout", "1"];
    assertEquals((await check("echo", ...only, "--", ...late)).status, "passed");
    const port = `${findFreePort()}`;
    const own = hostile("none").map((word) => word === "{port}" ? port : word);
    const report = await check("echo", "--port", port, "--only", "echo", "--", ...own);
    assertEquals(report.status, "passed");
  },
});

Deno.test({
  name:
    "app/check.ts tells a listener that is closed, and a broken pipe, from what a check is about",
  ignore: PYTHON === undefined || !unix,
  async fn() {
    const only = ["echo", "--only", "echo,binary,large", "--"];
    for (
      const [misdeed, name, cause] of [
        ["closes-its-listener", "large", /^The server no longer listens after binary, but still/],
        [
          "closes-its-listener-late",
          "large",
          /^The server no longer listens since large, but still/,
        ],
        [
          "dies-of-a-broken-pipe",
          "binary",
          /^The server ended after echo with signal SIGPIPE: it .*\nWhen SIGPIPE ends your server$/,
        ],
      ] as const
    ) {
      const report = await check(...only, ...hostile(misdeed));
      const failed = report.checks.find(({ status }) => status === "failed");
      assert(failed?.status === "failed", JSON.stringify(report));
      assertEquals(failed.name, name);
      assertMatch(`${failed.hint}\n${failed.read}`, cause);
    }
  },
});

const ENDED = /^The server ended before it listened on .*, with signal \w+$/;
const LEFT = /left a program running in the background, which the checker has ended$/;

/** What a server does, why the checker stops if it does, and what it notes at the end. */
const MISDEEDS: [misdeed: string, stopped?: RegExp | undefined, note?: RegExp][] = [
  ["prints-forever"],
  ["prints-a-long-line"],
  [
    "is-a-daemon",
    undefined,
    /ended while a program that it had started went on in the background$/,
  ],
  ["leaves-a-daemon", undefined, LEFT],
  ["keeps-the-port", undefined, LEFT],
  ["ignores-signals"],
  ...[6, 9, 11, 15].map((signal): [string, RegExp] => [`signal-${signal}`, ENDED]),
  ...(tryAll
    ? [["never-listens", /^The server runs, but does not listen on /] as [string, RegExp]]
    : []),
];

Deno.test({
  name: "app/check.ts bears servers that do what none should, and leaves nothing behind",
  ignore: PYTHON === undefined || Deno.build.os !== "linux",
  async fn() {
    for (const [misdeed, stopped, note] of MISDEEDS) {
      const name = `${misdeed}-${crypto.randomUUID()}`;
      const port = findFreePort();
      const words = hostile(misdeed, name).map((word) => word.replace("{port}", `${port}`));
      const only = ["--only", "echo,binary,100-resets", "--port", `${port}`];
      const job = ["echo", ...only, "--", ...words];
      // What prints much may cost much memory, which only a process of its own shows.
      const report = misdeed.startsWith("prints") ? await checkInMemory(job) : await check(...job);
      const details = `${misdeed}: ${JSON.stringify(report)}`;
      if (stopped) assertMatch(report.stopped!, stopped, details);
      else assertEquals(report.status, "passed", details);
      assertEquals(report.notes.length, note ? 1 : 0, details);
      if (note) assertMatch(report.notes[0]!, note);
      await assertAllEnd(name);
      assert(isSoonFree(port), misdeed);
    }
  },
});

/** Runs the checker, which must not need much memory. */
async function checkInMemory(job: string[]): Promise<Report> {
  await using program = checker(".", "--json", ...job);
  let peak = 0;
  const timer = setInterval(() => {
    try {
      peak = Math.max(peak, peakMemory(program.pid));
    } catch { /* it has just ended */ }
  }, 20);
  await program.ended;
  clearInterval(timer);
  assert(peak > 0 && peak < MAX_MEMORY, `${job.join(" ")}: ${peak} bytes`);
  return JSON.parse(program.stdout);
}

Deno.test({
  name: "app/check.ts tells by which real-time signal a server has ended",
  ignore: PYTHON === undefined || Deno.build.os !== "linux",
  async fn() {
    // In a process of its own: Deno has no name for the signal, and keeps what it knows of such a program.
    const { code, stderr } = await runIn(".", "echo", "--", ...hostile("signal-64"));
    assertEquals(code, 1);
    assertMatch(stderr, /^The server ended before it listened on .*, with signal 64\n$/);
  },
});

Deno.test({
  name: "app/check.ts ends its server at Ctrl-C",
  ignore: PYTHON === undefined || !unix,
  async fn() {
    await inFolder(async (folder) => {
      const name = crypto.randomUUID();
      await using program = checker(folder, "echo", "--", ...hostile("ignores-signals", name));
      await program.prints(/echo/);
      program.kill("SIGINT");
      assertEquals((await program.ended).code, 130);
      await assertAllEnd(name);
    });
  },
});

Deno.test("app/check.ts lists the exercises, and gives their hints, by name and number", async () => {
  await inFolder(async (folder) => {
    const { code, stdout, stderr } = await runIn(folder);
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.split("\n").slice(0, exercises.length);
    for (const [i, { name, title, step }] of exercises.entries()) {
      assertMatch(lines[i]!, new RegExp(`^ +${i + 1} +${name} +${title} +step ${step} `));
    }
    assertMatch(stdout, /^Next is exercise 1, .*\n {2}deno task check echo-server -- /m);
    for (const what of ["count", "3"]) {
      const hint = await runIn(folder, what, "--hint");
      assertEquals([hint.code, hint.stdout], [0, `${exercises[2]!.hint}\n`]);
    }
  });
});

Deno.test({
  name:
    "app/check.ts keeps the progress where it is typed, and leaves a file alone that it cannot read",
  ignore: PYTHON === undefined,
  async fn() {
    await inFolder(async (folder) => {
      const path = `${folder}/.sockets-progress.json`;
      await Deno.writeTextFile(`${folder}/count.py`, COUNTS);
      const right = [PYTHON!, "count.py", "{port}"];

      await reportIn(folder, "count", "--only", "count,large", "--", ...right);
      assertEquals([...Deno.readDirSync(folder)].length, 1); // this was not the whole exercise

      const report = await reportIn(folder, "3", "--", ...right);
      assertEquals([report.exercise, report.kind, report.status], ["count", "count", "passed"]);
      assertMatch((await runIn(folder)).stdout, /^✓ +3 +count .* done$/m);

      const wrong = ["--timeout", "0.5", "--", ...hostile("none")];
      await reportIn(folder, "count", ...wrong); // what is done stays done
      const list = await runIn(folder);
      assertMatch(list.stdout, /^✓ +3 +count .* 0 of 9 passed$/m);
      assertMatch(list.stdout, /^Next is exercise 1, /m);

      const problem = /^Cannot use \S+\.sockets-progress\.json, and leaves it as it is: .*$/;
      for (const text of ["[]", '{"version":2}', '{"version":1,"exercises":{"count":7}}', "{"]) {
        Deno.writeTextFileSync(path, text);
        const progress = Progress.read(folder);
        assertMatch(progress.problem!, problem);
        assertEquals(progress.note("count", { passed: 9, checks: 9 }), undefined);
        assertEquals(Deno.readTextFileSync(path), text);
      }
      const { code, stderr, stdout } = await runIn(folder);
      assertEquals(code, 0);
      assertMatch(stderr.trimEnd(), problem);
      assertMatch(stdout, /^ +1 +echo-server/m);
    });
  },
});

Deno.test({
  name: "app/check.ts all grades the programs of a file, and prints a table",
  ignore: PYTHON === undefined,
  async fn() {
    await inFolder(async (folder) => {
      const only = "--only=echo,reset";
      const quoted = (words: string[]) => words.map((word) => `'${word}'`).join(" ");
      const wrong = [
        PYTHON!,
        pathOf("tests/support/python/wrong_echo_server.py"),
        "resets",
        "{port}",
      ];
      const lines = [
        "# Monday's",
        `echo-server ${only} -- ${quoted(hostile("none"))}`,
        "",
        `echo ${only} --timeout 4 -- ${quoted(wrong)}`,
        `2 -- "no such program" {port} # ada`,
      ];
      await Deno.writeTextFile(`${folder}/class.txt`, lines.join("\n"));
      const { code, stdout, stderr } = await runIn(folder, "all", "class.txt");
      assertEquals([code, stderr], [1, ""]);
      const table = stdout.trimEnd().split("\n");
      assertMatch(table[0]!, /^✓ echo-server .* 2 of 2$/);
      assertMatch(table[1]!, /^✗ echo .* 1 of 2 {2}fails reset$/);
      assertMatch(table[2]!, /^✗ 2 .* 0 of 13 {2}Cannot run no such program: /);
      assertEquals(table.at(-1), "1 of 3 passed all checks");

      const json = await runIn(folder, "all", "class.txt", "--json");
      const reports: Report[] = JSON.parse(json.stdout);
      assertEquals(reports.map(({ status }) => status), ["passed", "failed", "incomplete"]);
      assertEquals(reports[2]!.subject, { words: ["no such program", "{port}"] });

      assertEquals([...Deno.readDirSync(folder)].length, 1); // others' programs are no progress

      const long = `echo -- deno ${"--allow-all ".repeat(20)}`;
      await Deno.writeTextFile(
        `${folder}/bad.txt`,
        `# Monday\necho -- 'x\n${long} 'x\n${long} x\n`,
      );
      const bad = await runIn(folder, "all", "bad.txt");
      const problems = `Wrong line 2, "echo -- 'x": A quote is not closed\n` +
        `Wrong line 3, "${long.slice(0, 100)}… (256 characters)": A quote is not closed\n` +
        `Wrong line 4, "${
          long.slice(0, 100)
        }… (255 characters)": The server's command has no {port}, ` +
        "and there is no --port that it always uses (try --help)\n";
      assertEquals([bad.code, bad.stdout, bad.stderr], [2, "", problems]);
      const none = await runIn(folder, "all", "none.txt");
      assertEquals(none.code, 2);
      assertMatch(none.stderr, /^Cannot read \S+none\.txt: .*\n$/);
    });
  },
});

/** A terminal in which a person would type. */
class Tmux implements Disposable {
  readonly #socket = `check-${crypto.randomUUID()}`;

  constructor(folder: string) {
    this.#run(
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      "100",
      "-y",
      "40",
      "-c",
      folder,
      "env -u INIT_CWD sh",
    );
  }

  /** Types a line, or presses keys that have a name. */
  type(...keys: string[]): void {
    this.#run("send-keys", ...keys);
  }

  /** Waits until the screen shows this, for at most so many milliseconds. */
  async shows(pattern: RegExp, limit = 30_000): Promise<string> {
    const end = performance.now() + limit;
    while (true) {
      const screen = this.#run("capture-pane", "-p", "-J");
      if (pattern.test(screen)) return screen;
      if (performance.now() > end) throw new Error(`There is no ${pattern} on:\n${screen}`);
      await new Promise((resume) => setTimeout(resume, 20)); // a screen cannot be waited for
    }
  }

  [Symbol.dispose](): void {
    this.#run("kill-server");
  }

  #run(...args: string[]): string {
    const { stdout } = new Deno.Command("tmux", { args: ["-L", this.#socket, ...args] })
      .outputSync();
    return new TextDecoder().decode(stdout);
  }
}

const COUNTS = `import socket, struct, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=200)
clients = 0
def serve(conn, number):
    length = 0
    try:
        while chunk := conn.recv(65536):
            length += len(chunk)
        conn.sendall(struct.pack(">II", length, number))
    except OSError:
        pass
    conn.close()
while True:
    conn, _ = listener.accept()
    clients += 1
    threading.Thread(target=serve, args=(conn, clients), daemon=True).start()
`;

/** An echo server that reads only so often. */
function readsOnly(times: number): string {
  return `import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=200)
while True:
    conn, _ = listener.accept()
    for _ in range(${times}):
        conn.sendall(conn.recv(12))
    conn.close()
`;
}

const QUICK = 2000; // milliseconds from an edit until the learner sees the grade
const MAX_EDITS = 10; // of which one must be graded so quickly: a busy machine may be slow for a while

const READS_ON = `import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=200)
while True:
    try:
        conn, _ = listener.accept()
        with conn:
            while chunk := conn.recv(65536):
                conn.sendall(chunk)
    except OSError:
        pass
`;

Deno.test({
  name: "app/check.ts --watch says in one line that it cannot watch a folder",
  ignore: !hasTmux,
  async fn() {
    await inFolder(async (folder) => {
      using terminal = new Tmux(folder);
      const run = `'${Deno.execPath()}' run -A '${pathOf("app/check.ts")}'`;
      terminal.type(
        `INIT_CWD=nowhere ${run} echo --watch -- server {port}; echo "code $?"`,
        "Enter",
      );
      const screen = await terminal.shows(/code \d/);
      assertMatch(screen, /\nCannot watch nowhere: No such file or directory .*\ncode 1\n/);
    });
  },
});

Deno.test({
  name: "app/check.ts --watch grades again when the program is edited, and fills the progress",
  ignore: PYTHON === undefined || !hasTmux,
  async fn() {
    await inFolder(async (folder) => {
      const name = `server_${crypto.randomUUID().slice(0, 8)}.py`; // which nobody else runs
      const path = `${folder}/${name}`;
      await Deno.writeTextFile(path, readsOnly(1));
      using terminal = new Tmux(folder);
      const task = `'${Deno.execPath()}' task --config '${pathOf("deno.json")}' check`;
      terminal.type(`${task} echo-server --watch -- '${PYTHON}' ${name} {port}`, "Enter");
      const first = await terminal.shows(/Waiting for a change/);
      assertMatch(first, /✗ echo +What is sent/);
      assertMatch(first, /actual: +12 bytes, then the (end|server has)/);
      assertMatch(first, /- 7 checks +skipped/);

      await Deno.writeTextFile(`${folder}/notes.txt`, "not of the program");
      const times: number[] = [];
      while (times.length < MAX_EDITS && !times.some((time) => time <= QUICK)) {
        const reads = times.length + 2;
        const start = performance.now();
        await Deno.writeTextFile(path, readsOnly(reads));
        await terminal.shows(new RegExp(`actual: +${12 * reads} bytes, then`));
        times.push(performance.now() - start);
      }

      assert(times.some((time) => time <= QUICK), `Grades came after ${times} ms`);
      await terminal.shows(/Waiting for a change/);

      await Deno.writeTextFile(path, READS_ON);
      await terminal.shows(/… /);
      const second = await terminal.shows(/Waiting for a change/);
      assertMatch(second, /✓ 8 passed/);
      assertMatch(second, /Exercise 1, echo-server, is done\./);
      assert(!/✗/.test(second), second);

      terminal.type("h");
      await terminal.shows(/Three loops: one accepts/);
      terminal.type("l");
      await terminal.shows(/✓ +1 +echo-server .* done/);

      terminal.type("a");
      await terminal.shows(/… /);
      await Deno.writeTextFile(path, readsOnly(1)); // in the middle of a run
      assertMatch(await terminal.shows(/Waiting for a change/), /✗ echo +What is sent/);

      terminal.type("q");
      await terminal.shows(/^[#$] ?$/m); // the prompt of the shell
      terminal.type("clear; echo code $?", "Enter");
      await terminal.shows(/^code \d$/m);
      await assertAllEnd(name);
      const text = await Deno.readTextFile(`${folder}/.sockets-progress.json`);
      assertEquals(JSON.parse(text).exercises["echo-server"].done, true);
    });
  },
});

Deno.test("splitWords splits a line as a shell does, without more of it", () => {
  assertEquals(splitWords(`a 'b c' "d \\" e" f\\ g h'i'"j" {port} $x '' `), [
    ...["a", "b c", 'd " e', "f g", "hij", "{port}", "$x", ""],
  ]);
  assertEquals(splitWords("  "), []);
  assertEquals(splitWords("a#b '#c' \\#d # it's"), ["a#b", "#c", "#d"]);
});

Deno.test("ByteStore keeps bytes in memory of its own, and drops them from the front", () => {
  const store = new ByteStore();
  const chunk = new Uint8Array(READ_SIZE);
  for (let i = 0; i < 5000; i++) {
    chunk[0] = i;
    store.push(chunk.subarray(0, 1));
  }
  chunk.fill(0);
  store.drop(1);
  const bytes = store.take();
  assertEquals([bytes.length, bytes[0], bytes[255], store.length], [4999, 1, 0, 0]);
  assert(bytes.buffer.byteLength <= 2 * 5000);
});

Deno.test("Output keeps the beginning and the end of what is printed, and its last lines", async () => {
  const lines = new Lines();
  const text = Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join("") + "half a line";
  const output = new Output(
    ReadableStream.from([...new TextEncoder().encode(text)].map(byteOf)),
    40,
    lines,
  );
  await output.ended;
  const printed = await output.close();
  assertStringIncludes(printed.text, "line 0\nline 1\n");
  assert(printed.text.endsWith("half a line"));
  assertEquals(printed.text.length + printed.left, text.length);
  assertEquals([lines.count, lines.since(99)], [101, ["line 99", "half a line"]]);
  assertEquals([lines.since(0).length, lines.since(101)], [8, []]);
});

Deno.test("Lines keeps the last line that names an error, however long what follows is", () => {
  const lines = new Lines();
  const trace = Array.from({ length: 20 }, (_, i) => `    at f${i} (x.js)`);
  for (const line of ["Error: first", "ready", "Error: read ECONNRESET", ...trace]) {
    lines.push(line);
  }
  assertEquals(lines.since(0), ["Error: read ECONNRESET", "…", ...trace.slice(-6)]);
  assertEquals(lines.since(3), trace.slice(-8)); // that error was told before
  lines.push("Error: second");
  assertEquals(lines.since(0), [...trace.slice(-7), "Error: second"]);
});

function byteOf(byte: number): Uint8Array {
  return new Uint8Array([byte]);
}

Deno.test("wrap breaks lines between words, and leaves longer words whole", () => {
  assertEquals(wrap("one two three", 7), ["one two", "three"]);
  assertEquals(wrap("a incomprehensible b", 5), ["a", "incomprehensible", "b"]);
  assertEquals(wrap("one two", Infinity), ["one two"]);
});

Deno.test("progressLine stays on one line of the terminal, which alone can be cleared", () => {
  assertEquals(progressLine("large", "12 bytes", 80), "… large  12 bytes");
  assertEquals(progressLine("large", "12 bytes", Infinity), "… large  12 bytes");
  assertEquals(progressLine("large", "12 bytes", 12), "… large  12"); // the last column stays free
  assertEquals(progressLine("large", "1\n2", 80), "… large  1\\x0a2");
});
