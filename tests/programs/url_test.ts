// Runs the commands of app/README.md for those who have no checkout. Files of this repository and of the
// package registry are served on loopback.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Program, startServer } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url);
const PACKAGES = ["bytes", "cli"]; // of std/; the programs use no others
const windows = Deno.build.os === "windows";

/** Whether the stand-ins are here that are served as the registry's packages. */
const hasPackages = PACKAGES.every((name) => {
  try {
    return Deno.statSync(new URL(`std/${name}/deno.json`, ROOT)).isFile;
  } catch {
    return false;
  }
});

interface Package {
  version: string;
  exports: Record<string, string>;
}

/** A folder, and two servers: one with the files of the repository, one that acts as jsr.io. */
class Web implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  requestsToRegistry = 0;
  readonly #files = serve((path) => Deno.readFile(new URL(`.${path}`, ROOT)));
  readonly #registry = serve((path) => {
    this.requestsToRegistry++;
    return readRegistry(path);
  });
  readonly host = `127.0.0.1:${this.#files.addr.port}`;
  readonly registry = `127.0.0.1:${this.#registry.addr.port}`;

  /** Runs Deno with nothing in its cache but what `this` has given it. */
  async deno(args: string[], command?: string): Promise<{ code: number; output: string }> {
    await using program = new Program(args, command, {
      DENO_DIR: `${this.folder}/cache`,
      DENO_INSTALL_ROOT: this.folder,
      DENO_NO_PROMPT: "1",
      DENO_NO_UPDATE_CHECK: "1",
      JSR_URL: `http://${this.registry}/`,
    });
    const { code } = await program.ended;
    return { code, output: program.stdout + program.stderr };
  }

  /** Runs a command as it stands on the page, with these servers for those it names. */
  run(command: string, ...more: string[]): Promise<{ code: number; output: string }> {
    const [deno, ...args] = command.split(" ").map((word, i, words) => {
      const isFile = word === "my_program.ts" || words[i - 1] === "--output";
      if (isFile) return `${this.folder}/${word}`;
      return word.replaceAll("https://HOST", `http://${this.host}`)
        .replaceAll("HOST", this.host)
        .replaceAll("jsr.io:443", this.registry);
    });
    assertEquals(deno, "deno");
    return this.deno([...args, ...more]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files.shutdown();
    await this.#registry.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function serve(read: (path: string) => Promise<BodyInit>): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async (request) => {
    const { pathname } = new URL(request.url);
    const type = pathname.endsWith(".js") ? "text/javascript" : "text/typescript";
    try {
      return new Response(await read(pathname), { headers: { "content-type": type } });
    } catch {
      return new Response("Not found", { status: 404 });
    }
  });
}

/** What jsr.io says of a package and of its version, and the files of that. */
async function readRegistry(path: string): Promise<BodyInit> {
  const [, name, rest] = /^\/@std\/(\w+)\/(.*)$/.exec(path)!;
  assert(PACKAGES.includes(name!));
  const folder = new URL(`std/${name}/`, ROOT);
  const { version, exports }: Package = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", folder)),
  );
  if (rest === "meta.json") {
    return JSON.stringify({ scope: "std", name, latest: version, versions: { [version]: {} } });
  }
  if (rest !== `${version}_meta.json`) {
    return await Deno.readFile(new URL(rest!.slice(version.length + 1), folder));
  }
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const file of Object.values(exports)) {
    const bytes = await Deno.readFile(new URL(file, folder));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    manifest[file.slice(1)] = { size: bytes.length, checksum: `sha256-${digest.toHex()}` };
  }
  return JSON.stringify({ manifest, exports });
}

/** The commands of the section, in their order. */
function commands(): string[] {
  const page = Deno.readTextFileSync(new URL("app/README.md", ROOT));
  const [, section] = /\n## From a URL, installed, compiled\n([^]*?)(?=\n## |$)/.exec(page)!;
  return [...section!.matchAll(/^```sh\n([^]*?)\n```$/gm)].flatMap(([, text]) => text!.split("\n"));
}

const [run, runWithHosts, runOwn, installFromUrl, installFromCheckout, compile, ...others] =
  commands() as [string, string, string, string, string, string];

Deno.test("app/README.md has six commands for those without a checkout", () => {
  assertEquals(others, []);
  assert(compile.startsWith("deno compile "));
});

