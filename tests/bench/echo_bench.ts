// Compares app/multiconn_server.ts with a plain loop and echo servers in C, Node and Python, prints the table of
// app/README.md, and draws img/echo_bench.svg.
//
// The server has one processor, the load generator another. Peers alternate within a round; the table has
// the medians of the rounds, and ratios are medians of the ratios within a round: noise hits both alike.
import { processorTime, residentMemory } from "../support/resource_usage.ts";
import { exchange, Program, works } from "../support/programs.ts";
import { type Figure, median } from "./figures.ts";

const ROUNDS = 5;
const SECONDS = 1; // of load, each
const PEERS = "tests/bench/peers";
const OURS = "this package";
const LIMIT = "a plain loop"; // as fast as Deno gets
const BASE = "C epoll";
const WORKLOADS: [connections: number, bytes: number][] = [
  [1, 64],
  [50, 64],
  [1000, 64],
  [50, 16_384],
];

const folder = await Deno.makeTempDir();
const pinned = works("taskset", "-c", "1", "true");
const run = [Deno.execPath(), "run", "--no-prompt", "--allow-net"];
const servers: Record<string, string[]> = {
  [OURS]: [...run, "app/multiconn_server.ts", "127.0.0.1", "0", "--quiet"],
  [LIMIT]: [...run, `${PEERS}/plain_server.ts`, "0"],
  [BASE]: [`${folder}/epoll_server`, "0"],
};
if (works("node", "--version")) servers["Node"] = ["node", `${PEERS}/node_server.mjs`, "0"];
if (works("python3", "--version")) {
  servers["asyncio"] = ["python3", `${PEERS}/asyncio_server.py`, "0"];
  servers["selectors"] = ["python3", `${PEERS}/selectors_server.py`, "0"];
}
const names = Object.keys(servers);
const results = new Map<string, number[]>(); // one number a round, by workload and server

export async function measureEcho(): Promise<Figure[]> {
  for (const name of ["load", "epoll_server"]) {
    if (works("cc", "-O2", "-o", `${folder}/${name}`, `${PEERS}/${name}.c`)) continue;
    throw new Error("The load generator is written in C: install cc first");
  }
  for (let round = 1; round <= ROUNDS; round++) {
    console.error(`echo: round ${round} of ${ROUNDS}`);
    await runRound();
  }
  printTable();
  await Deno.writeTextFile("img/echo_bench.svg", chart());
  await Deno.remove(folder, { recursive: true });
  return WORKLOADS.map(([connections, bytes]) => ({
    what: `app/multiconn_server.ts, ${connections} x ${bytes} B, a plain Deno loop`,
    value: ratio(nameOf(connections, bytes), OURS, LIMIT),
    unit: "x",
  }));
}

