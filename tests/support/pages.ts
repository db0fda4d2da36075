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
