// app/examples/web_server.ts: what it serves, what it refuses, and that a browser likes it.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { chromium } from "playwright-core";
import { Decoder } from "../../mod.ts";
import { request } from "../../app/examples/web_server.ts";
import { BROWSER } from "../support/browser.ts";
import { tryAll } from "../support/sampling.ts";
import { exchange, noise, Program, readToEnd, works, writeAll } from "../support/programs.ts";

// deno-lint-ignore no-explicit-any -- what a function finds that runs in the browser
declare const document: any;

const linux = Deno.build.os === "linux";
const windows = Deno.build.os === "windows";
const MIB = 1024 * 1024;
const SCRIPT = "app/examples/web_server.ts";
const PAGE = "<!DOCTYPE html><title>Mine</title><h1>Wörld 🐶</h1><img src='a b.svg'>";
const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"></svg>';
const BIG = noise(MIB + 7);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A server of a folder with some files in it, and one beside it that nobody may have. */
async function startSite(
  ...args: string[]
): Promise<Program & { port: number; folder: string }> {
  const above = await Deno.realPath(await Deno.makeTempDir());
  const folder = `${above}/site`;
  await Deno.mkdir(`${folder}/sub`, { recursive: true });
  await Deno.mkdir(`${above}/site2`);
  for (
    const [name, content] of Object.entries({
      "site/index.html": PAGE,
      "site/a b.svg": PICTURE,
      "site/empty.txt": "",
      "site/.hidden": "secret",
      "site/sub/index.html": "below",
      "site2/index.html": "secret",
      "secret.txt": "secret",
    })
  ) await Deno.writeTextFile(`${above}/${name}`, content);
  await Deno.writeFile(`${folder}/big.bin`, BIG);
  if (!windows) {
    await Deno.symlink(`${above}/secret.txt`, `${folder}/link.txt`);
    await Deno.symlink(`${above}/site2`, `${folder}/link`);
    await Deno.symlink(`${folder}/index.html`, `${folder}/same.html`);
    const made = await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
    assert(made.success);
  }
  const permissions = ["--no-prompt", "--allow-net=127.0.0.1", `--allow-read=${above}`];
  const program = new Program(["run", ...permissions, SCRIPT, folder, "127.0.0.1", "0", ...args]);
  const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
  return Object.assign(program, {
    port: Number(port),
    folder,
    async [Symbol.asyncDispose]() {
      await Program.prototype[Symbol.asyncDispose].call(program);
      await Deno.remove(above, { recursive: true });
    },
  });
}

/** An answer, as it stands on the wire. */
interface Answer {
  status: number;
  fields: Record<string, string>;
  body: string;
}

/** Takes answers apart that came one after the other, each with a length. */
function answersOf(bytes: Uint8Array): Answer[] {
  const answers = new Decoder<Answer>(function* (input) {
    const first = yield* input.takeTextUntil("\r\n", { maxLength: 100 });
    const fields: Record<string, string> = {};
    while (true) {
      const line = yield* input.takeTextUntil("\r\n", { maxLength: 1000 });
      if (line === "") break;
      const [, name = "", value = ""] = /^([a-z-]+): (.*)$/.exec(line) ?? [];
      fields[name] = value;
    }
    const [, status] = /^HTTP\/1\.1 (\d{3}) [A-Z][\w ]+$/.exec(first)!;
    const body = yield* input.takeText(Number(fields["content-length"]));
    return { status: Number(status), fields, body };
  });
  answers.push(bytes);
  const all = [...answers];
  answers.end();
  return all;
}

/** Sends requests and a half-close, and returns all answers. */
async function ask(port: number, text: string): Promise<Answer[]> {
  return answersOf(await exchange(port, encoder.encode(text)));
}

/** The rest of a request. */
const HOST = "HTTP/1.1\r\nHost: localhost\r\n";

const get = (path: string) => `GET ${path} ${HOST}\r\n`;
const post = (body: string) =>
  `POST /echo ${HOST}Content-Length: ${encoder.encode(body).length}\r\n\r\n${body}`;