async function runRound(): Promise<void> {
  for (const [connections, bytes] of WORKLOADS) {
    for (const name of names) {
      await using server = await start(name);
      const args = ["pingpong", server.port, connections, bytes, SECONDS];
      const before = processorTime(server.pid);
      const { perSecond, mean, p999 } = await load(args);
      const used = processorTime(server.pid) - before;
      record(nameOf(connections, bytes), name, perSecond);
      record(
        `${connections} x ${bytes} B, processor µs each`,
        name,
        used * 1e6 / perSecond! / SECONDS,
      );
      if (connections === 1000) record("1000 x 64 B, p99.9 / mean", name, p999! / mean!);
    }
  }
  for (const name of names) {
    await using server = await start(name);
    const { allConnected, allEchoed, refused } = await load(["burst", server.port, 5000]);
    record("5000 at once, ms until connected", name, allConnected! / 1000);
    record("5000 at once, ms until echoed", name, allEchoed! / 1000);
    record("5000 at once, refused", name, refused!);
  }
  for (const name of names) {
    await using server = await start(name);
    await exchange(server.port, new Uint8Array(1));
    const before = residentMemory(server.pid);
    const idle = new Deno.Command(`${folder}/load`, {
      args: ["idle", String(server.port), "10000"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    await idle.stdout[Symbol.asyncIterator]().next(); // it prints once all are connected,
    await exchange(server.port, new Uint8Array(1)); // and this one is accepted after them
    record("10,000 idle, KiB each", name, (residentMemory(server.pid) - before) / 1024 / 10_000);
    await idle.stdin.close();
    await idle.status;
  }
}

function printTable(): void {
  const column = (texts: string[]) => `| ${texts.join(" | ")} |`;
  console.log(column(["", ...names]));
  console.log(column(["---", ...names.map(() => "---:")]));
  const rows = [...new Set([...results.keys()].map((key) => key.split("\n")[0]!))];
  for (const row of rows) {
    console.log(column([
      row,
      ...names.map((name) => {
        const value = median(results.get(`${row}\n${name}`)!);
        const shown = value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1);
        const isRate = row.endsWith("/s") && name !== BASE;
        return isRate ? `${shown} (${ratio(row, name).toFixed(2)})` : shown;
      }),
    ]));
  }
  for (const peer of names.filter((name) => name !== OURS)) {
    const ratios = WORKLOADS.map(([connections, bytes]) => {
      const value = ratio(nameOf(connections, bytes), OURS, peer).toFixed(2);
      return `${connections} x ${bytes} B: ${value}`;
    });
    console.log(`This package against ${peer}: ${ratios.join(", ")}`);
  }
}

function nameOf(connections: number, bytes: number): string {
  return `${connections} x ${bytes} B, echoes/s`;
}

async function start(name: string): Promise<Program & { port: number }> {
  const [command, ...args] = servers[name]!;
  const program = pinned
    ? new Program(["-c", "0", command!, ...args], "taskset")
    : new Program(args, command!);
  const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

async function load(args: (string | number)[]): Promise<Record<string, number>> {
  const command = [
    ...(pinned ? ["taskset", "-c", "1"] : []),
    `${folder}/load`,
    ...args.map(String),
  ];
  await using program = new Program(command.slice(1), command[0]);
  const { success } = await program.ended;
  if (!success) throw new Error(`The load generator failed: ${program.stdout}${program.stderr}`);
  return JSON.parse(program.stdout);
}

function record(row: string, name: string, value: number | undefined): void {
  const key = `${row}\n${name}`;
  results.set(key, [...results.get(key) ?? [], value!]);
}

function ratio(row: string, name: string, to = BASE): number {
  const base = results.get(`${row}\n${to}`)!;
  return median(results.get(`${row}\n${name}`)!.map((value, round) => value / base[round]!));
}

/** Bars of the throughput of each server, C epoll being 1. */
function chart(): string {
  const parts: string[] = [];
  let y = 60;
  for (const [connections, bytes] of WORKLOADS) {
    const row = nameOf(connections, bytes);
    parts.push(`<text x="10" y="${y + 12}" class="title">${row.slice(0, -10)}</text>`);
    for (const name of names) {
      const value = ratio(row, name);
      const width = Math.round(value * 230);
      const kind = name === OURS ? "ours" : name === LIMIT ? "limit" : "peer";
      y += 21;
      parts.push(
        `<text x="20" y="${y + 13}">${name === LIMIT ? "a plain Deno loop" : name}</text>`,
        `<rect x="150" y="${y}" width="${width}" height="16" class="${kind}"/>`,
        `<text x="${156 + width}" y="${y + 13}">${value.toFixed(2)}</text>`,
      );
    }
    y += 32;
  }
  const title = "Echoes a second, relative to C epoll";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="440" height="${y}" viewBox="0 0 440 ${y}"
  font-family="system-ui, sans-serif" font-size="14" role="img">
<title>${title}</title>
<style>
  text { fill: #24292f; }
  .title { font-weight: bold; }
  .paper { fill: #ffffff; }
  .ours { fill: #1f6feb; }
  .limit { fill: #79c0ff; }
  .peer { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .paper { fill: #0d1117; }
    .ours { fill: #388bfd; }
    .limit { fill: #a5d6ff; }
    .peer { fill: #6e7681; }
  }
</style>
<rect width="100%" height="100%" class="paper"/>
<text x="10" y="24" class="title">${title}</text>
<text x="10" y="46">Longer is better. Light blue is the limit of Deno.</text>
${parts.join("\n")}
</svg>
`;
}
