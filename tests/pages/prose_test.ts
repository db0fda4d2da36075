// Holds the tutorial to sentences that a learner can read once. `tests/support/prose.ts README.md` lists the longest.
import { assert, assertEquals } from "@std/assert";
import { PAGES, read } from "../support/pages.ts";
import { sentencesOf } from "../support/prose.ts";

const MAX_LENGTH = 35; // words

for (const page of PAGES) {
  Deno.test(`${page} has no sentence over ${MAX_LENGTH} words`, () => {
    const sentences = sentencesOf(read(page));
    assert(sentences.length > 20);
    assertEquals(sentences.filter(({ words }) => words > MAX_LENGTH), []);
  });
}

Deno.test("sentencesOf finds what is read, and neither code, tables nor where links lead", () => {
  const page =
    "# A heading\n\nOne two [three four](https://example.com/a;b). `five; six` seven!\n\n" +
    "| a; b |\n| ---- |\n\n```ts\nlet x; // no sentence.\n```\n\n- **eight** nine; ten\n- It ends" +
    " after 0.5 s.\n  (So does this.)\n\n<details><summary>Hint</summary>\n\nLast.\n\n</details>\n";
  const sentences = sentencesOf(page);
  assertEquals(sentences.map(({ text }) => text), [
    "One two three four.",
    "Code seven!",
    "eight nine; ten",
    "It ends after 0.5 s.",
    "(So does this.)",
    "Hint",
    "Last.",
  ]);
  assertEquals(sentences.map(({ words }) => words), [4, 2, 3, 5, 3, 1, 1]);
  assert(sentences.every(({ section }) => section === "A heading"));
});
