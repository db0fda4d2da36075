// The exercises of README.md: that their commands are right, that they can be solved, and that wrong
// solutions are noticed.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { decodeContent, encodeMessage, MessageDecoder, pack } from "../../../mod.ts";
import { exercises as entries } from "../../../app/check/exercises.ts";
import { isKindName, kinds } from "../../../app/check/kinds.ts";
import { assertGrades, type Case, command, grade, running } from "../../support/checking.ts";
import { some } from "../../support/sampling.ts";
import { read, README } from "../../support/pages.ts";
import { findFreePort, Program, runScript, startServer, writeAll } from "../../support/programs.ts";
import { PYTHON } from "../../support/python.ts";
import { WrongServer } from "../../support/wrong_servers.ts";

const PATIENCE = "3"; // seconds, as the bots in tests/support/wrong_clients/ have
const FIRST = /^Every other check builds on/;

const DENO: [string, ...string[]] = [Deno.execPath(), "run", "--no-prompt", "--allow-net"];
const LEVELS = ["", "easy", "medium", "hard"];

Deno.test("README.md has the exercises of each step, with their minutes, level, hint and command", async () => {
  const sections = [...README.matchAll(/^### Exercises of step (\d)\n([^]*?)^## /gm)];
  assertEquals(sections.map(([, step]) => step), ["1", "2", "3", "4"]);
  const graded: string[] = [];
  const lists: string[][] = [];
  for (const [, number, section = ""] of sections) {
    const [, ...exercises] = section.split(/^(?=\*\*.+\*\* \()/m);
    assert(exercises.length >= 3);
    const levels: number[] = [];
    for (const exercise of exercises) {
      const header = /^\*\*(.+)\*\*\s\((\d+)\sminutes,\s(\w+)\)\. /.exec(exercise);
      assert(header, exercise);
      const [, title, minutes, level = ""] = header;
      levels.push(LEVELS.indexOf(level));
      assertMatch(exercise, /<details><summary>Hint<\/summary>\n\n[^]{60,}?\n<\/details>/);
      const command = /^```sh\n(.*)\n```$/m.exec(exercise)?.[1];
      if (command === undefined) continue; // nothing grades it
      const words = command.split(" ");
      const entry = entries.find(({ name }) => name === words[3])!;
      assertEquals(command, `deno task check ${entry.name} ${entry.command}`);
      assertEquals(
        [title, Number(minutes), levels.at(-1), Number(number)],
        [entry.title, entry.minutes, entry.difficulty, entry.step],
      );
      assertEquals(plainHintOf(exercise), entry.hint);
      graded.push(entry.name);
      const separator = words.includes("--") ? words.indexOf("--") : words.length;
      lists.push([...words.slice(3, separator), "--list"]);
    }
    assertEquals(levels, levels.toSorted(), `step ${number} begins with what is easy`);
  }
  assertEquals(graded, entries.map(({ name }) => name));
  for (const args of some(lists, 3)) {
    const { code, stdout, stderr } = await runScript("app/check.ts", ...args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    assert(stdout.split("\n").length > 4);
  }
});

/** The hint of an exercise without its markup. */
function plainHintOf(exercise: string): string {
  const [, hint] = /<summary>Hint<\/summary>\n\n([^]*?)\n\n<\/details>/.exec(exercise)!;
  return hint!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "").replaceAll(
    /\s+/g,
    " ",
  );
}

Deno.test("The exercises have names that stay, and checks and kinds that there are", () => {
  const names = entries.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  for (const { name, kind, checks = [], step, hint, minutes } of entries) {
    assertMatch(name, /^[a-z]+(-[a-z]+)*$/);
    const all = kinds[kind].checks.map(({ name }) => name);
    assertEquals(checks.filter((check) => !all.includes(check)), [], name);
    if (checks.length > 0) {
      assertEquals(checks[0], all[0], "the first check is what others build on");
    }
    // A name that is a kind as well must mean the whole kind.
    if (isKindName(name)) assertEquals([name, checks], [kind, []]);
    assert(step >= 1 && hint.length > 60 && minutes > 0);
  }
  assertEquals(entries.map(({ step }) => step).toSorted(), entries.map(({ step }) => step));
});

/** The clients of the Python tutorial, with the checks that app/check/README.md says they fail. */
function tutorialClients(): Case[] {
  const rows = [
    ...read("app/check/README.md").matchAll(/^\| `([a-z]+)-client\.py` +\| (.*?) +\|/gm),
  ];
  assertEquals(rows.map(([, name]) => name), ["echo", "multiconn", "app"]);
  return some(rows, 3).map(([, name, cell]) => {
    const script = `tests/support/python/tutorial_${name}_client.py`;
    const listed = [...cell!.matchAll(/`([a-z-]+)`/g)].map(([, check]) => [check!, /./] as const);
    return {
      ...client(name === "app" ? "app-client" : "echo-client", [PYTHON!, script]),
      fails: Object.fromEntries(listed),
      patience: 2000,
    };
  });
}

/** A client, by its command without the address. */
function client(kind: Case["kind"], words: [string, ...string[]], ...args: string[]): Case {
  const all: typeof words = [...words, "{host}", "{port}", ...args];
  return { kind, name: words.join(" "), fails: {}, start: () => command(...all) };
}

/** A solution of an exercise: a server that is started with these arguments. */
function server(kind: Case["kind"], words: [string, ...string[]]): Case {
  return { kind, name: words.join(" "), fails: {}, start: () => command(...words, "{port}") };
}

/** Some of the solutions, or all of them. */
function solutions(echoPort: number): Case[] {
  const deno = (script: string) => [...DENO, `tests/solutions/${script}`] as typeof DENO;
  const inDeno = [
    server("count", deno("count.ts")),
    server("reverse", [...deno("reverse.ts"), "127.0.0.1"]),
  ];
  const passingOn: Case[] = [
    { kind: "echo", name: "proxy.ts", fails: {}, start: () => startProxy(echoPort) },
    { kind: "tunnel", name: "tunnel.ts", fails: {}, start: () => startTunnel(echoPort) },
  ];
  if (PYTHON === undefined) return [...inDeno, ...passingOn];
  const python = (script: string) => [PYTHON!, `tests/solutions/${script}`] as [string, string];
  return [
    ...some(inDeno, 2),
    ...some(passingOn, 2),
    server("echo", python("many_clients.py")),
    client("bot", python("bot.py"), "adder", PATIENCE),
    ...some([
      client("echo-client", python("echo_client.py"), "2"),
      client("app-client", python("app_client.py"), "search", "ring", "2"),
    ], 2),
  ];
}

async function startProxy(to: number) {
  return running(await startSolution("proxy.ts", "0", `${to}`));
}

async function startTunnel(to: number) {
  await using programs = new AsyncDisposableStack();
  const ports = findTunnelPorts();
  programs.use(await startSolution("tunnel.ts", "exit", ports.exit, `${to}`));
  const entry = programs.use(await startSolution("tunnel.ts", "entry", ports.entry, ports.exit));
  const both = programs.move();
  return running({ port: entry.port, [Symbol.asyncDispose]: () => both.disposeAsync() });
}

/** The ports of a tunnel, which are free: the exit listens two ports above the entry. */
function findTunnelPorts() {
  while (true) {
    const entry = findFreePort();
    try {
      Deno.listen({ hostname: "127.0.0.1", port: entry + 2 }).close();
      return { entry: `${entry}`, exit: `${entry + 2}` };
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

async function startSolution(script: string, ...args: string[]) {
  const program = new Program(["run", "--allow-net", `tests/solutions/${script}`, ...args]);
  const [, port] = await program.prints(/Listening on 127\.0\.0\.1:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

// All in one test, since most of the time each of them only waits.
Deno.test("Solutions of the exercises pass all checks, and the Python tutorial's clients those that app/check/README.md says", async () => {
  await using echo = await startServer("app/multiconn_server.ts", "--quiet");
  const clients = PYTHON === undefined ? [] : tutorialClients();
  const problems = await grade([...clients, ...solutions(echo.port)]);
  assertEquals(problems.join("\n"), "");
});

Deno.test({
  name: "The bot of the exercises adds in a chat",
  ignore: PYTHON === undefined,
  async fn() {
    await using server = await startServer("app/chat_server.ts");
    const address = ["127.0.0.1", String(server.port)];
    const run = ["run", "--allow-net", "app/chat_client.ts", ...address, "ada"];
    await using client = new Program(run, Deno.execPath(), {}, "piped");
    await client.prints("* ada joined\n");
    await using _adder = new Program(["tests/solutions/bot.py", ...address], PYTHON);
    await client.prints("* adder joined\n");
    await client.types("sum 20 22\n");
    await client.prints("adder: sum 20 22 = 42\n");
  },
});

/** A server that counts, with a mistake. */
function counting(
  name: string,
  fails: Case["fails"],
  answer: (bytes: number, clients: number, reads: number) => Uint8Array | undefined,
  stopped?: RegExp,
): Case {
  let clients = 0;
  return serverCase("count", name, fails, stopped, async (conn) => {
    const number = ++clients;
    const buffer = new Uint8Array(64 * 1024);
    let bytes = 0;
    let reads = 0;
    for (let n; (n = await conn.read(buffer)) !== null;) {
      bytes += n;
      reads++;
    }
    const reply = answer(bytes, number, reads);
    if (reply) await writeAll(conn, reply);
  });
}

function serverCase(
  kind: Case["kind"],
  name: string,
  fails: Case["fails"],
  stopped: RegExp | undefined,
  handle: (conn: Deno.Conn) => Promise<void>,
): Case {
  return {
    kind,
    name,
    fails,
    stopped,
    start() {
      const server = new WrongServer(handle);
      return running(server);
    },
  };
}

Deno.test("app/check.ts count finds the mistakes of servers that count", async () => {
  let all = 0; // bytes of all clients
  await assertGrades([
    counting("none", {}, (bytes, clients) => pack(">II", bytes, clients)),
    counting(
      "little-endian",
      { "count": /^201326592 bytes\n/ },
      (bytes, clients) => pack("<II", bytes, clients),
      FIRST,
    ),
    counting(
      "silent for nothing",
      { "nothing": /^0 bytes, and then the end\n.* only clients that have sent something/ },
      (bytes, clients) => bytes === 0 ? undefined : pack(">II", bytes, clients),
    ),
    counting(
      "counts clients in twos",
      { "clients": /clients\nThe server counts the clients/ },
      (bytes, clients) => pack(">II", bytes, 2 * clients),
    ),
    counting(
      "counts up to 64 KiB",
      { "large": /^65536 bytes\nThe server does not read to the end.* look for a limit/ },
      (bytes, clients) => pack(">II", Math.min(bytes, 65536), clients),
    ),
    counting(
      "has one counter for all",
      { "count": /./ },
      (bytes, clients) => pack(">II", all += bytes + 1, clients),
      FIRST,
    ),
    counting(
      "counts reads",
      { "count": /^1 bytes\n/ },
      (_bytes, clients, reads) => pack(">II", reads, clients),
      FIRST,
    ),
  ]);
});

/** Reverses texts, in its own way. */
function reversing(
  name: string,
  fails: Case["fails"],
  reverse: (value: unknown) => unknown,
  stopped?: RegExp,
): Case {
  return serverCase("reverse", name, fails, stopped, async (conn) => {
    const decoder = new MessageDecoder({ copy: true });
    const buffer = new Uint8Array(4096);
    for (let n; (n = await conn.read(buffer)) !== null;) {
      decoder.push(buffer.subarray(0, n));
      for (const message of decoder) {
        const { action, value } = decodeContent(message) as Record<string, unknown>;
        const result = action === "search" ? "Follow the white rabbit. 🐰" : reverse(value);
        await writeAll(conn, encodeMessage({ result }));
      }
    }
  });
}

Deno.test("app/check.ts reverse finds the mistakes of actions", async () => {
  const isText = (value: unknown) => typeof value === "string";
  const segments = (text: string) =>
    [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  const right = (value: unknown) =>
    isText(value) ? segments(value as string).reverse().join("") : "Error: no text";
  await assertGrades([
    reversing("none", {}, right),
    reversing("does nothing", { "reverse": /"abc"/ }, (value) => value, FIRST),
    reversing("takes an empty text for none", { "empty": /Error/ }, (value) => right(value || 0)),
    reversing(
      "splits characters",
      { "emoji": /reverses the two halves of a character/, "accents": /./ },
      (value) => isText(value) ? (value as string).split("").reverse().join("") : "Error",
    ),
    reversing(
      "splits letters and accents",
      { "accents": /reverses code points/ },
      (value) => isText(value) ? [...value as string].reverse().join("") : "Error",
    ),
    reversing(
      "takes anything",
      { "no-text": /fails, or returns something/ },
      (value) => right(String(value)),
    ),
  ]);
});

Deno.test("app/check.ts bot finds the mistakes of bots", async () => {
  const bot = (mistake: string, fails: Case["fails"] = {}, stopped?: RegExp): Case => ({
    ...client("bot", [...DENO, "tests/support/wrong_clients/bot.ts", mistake]),
    fails,
    stopped,
    isCostly: Object.keys(fails).length > 0,
  });
  await assertGrades([
    bot("none"),
    bot("does-not-join", { "sum": /^the end; exit code 1 .*\nThe bot ends instead/ }, FIRST),
    bot("adds-two", { "numbers": /sum 1 2 3 4 = 3.*\n.* adds two numbers/ }),
    bot("is-not-strict", { "others": /answers what is no sum/ }),
    bot("answers-itself", { "itself": /talks with itself/ }),
    bot("ignores-pings", { "ping": /does not know pings/ }),
    bot("ignores-errors", { "error": /^exit code 0\nThe bot ignores messages of type error/ }),
    bot("hangs", { "silence": /^it still runs/ }),
  ]);
});
