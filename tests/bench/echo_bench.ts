// Compares multiconn_server.ts with a plain loop and echo servers in C, Node and Python, and draws
// img/echo_bench.svg.
//
//   deno task bench:echo [--rounds 3] [--seconds 2]
//
// The server has one processor, the load generator another. Peers alternate within a round; the table has
// the medians of the rounds, and ratios are medians of the ratios within a round: noise hits both alike.
import { parseArgs } from "jsr:@std/cli@^1.0.32/parse-args";
import { processorTime, residentMemory } from "../proc.ts";
import { exchange, Program } from "../processes.ts";

const options = parseArgs(Deno.args, { string: ["rounds", "seconds"], unknown: () => false });
const rounds = Number(options.rounds ?? 3);
const seconds = Number(options.seconds ?? 2);
const folder = await Deno.makeTempDir();
const peersFolder = "tests/bench/peers";

if (!await works("cc", "--version")) {
  console.error("The load generator is written in C: install cc first");
  Deno.exit(1);
}
for (const name of ["load", "epoll_server"]) {
  await works("cc", "-O2", "-o", `${folder}/${name}`, `${peersFolder}/${name}.c`);
}
const pinned = await works("taskset", "-c", "1", "true");
const run = [Deno.execPath(), "run", "--no-prompt", "--allow-net"];
const servers: Record<string, string[]> = {
  "this package": [...run, "multiconn_server.ts", "127.0.0.1", "0", "--quiet"],
  "a plain loop": [...run, `${peersFolder}/plain_server.ts`, "0"],
  "C epoll": [`${folder}/epoll_server`, "0"],
};
if (await works("node", "--version")) {
  servers["Node"] = ["node", `${peersFolder}/node_server.mjs`, "0"];
}
if (await works("python3", "--version")) {
  servers["asyncio"] = ["python3", `${peersFolder}/asyncio_server.py`, "0"];
  servers["selectors"] = ["python3", `${peersFolder}/selectors_server.py`, "0"];
}
const names = Object.keys(servers);
const results = new Map<string, number[]>(); // one number a round, by workload and server
const workloads: [connections: number, bytes: number][] = [[1, 64], [50, 64], [1000, 64], [
  50,
  16384,
]];

for (let round = 1; round <= rounds; round++) {
  console.error(`Round ${round} of ${rounds}`);
  for (const [connections, bytes] of workloads) {
    for (const name of names) {
      await using server = await start(name);
      const args = ["pingpong", server.port, connections, bytes, seconds];
      const before = processorTime(server.pid);
      const { perSecond, mean, p999 } = await load(args);
      const used = processorTime(server.pid) - before;
      record(`${connections} x ${bytes} B, echoes/s`, name, perSecond);
      record(
        `${connections} x ${bytes} B, processor µs each`,
        name,
        used * 1e6 / perSecond! / seconds,
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
      const isRate = row.endsWith("/s") && name !== "C epoll";
      return isRate ? `${shown} (${ratio(row, name).toFixed(2)})` : shown;
    }),
  ]));
}
for (const peer of names.filter((name) => name !== "this package")) {
  const ratios = workloads.map(([connections, bytes]) => {
    const row = `${connections} x ${bytes} B, echoes/s`;
    return `${connections} x ${bytes} B: ${ratio(row, "this package", peer).toFixed(2)}`;
  });
  console.log(`This package against ${peer}: ${ratios.join(", ")}`);
}
await Deno.mkdir("img", { recursive: true });
await Deno.writeTextFile("img/echo_bench.svg", chart());
await Deno.remove(folder, { recursive: true });

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

function ratio(row: string, name: string, to = "C epoll"): number {
  const base = results.get(`${row}\n${to}`)!;
  return median(results.get(`${row}\n${name}`)!.map((value, round) => value / base[round]!));
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function works(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null" }).output()).success;
  } catch {
    return false; // it is not installed
  }
}

/** Bars of the throughput of each server, C epoll being 1. */
function chart(): string {
  const colors = ["#1f6feb", "#79c0ff", "#57606a", "#2da44e", "#bf8700", "#a475f9"];
  const parts: string[] = [];
  let y = 40;
  for (const [connections, bytes] of workloads) {
    const row = `${connections} x ${bytes} B, echoes/s`;
    parts.push(`<text x="10" y="${y + 12}" font-weight="bold">${row.slice(0, -10)}</text>`);
    for (const [i, name] of names.entries()) {
      const value = ratio(row, name);
      const width = Math.round(value * 320);
      y += 18;
      parts.push(
        `<text x="20" y="${y + 12}">${name}</text>`,
        `<rect x="120" y="${y + 1}" width="${width}" height="14" fill="${colors[i]}"/>`,
        `<text x="${126 + width}" y="${y + 12}">${value.toFixed(2)}</text>`,
      );
    }
    y += 28;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="620" height="${y}" viewBox="0 0 620 ${y}"
  font-family="sans-serif" font-size="12" fill="#24292f" role="img">
<title>Echoes a second, relative to C epoll</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="10" y="20" font-size="14">Echoes a second, relative to C epoll (longer is better)</text>
${parts.join("\n")}
</svg>
`;
}
