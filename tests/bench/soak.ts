// Runs all servers at once, with clients that attack them and clients that use them. In the end no server
// may hold a descriptor more than before, nor much more memory; all good clients must have had all
// their answers, soon. On a busy machine, soon is later. A server that seems to grow or to be slow is
// looked at again, since leaks and starvation do not go away.
import { duration, failUsage, integer, readCommandLine } from "../../app/core/command_line.ts";
import {
  anywhere,
  anywhereWithDeadlines,
  type Attack,
  onApp,
  onChat,
  onPage,
  onRelay,
} from "./attacks.ts";
import type { Kind, Report, Target } from "./good_clients.ts";
import { descriptors, residentMemory, settled, turns } from "../support/resource_usage.ts";
import { Program, startRelay, startServer } from "../support/programs.ts";

const WARM_UP = 1 / 2; // of the time, before descriptors and memory are counted
const MAX_WARM_UP = 30_000; // milliseconds
const ATTACKERS = 3; // on each server, at any time
const SAMPLE_INTERVAL = 200; // milliseconds between two looks at the memory
const MAX_PAUSE = 50; // milliseconds between two attacks
const MEMORY_GROWTH = 0.1; // of what it was before, at most; or
const MIN_GROWTH = 24 * 1024 * 1024; // bytes, where that is more: heaps settle only after minutes
const MAX_TIME = 500; // milliseconds, for the slowest good answer, if the servers always have a processor
const PERIODS = 3; // in which a server must grow, or be slow, to be called bad
const SETTLE_TIME = 1000; // milliseconds for the servers to notice that all clients have gone
const EXPECTED =
  /^$|^(Lost connection|Connection lost|Dropped|Turned away|Taking no more|Waiting|… and)\b/; // complaints

const { options, args } = readCommandLine(
  `deno task soak

Runs all servers at once, with clients that attack them and clients that use them.`,
  {
    seconds: duration(60_000, "how long to run"),
    seed: integer(
      "N",
      Date.now() % 1_000_000,
      { min: 0, max: 2 ** 32 - 1 },
      "what decides who attacks when, to repeat a run",
    ),
  },
);
if (args.length > 0) failUsage(`Unexpected argument ${args[0]}`);
const time = options.seconds; // milliseconds
let state = options.seed;

/** A server of this package, what is done to it, and what it held before. */
interface Server extends Target {
  program: Program;
  attacks: Record<string, Attack>;
  attackers: number;
  descriptors: number; // at the end of the warm-up
  memory: number; // bytes; the least in a run, because rubbish is collected now and then
}

const echoOptions = ["--quiet", "--idle-timeout", "2", "--write-timeout", "2"];
const appOptions = [...echoOptions, "--header-timeout", "2", "--message-timeout", "2"];

// In the first minutes V8's young generation and the pools of the allocator grow by some 50 MiB, which
// would look like a leak.
Deno.env.set("DENO_V8_FLAGS", "--max-semi-space-size=1");
Deno.env.set("MALLOC_ARENA_MAX", "1");

Program.lifetime += PERIODS * time; // it may look again at servers, after all that they have been through

const servers: Server[] = [];
const multiconn = await startServer("app/multiconn_server.ts", ...echoOptions);
const relay = await startRelay(multiconn.port, "--web", "0", "--quiet");
// The echo server serves one client after the other, and has no deadlines.
add("echo_server.ts", "echo", await startServer("echo_server.ts"), anywhere, {
  clients: 1,
  attackers: 1,
});
add("app/multiconn_server.ts", "echo", multiconn, anywhereWithDeadlines);
add("app/server.ts", "app", await startServer("app/server.ts", ...appOptions), onApp);
add(
  "app/chat_server.ts",
  "chat",
  await startServer("app/chat_server.ts", "--ping-interval", "1"),
  onChat,
);
add("app/relay.ts", "echo", relay, onRelay);
add("the relay's page", "page", relay, onPage, { clients: 1, port: relay.web });

const worker = new Worker(import.meta.resolve("./good_clients.ts"), { type: "module" });
const targets = servers.map(({ name, kind, port, clients }) => ({ name, kind, port, clients }));
worker.postMessage(targets);
const attacks = new Map<string, number>(); // how often each was made

