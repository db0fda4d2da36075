// Compiles programs that use the package, with old and new versions of TypeScript.
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { tryAll } from "../support/sampling.ts";
import { blocksOf, read, ROOT } from "../support/pages.ts";

/** TypeScript, and types of Node.js that it understands. */
const compilers = [
  { typescript: "5.0.4", node: "20.19.0" },
  { typescript: "5.9.3", node: "26.6.6" },
  { typescript: "6.0.3", node: "26.6.6" },
  { typescript: "7.0.2", node: "26.6.6" },
];
const OTHER_TYPES = { "@types/bun": "1.4.5", "@cloudflare/workers-types": "5.20261117.1" };
const LIFETIME = 300_000; // milliseconds, far more than a download or a compilation takes
const FASTEST = "7.0.2";
const OLDEST = "5.0.4";

interface Consumer {
  platform: string;
  lib: string[] | undefined;
  types: string[];
  program: string;
  isNew?: boolean; // types that the oldest TypeScript does not understand
}

/** Which names of the platform there are, and the program that needs no others. */
const consumers: Consumer[] = [
  {
    platform: "browsers",
    lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"],
    types: [],
    program: "consumer.ts",
  },
  {
    platform: "workers",
    lib: ["es2022", "webworker", "webworker.iterable", "webworker.asynciterable"],
    types: [],
    program: "consumer.ts",
  },
  { platform: "Node.js", lib: ["es2022"], types: ["node"], program: "node_consumer.ts" },
  {
    platform: "Node.js with the default lib, which is a browser's",
    lib: undefined,
    types: ["node"],
    program: "node_consumer.ts",
  },
  { platform: "Bun", lib: ["esnext"], types: ["bun"], program: "consumer.ts", isNew: true },
  {
    platform: "Cloudflare Workers",
    lib: ["es2022"],
    types: ["@cloudflare/workers-types"],
    program: "consumer.ts",
    isNew: true,
  },
];

for (const { typescript, node } of compilers) {
  Deno.test({
    name: `mod.ts compiles in TypeScript ${typescript} on every platform`,
    ignore: !tryAll && typescript !== FASTEST,
    async fn(t) {
      const folder = await Deno.makeTempDir();
      const tsc = ["run", "-A", `${folder}/node_modules/typescript/bin/tsc`];
      try {
        const dependencies = { typescript, "@types/node": node, ...OTHER_TYPES };
        await writeJson(`${folder}/package.json`, { type: "module", dependencies });
        assertEquals(await run(folder, "install", "--quiet"), "");
        for (const { platform, lib, types, program, isNew } of consumers) {
          if (isNew && typescript === OLDEST) continue;
          await t.step(platform, async () => {
            const compilerOptions = {
              allowImportingTsExtensions: true,
              // The oldest does not know yet that streams can be iterated over.
              lib: lib?.filter((name) => typescript !== OLDEST || !/async/.test(name)),
              module: "esnext",
              moduleResolution: "bundler",
              noEmit: true,
              skipLibCheck: true, // of others
              strict: true,
              target: "es2022",
              types,
            };
            const files = [fileURLToPath(new URL(`tests/support/data/${program}`, ROOT))];
            await writeJson(`${folder}/tsconfig.json`, { compilerOptions, files });
            assertEquals(await run(folder, ...tsc), "");
          });
        }
        await t.step("a project of tsc --init with the options of app/wire/README.md", async () => {
          await Deno.remove(`${folder}/tsconfig.json`);
          assertEquals(await run(folder, ...tsc, "--init"), "");
          await Deno.rename(`${folder}/tsconfig.json`, `${folder}/init.json`);
          await copyPackage(`${folder}/sockets`);
          await Deno.writeTextFile(`${folder}/main.ts`, MAIN);
          const { compilerOptions } = findOptions();
          compilerOptions.types = ["node"];
          const project = { extends: "./init.json", compilerOptions };
          await writeJson(`${folder}/tsconfig.json`, project);
          assertEquals(await run(folder, ...tsc), "");

          if (typescript === OLDEST) return; // it cannot rewrite the names of imported files
          delete compilerOptions.allowImportingTsExtensions;
          delete compilerOptions.noEmit;
          compilerOptions.rewriteRelativeImportExtensions = true;
          compilerOptions.outDir = "out";
          await writeJson(`${folder}/tsconfig.json`, project);
          assertEquals(await run(folder, ...tsc), "");
          assertEquals(await run(folder, "run", "out/main.js"), "");
        });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** The options that app/wire/README.md tells projects in TypeScript to set. */
function findOptions(): { compilerOptions: Record<string, unknown> } {
  const block = blocksOf(read("app/wire/README.md")).find(({ text }) =>
    text.includes('"compilerOptions"')
  );
  return JSON.parse(block!.text);
}

/** A program in a project that has a copy of the package. */
const MAIN = `import { createServer } from "node:net";
import { encodeFrame, FrameDecoder } from "./sockets/mod.ts";
const decoder = new FrameDecoder();
decoder.push(encodeFrame(new Uint8Array(3)));
if (decoder.take()?.length !== 3) throw createServer;
`;

async function copyPackage(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/app/wire`, { recursive: true });
  await Deno.copyFile(new URL("mod.ts", ROOT), `${folder}/mod.ts`);
  for await (const { name } of Deno.readDir(new URL("app/wire/", ROOT))) {
    await Deno.copyFile(new URL(`app/wire/${name}`, ROOT), `${folder}/app/wire/${name}`);
  }
}

function writeJson(path: string, value: unknown): Promise<void> {
  return Deno.writeTextFile(path, JSON.stringify(value));
}

/** Runs Deno in a folder, and returns what it prints if it fails. */
async function run(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(LIFETIME),
  }).output();
  if (code === 0) return "";
  return `Code ${code}: ${new TextDecoder().decode(stdout)}${new TextDecoder().decode(stderr)}`;
}
