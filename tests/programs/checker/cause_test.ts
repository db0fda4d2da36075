// The causes that app/check.ts names: the table in tests/support/causes.ts, with words that must be in them and
// words that must not. Where not all is tried, only the usual ones are.
import { assert, assertEquals } from "@std/assert";
import { kinds } from "../../../app/check/kinds.ts";
import { CASES } from "../../support/causes.ts";
import { grade } from "../../support/checking.ts";
import { tryAll } from "../../support/sampling.ts";

Deno.test("app/check.ts fails nothing for right programs, and names no false cause for wrong ones", async () => {
  const cases = CASES.filter(({ isUsual = false }) => tryAll || isUsual);
  const problems = await grade(cases);
  assert(problems.length === 0, problems.join("\n\n"));
});

Deno.test("The table of causes has programs of each kind, right and wrong", () => {
  assert(CASES.length >= 120, `${CASES.length} programs`);
  const names = CASES.map(({ kind, name }) => `${kind} ${name}`);
  assertEquals(names, [...new Set(names)]);
  const servers = ["echo", "app", "chat", "http", "count", "tunnel"];
  for (const kind of [...servers, "echo-client", "app-client", "bot"]) {
    const all = CASES.filter((one) => one.kind === kind);
    assert(all.some(({ fails }) => Object.keys(fails).length === 0), `no right ${kind}`);
    assert(all.some(({ fails }) => Object.keys(fails).length > 0), `no wrong ${kind}`);
  }
});

Deno.test("The table of causes has a mistake for each check of web servers", () => {
  const found = new Set(
    CASES.flatMap(({ kind, fails }) => kind === "http" ? Object.keys(fails) : []),
  );
  const missing = kinds.http.checks.filter(({ name }) => !found.has(name));
  assertEquals(missing, []);
});

for (const lacks of new Set(CASES.flatMap(({ lacks = "" }) => lacks))) {
  if (lacks === "") continue;
  const number = CASES.filter((one) => one.lacks === lacks).length;
  Deno.test.ignore(
    `app/check.ts names no false cause for ${number} programs: this machine lacks ${lacks}`,
    () => {},
  );
}
