// Holds the tutorial to sentences that a learner can read once. `tests/support/prose.ts README.md` lists the longest.
import { assert, assertEquals } from "@std/assert";
import { measureProse } from "../support/prose.ts";

const MAX_MEAN = 15; // words
const MAX_LENGTH = 30; // words
const MAX_SEMICOLONS = 15;

for (const page of ["README.md", "app/README.md"]) {
  Deno.test(`${page} has short sentences`, async () => {
    const text = await Deno.readTextFile(new URL(`../../${page}`, import.meta.url));
    const { sentences, semicolons, mean } = measureProse(text);
    const long = sentences.filter(({ words }) => words > MAX_LENGTH);
    assertEquals(long, []);
    assert(mean <= MAX_MEAN, `${mean} words on average`);
    assert(semicolons <= MAX_SEMICOLONS, `${semicolons} semicolons`);
  });
}

Deno.test("measureProse counts what is read, and neither code, tables nor where links lead", () => {
  const page =
    "# A heading\n\nOne two [three four](https://example.com/a;b). `five; six` seven!\n\n" +
    "| a; b |\n| ---- |\n\n```ts\nlet x; // no sentence.\n```\n\n- **eight** nine; ten\n- It ends" +
    " after 0.5 s.\n  (So does this.)\n\n<details><summary>Hint</summary>\n\nLast.\n\n</details>\n";
  const { sentences, semicolons, mean } = measureProse(page);
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
  assertEquals(semicolons, 1);
  assertEquals(mean, 19 / 7);
});
