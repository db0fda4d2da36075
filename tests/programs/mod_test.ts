import { assert, assertEquals } from "@std/assert";
import { chromium } from "playwright-core";
import * as mod from "../../mod.ts";
import { BROWSER } from "../support/browser.ts";
import { tryAll } from "../support/sampling.ts";
import { Program, works } from "../support/programs.ts";
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
async function bundle(folder: Folder): Promise<boolean> {
  await using program = new Program(["bundle", "--quiet", "mod.ts", "-o", `${folder.path}/all.js`]);
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
      await page.goto(`http://127.0.0.1:${server.addr.port}/page.html`);
      await page.getByText("FRAME_TOO_LARGE").waitFor();
      assertEquals(await page.locator("body").innerText(), EXPECTED);
    } finally {
      await browser.close();
    }
  },
});
