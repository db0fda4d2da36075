// The two pages of the tutorial, and the blocks of code in them.
import { assertEquals } from "@std/assert";

export const ROOT: URL = new URL("../../", import.meta.url);
export const PAGES: string[] = ["README.md", "app/README.md"];

/** The language of a program that a transcript runs as try.ts. */
export const TRY = "ts ignore try";

/** The language of a block that goes on with the output of an earlier command, which has this in it. */
export const REST = "console rest ";

/** The text of README.md. */
export const README: string = read("README.md");

/** A block of code. */
export interface Block {
  section: string; // the heading of level 2 above it
  language: string;
  text: string;
  line: number;
}

/** The blocks of a page. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let section = "";
  let open: Block | undefined;
  for (const [i, line] of page.split("\n").entries()) {
    if (open) {
      if (line === "```") {
        blocks.push({ ...open, text: open.text.slice(0, -1) });
        open = undefined;
      } else {
        open.text += `${line}\n`;
      }
    } else if (line.startsWith("```")) {
      open = { section, language: line.slice(3), text: "", line: i + 1 };
    } else if (line.startsWith("## ")) {
      section = line.slice(3);
    }
  }
  assertEquals(open, undefined);
  return blocks;
}

/** Reads a file of the package. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The block of README.md that declares a parser. */
export function findParserBlock(name: string): string {
  const blocks = blocksOf(README).filter(({ language }) => language === "ts");
  const block = blocks.find(({ text }) => text.includes(`function* ${name}(`));
  if (block === undefined) throw new Error(`README.md has no parser ${name}`);
  return block.text;
}

/** Imports what such a block declares before its example: the parser, and others by their names. */
export async function importParserBlock<T>(...names: [string, ...string[]]): Promise<T> {
  const block = findParserBlock(names[0]);
  const declarations = block.slice(0, /^const \w+ = new Decoder\(/m.exec(block)!.index)
    .replaceAll("@sockets/guide", new URL("mod.ts", ROOT).href)
    .replace(/^import .* from "@std.*$/m, "");
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, `${declarations}\nexport { ${names.join(", ")} };\n`);
    return await import(new URL(file, "file:///").href);
  } finally {
    await Deno.remove(file);
  }
}
