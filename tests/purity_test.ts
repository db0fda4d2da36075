import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

// Each file imports from lower layers only.
const LAYERS = [
  ["command_line", "endianness", "escape"],
  ["struct", "byte_reader", "decoder"],
  ["framing"],
  ["message"],
  ["annotate", "chat", "connection", "libserver", "libclient"],
  ["echo_checks", "outbox"],
  ["app_checks"],
  ["server", "client", "chat_server", "chat_client", "check", "relay"],
];
const PURE = ["endianness", "escape", "struct", "byte_reader", "decoder", "framing", "message"]
  .concat("annotate", "chat", "libserver", "libclient");

// What a file may not name that runs everywhere and takes bytes and returns values.
const IMPURE =
  /\b(Deno|node:|npm:|jsr:|setTimeout|setInterval|setImmediate|Date|performance|process|Buffer)\b/;

const sources = new Map<string, string>();
for (const { name } of Deno.readDirSync(new URL("app/", ROOT))) {
  if (name.endsWith(".ts")) sources.set(`app/${name}`, read(`app/${name}`));
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The program text without comments, whose examples may use anything. */
function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*/gm, "");
}

/** What a file imports or re-exports, types as well: paths from the root, or what it names else. */
function importsOf(path: string, source: string): string[] {
  const pattern = /\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g;
  return [...withoutComments(source).matchAll(pattern)].map(([, specifier]) =>
    specifier!.startsWith(".")
      ? new URL(specifier!, new URL(path, "file:///")).pathname.slice(1)
      : specifier!
  );
}

/** All files that a file leads to, itself included. */
function graphOf(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const next of importsOf(path, read(path))) {
    if (/^[\w/]+\.ts$/.test(next)) graphOf(next, found);
    else found.add(next);
  }
  return found;
}

Deno.test("Pure files name no Deno, no Node.js, no timers and no clocks", () => {
  for (const name of PURE) {
    const impure = IMPURE.exec(withoutComments(sources.get(`app/${name}.ts`)!))?.[0];
    assert(impure === undefined, `app/${name}.ts names ${impure}`);
  }
});

Deno.test("mod.ts and the pure files lead to pure files only", () => {
  const pure = PURE.map((name) => `app/${name}.ts`);
  for (const root of ["mod.ts", ...pure]) {
    for (const path of graphOf(root)) {
      assert(path === root || pure.includes(path), `${root} leads to ${path}`);
    }
  }
});

Deno.test("Files in app/ import from lower layers only, so that there is no circle", () => {
  const layerOf = (path: string) =>
    LAYERS.findIndex((layer) => layer.some((name) => path === `app/${name}.ts`));
  for (const [path, source] of sources) {
    const layer = layerOf(path);
    assert(layer !== -1, `${path} has no layer`);
    for (const next of importsOf(path, source)) {
      assert(next !== "mod.ts", `${path} imports mod.ts`);
      assert(layerOf(next) < layer, `${path} imports ${next}, which is not below it`);
    }
    for (const next of importsOf(path, source)) {
      if (sources.has(next)) assert(!graphOf(next).has(path), `${path} and ${next} form a circle`);
    }
  }
});

Deno.test("The purity test sees through comments, and sees every kind of import", () => {
  const source = `
import { a } from "./a.ts"; // import "node:fs"
import type { b } from "../b.ts";
export * from 'npm:c';
/** import { d } from "./d.ts"; Deno.exit() */
const e = await import("./e.ts"), url = "http://x"; Deno;`;
  assertEquals(importsOf("app/x.ts", source), ["app/a.ts", "b.ts", "npm:c", "app/e.ts"]);
  assertEquals(IMPURE.exec(withoutComments(source))?.[0], "npm:");
  assertEquals(IMPURE.exec(withoutComments("a; // Deno\n/* setTimeout */ b;")), null);
});
