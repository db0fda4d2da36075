// Compiles programs that use the package, with old and new versions of TypeScript.
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { tryAll } from "../support/sampling.ts";

const ROOT = new URL("../../", import.meta.url);

/** TypeScript, and types of Node.js that it understands. */
const compilers = [
  { typescript: "5.0.4", node: "20.19.0" },
  { typescript: "5.9.3", node: "26.6.6" },
  { typescript: "6.0.3", node: "26.6.6" },
  { typescript: "7.0.2", node: "26.6.6" },
];
const FASTEST = "7.0.2";
const OLDEST = "5.0.4";

/** Which names of the platform there are, and the program that needs no others. */
const consumers = [
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
];

for (const { typescript, node } of compilers) {
  Deno.test({
    name: `mod.ts compiles in TypeScript ${typescript}, for browsers, workers and Node.js`,
    ignore: !tryAll && typescript !== FASTEST,
    async fn(t) {
      const folder = await Deno.makeTempDir();
      try {
        const dependencies = { typescript, "@types/node": node };
        await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ dependencies }));
        assertEquals(await run(folder, "install", "--quiet"), "");
        for (const { platform, lib, types, program } of consumers) {
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
              typeRoots: [`${folder}/node_modules/@types`],
              types,
            };
            const files = [fileURLToPath(new URL(`tests/support/data/${program}`, ROOT))];
            await Deno.writeTextFile(
              `${folder}/tsconfig.json`,
              JSON.stringify({ compilerOptions, files }),
            );
            const tsc = `${folder}/node_modules/typescript/bin/tsc`;
            assertEquals(await run(folder, "run", "-A", tsc, "--project", folder), "");
          });
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Runs Deno in a folder, and returns what it prints if it fails. */
async function run(folder: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: folder, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  return success ? "" : new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
