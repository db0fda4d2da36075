import { assert, assertEquals } from "@std/assert";
import { chromium } from "playwright-core";
import * as mod from "../../mod.ts";
import { encodeFrame, FrameDecoder, readItems } from "../../mod.ts";
import { BROWSER, visit } from "../support/browser.ts";
import { tryAll } from "../support/sampling.ts";
import { blocksOf, read } from "../support/pages.ts";
import {
  connectAndReset,
  noise,
  Program,
  resetInEcho,
  works,
  writeAll,
} from "../support/programs.ts";
import { EXPECTED, smoke } from "../support/mod_usage.ts";

const ROOT = new URL("../../", import.meta.url);

/** A program that imports the package and prints what the smoke test returns. */
function programFor(specifier: string, print = "console.log"): string {
  return `import * as mod from "${specifier}";\n${print}(await (${smoke})(mod));\n`;
}

/** A folder that is removed at the end. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  write(name: string, text: string): string {
    Deno.writeTextFileSync(`${this.path}/${name}`, text);
    return `${this.path}/${name}`;
  }

  [Symbol.dispose]() {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Serves files on loopback. */
function serve(root: URL | string): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async (request) => {
    const { pathname } = new URL(request.url);
    const type = /\.html$/.test(pathname) ? "text/html" : "text/javascript";
    try {
      const bytes = await Deno.readFile(
        root instanceof URL ? new URL(`.${pathname}`, root) : root + pathname,
      );
      const headers = { "content-type": /\.ts$/.test(pathname) ? "text/typescript" : type };
      return new Response(bytes, { headers });
    } catch {
      return new Response("Not found", { status: 404 });
    }
  });
}

/** The output of a program that must succeed. */
async function output(args: string[], command?: string, env?: Record<string, string>) {
  await using program = new Program(args, command, env);
  const { code } = await program.ended;
  assertEquals(code, 0, program.stderr);
  return program.stdout;
}

