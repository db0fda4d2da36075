// Holds what surrounds the code to it: files that say the same thing in two places.
import { assert, assertEquals, assertMatch } from "@std/assert";

const LEAST_DENO = "2.8.0";

interface Config {
  version: string;
  tasks: Record<string, { command: string }>;
  fmt: { lineWidth: number };
}

const config: Config = readJson("deno.json");

Deno.test("CHANGELOG.md begins with the version of deno.json, and dates only what was released", () => {
  const changelog = read("CHANGELOG.md");
  const versions = [...changelog.matchAll(/^## \[([\d.]+)\] - (.*)$/gm)];
  assertEquals(versions[0]![1], config.version);
  const isReleased = versions.map(([, , when]) => {
    assertMatch(when!, /^(Unreleased|Never released|\d{4}-\d\d-\d\d)$/);
    return /^\d/.test(when!);
  });
  assertEquals(
    changelog.includes("No version has been released so far."),
    !isReleased.includes(true),
  );
});

Deno.test("SECURITY.md and the form for faults ask for what is needed to repeat them", () => {
  assertMatch(read("SECURITY.md"), /report it in private/);
  const form = read(".github/ISSUE_TEMPLATE/fault.yml");
  const labels = [...form.matchAll(/label: (.*)$/gm)].map(([, label]) => label);
  assertEquals(labels.slice(0, 3), ["Version", "System", "Command"]);
  assertEquals(form.split("required: true").length - 1, labels.length);
});

Deno.test("The job that may publish runs Deno on the checkout, and nothing else", () => {
  const [, jobs] = read(".github/workflows/publish.yml").split(/^jobs:$/m);
  const publishing = jobs!.split(/^ {2}(?=\w+:$)/m).filter((job) =>
    job.includes("id-token: write")
  );
  assertEquals(publishing.length, 1);
  const commands = [...publishing[0]!.matchAll(/^ *-? (?:uses|run): (.*)$/gm)].map(([, what]) =>
    what!.split("@")[0]
  );
  assertEquals(commands, ["actions/checkout", "denoland/setup-deno", "deno publish"]);
  assertMatch(publishing[0]!, /^ {4}needs: test$/m);
});

Deno.test("CONTRIBUTING.md names all tasks for contributors, and no others", () => {
  const named = new Set(
    [...read("CONTRIBUTING.md").matchAll(/`deno task ([\w:]+)`/g)].map(([, name]) => name),
  );
  const tasks = Object.keys(config.tasks).filter((name) => name !== "echo"); // which is for readers
  assertEquals([...named].toSorted(), tasks.toSorted());
});

Deno.test("Tests in tests/unit/ start no program", () => {
  const paths = testsIn("tests/unit/");
  assert(paths.length > 10);
  for (const path of paths) assert(!startsPrograms(read(path)), path);
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
  const container = readJson<{ image: string; postCreateCommand: string }>(
    ".devcontainer/devcontainer.json",
  );
  assert(container.image);
  assertMatch(container.postCreateCommand, /^npm install --global deno@\d+\.\d+\.\d+$/); // pinned
});

Deno.test("Files and programs are found on every machine: under any path, and without bash", () => {
  const pitfalls: [wrong: RegExp, why: string][] = [
    [/import\.meta\.url\)\.pathname|ROOT\)\.pathname/, "a space in a path becomes %20 there"],
    [/file:\/\/\/?\$\{|"file:\/\/\/"\)\.href/, "pathToFileURL knows what a URL must escape"],
    [
      /(?:Command|works|Program|exec)\((?:\[[^\]]*\], )?"(?:bash|ps|setpriv|which)"/,
      "it may be missing",
    ],
    [
      /"-c",\s*`[^`]*\$\{[^}]*(?:[Ff]older|[Pp]ath|file)/,
      "paths go into $0, $1 or the environment",
    ],
  ];
  const found = [...files("tests"), ...files("app")].filter((path) => path.endsWith(".ts")).flatMap(
    (path) =>
      pitfalls.filter(([wrong]) => wrong.test(read(path))).map(([, why]) => `${path}: ${why}`),
  );
  assertEquals(found.toSorted(), [
    "app/check/program.ts: it may be missing", // and then stray programs stay
    "tests/support/resource_usage.ts: it may be missing", // where there is no /proc, there is ps
  ]);
});

/** Whether a test starts a program: by itself, or by what it imports for that. */
function startsPrograms(test: string): boolean {
  const imported = /import \{([^}]*)\} from "[./]*support\/programs\.ts"/.exec(test)?.[1] ?? "";
  const harmless = ["", "noise", "readToEnd", "writeAll"];
  return imported.split(",").some((name) => !harmless.includes(name.trim())) ||
    /support\/(command_lines|python|browser)\.ts"|new Deno\.Command\(/.test(test);
}

function testsIn(folder: string): string[] {
  return names(folder).flatMap((name) =>
    name.endsWith("_test.ts")
      ? [folder + name]
      : name.includes(".")
      ? []
      : testsIn(`${folder}${name}/`)
  );
}

/** The files in a folder, and in those below it. */
function files(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`../../${folder}`, import.meta.url))].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? files(path) : [path];
  });
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
