// The checks of web servers: the last program that app/examples/web_server.md builds passes all of them, and so
// do other right ones. Those of others fail what the page says. Wrong ones are in tests/support/causes.ts.
import { assertEquals } from "@std/assert";
import { check, failed } from "../../support/checking.ts";
import { read, stagesOf } from "../../support/pages.ts";
import { findFreePort, Program, works } from "../../support/programs.ts";
import { PYTHON } from "../../support/python.ts";
import { tryAll } from "../../support/sampling.ts";

const PAGE = read("app/examples/web_server.md");
const FOLDER = "tests/support/web_servers";
const RUN = ["run", "--no-prompt", "--config", "deno.json", "--allow-net", "--allow-read"];
const PATIENT = 5; // seconds for a step of a server
const HURRIED = 2; // where one is silent

/** A web server that is graded. */
interface Graded {
  name: string;
  /** The checks that it fails. */
  fails: string[];
  /** Starts it in a folder that has a folder `site` with a page, and returns it with its port. */
  start: (folder: string) => Promise<{ program: Program; port: string }>;
  lacks?: string | undefined;
  /** Whether it is graded each time, and not only where all is tried. */
  isUsual?: boolean;
}

const hasNode = works("node", "-e", "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)");

const servers: Graded[] = [
  {
    name: "the program that app/examples/web_server.md builds",
    fails: [],
    isUsual: true,
    async start(folder) {
      const port = `${findFreePort()}`;
      const text = stagesOf(PAGE).at(-1)!.replace("65432", port).replace("site${", `${folder}/$&`);
      await Deno.writeTextFile(`${folder}/try.ts`, text);
      const program = new Program([...RUN, `${folder}/try.ts`]);
      await program.prints("Listening on");
      return { program, port };
    },
  },
  {
    name: "app/examples/web_server.ts",
    fails: [],
    isUsual: true,
    start: (folder) =>
      listening([...RUN, "app/examples/web_server.ts", `${folder}/site`, "127.0.0.1", "0"]),
  },
  {
    name: "tests/solutions/web_server.py",
    fails: [],
    lacks: PYTHON ? undefined : "Python",
    start: () => listening(["tests/solutions/web_server.py", "0"], PYTHON),
  },
  {
    name: "Deno.serve",
    fails: failuresIn("`Deno.serve`"),
    start: () => listening([...RUN, `${FOLDER}/deno_serve.ts`, "0"]),
  },
  {
    name: "Node's http",
    fails: failuresIn("Node's `http`"),
    lacks: hasNode ? undefined : "Node.js",
    start: () => listening([`${FOLDER}/node_http.mjs`, "0"], "node"),
  },
  {
    name: "Python's http.server",
    fails: failuresIn("Python's `http.server`"),
    lacks: PYTHON ? undefined : "Python",
    start: () => listening([`${FOLDER}/http_server.py`, "0"], PYTHON),
  },
  {
    name: "nginx",
    fails: failuresIn("nginx"),
    lacks: works("nginx", "-v") ? undefined : "nginx",
    start: startNginx,
  },
];

for (const { name, fails, start, lacks, isUsual = false } of servers) {
  Deno.test({
    name: `app/check.ts http grades ${name}${lacks ? `: this machine lacks ${lacks}` : ""}`,
    ignore: lacks !== undefined || !(tryAll || isUsual),
    async fn() {
      const folder = await Deno.realPath(await Deno.makeTempDir());
      try {
        await Deno.mkdir(`${folder}/site`);
        await Deno.writeTextFile(`${folder}/site/index.html`, "<h1>Hello</h1>");
        const { program, port } = await start(folder);
        await using _ = program;
        const timeout = `${fails.length > 1 ? HURRIED : PATIENT}`;
        const report = await check("http", "127.0.0.1", port, "--timeout", timeout);
        assertEquals(failed(report), fails, JSON.stringify(report.checks, null, 1));
        assertEquals(report.stopped, null);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Starts a server that says where it listens. */
async function listening(args: string[], command?: string) {
  const program = new Program(args, command);
  const [, port = ""] = await program.prints(/Listening on .*:(\d+)\n/);
  return { program, port };
}

/** Starts nginx, with an echo behind it. */
async function startNginx(folder: string) {
  for (const path of [folder, `${folder}/site`]) await Deno.chmod(path, 0o777); // it changes its user
  const echo = await listening([...RUN, `${FOLDER}/deno_serve.ts`, "0"]);
  const port = `${findFreePort()}`;
  const config = read(`${FOLDER}/nginx.conf`).replaceAll("{folder}", folder)
    .replace("{port}", port).replace("{echo}", echo.port);
  await Deno.writeTextFile(`${folder}/nginx.conf`, config);
  const nginx = new Program(["-p", folder, "-c", "nginx.conf"], "nginx");
  const dispose = nginx[Symbol.asyncDispose].bind(nginx);
  const program = Object.assign(nginx, {
    async [Symbol.asyncDispose]() {
      await dispose();
      await echo.program[Symbol.asyncDispose]();
    },
  });
  while (!await listens(Number(port))) {
    if (!nginx.isRunning) throw new Error(nginx.stderr);
  }
  return { program, port };
}

/** The checks that a server fails, as the table of the page has them. */
function failuresIn(server: string): string[] {
  const row = PAGE.split("\n").find((line) => line.startsWith(`| ${server} `))!;
  return [...row.split("|")[2]!.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!);
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
