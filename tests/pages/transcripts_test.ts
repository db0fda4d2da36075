// Runs the transcripts of the pages of the tutorial, and compares what is printed with what they show.
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type Block, blocksOf, nextTry, PAGES, read, REST, TRIES } from "../support/pages.ts";
import { findFreePort, Program, works } from "../support/programs.ts";
import { tryAll } from "../support/sampling.ts";

const linux = Deno.build.os === "linux";

/** The ports that the pages name. Each test takes free ones in their place. */
const PORTS = ["65431", "65432", "65433", "8080", "6379"];

/** The line that stands for any number of lines. */
const ELLIPSIS = "…";

/** The commands that go on until they are ended, as a server does. */
const STAYS =
  /^(?!deno task check).*(_server\.(ts|py)\b|app\/server\.ts|relay\.ts|redis-server|tcpdump|bad_client\.ts (silent|never-reads)|\btry\.ts)/;

/** The commands on which somebody types. */
const TALKS = /chat_client\.ts|netcat\.ts/;

/** What some of them print when they are ready; the others print a line. */
const READY: Record<string, RegExp> = {
  "redis-server": /Ready to accept/,
  "tcpdump": /listening on/,
};

/** The commands that leave files where they run, or read such files. */
const LEAVES_FILES = /guide\.sock|openssl|\btls_echo|\bsite\b|passwords|--allow-read\b.*\btry\.ts/;

/** Pages that grade so many programs that their transcripts are run only where all is tried. */
const COSTLY = ["app/examples/web_server.md"];

/** Where the pages have their checkout. */
const CHECKOUT = "/home/ada/sockets";

/** What a command needs beside Deno. Where that is missing, the transcript is ignored. */
const TOOLS = new Map([
  ["python3", works("python3", "--version")],
  ["node", isNodeForTypeScript()],
  ["redis.ts", works("redis-server", "--version")],
  ["tcpdump", linux && works("tcpdump", "-i", "lo", "-d")], // and may capture
  ["tls_echo", works("openssl", "version")], // which makes the certificate
  ...["ss", "lsof", "netstat", "curl", "openssl", "redis-server"].map((tool) =>
    [tool, linux && works("sh", "-c", `command -v ${tool}`)] as const
  ),
]);

/** Node.js runs TypeScript as it is since version 22.18. */
function isNodeForTypeScript(): boolean {
  return works("node", "-e", "process.exit(process.features.typescript ? 0 : 1)");
}

/** Steps run beside others, and servers outlive them. The sanitizers look at the whole test instead. */
const STEP = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

for (const page of PAGES) {
  Deno.test({
    name: `${page} shows what its commands print`,
    ignore: Deno.build.os === "windows" || // its shell is another one
      (COSTLY.includes(page) && !tryAll),
    async fn(t) {
      const sections = Map.groupBy(
        blocksOf(read(page)).filter(({ language }) =>
          language.startsWith("console") || TRIES.includes(language)
        ),
        ({ section }) => section,
      );
      // All at the same time, since some wait for long.
      await Promise.all([...sections].map(([section, transcripts]) =>
        t.step({
          name: section,
          ...STEP,
          fn: (t) => runTranscripts(t, transcripts),
        })
      ));
    },
  });
}

Deno.test("A transcript that does not match fails", () => {
  const compare = (expected: string, actual: string) => () => assertSameLines(expected, actual, "");
  compare("Connected by 127.0.0.1:47798", "Connected by 127.0.0.1:50000\n")();
  assertThrows(compare("Connected by 127.0.0.1:47798", "Connected by 127.0.0.1:65432"), Error);
  assertThrows(compare("Received 1", "Received 2"), Error);
  assertThrows(compare("one\ntwo", "two\none"), Error);
  assertThrows(compare("one\ntwo", "one"), Error);
  compare("one\n…\nfour", "one\ntwo\nthree\nfour")();
  compare("one\n…", "one\ntwo")();
  assertThrows(compare("one\n…\nfour", "one\ntwo\nthree"), Error);
  assertThrows(compare("…\ntwo", "one\ntwo\nthree"), Error);
  assertThrows(compare("two\n…", "one\ntwo"), Error);
});

