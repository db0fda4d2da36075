// Holds what surrounds the code to it: files that say the same thing in two places.
import { assert, assertEquals, assertMatch } from "@std/assert";

const LEAST_DENO = "2.8.0";

interface Config {
  version: string;
  tasks: Record<string, { command: string }>;
  fmt: { lineWidth: number };
}

const config: Config = readJson("deno.json");

Deno.test("CHANGELOG.md begins with the version of deno.json", () => {
  const [, version] = /^## \[([\d.]+)\] - (?:Unreleased|\d{4}-\d\d-\d\d)$/m.exec(
    read("CHANGELOG.md"),
  )!;
  assertEquals(version, config.version);
});

Deno.test("CONTRIBUTING.md names all tasks for contributors, and no others", () => {
  const named = new Set(
    [...read("CONTRIBUTING.md").matchAll(/`deno task ([\w:]+)`/g)].map(([, name]) => name),
  );
  const tasks = Object.keys(config.tasks).filter((name) => name !== "echo"); // which is for readers
  assertEquals([...named].toSorted(), tasks.toSorted());
});

Deno.test("deno task test:quick runs the tests that start no program, and no others", () => {
  const quick = config.tasks["test:quick"]!.command.match(/tests\/\w+_test\.ts/g)!;
  const pure = names("tests").filter((name) => name.endsWith("_test.ts"))
    .map((name) => `tests/${name}`).filter((path) => !startsPrograms(read(path)));
  assertEquals(quick.toSorted(), pure.toSorted());
});

Deno.test("deno task test:long runs the tests that can try more, and no others", () => {
  const long = config.tasks["test:long"]!.command.match(/tests\/\w+_test\.ts/g)!;
  const more = names("tests").filter((name) => name.endsWith("_test.ts"))
    .map((name) => `tests/${name}`)
    .filter((path) => /from "\.\/(effort|checking)\.ts"/.test(read(path)));
  assertEquals(long.toSorted(), more.toSorted());
});

Deno.test("Actions are pinned by commit, with the version beside it, and the same everywhere", () => {
  const pins = new Map<string, string>();
  for (const name of names(".github/workflows")) {
    for (const [, use] of read(`.github/workflows/${name}`).matchAll(/uses: (.*)/g)) {
      assertMatch(use!, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      const [action] = use!.split("@");
      assertEquals(pins.get(action!) ?? use, use);
      pins.set(action!, use!);
    }
  }
  assert(pins.size > 0);
});

Deno.test("The least version of Deno is tried and told", () => {
  assert(read(".ci/run").includes(`for version in ${LEAST_DENO} latest;`));
  assert(read(".github/workflows/ci.yml").includes(`deno: v${LEAST_DENO},`));
  for (const page of ["CONTRIBUTING.md", "app/README.md"]) {
    assert(read(page).includes(`Deno ${LEAST_DENO.slice(0, -2)} or newer`), page);
  }
});

Deno.test("Editors are told the formatter's width, and can read their settings", () => {
  const { lineWidth } = config.fmt;
  assert(read(".editorconfig").includes(`\nmax_line_length = ${lineWidth}\n`));
  const settings = readJson<Record<string, unknown>>(".vscode/settings.json");
  assertEquals(settings["editor.rulers"], [lineWidth]);
  const recommended = readJson<{ recommendations: string[] }>(".vscode/extensions.json");
  assert(recommended.recommendations.includes("denoland.vscode-deno"));
  assert(readJson<{ image: string }>(".devcontainer/devcontainer.json").image);
});

/** Tells whether a test starts a program: by itself, or by what it imports for that. */
function startsPrograms(test: string): boolean {
  const imported = /import \{([^}]*)\} from "\.\/processes\.ts"/.exec(test)?.[1] ?? "";
  const harmless = ["", "noise", "readToEnd", "writeAll"];
  return imported.split(",").some((name) => !harmless.includes(name.trim())) ||
    /from "\.\/(command_lines|python|browser)\.ts"|new Deno\.Command/.test(test);
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`../../${folder}`, import.meta.url))].map(({ name }) => name);
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
}

/** Reads JSON whose comments have lines of their own. */
function readJson<T>(path: string): T {
  return JSON.parse(read(path).replaceAll(/^\s*\/\/.*$/gm, ""));
}
