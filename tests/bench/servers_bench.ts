// How fair, how fast and how large the servers of this package are under load. The load generators are C, so
// that they are not the bottleneck; where there is taskset, they have a processor core for themselves, and the
// server has another. Needs cc, and /proc for the memory.
import { createRequest } from "../../app/libclient.ts";
import { residentMemory } from "../support/resource_usage.ts";
import { exchange, Program, works } from "../support/programs.ts";
import { type Figure, median } from "./figures.ts";

const REQUEST = createRequest("search", "morpheus");
const MESSAGE_LENGTH = 64; // bytes, of an echo
const PEERS = "tests/bench/peers";
const SECONDS = 3; // of load, where fairness is measured
const SHORT = 0.3; // seconds of load, where two servers take turns
const PAIRS = 12; // of short loads
const STARTS = 3; // of the two servers: where the compiler puts things differs each time
const FEW = 50; // connections
const MANY = 1000; // connections
const CROWD = 4000; // connections
const IDLE = 10_000; // connections

const folder = await Deno.makeTempDir();
const pinned = works("taskset", "-c", "1", "true");
const [SERVER_CORE, LOAD_CORE] = pinned
  ? [["taskset", "-c", "0"], ["taskset", "-c", "1"]]
  : [[], []];

const run = [Deno.execPath(), "run", "--no-prompt", "--allow-net"];
const address = ["127.0.0.1", "0"];
const many = ["--max-connections", "20000"];
const servers = {
  multiconn: ["app/multiconn_server.ts", ...address, "--quiet"],
  app: ["app/server.ts", ...address, "--quiet", ...many],
  chat: ["app/chat_server.ts", ...address, ...many],
  plain: [`${PEERS}/plain_server.ts`, "0"],
  plainApp: [`${PEERS}/plain_app_server.ts`, "0"],
};
type Name = keyof typeof servers;

/** Measures all of it. */
export async function measureServers(): Promise<Figure[]> {
  try {
    for (const name of ["load", "chat_load"]) {
      await start("cc", "-O2", "-o", `${folder}/${name}`, `${PEERS}/${name}.c`).ended;
    }
    await Deno.writeFile(`${folder}/request`, REQUEST);
    return [
      ...await measureFairness("multiconn", MANY),
      ...await measureFairness("multiconn", CROWD),
      ...await measureFairness("app", MANY),
      ...await measureFairness("app", CROWD),
      ...await measureChat(),
      await compare("multiconn", "without turns", MANY, 0.95),
      await compare("multiconn", "without turns", FEW, 0.97),
      await compare("app", "without turns", MANY, 0.95),
      await compare("app", "without turns", FEW, 0.97),
      await compare("multiconn", "plain", FEW, 1),
      await compare("app", "plainApp", FEW, 0.9),
      await measureIdle("multiconn", 10),
      await measureIdle("app", 16),
      await measureIdle("chat", 24),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** How many answers the unluckiest client gets, and how long the unluckiest thousandth of them takes. */
async function measureFairness(name: Name, connections: number): Promise<Figure[]> {
  console.error(`${name}: fairness with ${connections} connections`);
  await using server = await startServer(name);
  const { p999, mean, leastRounds, medianRounds } = await load(server, name, connections, SECONDS);
  return fairness(
    `${name}, ${connections} connections`,
    p999! / mean!,
    leastRounds! / medianRounds!,
  );
}

async function measureChat(): Promise<Figure[]> {
  console.error(`chat: fairness with ${MANY} clients who all talk`);
  await using server = await startServer("chat");
  const args = [server.port, MANY, MANY, 1, 40, 2 * SECONDS];
  const output = await runToEnd([...LOAD_CORE, `${folder}/chat_load`, ...args.map(String)]);
  const { p999, mean, leastSaid, medianSaid } = JSON.parse(output);
  if (server.stderr !== "") throw new Error(`The chat dropped somebody: ${server.stderr}`);
  return fairness(`chat, ${MANY} who all talk`, p999 / mean, leastSaid / medianSaid);
}

function fairness(what: string, slowest: number, least: number): Figure[] {
  return [
    { what: `${what}: p99.9 / mean`, value: slowest, unit: "x", atMost: 10 },
    { what: `${what}: least / median`, value: least, unit: "x", atLeast: 0.5 },
  ];
}

/** The throughput of a server relative to another one, as the median of many pairs of short loads. */
async function compare(
  name: Name,
  other: Name | "without turns",
  connections: number,
  atLeast: number,
): Promise<Figure> {
  console.error(`${name}: throughput relative to ${other}, ${connections} connections`);
  const ratios: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    await using server = await startServer(name);
    await using peer = other === "without turns"
      ? await startServer(name, await withoutTurns())
      : await startServer(other);
    const rate = async (program: typeof server, seconds: number) =>
      (await load(program, name, connections, seconds)).perSecond!;
    for (const program of [server, peer]) await rate(program, 1); // warms up
    for (let pair = 0; pair < PAIRS; pair++) {
      const isFirst = pair % 2 === 0;
      const one = await rate(isFirst ? server : peer, SHORT);
      const two = await rate(isFirst ? peer : server, SHORT);
      ratios.push(isFirst ? one / two : two / one);
    }
  }
  const what = `${name} / ${other}, ${connections} connections: throughput`;
  return { what, value: median(ratios), unit: "x", atLeast };
}

/** The flag by which a server runs without turns. */
async function withoutTurns(): Promise<string> {
  const path = `${folder}/no_turns.json`;
  const url = (file: string) => new URL(`../../${file}`, import.meta.url).href;
  const imports = { [url("app/core/fair_turns.ts")]: url(`${PEERS}/no_turns.ts`) };
  await Deno.writeTextFile(path, JSON.stringify({ imports }));
  return `--import-map=${path}`;
}

/** The memory of the server for each connection on which nothing happens. */
async function measureIdle(name: Name, atMost: number): Promise<Figure> {
  console.error(`${name}: memory of ${IDLE} idle connections`);
  await using server = await startServer(name);
  await exchange(server.port, new Uint8Array());
  const before = residentMemory(server.pid);
  await using idle = new Program(
    ["idle", `${server.port}`, `${IDLE}`],
    `${folder}/load`,
    {},
    "piped",
  );
  await idle.prints("\n"); // once all are connected,
  await exchange(server.port, new Uint8Array()); // and this one is accepted after them
  const value = (residentMemory(server.pid) - before) / 1024 / IDLE;
  return { what: `${name}: memory of an idle connection`, value, unit: "KiB", atMost };
}

async function load(
  server: { port: number },
  name: Name,
  connections: number,
  seconds: number,
): Promise<Record<string, number>> {
  const args = name === "app"
    ? ["ask", server.port, connections, seconds, `${folder}/request`, await responseLength(server)]
    : ["pingpong", server.port, connections, MESSAGE_LENGTH, seconds];
  return JSON.parse(await runToEnd([...LOAD_CORE, `${folder}/load`, ...args.map(String)]));
}

async function responseLength({ port }: { port: number }): Promise<number> {
  return (await exchange(port, REQUEST)).length;
}

async function startServer(
  name: Name,
  ...flags: string[]
): Promise<Program & { port: number }> {
  const program = start(...SERVER_CORE, ...run, ...flags, ...servers[name]);
  const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

function start(...words: string[]): Program {
  return new Program(words.slice(1), words[0]);
}

async function runToEnd(words: string[]): Promise<string> {
  await using program = start(...words);
  if (!(await program.ended).success) {
    throw new Error(`${words.join(" ")}: ${program.stdout}${program.stderr}`);
  }
  return program.stdout;
}