Deno.test("app/examples/web_server.ts serves the files of its folder, and no others", async () => {
  await using server = await startSite();
  const paths: Record<string, [status: number, body?: string]> = {
    "/": [200, PAGE],
    "/index.html": [200, PAGE],
    "/?x=1": [200, PAGE],
    "http://localhost/?x": [200, PAGE],
    "http://localhost": [200, PAGE],
    "/a%20b.svg": [200, PICTURE],
    "/empty.txt": [200, ""],
    "/sub/": [200, "below"],
    "/sub": [301],
    "/nothing": [404],
    "/index.html/": [404],
    "/.hidden": [404],
    "/%2ehidden": [404],
    "/../secret.txt": [404],
    "/sub/../index.html": [404], // browsers resolve this themselves
    "/%2e%2e/secret.txt": [404],
    "/..%2fsecret.txt": [404],
    "/sub%2findex.html": [404],
    "/..%5csecret.txt": [404],
    "/../site2/index.html": [404],
    "//": [404],
    "//localhost/": [404],
    "/index.html%00.png": [404],
    "/%ff": [404],
    "/%": [404],
    [`/${"a".repeat(5000)}`]: [404],
    ...(windows ? {} : {
      "/link.txt": [404],
      "/link/": [404],
      "/same.html": [200, PAGE],
      "/pipe": [404],
    }),
  };
  const answers = await ask(server.port, Object.keys(paths).map(get).join(""));
  assertEquals(
    answers.map(({ status, body }, i) => {
      const [path, [, expected]] = Object.entries(paths)[i]!;
      return [path, status, expected === undefined ? undefined : body];
    }),
    Object.entries(paths).map(([path, [status, body]]) => [path, status, body]),
  );
  assertEquals(answers.find(({ status }) => status === 301)!.fields["location"], "/sub/");
  assertEquals(answers[0]!.fields["content-type"], "text/html; charset=utf-8");
  assert(!answers.some(({ body }) => body.includes("secret")));

  const all = await exchange(server.port, encoder.encode(get("/big.bin") + get("/")));
  const start = all.indexOf(10, all.indexOf(10, 0) + 1);
  assertStringIncludes(decoder.decode(all.subarray(0, start + 200)), `length: ${BIG.length}\r\n`);
  assert(decoder.decode(all).endsWith(PAGE));
  const head = decoder.decode(all.subarray(0, 1000)).indexOf("\r\n\r\n") + 4;
  assertEquals(all.subarray(head, head + BIG.length), BIG);
});

Deno.test("app/examples/web_server.ts answers HEAD, a form, pipelined requests, and each byte in its time", async () => {
  await using server = await startSite();
  const { port } = server;
  const texts = ["", "Hello, world", "message=🐶\r\n", "GET / HTTP/1.1\r\n\r\n"];
  const echoes = await ask(port, texts.map(post).join("\r\n"));
  assertEquals(echoes.map(({ body }) => body), texts);

  const head = decoder.decode(await exchange(port, encoder.encode(`HEAD / ${HOST}\r\n`)));
  assertMatch(
    head,
    new RegExp(`^HTTP/1.1 200 OK\r\n[^]*length: ${encoder.encode(PAGE).length}\r\n`),
  );
  assert(head.endsWith("\r\n\r\n"));

  // Connection: close, and HTTP/1.0, end the connection, also if more has been asked.
  for (const last of [`GET / ${HOST}Connection: close\r\n\r\n`, "GET / HTTP/1.0\r\n\r\n"]) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await writeAll(conn, encoder.encode(get("/") + last + get("/")));
    const answers = answersOf(await readToEnd(conn));
    assertEquals(answers.map(({ fields }) => fields["connection"]), [undefined, "close"]);
  }

  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = encoder.encode(get("/") + post("🐶") + get("/nothing"));
  for (let i = 0; i < bytes.length; i++) await conn.write(bytes.subarray(i, i + 1));
  await conn.closeWrite();
  const answers = answersOf(await readToEnd(conn));
  assertEquals(answers.map(({ status }) => status), [200, 200, 404]);
  assertEquals(answers[1]!.body, "🐶");
});

