import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

// The floors of app/, from the lowest to the highest, as the map for contributors has them. What lies in no
// folder of a lower floor is a program, or a part of one.
const FLOORS = read("CONTRIBUTING.md").matchAll(/^\| \d +\| `(app\/[\w/]*)` /gm)
  .map(([, folder]) => folder!).toArray();

// Programs that a reader can take away: each is one file. Only the web server, which must bear anybody, stands
// on the core.
const EXAMPLES = "app/examples/";
const WEB_SERVER = `${EXAMPLES}web_server.ts`;

// What a file may not name that runs everywhere and takes bytes and returns values.
const IMPURE =
  /\b(?:(?:node|npm|jsr):|(?:Deno|setTimeout|setInterval|setImmediate|Date|performance|process|Buffer)\b)/;

// The files of the checker that work with sockets, programs, files, the terminal and time. All others say what is
// asked, what came of it and what that means, through these.
const CHECKS_OUTER_FILES = new Set([
  ...["server.ts", "server_run.ts", "client_run.ts", "program.ts"],
  ...["batch.ts", "printer.ts", "progress.ts", "session.ts", "watch.ts"],
]);
const OUTER = /\b(?:Deno\.|node:|setTimeout|setInterval|setImmediate|process\.|Buffer\b)/;

const sources = new Map<string, string>();
addSources("app/");

function addSources(folder: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = folder + name;
    if (isDirectory) addSources(`${path}/`);
    else if (name.endsWith(".ts")) sources.set(path, read(path));
  }
}

function floorOf(path: string): number {
  return FLOORS.findIndex((folder) => path.startsWith(folder));
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The program text without comments, whose examples may use anything. */
function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*/gm, "");
}

/** The program text without comments, and without the texts that it prints. What it imports stays. */
function withoutTexts(source: string): string {
  return withoutComments(source).replaceAll(/"(?!node:)(?:[^"\\\n]|\\.)*"|'[^'\n]*'/g, '""');
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

Deno.test("What does not stand on app/core/ names no Deno, no package, no timer and no clock", () => {
  for (const [path, source] of sources) {
    if (path.startsWith(EXAMPLES)) continue; // programs
    if ([...graphOf(path)].some((file) => file.startsWith("app/core/"))) continue;
    const impure = IMPURE.exec(withoutComments(source))?.[0];
    assert(impure === undefined, `${path} names ${impure}`);
  }
});

Deno.test("What the checker asks of a program names no Deno, nothing of Node, no timer and no process", () => {
  for (const [path, source] of sources) {
    const name = path.replace("app/check/", "");
    if (name === path || CHECKS_OUTER_FILES.has(name)) continue;
    const outer = OUTER.exec(withoutTexts(source))?.[0];
    assert(outer === undefined, `${path} names ${outer}`);
  }
  for (const name of CHECKS_OUTER_FILES) {
    assert(OUTER.test(withoutTexts(read(`app/check/${name}`))));
  }
});

Deno.test("The tutorial's libraries lead to app/wire/ only, so that they are pure too", () => {
  const libraries = [...sources.keys()].filter((path) => /^app\/lib\w+\.ts$/.test(path));
  assertEquals(libraries.length, 2);
  libraries.forEach(assertLeadsToWireOnly);
});

Deno.test("mod.ts leads to app/wire/ only", () => {
  assertLeadsToWireOnly("mod.ts");
});

Deno.test("Files in app/examples/ import mod.ts and what Deno has, and nobody imports them", () => {
  let examples = 0;
  for (const [path, source] of sources) {
    for (const next of importsOf(path, source)) {
      assert(!next.startsWith(EXAMPLES), `${path} imports ${next}`);
      if (path.startsWith(EXAMPLES)) {
        const isFromCore = /^app\/core\/|^app\/wire\/limits\.ts$/.test(next);
        const isAllowed = /^mod\.ts$|^node:/.test(next) || (path === WEB_SERVER && isFromCore);
        assert(isAllowed, `${path} imports ${next}`);
      }
    }
    if (path.startsWith(EXAMPLES)) examples++;
  }
  assert(examples > 0);
});

Deno.test("The map for contributors has three floors, and files to read that exist", () => {
  assertEquals(FLOORS, ["app/wire/", "app/core/", "app/"]);
  const floors = read("CONTRIBUTING.md").match(/^\| \d +\| `app\/.*$/gm)!;
  for (const [i, floor] of floors.entries()) {
    const files = [...floor.matchAll(/`(\w+\.ts)`/g)].map(([, name]) => FLOORS[i] + name!);
    assertEquals(files.length, 3);
    for (const file of files) assert(sources.has(file), `There is no ${file}`);
  }
});

Deno.test("Files in app/ import from their own floor and lower ones only, without a circle", () => {
  for (const [path, source] of sources) {
    for (const next of importsOf(path, source)) {
      assert(next !== "mod.ts" || path.startsWith(EXAMPLES), `${path} imports mod.ts`);
      if (!sources.has(next)) continue;
      assert(floorOf(next) <= floorOf(path), `${path} imports ${next}, which is above it`);
      assert(!graphOf(next).has(path), `${path} and ${next} form a circle`);
    }
  }
});

function assertLeadsToWireOnly(root: string): void {
  for (const path of graphOf(root)) {
    assert(path === root || path.startsWith("app/wire/"), `${root} leads to ${path}`);
  }
}

Deno.test("The purity test sees through comments, and sees every kind of import", () => {
  const source = `
import { a } from "./a.ts"; // import "node:fs"
import type { b } from "../b.ts";
export * from 'npm:c';
/** import { d } from "./d.ts"; Deno.exit() */
const e = await import("./e.ts"), url = "http://x"; Deno;`;
  assertEquals(importsOf("app/x.ts", source), ["app/a.ts", "b.ts", "npm:c", "app/e.ts"]);
  assertEquals(IMPURE.exec(withoutComments(source))?.[0], "npm:");
  assertEquals(IMPURE.exec(`import { f } from "jsr:@std/f";`)?.[0], "jsr:");
  assertEquals(IMPURE.exec(withoutComments("a; // Deno\n/* setTimeout */ b;")), null);
});
