// Measures how long the sentences of a page in Markdown are.
//
//   deno run --allow-read tests/support/prose.ts README.md

/** The sentences of a page, and its semicolons. Code, tables and where links lead are not counted. */
export interface Prose {
  sentences: Sentence[];
  semicolons: number;
  /** The mean number of words in a sentence. */
  mean: number;
}

/** A sentence with the heading that it stands under. */
export interface Sentence {
  section: string;
  text: string;
  words: number;
}

/** Measures a page in Markdown. */
export function measureProse(page: string): Prose {
  const sentences: Sentence[] = [];
  let semicolons = 0;
  let section = "";
  for (const block of blocksOf(page)) {
    if (block.startsWith("#")) {
      section = block.replace(/^#+ /, "");
      continue;
    }
    semicolons += block.split(";").length - 1;
    for (const text of sentencesOf(block)) {
      const words = text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
      if (words > 0) sentences.push({ section, text, words });
    }
  }
  const words = sentences.reduce((sum, { words }) => sum + words, 0);
  return { sentences, semicolons, mean: words / sentences.length };
}

/** The paragraphs, list items and headings, each on one line. A piece of code is one word, `Code`. */
function blocksOf(page: string): string[] {
  const text = page
    .replaceAll(/^ *```[^]*?^ *```$/gm, "")
    .replaceAll(/^\|.*$/gm, "")
    .replaceAll(/(`+)[^]*?\1/g, "Code")
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/<https?:[^>]*>/g, "")
    .replaceAll(/<[^>]*>/g, "\n\n")
    .replaceAll(/[*_]/g, "");
  return text
    .split(/\n{2,}|\n(?= *(?:[-*]|\d+\.) )|(?<=^#.*)\n/m)
    .map((block) => block.replace(/^ *(?:[-*]|\d+\.) +/, "").replaceAll(/\s+/g, " ").trim())
    .filter((block) => block !== "");
}

/** A sentence ends with a full stop, and the next one begins with a capital letter or a number. */
function sentencesOf(block: string): string[] {
  return block.split(/(?<=[.!?][)"”]*)\s+(?=[("“]*[\p{Lu}\p{N}])/u);
}

if (import.meta.main) {
  for (const path of Deno.args) {
    const { sentences, semicolons, mean } = measureProse(await Deno.readTextFile(path));
    console.log(
      `${path}: ${sentences.length} sentences, ${mean.toFixed(1)} words on average, ` +
        `${semicolons} semicolons`,
    );
    for (const { section, text, words } of sentences.toSorted((a, b) => b.words - a.words)) {
      if (words > 25) console.log(`  ${words} words, in ${section}: ${text}`);
    }
  }
}
