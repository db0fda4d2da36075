// Holds the pages of the tutorial to the code: quoted code is looked up, links are followed, and
// numbers are compared. Their transcripts are run by transcripts_test.ts, and their examples in
// TypeScript by `deno test --doc`.
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { createRequest } from "../../app/libclient.ts";
import * as limits from "../../app/wire/limits.ts";
import { encodeFramePrefix, LengthLimitError } from "../../mod.ts";
import {
  blocksOf,
  PAGES,
  read,
  README,
  REST,
  ROOT,
  stagesOf,
  TRIES,
  TRY,
} from "../support/pages.ts";
import { exchange, Program, runScript, startRelay, startServer } from "../support/programs.ts";

const linux = Deno.build.os === "linux";

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
    const known = [
      ...["ts", "ts ignore", "js ignore", "json", "console", "console unordered", "sh", "text"],
      ...TRIES,
    ];
    for (const { language, line } of blocks) {
      const isKnown = known.includes(language) || language.startsWith(REST);
      assert(isKnown, `${page}:${line}: unknown language ${language}`);
    }
  });

  Deno.test(`${page} has no two headings with one name, so that links last`, () => {
    const anchors = headingsOf(source).map(slug);
    assertEquals(anchors, [...new Set(anchors)]);
  });

  Deno.test(`${page} links to what exists`, () => {
    const links = [...source.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
    assert(links.length > 0);
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
}

Deno.test("README.md starts with how to get Deno, and whole commands for who has Node.js alone", () => {
  const start = /^## Five minutes\n([^]*?)^## /m.exec(README)![1]!;
  const inOrder = [
    "https://docs.deno.com/runtime/getting_started/installation/",
    "\nnpx --yes deno run --allow-net echo_server.ts\n",
    "\nnpx --yes deno task test\n",
    "\nalias deno='npx --yes deno'\n",
    "nothing else to install",
  ].map((text) => start.indexOf(text));
  assert(inOrder.every((at, i) => at > (inOrder[i - 1] ?? -1)), `${inOrder}`);
  const lines = README.split("\n");
  const success = lines.findIndex((line) => line.startsWith("Received "));
  const code = blocksOf(README).find(({ language }) => language === TRY)!.line;
  assert(success > 0 && code - success <= 60, `${code - success} lines from success to code`);
});

Deno.test("README.md lists the messages of the chat with their keys", () => {
  const source = read("app/chat/messages.ts");
  const examples = [...README.matchAll(/^\| `(\{ "type": .*? \})` +\| (.*?) +\|/gm)];
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
  const { text } = blocksOf(README).find(({ text }) => text.startsWith("import { actions }"))!;
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

Deno.test("app/wire/README.md's import from a URL names what mod.ts exports", async () => {
  const { text } = blocksOf(read("app/wire/README.md")).find(({ text }) =>
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

Deno.test("app/core/README.md has every limit with its default", () => {
  const rows = read("app/core/README.md").matchAll(/^\| `([A-Z_]+)` +\| (.+?) +\|/gm);
  const told = Object.fromEntries(rows.map(([, name, value]) => [name, value]));
  const expected = Object.entries(limits).map(([name, value]) => [name, formatLimit(name, value)]);
  assertEquals(told, Object.fromEntries(expected));
});

/** Writes a limit as the page does: a time, a length, or a number. */
function formatLimit(name: string, value: number): string {
  if (/_(TIMEOUT|DELAY|GRACE|INTERVAL)$/.test(name)) {
    return value < 1000 ? `${value} ms` : `${value / 1000} s`;
  }
  if (name.endsWith("_LENGTH")) {
    return value < 1024 ** 2 ? `${value / 1024} KiB` : `${value / 1024 ** 2} MiB`;
  }
  return value.toLocaleString("en");
}

Deno.test("The numbers in README.md are those of the code", async () => {
  const readme = README.replaceAll(/\s+/g, " ");
  const quotes = (text: string) => assertStringIncludes(readme, text);

  quotes("its header for a JSON request has 103 bytes and ours 96");
  assertEquals(createRequest("search", "morpheus")[1], 96);
  const python = await Deno.readFile(
    new URL("../support/data/wire/morpheus.request.bin", import.meta.url),
  );
  assertEquals([python[0], python[1], python.length], [0, 103, 146]);
  quotes("The 146 bytes of a search request");

  quotes('`"🐶"` is one character to a person, 2 to JavaScript\'s `length`, and 4 bytes');
  assertEquals(["🐶".length, new TextEncoder().encode("🐶").length], [2, 4]);

  assertStringIncludes(
    read("app/wire/README.md"),
    "`maxFrameLength`: the longest payload to accept, by default 8 MiB.",
  );
  encodeFramePrefix(8 * 1024 ** 2);
  assertThrows(() => encodeFramePrefix(8 * 1024 ** 2 + 1), LengthLimitError);

  const stages = stagesOf(README);
  const linesOf = (program: string) =>
    program.split("\n").filter((line) => !/^ *(\/[/*].*)?$/.test(line)).length; // of code
  const lastWith = (text: string) => stages.findLast((stage) => stage.includes(text))!;
  quotes("an echo server in 14 lines");
  assertEquals(linesOf(stages[0]!), 14);
  quotes("nineteen lines, and each one that you added has a check that fails without it");
  assertEquals(linesOf(lastWith("using conn = await listener.accept()")), 19);
  quotes("in 44 lines of your own");
  assertEquals(linesOf(lastWith("MAX_CLIENTS")), 44);
  quotes("Your server has nearly eighty lines now");
  assertEquals(linesOf(lastWith("inTime(conn, receive(conn))")), 79);
  quotes("A chat in 46 lines");
  assertEquals(linesOf(lastWith("await write(client")), 46);
  quotes("All sixteen, in 112 lines of your own");
  assertEquals(linesOf(lastWith("class Client")), 112);
  quotes("After 30 s the echo client gives up");
  assertStringIncludes(read("echo_client.ts"), "const TIMEOUT = 30_000; // milliseconds");

  quotes("1 KiB that grows to 64 when it's full");
  assertStringIncludes(read("app/core/deadline_conn.ts"), "FIRST_BUFFER_LENGTH = 1024; // bytes");
  assertStringIncludes(
    read("app/core/deadline_conn.ts"),
    "MAX_BUFFER_LENGTH = 64 * 1024; // bytes",
  );

  quotes("A name has 1 to 32 characters,");
  assertStringIncludes(read("app/chat/names.ts"), "MAX_LENGTH = 32; // characters");
  quotes("a **ping** every 15 seconds");
  const { stdout } = await runScript("app/chat_server.ts", "--help");
  assertMatch(stdout, /--ping-interval SECONDS .*\(default: 15\)\n/);
});

Deno.test("README.md has at most 110 KB", () => {
  assert(new TextEncoder().encode(README).length <= 110_000);
});

Deno.test("README.md has the fixed parts in each step, in their order", () => {
  const steps = README.split(/^## /m).filter((section) => section.startsWith("Step "));
  assertEquals(steps.length, 4);
  for (const step of steps) {
    const title = step.slice(0, step.indexOf("\n"));
    const parts = [
      /^```(console|ts)\b/m, // run it
      /^\*\*What you should see:\*\*/m,
      /^<details><summary>What happens<\/summary>\n/m,
      /^\*\*Recap\*\*\n\n(?:- [^]+?\n){3}\n/m,
      /^### Exercises of step \d\n/m,
      /^<details><summary>Hint<\/summary>\n/m,
    ];
    let rest = step;
    for (const part of parts) {
      const match = part.exec(rest);
      assert(match, `${title}: ${part} is missing, or stands too early`);
      rest = rest.slice(match.index + match[0].length);
    }
  }
});

Deno.test("README.md folds the answer to each question", () => {
  const page = README;
  const questions = page.match(/\*\*Predict\s+first:\*\*/g)!.length;
  assertEquals(page.match(/<summary>What happens<\/summary>/g)!.length, questions);
  assertEquals(page.match(/<details>/g)!.length, page.match(/<\/details>/g)!.length);
});

Deno.test("README.md tells of the relay's pieces what the relay prints", async () => {
  const readme = README.replaceAll(/\s+/g, " ");
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
  quotes("with `--chunk 1` it passes on single bytes");
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
    const readme = README.replaceAll(/\s+/g, " ");
    assertStringIncludes(readme, "it prints 43 ms and 0.06 ms");
    const { text } = blocksOf(README).find(({ text }) => text.includes("setNoDelay(${noDelay})"))!;
    let slow = Infinity;
    let fast = Infinity;
    // The least of some runs, since a busy machine adds to all of them.
    for (let run = 1; run <= 5 && !(slow < 60 && fast < 10); run++) {
      await using program = new Program(["eval", text]);
      assertEquals((await program.ended).code, 0, program.stderr);
      const times = /false\): ([\d.]+) ms\n.*true\): ([\d.]+) ms/.exec(program.stdout)!;
      slow = Math.min(slow, Number(times[1]));
      fast = Math.min(fast, Number(times[2]));
    }
    assert(slow > 30 && slow < 60 && fast < 10, `${slow} ms and ${fast} ms`);
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
  return /^((export )?(async )?(function\*?|class|const|interface|type) |(async )?#?\w+\(.*\{$)/
    .test(
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