/** What is no request, or could be read in two ways, with the status that it gets. */
const WRONG: Record<string, number> = {
  "GET\r\n\r\n": 400,
  "GET /\r\n\r\n": 400,
  "GET  / HTTP/1.1\r\nHost: x\r\n\r\n": 400,
  "GET / HTTP/1.1 \r\nHost: x\r\n\r\n": 400,
  "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n": 400,
  "GET / HTTP/2.0\r\nHost: x\r\n\r\n": 505,
  "GET x HTTP/1.1\r\nHost: x\r\n\r\n": 400,
  "\x16\x03\x01\x02\x00\n": 400,
  "GET / HTTP/1.1\r\n\r\n": 400, // no host
  "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n": 400,
  "GET / HTTP/1.1\nHost: x\n\n": 400, // bare line feeds
  "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n": 400,
  "GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n": 400,
  [`POST /echo ${HOST}Content-Length : 3\r\n\r\nabc`]: 400, // a space before the colon
  [`POST /echo ${HOST} Content-Length: 3\r\n\r\nabc`]: 400, // continues the line above
  [`POST /echo ${HOST}X: a\r\n\tb\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}nonsense\r\n\r\n`]: 400,
  [`POST /echo ${HOST}: x\r\n\r\n`]: 400,
  [`POST /echo ${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length: 3, 3\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length: -3\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length: +3\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length: 0x3\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length: 3\xa0\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length:\r\n\r\nabc`]: 400,
  [`POST /echo ${HOST}Content-Length: ${MIB + 1}\r\n\r\n`]: 413,
  [`POST /echo ${HOST}Content-Length: 1${"0".repeat(40)}\r\n\r\n`]: 413,
  [`POST /echo ${HOST}Content-Length: ${MIB + 2}\r\n\r\n${"x".repeat(200_000)}`]: 413, // unread
  [`POST /echo ${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`]: 400,
  [`POST /echo ${HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`]: 400,
  [`POST /echo ${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`]: 501,
  [`POST /echo ${HOST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`]: 417,
  [`GET /${"a".repeat(9000)} ${HOST}\r\n`]: 431,
  [`GET / ${HOST}${"X: y\r\n".repeat(5000)}\r\n`]: 431,
  [`POST /echo ${HOST}Content-Length: 30\r\n\r\ncut short`]: 400,
};

Deno.test("app/examples/web_server.ts refuses what two servers could read in two ways", async () => {
  await using server = await startSite();
  const asked = Object.keys(WRONG);
  const first = get("/nothing");
  const answers = await Promise.all(asked.map(async (text) => {
    const bytes = Uint8Array.from(first + text, (character) => character.charCodeAt(0));
    // A second request, hidden behind the wrong one, must never be answered.
    const hidden = text.endsWith("cut short") ? "" : get("/");
    return answersOf(await exchange(server.port, concat([bytes, encoder.encode(hidden)])));
  }));
  const statuses = answers.map((all) => all.map(({ status }) => status));
  assertEquals(
    Object.fromEntries(asked.map((text, i) => [text, statuses[i]])),
    Object.fromEntries(asked.map((text) => [text, [404, WRONG[text]!]])),
  );
  for (const [, refusal] of answers) assertEquals(refusal!.fields["connection"], "close");
  const methods = ["BREW", "PUT", "DELETE", "OPTIONS"].map((method) => `${method} / ${HOST}\r\n`);
  const refused = await ask(server.port, methods.join("") + `PUT /echo ${HOST}\r\n`);
  assertEquals(refused.map(({ status }) => status), [405, 405, 405, 405, 405]);
  assertEquals(refused.map(({ fields }) => fields["allow"]), [
    ...Array(4).fill("GET, HEAD"),
    "GET, HEAD, POST",
  ]);
});

Deno.test("app/examples/web_server.ts reads the same requests wherever they are cut", () => {
  const wrong = Object.keys(WRONG).filter((text) => text.length < 200);
  for (const text of [get("/a"), `\r\n${post("abc")}`, ...wrong]) {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const read = (...chunks: Uint8Array[]) => {
      const requests = new Decoder(request, { copy: true });
      const all: unknown[] = [];
      try {
        for (const chunk of chunks) {
          requests.push(chunk);
          all.push(...requests);
        }
        requests.end();
      } catch (error) {
        all.push((error as Error).message);
      }
      return all;
    };
    const whole = read(bytes);
    assertEquals(whole.length, 1, text);
    for (let at = 1; at < bytes.length; at++) {
      assertEquals(read(bytes.subarray(0, at), bytes.subarray(at)), whole, text);
    }
  }
});

