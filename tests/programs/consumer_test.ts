// Compiles programs that use the package, with an old and the newest TypeScript.
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { tryAll } from "../support/sampling.ts";

const ROOT = new URL("../../", import.meta.url);
const PACKAGES = {
  "typescript-old": "npm:typescript@5.0.4",
  "typescript-new": "npm:typescript@7.0.2",
  "node-types-old": "npm:@types/node@20.19.0", // a newer one needs a newer TypeScript
  "@types/node": "26.6.6",
};

/** Which names of the platform there are, and the program that needs no others. */
const consumers: [lib: string, types: string[], program: string][] = [
  ["es2022,dom,dom.iterable,dom.asynciterable", [], "consumer.ts"],
  ["es2022,webworker,webworker.iterable,webworker.asynciterable", [], "consumer.ts"],
  ["es2022", ["node"], "node_consumer.ts"],
];

Deno.test("mod.ts compiles in TypeScript 5.0 and 7.0, for browsers, workers and Node.js", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify({ dependencies: PACKAGES }));
    await run(folder, "install", "--quiet");
    for (const compiler of ["typescript-old", "typescript-new"]) {
      for (const [lib, types, program] of consumers) {
        const isOld = compiler === "typescript-old"; // and slow
        const ignore = isOld && !tryAll;
        await t.step({
          name: `${compiler}, ${lib} ${types}`,
          ignore,
          fn: async () => {
            const compilerOptions = {
              allowImportingTsExtensions: true,
              lib: lib.split(",").filter((name) => !isOld || !/async/.test(name)),
              module: "esnext",
              moduleResolution: "bundler",
              noEmit: true,
              skipLibCheck: true, // of others
              strict: true,
              target: "es2022",
              typeRoots: [`${folder}/node_modules/@types`],
              types: types.map((name) => isOld ? `${name}-types-old` : name),
            };
            const files = [fileURLToPath(new URL(`tests/support/data/${program}`, ROOT))];
            await Deno.writeTextFile(
              `${folder}/tsconfig.json`,
              JSON.stringify({ compilerOptions, files }),
            );
            const tsc = `${folder}/node_modules/${compiler}/bin/tsc`;
            assertEquals(await run(folder, "run", "-A", tsc, "--project", folder), "");
          },
        });
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Runs Deno in a folder, and returns what it prints if it fails. */
async function run(folder: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: folder, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  return success ? "" : new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