Deno.test({
  name: "The checker runs from a URL, as app/README.md says",
  ignore: !hasPackages,
  async fn() {
    await using web = new Web();
    await using server = await startServer("app/multiconn_server.ts", "--quiet");
    const here = (command: string) => command.replace("65432", `${server.port}`);
    for (const command of [run, runWithHosts]) {
      const { code, output } = await web.run(here(command), "--only", "echo");
      assertEquals(code, 0, output);
      assertStringIncludes(output, "1 check: 1 passed");
      await Deno.remove(`${web.folder}/cache`, { recursive: true });
    }
    const { code, output } = await web.run(here(runWithHosts).replace(",jsr.io:443", ""));
    assertEquals(code, 1);
    assertStringIncludes(output, `Requires import access to "${web.registry}"`);
  },
});

Deno.test({
  name: "All programs run from a URL",
  ignore: !hasPackages,
  async fn() {
    await using web = new Web();
    const programs = [...Deno.readDirSync(new URL("app/", ROOT))]
      .filter(({ name }) =>
        /(server|client|check|relay|netcat)\.ts$/.test(name) && !name.startsWith("lib")
      )
      .map(({ name }) => `app/${name}`);
    // In app/examples/ the others need no packages, see below.
    programs.push("echo_server.ts", "echo_client.ts", "app/examples/web_server.ts");
    assertEquals(programs.length, 13);
    for (const program of programs) {
      const { code, output } = await web.deno(["run", `http://${web.host}/${program}`, "--help"]);
      assertEquals(code, 0, output);
    }
  },
});

Deno.test("The programs in app/examples/ run from a URL without packages", async () => {
  await using web = new Web();
  for (const { name } of Deno.readDirSync(new URL("app/examples/", ROOT))) {
    if (!name.endsWith(".ts") || name === "web_server.ts") continue; // which stands on app/core/
    const program = `http://${web.host}/app/examples/${name}`;
    const { code, output } = await web.deno(["run", program, "--help"]);
    assertEquals(code, 0, output);
    assertStringIncludes(output, `app/examples/${name} `);
  }
  assertEquals(web.requestsToRegistry, 0);
});

Deno.test("A program that imports mod.ts from a URL needs --allow-import, as app/README.md says", async () => {
  await using web = new Web();
  const program = `import { htons } from "http://${web.host}/mod.ts"; console.log(typeof htons);`;
  await Deno.writeTextFile(`${web.folder}/my_program.ts`, program);
  const refused = await web.run(runOwn.replace("--allow-import=HOST ", ""));
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.output, `Requires import access to "${web.host}"`);
  const { code, output } = await web.run(runOwn);
  assertEquals(code, 0, output);
  assertStringIncludes(output, "function\n");
});

Deno.test({
  name: "The checker can be installed, as app/README.md says",
  ignore: windows || !hasPackages, // on Windows the command is a file of another kind
  async fn() {
    for (const command of [installFromUrl, installFromCheckout]) {
      await using web = new Web();
      const installed = await web.run(command);
      assertEquals(installed.code, 0, installed.output);
      const { code, output } = await web.deno(["--help"], `${web.folder}/bin/check-sockets`);
      assertEquals(code, 0, output);
      assertStringIncludes(
        output,
        "Checks whether a server or a client does what the tutorial says",
      );
      assert(web.requestsToRegistry > 0); // not the stand-ins of the checkout
    }
  },
});

Deno.test({
  name: "The echo pair can be installed without packages",
  ignore: windows,
  async fn() {
    await using web = new Web();
    const command = installFromCheckout.replace("app/check.ts", "echo_client.ts");
    assertEquals((await web.run(command)).code, 0);
    const { code } = await web.deno(["--help"], `${web.folder}/bin/check-sockets`);
    assertEquals([code, web.requestsToRegistry], [0, 0]);
  },
});

Deno.test({
  name: "The checker can be compiled, as app/README.md says",
  ignore: !await isReachable("https://dl.deno.land/"), // from where Deno gets its own part
  async fn() {
    await using web = new Web();
    const compiled = await web.run(compile);
    assertEquals(compiled.code, 0, compiled.output);
    const { code, output } = await web.deno(["--help"], `${web.folder}/check-sockets`);
    assertEquals(code, 0, output);
    assertStringIncludes(output, "Checks whether a server or a client does what the tutorial says");
  },
});

async function isReachable(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