Deno.test("app/examples/web_server.ts gives a request its time, and bears silence between two", async () => {
  await using server = await startSite("--request-timeout=0.5", "--idle-timeout=1.5");
  const { port } = server;
  using half = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(half, encoder.encode(get("/sub/") + "GET / HTTP/1.1\r\nHo"));
  const answers = answersOf(await readToEnd(half));
  assertEquals(answers.map(({ status }) => status), [200, 408]);
  using silent = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(silent, encoder.encode(get("/sub/")));
  assertEquals(answersOf(await readToEnd(silent)).length, 1); // and then the end, without a word
});

Deno.test({
  name: "app/examples/web_server.ts finishes an answer after Ctrl-C, and then ends",
  ignore: windows, // where a signal ends a program at once
  async fn() {
    await using server = await startSite();
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await writeAll(conn, encoder.encode(get("/") + "POST /echo "));
    await server.prints(" GET / 200");
    server.kill("SIGINT");
    await server.prints("Waiting for 1 open connection", "stderr");
    await writeAll(conn, encoder.encode(`${HOST}Content-Length: 2\r\n\r\nhi`));
    const [page, echo] = answersOf(await readToEnd(conn));
    assertEquals([page!.status, echo!.body], [200, "hi"]);
    assertEquals((await server.ended).code, 0);
  },
});

Deno.test("app/examples/web_server.ts says in one line that it has no folder", async () => {
  for (const folder of ["no/such/folder", "deno.json"]) {
    await using program = new Program([
      "run",
      "--no-prompt",
      "-NR",
      SCRIPT,
      folder,
      "127.0.0.1",
      "0",
    ]);
    assertEquals((await program.ended).code, 1);
    assertMatch(program.stderr, new RegExp(`^Cannot serve ${folder}: [^\n]+\n$`));
  }
});

Deno.test({
  name: "app/examples/web_server.ts says that it is busy when no descriptor is left, and recovers",
  ignore: windows || !tryAll,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/index.html`, PAGE);
      const words = ["run", "--no-prompt", "-NR", SCRIPT, folder, "127.0.0.1", "0"];
      const limit = 'ulimit -n 40; exec "$0" "$@"';
      await using server = new Program(["-c", limit, Deno.execPath(), ...words], "sh");
      const [, port] = await server.prints(/Listening on .*:(\d+)\n/);
      const conns: Deno.Conn[] = [];
      const fetchPage = async (conn: Deno.Conn) => {
        await writeAll(conn, encoder.encode(get("/")));
        const buffer = new Uint8Array(1024);
        const n = await conn.read(buffer);
        return Number(decoder.decode(buffer.subarray(9, 12))) * Math.min(n!, 1);
      };
      using first = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      assertEquals(await fetchPage(first), 200);
      for (let i = 0; i < 40; i++) {
        conns.push(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
      }
      await server.prints("Cannot accept", "stderr");
      assertEquals(await fetchPage(first), 503);
      for (const conn of conns) conn.close();
      while (await fetchPage(first) !== 200);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "app/examples/web_server.ts shows its page and its form in a browser",
  ignore: BROWSER === undefined,
  async fn() {
    await using server = await startSite();
    const browser = await chromium.launch({ executablePath: BROWSER!, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${server.port}/`);
      assertEquals(await page.locator("h1").textContent(), "Wörld 🐶");
      assertEquals(await page.evaluate(() => document.images[0].naturalWidth), 7);
      await page.goto(`http://127.0.0.1:${server.port}/echo`);
      await page.locator("input").fill("Grüße 🐶");
      await page.locator("button").click();
      await page.waitForURL(/echo$/);
      await page.getByText("message=Grüße 🐶").waitFor();
    } finally {
      await browser.close();
    }
  },
});

Deno.test({
  name: "app/examples/web_server.ts makes no error under wrk",
  ignore: !tryAll || !linux || !works("sh", "-c", "command -v wrk"),
  async fn() {
    await using server = await startSite("--quiet");
    for (const path of ["", "big.bin", "nothing"]) {
      const url = `http://127.0.0.1:${server.port}/${path}`;
      // On a busy machine, an answer may take longer than the 2 s that wrk waits by itself.
      await using load = new Program(["-t1", "-c10", "-d5", "--timeout", "60s", url], "wrk");
      await load.ended;
      assertMatch(load.stdout, /Requests\/sec: +[\d.]*[1-9]/);
      assert(!load.stdout.includes("Socket errors"), load.stdout);
      assertEquals(load.stdout.includes("Non-2xx"), path === "nothing", load.stdout);
    }
  },
});
