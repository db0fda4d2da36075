// Holds the two pages of the tutorial to the code. Examples in TypeScript are run by `deno test --doc`; here the
// transcripts are run, quoted code is looked up, links are followed, and numbers are compared.
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { createRequest } from "../app/libclient.ts";
import { MAX_QUEUE_LENGTH } from "../app/core/outbox.ts";
import { encodeFramePrefix, FrameTooLargeError } from "../mod.ts";
import {
  exchange,
  findFreePort,
  Program,
  PYTHON,
  runScript,
  startRelay,
  startServer,
  works,
} from "./processes.ts";

const ROOT = new URL("../", import.meta.url);
const PAGES = ["README.md", "app/README.md"];
const linux = Deno.build.os === "linux";

/** The ports that the pages name. Each test takes free ones in their place. */
const PORTS = ["65431", "65432", "65433", "8080"];

/** The line that stands for any number of lines. */
const ELLIPSIS = "…";

/** The commands that go on until they are ended, as a server does. */
const STAYS = /_server\.(ts|py)\b|app\/server\.ts|relay\.ts|await conn\.read|\btry\.ts/;

/** The commands that end by themselves, but not before those that follow have run. */
const TAKES_TIME = /, 20_000\)/;

/** Where the pages have their checkout. */
const CHECKOUT = "/home/ada/sockets";

/** The language of a program that a transcript runs as try.ts. */
const TRY = "ts ignore try";

/** The language of a block that goes on with the output of an earlier command, which has this in it. */
const REST = "console rest ";

/** What a command needs beside Deno. Where that is missing, the transcript is ignored. */
const TOOLS = new Map([
  ["python3", PYTHON === "python3"],
  ["node", isNodeForTypeScript()],
  ...["ss", "lsof", "netstat", "curl"].map((tool) =>
    [tool, linux && works("bash", "-c", `command -v ${tool}`)] as const
  ),
]);

/** Node.js runs TypeScript as it is since version 22.18. */
function isNodeForTypeScript(): boolean {
  return works("node", "-e", "process.exit(process.features.typescript ? 0 : 1)");
}

interface Block {
  section: string; // the heading of level 2 above it
  language: string;
  text: string;
  line: number;
}