console.log(`Running for ${time / 1000} s with --seed ${state}`);
const warmUp = Math.min(time * WARM_UP, MAX_WARM_UP);
await runAll(warmUp);
for (const server of servers) server.descriptors = descriptors(server.program.pid);
let isGood = true;
let suspects = servers;
for (let period = 1; period <= PERIODS && suspects.length > 0; period++) {
  if (period > 1) console.log(`Looking again at ${suspects.map(({ name }) => name).join(", ")}`);
  const memoryBefore = new Map(servers.map(({ name, memory }) => [name, memory]));
  const turnsBefore = allTurns();
  const reports = await runAll(time - warmUp);
  const maxTime = MAX_TIME * slowdown(turnsBefore, allTurns());
  const rows: Record<string, Row> = {};
  for (const server of servers) {
    const { name } = server;
    rows[name] = await judge(server, reports[name]!, memoryBefore.get(name)!, maxTime);
  }
  console.table(rows);
  suspects = suspects.filter(({ name }) => rows[name]!.verdict === "suspect");
}
for (const { name } of suspects) console.error(`${name} was suspect ${PERIODS} times: BAD`);
if (suspects.length > 0) isGood = false;
console.table(Object.fromEntries([...attacks].toSorted()));
for (const { name, program } of servers) await end(name, program);
worker.terminate();
if (!isGood) Deno.exit(1);
console.log("Nothing stayed open, nothing was lost");
Deno.exit(0);

function add(
  name: string,
  kind: Kind,
  program: Program & { port: number },
  attacks: Record<string, Attack>,
  { clients = 2, attackers = ATTACKERS, port = program.port } = {},
): void {
  servers.push({
    name,
    kind,
    program,
    attacks,
    clients,
    attackers,
    port,
    descriptors: 0,
    memory: 0,
  });
}

/** Lets attackers and good clients run, and waits until all their connections have ended. */
async function runAll(milliseconds: number): Promise<Record<string, Report>> {
  worker.postMessage("start");
  const end = performance.now() + milliseconds;
  for (const server of servers) server.memory = Infinity;
  const timer = setInterval(() => {
    if (performance.now() < end - milliseconds / 2) return;
    for (const server of servers) {
      server.memory = Math.min(server.memory, residentMemory(server.program.pid));
    }
  }, SAMPLE_INTERVAL);
  await Promise.all(
    servers.flatMap((server) =>
      Array.from({ length: server.attackers }, async () => {
        const names = Object.keys(server.attacks);
        while (performance.now() < end) {
          const name = names[random(names.length)]!;
          // Sooner or later the server closes the connection, which is an error here or is not.
          await server.attacks[name]!(server.port).catch(() => {});
          attacks.set(name, (attacks.get(name) ?? 0) + 1);
          await pause(random(MAX_PAUSE));
        }
      })
    ),
  );
  const { promise, resolve } = Promise.withResolvers<Record<string, Report>>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage("stop");
  const reports = await promise;
  await pause(SETTLE_TIME);
  clearInterval(timer);
  return reports;
}

/** How long all servers have run so far, and waited for a processor, in milliseconds. */
function allTurns(): { ran: number; waited: number } {
  let [ran, waited] = [0, 0];
  for (const pid of new Set(servers.map(({ program }) => program.pid))) {
    const one = turns(pid);
    ran += one.ran;
    waited += one.waited;
  }
  return { ran, waited };
}

/** How many times as long as on an idle machine the servers took in between for what they did. */
function slowdown(before: ReturnType<typeof allTurns>, after: typeof before): number {
  return 1 + (after.waited - before.waited) / (after.ran - before.ran);
}

/** A row of the table. */
interface Row {
  "descriptors": string;
  "memory, MiB": string;
  "good answers": number;
  "slowest, ms": string;
  "lost": number;
  "verdict": "good" | "suspect" | "BAD";
}

/** The row of a server. */
async function judge(
  server: Server,
  { answers, slowest, lost, problem }: Report,
  before: number,
  maxTime: number,
): Promise<Row> {
  const after = await settled(server.program.pid, server.descriptors);
  const maxGrowth = Math.max(MEMORY_GROWTH * before, MIN_GROWTH);
  const isBad = after > server.descriptors || lost > 0;
  const isSuspect = server.memory - before > maxGrowth || slowest > maxTime || answers === 0;
  if (isBad) isGood = false;
  if (problem) console.error(`${server.name}: ${problem}`);
  return {
    "descriptors": `${server.descriptors} -> ${after}`,
    "memory, MiB": `${mebibytes(before)} -> ${mebibytes(server.memory)}`,
    "good answers": answers,
    "slowest, ms": `${Math.ceil(slowest)} of ${Math.ceil(maxTime)}`,
    "lost": lost,
    "verdict": isBad ? "BAD" : isSuspect ? "suspect" : "good",
  };
}

/** Stops a server, which must not take long, nor complain. */
async function end(name: string, program: Program): Promise<void> {
  if (program.isRunning) program.kill("SIGTERM");
  const { code } = await program.ended;
  const line = program.stderr.split("\n").find((line) => !EXPECTED.test(line));
  if (code === 0 && line === undefined) return;
  console.error(`${name} ended with exit code ${code}${line ? `, and said: ${line}` : ""}`);
  isGood = false;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

/** A whole number from 0 to `limit` - 1. */
function random(limit: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 2 ** 32 * limit);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