/** Writes the modules of the package into a folder as JavaScript. */
async function transpile(folder: Folder): Promise<void> {
  const info = JSON.parse(await output(["info", "--json", "mod.ts"]));
  const sources = info.modules.map(({ local }: { local: string }) => local);
  await output(["transpile", "--quiet", "--outdir", folder.path, ...sources]);
  for (
    const name of [
      "mod",
      ...sources.map((path: string) =>
        /app\/[\w/]+(?=\.ts$)/.exec(path.replaceAll("\\", "/"))?.[0]
      ),
    ]
  ) {
    if (!name) continue;
    const text = Deno.readTextFileSync(`${folder.path}/${name}.js`);
    folder.write(`${name}.js`, text.replaceAll(/(from "\.[^"]+)\.ts"/g, '$1.js"'));
  }
  folder.write("package.json", '{ "type": "module" }');
}

/** Writes the package into a folder as one file; false without the bundler, which npm has. */
async function bundle(folder: Folder, name = "all.js"): Promise<boolean> {
  const words = ["bundle", "--quiet", "mod.ts", "-o", `${folder.path}/${name}`];
  await using program = new Program(words);
  const { success } = await program.ended;
  assert(success || program.stderr.includes("esbuild"), program.stderr);
  return success;
}

Deno.test("mod.ts works in a checkout", async () => {
  assertEquals(await smoke(mod), EXPECTED);
});

Deno.test("mod.ts works imported from a URL, with nothing in the cache and no configuration", async () => {
  using folder = new Folder();
  await using server = serve(ROOT);
  const host = `127.0.0.1:${server.addr.port}`;
  const main = folder.write(
    "main.ts",
    programFor(`http://${host}/mod.ts`),
  );
  const flags = ["--no-prompt", "--no-config", "--no-lock", `--allow-import=${host}`];
  const env = { DENO_DIR: `${folder.path}/cache`, DENO_NO_UPDATE_CHECK: "1" };
  assertEquals(await output(["run", ...flags, main], undefined, env), EXPECTED + "\n");
});

Deno.test({
  name: "mod.ts works in Node.js as it is",
  ignore: !works("node", "-e", "process.exit(process.features.typescript ? 0 : 1)"),
  fn: async () => void await output(["tests/support/mod_usage.ts"], "node"),
});

Deno.test({
  name: "mod.ts works in Bun as it is",
  ignore: !works("bun", "--version"),
  fn: async () => void await output(["tests/support/mod_usage.ts"], "bun"),
});

Deno.test({
  name: "mod.ts works in Node.js, transpiled and bundled",
  ignore: !works("node", "--version"),
  async fn(t) {
    using folder = new Folder();
    await transpile(folder);
    const main = folder.write("main.js", programFor("./mod.js"));
    assertEquals(await output([main], "node"), EXPECTED + "\n");
    await t.step({
      name: "bundled",
      ignore: !await bundle(folder),
      async fn() {
        const main = folder.write("bundled.js", programFor("./all.js"));
        assertEquals(await output([main], "node"), EXPECTED + "\n");
      },
    });
  },
});

/** A bundler that can also write what runs on older platforms, and knows what those lack. */
const ESBUILD = ["run", "-A", "--no-lock", "npm:esbuild@0.28.2", "--bundle", "--format=esm"];

/** In regular expressions: lookbehind, and flags for a part of one. */
const NEW_PATTERN = /\(\?(?:<[=!]|[ims]*-?[ims]+:)/;

/** What a file has that Safari 16.0 lacks: `undefined` if it will load there. */
async function newerThanSafari16(file: string): Promise<string | undefined> {
  const written = await output([...ESBUILD, "--target=esnext", file]);
  const rewritten = await output([...ESBUILD, "--target=safari16.0", file]);
  const [lines, kept] = [written.split("\n"), rewritten.split("\n")];
  // esbuild does not look into regular expressions that are made from a string.
  return lines.find((line, i) => line !== kept[i] || NEW_PATTERN.test(line));
}

Deno.test("mod.ts and the relay's page have no syntax that Safari 16.0 lacks", async (t) => {
  const { success } = await new Program([...ESBUILD, "--version"]).ended;
  await t.step({
    name: "as esbuild, which npm has, tells",
    ignore: !success,
    async fn() {
      assertEquals(await newerThanSafari16("mod.ts"), undefined);
      assertEquals(await newerThanSafari16("app/relay/page.js"), undefined);
    },
  });
  await t.step({
    name: "and it would tell",
    ignore: !success,
    async fn() {
      using folder = new Folder();
      const newer = [
        "console.log(/(?<=a)b/);",
        'console.log(new RegExp("(?<!a)b"));',
        "console.log(/[a--b]/v);",
        "console.log(/(?i:a)b/);",
        "console.log(class { static { console.log(1); } });",
        "await using file = console.log(1);",
      ];
      for (const line of newer) {
        const file = folder.write("newer.js", `${line}\nexport default 1;\n`);
        assert(await newerThanSafari16(file) !== undefined, line);
      }
    },
  });
});

/** Runtimes that run TypeScript as it is, by their packages on npm, which take seconds to come. */
const RUNTIMES = ["node@22", "node@24", "bun@1"];

Deno.test({
  name: "mod.ts works as it is in other versions of Node.js and Bun",
  ignore: !tryAll || !works("npx", "--version"),
  async fn(t) {
    for (const runtime of RUNTIMES) {
      await t.step({
        name: runtime,
        ignore: !await canInstall(runtime),
        async fn() {
          await output(["--yes", runtime, "tests/support/mod_usage.ts"], "npx");
        },
      });
    }
  },
});

/**
 * A worker for workerd: `workerd test` calls `test`, which also sends frames through the streams of requests
 * and responses, which workerd does not make of JavaScript.
 */
const WORKER = `import * as mod from "./all.js";
export default {
  fetch(request) {
    const frames = request.body.pipeThrough(new mod.DecoderStream(new mod.FrameDecoder()));
    return new Response(frames.pipeThrough(new mod.FrameEncoderStream()));
  },
  async test(_, { self }) {
    const result = await (${smoke})(mod);
    if (result !== ${JSON.stringify(EXPECTED)}) throw new Error(result);
    const body = mod.encodeFrame(new Uint8Array(1_000_000).fill(7));
    const response = await self.fetch("http://self/", { method: "POST", body });
    let length = 0;
    for await (const frame of mod.readItems(response.body, new mod.FrameDecoder())) length += frame.length;
    if (length !== 1_000_000) throw new Error("Echo of " + length + " bytes");
  },
};
`;

/** Its configuration. The streams of workerd are those of the standard since 2022-11-30. */
const WORKERD_CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [
  (name = "old", worker = (
    modules = .modules,
    compatibilityDate = "2022-11-30",
    bindings = [(name = "self", service = "old")],
  )),
  (name = "new", worker = (
    modules = .modules,
    compatibilityDate = "2026-07-01",
    bindings = [(name = "self", service = "new")],
  )),
]);
const modules :List(Workerd.Worker.Module) = [
  (name = "worker.js", esModule = embed "worker.js"),
  (name = "all.js", esModule = embed "all.js"),
];
`;

Deno.test({
  name: "mod.ts works bundled in Node.js 20 and in workerd",
  ignore: !tryAll || !works("npx", "--version"),
  async fn(t) {
    using folder = new Folder();
    const bundled = await bundle(folder);
    await t.step({
      name: "node@20",
      ignore: !bundled || !await canInstall("node@20"),
      async fn() {
        folder.write("package.json", '{ "type": "module" }');
        const main = folder.write("bundled.js", programFor("./all.js"));
        assertEquals(await output(["--yes", "node@20", main], "npx"), EXPECTED + "\n");
      },
    });
    await t.step({
      name: "workerd@1",
      ignore: !bundled || !await canInstall("workerd@1"),
      async fn() {
        folder.write("worker.js", WORKER);
        const config = folder.write("config.capnp", WORKERD_CONFIG);
        await output(["--yes", "workerd@1", "test", config], "npx");
      },
    });
  },
});

/** Runtimes that have `node:net`, by their packages on npm. */
const NODE_RUNTIMES = ["node@20", "node@22", "node@24", "bun@1"];

Deno.test({
  name: "The server of app/wire/README.md for Node.js and Bun answers every frame of a client",
  ignore: !works("node", "--version"),
  async fn(t) {
    using folder = new Folder();
    const bundled = await bundle(folder, "sockets.js");
    folder.write("package.json", '{ "type": "module" }');
    const block = blocksOf(read("app/wire/README.md")).find(({ text }) =>
      text.includes('from "node:net"')
    );
    const server = folder.write("server.js", block!.text);
    await t.step({
      name: "node that is installed",
      ignore: !bundled,
      fn: () => useFrameServer("node", server),
    });
    for (const runtime of NODE_RUNTIMES) {
      const path = bundled && tryAll ? await findRuntime(runtime) : undefined;
      await t.step({
        name: runtime,
        ignore: path === undefined,
        fn: () => useFrameServer(path!, server),
      });
    }
  },
});

/** Runs the server, and is a good client, one that resets, and one that ends inside a frame. */
async function useFrameServer(command: string, script: string): Promise<void> {
  await using server = new Program([script, "0"], command);
  const port = Number((await server.prints(/Listening on .*:(\d+)\n/))[1]);
  assertEquals(await exchangeFrames(port, []), ["0 frames"]);
  assertEquals(await exchangeFrames(port, [new Uint8Array(0), noise(5)]), [0, 5, "2 frames"]);
  const many = Array.from({ length: 10_000 }, (_, i) => noise(i % 7));
  const answers = await exchangeFrames(port, many);
  assertEquals(answers, [...many.map(({ length }) => length), "10000 frames"]);
  const long = Array.from({ length: 12 }, () => noise(1_000_000)); // more than the sockets take
  assertEquals((await exchangeFrames(port, long)).at(-1), "12 frames");

  await connectAndReset(port, encodeFrame(noise(5)));
  await resetInEcho(port, encodeFrame(noise(5_000_000)));
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(conn, encodeFrame(noise(5)).subarray(0, 6));
  await conn.closeWrite();
  await server.prints("Lost a connection: Input ended too early", "stderr");
  assertEquals(await exchangeFrames(port, [noise(1)]), [1, "1 frames"]);
}

/** Sends frames while reading, half-closes, and returns the lengths of those that come back, and the last text. */
async function exchangeFrames(port: number, payloads: Uint8Array[]): Promise<(number | string)[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const send = async () => {
    for (const payload of payloads) await writeAll(conn, encodeFrame(payload));
    await conn.closeWrite();
  };
  const receive = async () => {
    const frames: Uint8Array[] = [];
    for await (const frame of readItems(conn.readable, new FrameDecoder())) frames.push(frame);
    return frames;
  };
  const [frames] = await Promise.all([receive(), send()]);
  const text = new TextDecoder().decode(frames.pop());
  for (const [i, frame] of frames.entries()) assertEquals(frame, payloads[i]);
  return [...frames.map(({ length }) => length), text];
}

/** Where npm has put a runtime, or puts it now: one that npx runs would outlive it. */
async function findRuntime(name: string): Promise<string | undefined> {
  const env = { npm_config_fetch_retries: "0" };
  await using program = new Program(["--yes", name, "-p", "process.execPath"], "npx", env);
  const { success } = await program.ended;
  return success ? program.stdout.trim() : undefined;
}

/** Whether npm has a package, or can get it now. */
async function canInstall(name: string): Promise<boolean> {
  const env = { npm_config_fetch_retries: "0" };
  const { success } = await new Program(["--yes", name, "--version"], "npx", env).ended;
  return success;
}

Deno.test({
  name: "mod.ts works in Chromium, transpiled",
  ignore: BROWSER === undefined,
  async fn() {
    using folder = new Folder();
    await transpile(folder);
    folder.write("main.js", programFor("./mod.js", "document.body.append"));
    folder.write(
      "page.html",
      '<meta charset="utf-8"><body><script type="module" src="main.js"></script>',
    );
    await using server = serve(folder.path);
    const browser = await chromium.launch({ executablePath: BROWSER!, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await visit(page, `http://127.0.0.1:${server.addr.port}/page.html`);
      await page.getByText("LENGTH_LIMIT").waitFor();
      assertEquals(await page.locator("body").innerText(), EXPECTED);
    } finally {
      await browser.close();
    }
  },
});