for (const page of PAGES) {
  const source = read(page);
  const blocks = blocksOf(source);

  Deno.test(`${page} quotes code as it stands in the files`, () => {
    const quoted = blocks.filter(({ language }) => language === "ts ignore");
    const files = sourceFiles().map((path) => `\n${read(path)}\n`);
    for (const { text, line } of quoted) {
      if (text.includes("https://example.com/") || text.startsWith("import { actions }")) continue;
      assert(
        files.some((file) => file.trim() === text.trim()) ||
          (isDeclaration(text) &&
            files.some((file) =>
              [text, indent(text)].some((text) => file.includes(`\n${text}\n`))
            )),
        `${page}:${line} is neither a file nor a whole declaration of one`,
      );
    }
    const known = ["ts", "ts ignore", TRY, "console", "console unordered", "sh", "text"];
    for (const { language, line } of blocks) {
      const isKnown = known.includes(language) || language.startsWith(REST);
      assert(isKnown, `${page}:${line}: unknown language ${language}`);
    }
  });

  Deno.test(`${page} links to what exists`, () => {
    const links = [...source.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
    assert(links.length > 5);
    for (const [link, path = "", anchor] of links) {
      const target = path === ""
        ? page
        : new URL(path, new URL(page, "file:///")).pathname.slice(1);
      const text = target.endsWith(".md")
        ? read(target)
        : Deno.statSync(new URL(target, ROOT)) && "";
      if (anchor !== undefined) {
        assert(headingsOf(text).map(slug).includes(anchor), `${page}: ${link} leads nowhere`);
      }
    }
  });

  Deno.test({
    name: `${page} shows what its commands print`,
    ignore: Deno.build.os === "windows", // its shell is another one
    async fn(t) {
      const sections = Map.groupBy(
        blocks.filter(({ language }) => language.startsWith("console") || language === TRY),
        ({ section }) => section,
      );
      for (const [section, transcripts] of sections) {
        await t.step(section, (t) => runTranscripts(t, transcripts));
      }
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

Deno.test("README.md shows the defaults of app/server.ts", async () => {
  const { stdout } = await runScript("app/server.ts", "--help");
  const inHelp = [...stdout.matchAll(/(--[\w-]+) [A-Z]+ .*\(default: (\d+)\)$/gm)];
  const inTable = [...read("README.md").matchAll(/^\| `(--[\w-]+)` +\| (\d+) +\|/gm)];
  const pairs = (rows: RegExpMatchArray[]) =>
    rows.map(([, name, value]) => `${name} ${value}`).sort();
  assertEquals(pairs(inTable), pairs(inHelp));
});

Deno.test("README.md lists the messages of the chat with their keys", () => {
  const source = read("app/chat/messages.ts");
  const examples = [...read("README.md").matchAll(/^\| `(\{ "type": .*? \})` +\| (.*?) +\|/gm)];
  const inTables = examples.map(([, json]) => Object.entries(JSON.parse(json!)))
    .map(([type, ...rest]) => [type![1], ...rest.map(([key]) => key)].join(" "));
  const inSource = [...source.matchAll(/\{ type: ("[^;}]*")(?:; ([^}]*))? \}/g)].flatMap(
    ([, types = "", rest = ""]) => {
      const keys = [...rest.matchAll(/(\w+): /g)].map(([, key]) => key);
      return [...types.matchAll(/\w+/g)].map(([type]) => [type, ...keys].join(" "));
    },
  );
  assertEquals(inTables.sort(), inSource.sort());
});

Deno.test("README.md's action of one's own works as it stands", async () => {
  const { text } = blocksOf(read("README.md")).find(({ text }) =>
    text.startsWith("import { actions }")
  )!;
  await using server = new Program(["eval", text, "127.0.0.1", "0"]);
  const [, port] = await server.prints(/Listening on .*:(\d+)\n/);
  const content = '{"action":"upper","value":"hello"}';
  const header = '{"byteorder":"big","content-type":"text/json","content-encoding":"utf-8",' +
    `"content-length":${content.length}}`;
  const request = new TextEncoder().encode(
    `\0${String.fromCharCode(header.length)}${header}${content}`,
  );
  const response = new TextDecoder().decode(await exchange(Number(port), request));
  assertStringIncludes(response, '{"result":"HELLO"}');
});

Deno.test("README.md's import from a URL names what mod.ts exports", async () => {
  const { text } = blocksOf(read("README.md")).find(({ text }) =>
    text.includes("https://example.com/")
  )!;
  const local = text.replace(/https:\/\/[^"]*/, new URL("mod.ts", ROOT).href);
  await using program = new Program([
    "eval",
    "--check",
    `${local}; console.log(typeof FrameDecoder)`,
  ]);
  assertEquals((await program.ended).code, 0, program.stderr);
  assertEquals(program.stdout, "function\n");
});

Deno.test("The numbers in README.md are those of the code", async () => {
  const readme = read("README.md").replaceAll(/\s+/g, " ");
  const quotes = (text: string) => assertStringIncludes(readme, text);

  quotes("its header for a JSON request has 103 bytes and ours 96");
  assertEquals(createRequest("search", "morpheus")[1], 96);
  const python = await Deno.readFile(new URL("data/wire/morpheus.request.bin", import.meta.url));
  assertEquals([python[0], python[1], python.length], [0, 103, 146]);
  quotes("The 146 bytes of a search request");

  quotes('`"🐶"` is one character to a person, 2 to JavaScript\'s `length`, and 4 bytes');
  assertEquals(["🐶".length, new TextEncoder().encode("🐶").length], [2, 4]);

  quotes("`maxFrameLength`: the longest payload to accept, by default 8 MiB.");
  encodeFramePrefix(8 * 1024 ** 2);
  assertThrows(() => encodeFramePrefix(8 * 1024 ** 2 + 1), FrameTooLargeError);

  quotes("Save these 12 lines as `try.ts`");
  const [smallest] = blocksOf(read("README.md")).filter(({ language }) => language === TRY);
  assertEquals(smallest!.text.split("\n").length, 12);
  quotes("After 30 s the echo client gives up");
  assertStringIncludes(read("echo_client.ts"), "const TIMEOUT = 30_000; // milliseconds");

  quotes("It begins with 1 KiB");
  assertStringIncludes(read("app/core/timed_conn.ts"), "FIRST_BUFFER_LENGTH = 1024; // bytes");
  quotes("up to 64 KiB");
  assertStringIncludes(read("app/core/timed_conn.ts"), "MAX_BUFFER_LENGTH = 64 * 1024; // bytes");
  quotes("With up to 120 connections nobody ever waits");
  assertStringIncludes(read("app/core/fair_turns.ts"), "TURN_SIZE = 120;");

  quotes("`\\x00x` is 00 78: a header of 120 bytes");
  assertEquals([...createRequest("binary", "😃").subarray(0, 2)], [0, 120]);

  quotes("more than 256 KiB in its queue");
  assertEquals(MAX_QUEUE_LENGTH, 256 * 1024);
  quotes("A name has 1 to 32 visible characters.");
  assertStringIncludes(read("app/chat/names.ts"), "MAX_LENGTH = 32; // characters");
  quotes("at most 64 KiB of messages");
  assertStringIncludes(read("app/core/pace.ts"), "MAX_BATCH_LENGTH = 64 * 1024; // bytes");
  quotes("delays the others by 50 ms");
  assertStringIncludes(read("app/core/pace.ts"), "LOOK_INTERVAL = 50; // milliseconds");
  quotes("a **ping** every 15 seconds");
  const { stdout } = await runScript("app/chat_server.ts", "--help");
  assertMatch(stdout, /--ping-interval SECONDS .*\(default: 15\)\n/);
});

Deno.test("README.md and app/README.md name the same figures for 1000 clients", () => {
  const row = /^\| 1000 x 64 B, p99\.9 \/ mean +\| +([\d.]+) \| +([\d.]+) \|/m;
  const [, ours, plain] = row.exec(read("app/README.md"))!;
  const readme = read("README.md").replaceAll(/\s+/g, " ");
  assertStringIncludes(readme, `at least ${Math.round(Number(plain))} times as long as the mean`);
  assertStringIncludes(readme, `With this server it is ${Math.round(Number(ours))} times.`);
});

Deno.test("README.md has the fixed parts in each step, in their order", () => {
  const steps = read("README.md").split(/^## /m).filter((section) => section.startsWith("Step "));
  assertEquals(steps.length, 4);
  for (const step of steps) {
    const title = step.slice(0, step.indexOf("\n"));
    const parts = [
      /^You will learn\n\n(?:- [^]+?\n){3}\n/m, // three lines
      /^```console\b/m, // run it
      /^\*\*What you should see:\*\*/m,
      /^### Break it\n/m,
      /\*\*Predict\s+first:\*\*/,
      /^<details><summary>What happens<\/summary>\n/m,
      /^\*\*Recap\*\*\n\n(?:- [^]+?\n){3}\n/m,
      /^\*\*Exercise\.\*\* /m,
      /^<details><summary>Hint<\/summary>\n/m,
    ];
    let rest = step;
    for (const part of parts) {
      const match = part.exec(rest);
      assert(match, `${title}: ${part} is missing, or stands too early`);
      rest = rest.slice(match.index + match[0].length);
    }
    assertEquals(step.match(/^\*\*Exercise\.\*\*/gm)!.length, 1, title);
  }
});

Deno.test("README.md folds the answer to each question", () => {
  const page = read("README.md");
  const questions = page.match(/\*\*Predict\s+first:\*\*/g)!.length;
  assertEquals(page.match(/<summary>What happens<\/summary>/g)!.length, questions);
  assertEquals(page.match(/<details>/g)!.length, page.match(/<\/details>/g)!.length);
});

Deno.test("README.md tells of the relay's pieces what the relay prints", async () => {
  const readme = read("README.md").replaceAll(/\s+/g, " ");
  const quotes = (text: string) => assertStringIncludes(readme, text);
  await using server = await startServer("app/server.ts", "--quiet");

  const pieces = await piecesOf(server.port, "--chunk", "34");
  const toServer = pieces.filter(({ arrow }) => arrow === "client → server");
  const toClient = pieces.filter(({ arrow }) => arrow === "server → client");
  quotes("With `--chunk 34` the pieces have 34 bytes");
  assert([...toServer, ...toClient.slice(0, -1)].every(({ bytes }) => bytes.length === 34));
  quotes("The content of the request begins in the third piece");
  assertEquals(toServer.map(({ text }) => /content, bytes? 1\b/.test(text)).indexOf(true), 2);
  quotes("the fourth piece of the response ends with `f0 9f`, and the fifth begins with `90 b0`");
  assertEquals(toClient[3]!.bytes.slice(-2), ["f0", "9f"]);
  assertEquals(toClient[4]!.bytes.slice(0, 2), ["90", "b0"]);

  const singles = await piecesOf(server.port, "--chunk", "1");
  quotes("With `--chunk 1` the relay passes on single bytes");
  assert(singles.every(({ bytes }) => bytes.length === 1));
  quotes("The request has 136 bytes, and the response has 140");
  const count = (arrow: string) => singles.filter((piece) => piece.arrow === arrow).length;
  assertEquals([count("client → server"), count("server → client")], [136, 140]);

  const cut = await piecesOf(server.port, "--cut", "200");
  quotes("resets both connections after 200 bytes");
  quotes("The whole request passes, and then 64 bytes of the response");
  assertEquals(cut.map(({ arrow, bytes }) => [arrow, bytes.length]), [
    ["client → server", 136],
    ["server → client", 64],
  ]);
});

/** A piece that the relay has passed on, as it prints it. */
interface Piece {
  arrow: string;
  text: string;
  bytes: string[]; // each in hexadecimal
}

/** Searches through a relay with these options, and returns the pieces that it prints. */
async function piecesOf(port: number, ...args: string[]): Promise<Piece[]> {
  await using relay = await startRelay(port, ...args);
  await runScript("app/client.ts", "127.0.0.1", `${relay.port}`, "search", "morpheus");
  await relay.prints(/^#1 .* closed\n/m);
  return [...relay.stdout.matchAll(/^#1 .* s {2}(\S+ → \S+) .*\n((?: .*\n)*)/gm)].map(
    ([, arrow = "", text = ""]) => {
      const rows = text.matchAll(/^ {6}[\da-f]{4} {2}((?:[\da-f]{2} ?)+)(?: |$)/gm);
      return { arrow, text, bytes: [...rows].flatMap(([, row]) => row!.trim().split(" ")) };
    },
  );
}

Deno.test({
  name: "The numbers in README.md that were measured on Linux are of the right size",
  ignore: !linux,
  async fn() {
    const readme = read("README.md").replaceAll(/\s+/g, " ");
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const taken = await conn.write(new Uint8Array(64 * 1024 * 1024)) / 1e6;
    conn.close();
    listener.close();
    assertStringIncludes(readme, "`write` took 3.9 MB");
    assert(taken > 1 && taken < 16, `${taken} MB`);

    assertStringIncludes(readme, "it prints 43 ms and 0.06 ms");
    const { text } = blocksOf(read("README.md")).find(({ text }) =>
      text.includes("setNoDelay(${noDelay})")
    )!;
    await using program = new Program(["eval", text]);
    assertEquals((await program.ended).code, 0, program.stderr);
    const [, slow, fast] = /false\): ([\d.]+) ms\n.*true\): ([\d.]+) ms/.exec(program.stdout)!;
    assert(Number(slow) > 30 && Number(slow) < 60 && Number(fast) < 10, program.stdout);
  },
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

Deno.test("app/README.md names the errors of mod.ts with their codes", () => {
  const rows = [...read("app/README.md").matchAll(/^\| `(\w+)` +\| `([A-Z_]+)` +\|/gm)];
  const classes = sourceFiles().flatMap((
    path,
  ) => [
    ...read(path).matchAll(/^export class (\w+Error)\b[^]*?^ {2}readonly code: "([A-Z_]+)"/gm),
  ]);
  const pairs = (rows: RegExpMatchArray[]) =>
    rows.map(([, name, code]) => `${name} ${code}`).sort();
  assertEquals(pairs(rows), pairs(classes));
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
  goOn: (rest: string) => void | Promise<void>;
}

/** Runs the transcripts of a section, from top to bottom. */
async function runTranscripts(t: Deno.TestContext, blocks: Block[]): Promise<void> {
  const ports = freePorts();
  // Where try.ts is saved, and guide.sock listens.
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const staying: Staying[] = [];
  const talks: Talk[] = [];
  const unfinished: Unfinished[] = [];
  const unchecked = new Map<Program, string>(); // commands that take time, until their output is compared
  let code = 0; // of the last command that has ended
  let complete = true; // no command was left out, so that servers have printed all they should
  const endStaying = async (ending: Staying[]) => {
    if (ending.length > 0 && talks.length > 0) {
      await t.step("what they say", () => converse(talks.splice(0), ports));
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
    for (const { text, language, line } of blocks) {
      if (language === TRY) {
        await Deno.writeTextFile(`${folder}/try.ts`, withPorts(text, ports));
        continue;
      }
      if (language.startsWith(REST)) {
        const word = language.slice(REST.length);
        const command = unfinished.findLast(({ command }) => command.includes(word));
        await t.step({
          name: `line ${line}: the rest of ${word}`,
          sanitizeOps: false, // it may wait for a command that an earlier step has started
          sanitizeResources: false,
          fn: async () => await command!.goOn(text),
        });
        continue;
      }
      const unordered = language.endsWith("unordered");
      for (const [command, expected] of commandsOf(text)) {
        const where = `line ${line}: ${command}`;
        const tool = command.match(/\b(python3|ss|lsof|netstat|curl)\b|^node\b/)?.[0];
        const ignore = tool !== undefined && !TOOLS.get(tool);
        complete &&= !ignore;
        if (!ignore && command !== "echo $?") {
          // A second server on the same port: the reader has ended the one before.
          const [first] = expected.split("\n");
          await endStaying(
            staying.filter((other) => first && other.expected.split("\n")[0] === first),
          );
        }
        await t.step({
          name: where,
          ignore,
          sanitizeOps: false, // a server outlives the step, not the section
          sanitizeResources: false,
          async fn() {
            if (command === "echo $?") return assertEquals(expected, `${code}`);
            if (command.includes("chat_client.ts")) return void talks.push({ command, expected });
            const program = shell(
              command.replace(/\btry\.ts\b/, `${folder}/$&`),
              ports,
              "together",
              command.includes("guide.sock") ? folder : undefined,
            );
            if (TAKES_TIME.test(command)) {
              unchecked.set(program, where);
              const goOn = async (rest: string) => {
                await program.ended;
                unchecked.delete(program);
                assertSameLines(`${expected}\n${rest}`, output(program, ports, folder), where);
              };
              unfinished.push({ command, goOn });
              return;
            }
            if (STAYS.test(command)) {
              const stays = { program, expected, unordered, where };
              staying.push(stays);
              unfinished.push({ command, goOn: (rest) => void (stays.expected += `\n${rest}`) });
              if (expected !== "") await program.prints(/\n/);
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
    assertEquals([...unchecked.values()], []);
  } finally {
    for (const { program } of staying) await program[Symbol.asyncDispose]();
    for (const program of unchecked.keys()) await program[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Matches when a program has printed as much as it should. Where a stream is cut differently each time,
 * the number of lines is not known, but how many begin as the last one does.
 */
function allLines(expected: string, unordered: boolean): RegExp {
  const lines = expected.split("\n").filter((line) => line !== ELLIPSIS);
  if (!unordered) return new RegExp(`^([^\n]*\n){${lines.length}}`);
  const [word] = lines.at(-1)!.split(" ");
  const count = lines.filter((line) => line.startsWith(`${word} `)).length;
  return new RegExp(`(^${word} [^]*?\n[^]*?){${count}}`, "m");
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
    } else if (line === "^Z") {
      program.kill("SIGSTOP");
      await others;
      return;
    } else if (/^\* |^\w+: /.test(line)) {
      await program.prints(new RegExp(`^([^\n]*\n){${++printed}}`));
      assertEquals(program.stdout.split("\n")[printed - 1], line);
      joined();
    } else {
      assert(line.startsWith("> "), `${command}: ${line}`);
      await program.types(`${line.slice(2)}\n`);
    }
  }
  assertEquals((await program.ended).code, 0, program.stderr);
  assertEquals(program.stdout.split("\n").length - 1, printed);
}

/** What a program has printed, with the ports and folders that the pages name. */
function output(program: Program, ports: Map<string, string>, folder: string): string {
  let output = program.stdout + program.stderr;
  output = output.replaceAll(`unix:${folder}/`, `unix:${CHECKOUT}/`).replaceAll(`${folder}/`, "");

  for (const [port, free] of ports) output = output.replaceAll(`:${free}`, `:${port}`);
  return output;
}

function assertSameLines(expected: string, actual: string, where: string, unordered = false): void {
  const normal = (text: string) => {
    const lines = text.trim().split("\n");
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
    .replace(/^deno +\d+ +\S+ +\d+u +IPv4 +\d+/, "deno PID USER FD IPv4 DEVICE")
    .replace(/\(os error \d+\)/, linux ? "$&" : "(os error)") // the pages have those of Linux
    .replace(/^#(\d+) +\d+\.\d{3} s/, "#$1 TIME").replace(/Stuck after \d+/, "Stuck after N")
    .replaceAll(/\(\d+ ms\)/g, "(MS)").replaceAll(/\([\d.]+ s\)/g, "(S)")
    .replaceAll(/\d,\d{3},\d{3} bytes/g, "N bytes")
    .replaceAll(/ +/g, " ").trim();
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
 * Runs a command as a reader would: with both outputs on one terminal, or with an input to type on. With
 * `folder`, it runs there and not in the checkout, where it would leave files.
 */
function shell(
  command: string,
  ports: Map<string, string>,
  how?: "together" | "typed",
  folder?: string,
): Program {
  command = withPorts(command, ports);
  // Programs that take the default port must be given the free one.
  command = command.replace(
    /(echo_server|echo_client|chat_server|app\/server)\.ts(?= --(?!unix)|$)/,
    `$& 127.0.0.1 ${ports.get("65432")}`,
  ).replace(/socket_states\.ts$/, `$& ${ports.get("65432")}`);
  if (command.includes("relay.ts") && !command.includes("--listen")) {
    command += ` --listen 127.0.0.1:${ports.get("65431")} --to 127.0.0.1:${ports.get("65432")}`;
  }
  if (folder !== undefined) command = command.replace(" app/", ' "$OLDPWD"/app/');
  const run = STAYS.test(command) || how === "typed" ? `exec ${command}` : command;
  const deno = `deno() { "${Deno.execPath()}" "$@"; }; export -f deno; `;
  const together = how === "together" ? "exec 2>&1; " : "";
  const there = folder === undefined ? "" : `cd "${folder}"; `; // and then $OLDPWD is the checkout
  const script = deno + together + there + run.replace(/^exec deno /, `exec "${Deno.execPath()}" `);
  return new Program(["-c", script], "bash", {}, how === "typed" ? "piped" : "null");
}

/** The commands of a transcript, each with the output below it. */
function commandsOf(text: string): [command: string, output: string][] {
  return text.split(/^\$ /m).slice(1).map((part) => {
    const [command = "", ...output] = part.trimEnd().split("\n");
    return [command, output.join("\n")];
  });
}

function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let section = "";
  let open: Block | undefined;
  for (const [i, line] of page.split("\n").entries()) {
    if (open) {
      if (line === "```") {
        blocks.push({ ...open, text: open.text.slice(0, -1) });
        open = undefined;
      } else {
        open.text += `${line}\n`;
      }
    } else if (line.startsWith("```")) {
      open = { section, language: line.slice(3), text: "", line: i + 1 };
    } else if (line.startsWith("## ")) {
      section = line.slice(3);
    }
  }
  assertEquals(open, undefined);
  return blocks;
}

function headingsOf(page: string): string[] {
  return [...page.replaceAll(/^```[^]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
    text!
  );
}

/** The anchor that GitHub makes of a heading. */
function slug(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

function isDeclaration(text: string): boolean {
  const lines = text.split("\n");
  return /^((export )?(async )?(function|class|const|interface|type) |(async )?#?\w+\(.*\{$)/.test(
    lines[0]!,
  ) &&
    (lines.length === 1 || /^[}\])]+;?$/.test(lines.at(-1)!));
}

/** As it stands inside a function or class. */
function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}

function sourceFiles(folder = "./"): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) {
      return folder !== "./" || name === "app" ? sourceFiles(`${folder}${name}/`) : [];
    }
    return name.endsWith(".ts") ? [folder + name] : [];
  });
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}
