// The pages of the tutorial, and the blocks of code in them.
import { assertEquals } from "@std/assert";

export const ROOT: URL = new URL("../../", import.meta.url);
export const PAGES: string[] = [
  "README.md",
  "app/README.md",
  "app/check/README.md",
  "app/core/README.md",
  "app/examples/README.md",
  "app/examples/web_server.md",
  "app/wire/README.md",
];

/** The language of a program that a transcript runs as try.ts. */
export const TRY = "ts ignore try";

/**
 * The language of lines that change try.ts: those with `-` go, those with `+` come, and the others show
 * where. A line `…` stands between two places.
 */
export const CHANGE = "diff try";

/** The language of the whole of try.ts, as the changes before it have left it. */
export const WHOLE = "ts ignore whole try";

/** The languages of the blocks that write try.ts. */
export const TRIES: string[] = [TRY, CHANGE, WHOLE];

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

/** What stands in try.ts after each block that writes it, from the first to the last of a page. */
export function stagesOf(page: string): string[] {
  let program = "";
  return blocksOf(page).filter(({ language }) => TRIES.includes(language)).map((block) =>
    program = nextTry(block, program)
  );
}

/** What a block makes of the program in try.ts. */
export function nextTry({ language, text, line }: Block, program: string): string {
  switch (language) {
    case TRY:
      return text;
    case WHOLE:
      assertEquals(text, program, `line ${line} is not what the changes above make`);
      return program;
    default:
      return text.split(/^…\n/m).reduce((program, place) => change(program, place, line), program);
  }
}

/** Changes one place of a program. */
function change(program: string, place: string, line: number): string {
  const lines = place.trimEnd().split("\n");
  const without = (sign: string) =>
    lines.filter((line) => !line.startsWith(sign)).map((line) => `${line.slice(1)}\n`).join("");
  const parts = `\n${program}\n`.split(`\n${without("+")}`);
  assertEquals(parts.length, 2, `line ${line} must fit one place:\n${place}\nin\n${program}`);
  return parts.join(`\n${without("-")}`).slice(1, -1);
}

/** Reads a file of the package. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}