Deno.test({
  name: "app/README.md's errors are provoked, one by one",
  ignore: !linux,
  async fn(t) {
    const rows = [
      ...read("app/README.md").matchAll(
        /^\*\*`(\w+)`\*\*(?:,\s+(\w+)\s+(\d+))?:\s+“([^”]+)”[^]*?\n```sh\n(.*)\n```/gm,
      ),
    ];
    assertEquals(rows.length, 17);
    for (const [, name, errno = "", number, symptom, command] of rows) {
      await t.step(`${name} ${errno}`, async () => {
        await using program = shell(command!, freePorts());
        assertNotEquals((await program.ended).code, 0);
        assertStringIncludes(program.stderr, ` ${name}: ${symptom!.replaceAll(/\s+/g, " ")}`);
        if (number) assertStringIncludes(program.stderr, `(os error ${number})`);
      });
    }
  },
});

/** A program that goes on, and what it must have printed by its end. */
interface Staying {
  program: Program;
  expected: string;
  unordered: boolean;
  where: string;
}

/** A command whose output goes on in a later block, where an answer is folded. */
interface Unfinished {
  command: string;
  goOn?: (rest: string) => void | Promise<void>; // missing if the command was ignored
}

/** Runs the transcripts of a section, from top to bottom. */
async function runTranscripts(t: Deno.TestContext, blocks: Block[]): Promise<void> {
  const ports = freePorts();
  // Where try.ts is saved, and guide.sock listens.
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const staying: Staying[] = [];
  const talks: Talk[] = [];
  const unfinished: Unfinished[] = [];
  let program = ""; // in try.ts
  let code = 0; // of the last command that has ended
  let complete = true; // no command was left out, so that servers have printed all they should
  let lacksServer = false; // it could not be started, and the commands that use it are left out as well
  const endStaying = async (ending: Staying[]) => {
    if (ending.length > 0 && talks.length > 0) {
      await t.step({ ...STEP, name: "what they say", fn: () => converse(talks.splice(0), ports) });
    }
    const checked = ending.filter(({ expected }) => complete && expected !== "");
    for (const { program, expected, unordered } of checked) {
      await program.prints(allLines(expected, unordered)).catch((error) => {
        if (program.isRunning) throw error; // it has ended by itself, perhaps with fewer lines
      });
    }
    for (const { program, expected, unordered, where } of checked) {
      program.killIfRunning("SIGTERM"); // as Ctrl-C, but without Python's complaint
      await program.ended;
      assertSameLines(expected, output(program, ports, folder), where, unordered);
    }
    for (const other of ending) {
      staying.splice(staying.indexOf(other), 1);
      await other.program[Symbol.asyncDispose]();
    }
    if (staying.length === 0) complete = true;
  };
  try {
    for (const block of blocks) {
      const { text, language, line } = block;
      if (TRIES.includes(language)) {
        program = nextTry(block, program);
        await Deno.writeTextFile(`${folder}/try.ts`, withPorts(program, ports));
        continue;
      }
      if (language.startsWith(REST)) {
        const word = language.slice(REST.length);
        const begun = unfinished.findLast(({ command }) => command.includes(word))!;
        await t.step({
          name: `line ${line}: the rest of ${word}`,
          ignore: begun.goOn === undefined,
          ...STEP,
          fn: async () => await begun.goOn!(text),
        });
        continue;
      }
      const unordered = language.endsWith("unordered");
      for (const [command, expected] of commandsOf(text)) {
        const where = `line ${line}: ${command}`;
        const tool = command.match(
          /\b(python3|ss|lsof|netstat|curl|openssl|tcpdump|redis-server|redis\.ts)\b|\btls_echo|^node\b/,
        )?.[0];
        const lacksTool = tool !== undefined && !TOOLS.get(tool);
        if (STAYS.test(command)) lacksServer = lacksTool;
        const ignore = lacksTool || lacksServer;
        complete &&= !ignore;
        if (ignore) unfinished.push({ command });
        if (!ignore && command !== "echo $?") {
          // Another server on the same port: the reader has ended the one before.
          const port = /^deno task check .* --port (\d+)/.exec(command)?.[1];
          const [first] = port ? [`Listening on 127.0.0.1:${port}`] : expected.split("\n");
          const before = staying.filter((other) =>
            first && other.expected.split("\n")[0] === first
          );
          // With a server, those end that only keep a connection to it.
          const clients = staying.filter(({ where }) => where.includes("bad_client"));
          await endStaying(before.length === 0 ? [] : [...before, ...clients]);
        }
        await t.step({
          name: where,
          ignore,
          ...STEP,
          async fn() {
            if (command === "echo $?") return assertEquals(expected, `${code}`);
            if (TALKS.test(command)) return void talks.push({ command, expected });
            const program = shell(command, ports, "together", folder);
            if (STAYS.test(command)) {
              const stays = { program, expected, unordered, where };
              staying.push(stays);
              unfinished.push({ command, goOn: (rest) => void (stays.expected += `\n${rest}`) });
              const ready = READY[command.split(" ")[0]!] ?? /\n/;
              if (expected !== "") await program.prints(ready);
              return;
            }
            code = (await program.ended).code;
            const actual = output(program, ports, folder);
            assertSameLines(expected, actual, where, unordered);
            const goOn = (rest: string) => assertSameLines(`${expected}\n${rest}`, actual, where);
            unfinished.push({ command, goOn });
          },
        });
      }
    }
    await endStaying([...staying]);
  } finally {
    for (const { program } of staying) await program[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Matches when a program has printed as much as it should. Where a stream is cut differently each time,
 * the number of lines is not known, but how many begin as the last one does.
 */
function allLines(expected: string, unordered: boolean): RegExp {
  const lines = expected.split("\n").filter((line) => line !== ELLIPSIS);
  const count = packets(lines).length; // others may come or not
  if (count > 0) return new RegExp(`([^]*?Flags \\[(?!\\.\\])[^\n]*\n){${count}}`);
  if (!unordered) return new RegExp(`^([^\n]*\n){${lines.length}}`);
  const [word] = lines.at(-1)!.split(" ");
  const times = lines.filter((line) => line.startsWith(`${word} `)).length;
  return new RegExp(`(^${word} [^]*?\n[^]*?){${times}}`, "m");
}

/** A client of the chat, with the lines that it prints and those that are typed. */
interface Talk {
  command: string;
  expected: string;
}

/** Lets the clients talk with each other, one joining after the other, as their transcripts show. */
async function converse(talks: Talk[], ports: Map<string, string>): Promise<void> {
  const joined = talks.map(() => Promise.withResolvers<void>());
  const ended = talks.map(() => Promise.withResolvers<void>());
  await Promise.all(talks.map(async (talk, i) => {
    await joined[i - 1]?.promise;
    const others = Promise.all(ended.toSpliced(i, 1).map(({ promise }) => promise));
    await speak(talk, ports, joined[i]!.resolve, others);
    ended[i]!.resolve();
  }));
}

/** Lets one of them talk. One that is stopped by Ctrl-Z stays so until the others have ended. */
async function speak(
  { command, expected }: Talk,
  ports: Map<string, string>,
  joined: () => void,
  others: Promise<unknown>,
): Promise<void> {
  await using program = shell(command, ports, "typed");
  let printed = 0; // lines
  for (const line of expected.split("\n")) {
    if (line === "^C") {
      program.kill("SIGINT");
    } else if (line === "^D") {
      await program.endInput();
    } else if (line === "^Z") {
      program.kill("SIGSTOP");
      await others;
      return;
    } else if (line.startsWith("> ")) {
      await program.types(`${line.slice(2)}\n`);
    } else {
      await program.prints(new RegExp(`^([^\n]*\n){${++printed}}`));
      assertEquals(program.stdout.split("\n")[printed - 1], line);
      joined();
    }
  }
  assertEquals((await program.ended).code, 0, program.stderr);
  assertEquals(program.stdout.split("\n").length - 1, printed);
}

/** What a program has printed, with the ports and folders that the pages name. */
function output(program: Program, ports: Map<string, string>, folder: string): string {
  let output = program.stdout + program.stderr;
  output = output.replaceAll(`unix:${folder}/`, `unix:${CHECKOUT}/`).replaceAll(`${folder}/`, "");

  for (const [port, free] of ports) {
    output = output.replaceAll(`:${free}`, `:${port}`).replaceAll(`.${free}`, `.${port}`);
  }
  return output;
}

function assertSameLines(expected: string, actual: string, where: string, unordered = false): void {
  const normal = (text: string) => {
    const lines = text.trim().split("\n");
    if (lines.some((line) => line.startsWith("IP "))) return packets(lines.map(normalLine));
    return unordered ? joinChunks(lines).map(normalLine).sort() : lines.map(normalLine);
  };
  const message = `${where}\nexpected:\n${expected}\nactual:\n${actual}`;
  const lines = normal(actual);
  const wanted = normal(expected);
  if (!wanted.includes(ELLIPSIS)) return assertEquals(lines, wanted, message);
  let at = 0;
  let skipped = false;
  for (const [i, line] of wanted.entries()) {
    if (line === ELLIPSIS) {
      const end = wanted.indexOf(ELLIPSIS, i + 1);
      const part = wanted.slice(i + 1, end === -1 ? undefined : end);
      while (!part.every((line, k) => line === lines[at + k])) {
        assert(at < lines.length, message);
        at++;
      }
      skipped = part.length === 0;
    } else {
      assertEquals(lines[at++], line, message);
    }
  }
  assert(skipped || at === lines.length, message);
}

/** A line without what differs each time: ports of clients, times, identifiers. */
function normalLine(line: string): string {
  return line
    .replaceAll(
      /(127\.0\.0\.1|\[::1\]):(\d+)/g,
      (all, host, port) => PORTS.includes(port) ? all : `${host}:PORT`,
    )
    .replaceAll(
      /(127\.0\.0\.1)\.(\d{2,})/g, // as tcpdump writes it
      (all, host, port) => PORTS.includes(port) ? all : `${host}.PORT`,
    )
    .replace(/^deno +\d+ +\S+ +\d+u +IPv4 +\d+/, "deno PID USER FD IPv4 DEVICE")
    .replace(/\(os error \d+\)/, linux ? "$&" : "(os error)") // the pages have those of Linux
    .replace(/^#(\d+) +\d+\.\d{3} s/, "#$1 TIME").replace(/ in \d+\.\d s:/, " in TIME:").replace(
      /(Stuck after|Sent|Lost) \d+/,
      "$1 N",
    )
    .replace(/\d+ ms, 20 times/, "MS, 20 times")
    .replaceAll(/\(\d+ ms\)/g, "(MS)").replaceAll(/\([\d.]+ s\)/g, "(S)")
    .replace(/(\bactual: .*?)\d{1,3}(,\d{3})+ bytes/, "$1N bytes")
    // How many checks can go on after one that failed depends on when the server ended.
    .replace(/( passed), \d+ failed(, \d+ skipped)?/, "$1")
    .replaceAll(/ +/g, " ").trim();
}

/**
 * The packets that `tcpdump` prints, by who sent them. Those that only acknowledge are left out: whether an
 * acknowledgement rides along with another packet, and which side is quicker, differs each time.
 */
function packets(lines: string[]): string[] {
  const found = lines.flatMap((line) => {
    const [, from, to, flags, length] =
      /^IP (\S+) > (\S+): Flags \[(.+?)\],.* length (\d+)$/.exec(line) ?? [];
    return from === undefined || flags === "."
      ? []
      : [{ from, text: `${from} > ${to} ${flags} ${length}` }];
  });
  return found.toSorted((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0).map(({ text }) =>
    text
  );
}

/** Joins lines that differ in what they quote only: how a stream was cut is not promised. */
function joinChunks(lines: string[]): string[] {
  const joined = new Map<string, string>();
  for (const line of lines) {
    const [, before, chunk = "", after] = /^((?:Received|Echoing) )'(.*)'(.*)$/.exec(line) ?? [];
    const key = before === undefined ? line : `${before}…${after}`;
    joined.set(key, (joined.get(key) ?? "") + chunk);
  }
  return [...joined].map(([key, chunk]) => `${key} ${chunk}`);
}

/** A free port for each that the pages name. */
function freePorts(): Map<string, string> {
  return new Map(PORTS.map((port) => [port, `${findFreePort()}`]));
}

function withPorts(text: string, ports: Map<string, string>): string {
  for (const [port, free] of ports) text = text.replaceAll(new RegExp(`\\b${port}\\b`, "g"), free);
  return text;
}

/**
 * Runs a command as a reader would: with both outputs on one terminal, or with an input to type on. What
 * a reader saves is in `folder`.
 */
function shell(
  command: string,
  ports: Map<string, string>,
  how?: "together" | "typed",
  folder = "",
): Program {
  command = withPorts(command, ports);
  // Programs that take the default port must be given the free one.
  command = command.replace(
    /(echo_server|echo_client|lines_server|chat_server|app\/server|netcat|bad_client)\.ts(?: [a-z][a-z-]*)?(?= --(?!unix)|$)/,
    `$& 127.0.0.1 ${ports.get("65432")}`,
  ).replace(/socket_states\.ts$/, `$& ${ports.get("65432")}`);
  if (command.includes("relay.ts") && !command.includes("--listen")) {
    command += ` --listen 127.0.0.1:${ports.get("65431")} --to 127.0.0.1:${ports.get("65432")}`;
  }
  const stays = STAYS.test(command) || how === "typed";
  if (stays) {
    command = `exec ${command}`.replace(/^exec \((.*); (.*)\)$/, "$1; exec $2")
      .replace(/\bexec deno /, 'exec "$DENO" ');
  }
  command = command.replace(/\btry\.ts\b/, '--config deno.json "$FOLDER"/try.ts');
  if (command.startsWith("deno task check")) { // what it remembers would be left in the checkout
    command = command.replace("deno task", 'cd "$FOLDER"; deno task --config deno.json')
      .replaceAll("deno.json", '"$OLDPWD"/deno.json').replace(" -- deno ", ' -- "$DENO" ');
  } else if (LEAVES_FILES.test(command)) { // in the checkout
    command = command.replace(" app/", ' "$OLDPWD"/app/').replace("deno.json", '"$OLDPWD"/$&');
    command = `cd "$FOLDER"; ${command}`;
  }
  // Whatever characters a path has, as a variable it needs no quoting.
  const variables = { DENO: Deno.execPath(), FOLDER: folder };
  const together = how === "together" ? "exec 2>&1; " : "";
  // Else what a checker remembers would be left where these tests were started, and a program with few
  // descriptors may warn that it cannot read certificates.
  const script =
    `unset INIT_CWD NODE_EXTRA_CA_CERTS; deno() { "$DENO" "$@"; }; ${together}${command}`;
  return new Program(["-c", script], "sh", variables, how === "typed" ? "piped" : "null");
}

/** The commands of a transcript, each with the output below it. */
function commandsOf(text: string): [command: string, output: string][] {
  return text.split(/^\$ /m).slice(1).map((part) => {
    const [command = "", ...output] = part.trimEnd().split("\n");
    return [command, output.join("\n")];
  });
}
