// The programs of README.md that other programs here use as they stand.
const ROOT = new URL("../", import.meta.url);

/** The text of README.md. */
export const README: string = await Deno.readTextFile(new URL("README.md", ROOT));

/** The block of README.md that declares a parser. */
export function findParserBlock(name: string): string {
  const blocks = [...README.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!);
  const block = blocks.find((code) => code.includes(`function* ${name}(`));
  if (block === undefined) throw new Error(`README.md has no parser ${name}`);
  return block;
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
