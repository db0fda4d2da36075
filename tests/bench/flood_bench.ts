// How long others wait while one client floods a server, and what it costs that they need not wait longer.
import { createRequest } from "../../app/libclient.ts";
import { type Kind, type Latency, measureUnderFlood } from "../support/latency.ts";
import { exchange, Program, startRelay, startServer } from "../support/programs.ts";
import { type Figure, median } from "./figures.ts";

const TIME = 5_000; // milliseconds of each flood
const MAX_P99 = 250; // milliseconds
const MAX_WORST = 500; // milliseconds
const PEERS = "tests/bench/peers";
const SHORT = 0.3; // seconds of load, where two servers take turns
const PAIRS = 12; // of short loads
const STARTS = 3; // of the two servers: where the compiler puts things differs each time
const REQUEST = createRequest("search", "morpheus");

export async function measureFlood(): Promise<Figure[]> {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["load", "app_load"]) {
      const words = ["-O2", "-o", `${folder}/${name}`, `${PEERS}/${name}.c`];
      await using compiler = new Program(words, "cc");
      if (!(await compiler.ended).success) throw new Error(`Cannot compile: ${compiler.stderr}`);
    }
    await Deno.writeFile(`${folder}/request`, REQUEST);
    return [
      ...await flood("echo", "app/multiconn_server.ts", "--quiet"),
      ...await flood("app", "app/server.ts", "--quiet"),
      ...await flood("chat", "app/chat_server.ts"),
      ...await floodRelay(),
      await compareEcho(folder, "50 x 64 B", 50, 64, 0.95),
      await compareEcho(folder, "1 x 1 MiB", 1, 1024 ** 2, 0.9),
      await comparePipelined(folder, 0.95),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function flood(kind: Kind, script: string, ...args: string[]): Promise<Figure[]> {
  console.error(`flood: ${script}`);
  await using server = await startServer(script, ...args);
  return await floodAt(kind, server.port, script);
}

/** The relay's own work is to label the messages of the flood. */
async function floodRelay(): Promise<Figure[]> {
  console.error("flood: app/relay.ts");
  await using server = await startServer("app/server.ts", "--quiet");
  await using relay = await startRelay(server.port, "--quiet", "--web", "0"); // labels for the page
  return await floodAt("app", relay.port, "app/relay.ts");
}

async function floodAt(kind: Kind, port: number, what: string): Promise<Figure[]> {
  const { connected, newcomers } = await measureUnderFlood(kind, port, TIME);
  return [
    ...figures(`${what} under a flood, 50 clients`, connected),
    ...figures(`${what} under a flood, newcomers`, newcomers),
  ];
}

function figures(what: string, { p99, worst, count }: Latency): Figure[] {
  const detail = `${count} answers`;
  return [
    { what: `${what}: p99`, value: p99, unit: "ms", atMost: MAX_P99, detail },
    { what: `${what}: worst`, value: worst, unit: "ms", atMost: MAX_WORST },
  ];
}

function compareEcho(
  folder: string,
  what: string,
  connections: number,
  length: number, // bytes
  atLeast: number,
): Promise<Figure> {
  const script = "app/multiconn_server.ts";
  return compareWithoutPauses(folder, script, `${script}, ${what}`, atLeast, async (port, time) => {
    const args = ["pingpong", port, connections, length, time].map(String);
    return JSON.parse(await runToEnd(`${folder}/load`, args)).perSecond;
  });
}

function comparePipelined(folder: string, atLeast: number): Promise<Figure> {
  const script = "app/server.ts";
  const what = `${script}, 1 connection, 16 at a time`;
  return compareWithoutPauses(folder, script, what, atLeast, async (port, time) => {
    const { length } = await exchange(port, REQUEST);
    const args = [port, 1, 16, time, `${folder}/request`, length].map(String);
    return Number(await runToEnd(`${folder}/app_load`, args));
  });
}

/** The throughput of a server relative to itself without pauses, as the median of many pairs. */
async function compareWithoutPauses(
  folder: string,
  script: string,
  what: string,
  atLeast: number,
  measure: (port: number, time: number) => Promise<number>,
): Promise<Figure> {
  console.error(`flood: throughput of ${what}, with and without pauses`);
  const ratios: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    await using server = await startServer(script, "--quiet");
    await using peer = await startWithoutPauses(folder, script);
    for (const { port } of [server, peer]) await measure(port, 1); // warms up
    for (let pair = 0; pair < PAIRS; pair++) {
      const isFirst = pair % 2 === 0;
      const one = await measure((isFirst ? server : peer).port, SHORT);
      const two = await measure((isFirst ? peer : server).port, SHORT);
      ratios.push(isFirst ? one / two : two / one);
    }
  }
  return { what: `${what}: with / without pauses`, value: median(ratios), unit: "x", atLeast };
}

async function startWithoutPauses(
  folder: string,
  script: string,
): Promise<Program & { port: number }> {
  const path = `${folder}/no_pauses.json`;
  const url = (file: string) => new URL(`../../${file}`, import.meta.url).href;
  const imports = { [url("app/core/fair_work.ts")]: url(`${PEERS}/no_pauses.ts`) };
  await Deno.writeTextFile(path, JSON.stringify({ imports }));
  const words = ["run", "--no-prompt", "--allow-net", `--import-map=${path}`, script];
  const program = new Program([...words, "127.0.0.1", "0", "--quiet"]);
  const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

async function runToEnd(command: string, args: string[]): Promise<string> {
  await using program = new Program(args, command);
  if (!(await program.ended).success) throw new Error(`${command}: ${program.stderr}`);
  return program.stdout;
}
