// The application server against a plain asyncio server of the same protocol, and the cost of decoding.
//
//   deno task bench:app
//
// Needs python3 and cc. The load generator is C, so that it is not the bottleneck; where there is taskset, it
// has a processor core for itself, and the server another. For the memory that the task keeps see
// framing_bench.ts.
import { createRequest } from "../../app/libclient.ts";
import { decodeContent, encodeMessage, MessageDecoder } from "../../mod.ts";
import { exchange, Program, works } from "../processes.ts";
import { compare, fastest, printTable, type Row, row } from "./measure.ts";

const KIB = 1024; // bytes
const ROUNDS = 5;
const SECONDS = 1; // of load, each round
const [SERVER_CORE, LOAD_CORE] = works("taskset", "-c", "1", "true")
  ? [["taskset", "-c", "0"], ["taskset", "-c", "1"]]
  : [[], []];
const REQUEST = createRequest("search", "morpheus");

const folder = await Deno.makeTempDir();
let rows;
try {
  rows = await compareServers();
} finally {
  await Deno.remove(folder, { recursive: true });
}
const met = [
  printTable("app/server.ts and asyncio, one request", rows),
  printTable("Decoding, and the most that it may take", await measureDecoding()),
];
if (met.includes(false)) Deno.exitCode = 1;

async function compareServers(): Promise<Row[]> {
  const load = `${folder}/load`;
  await run("cc", "-O2", "-o", load, "tests/bench/peers/app_load.c");
  await Deno.writeFile(`${folder}/request`, REQUEST);
  const server = ["run", "--allow-net", "app/server.ts", "127.0.0.1", "0", "--quiet"];
  await using ours = start(...SERVER_CORE, Deno.execPath(), ...server);
  await using asyncio = start(...SERVER_CORE, "python3", "tests/python/app_asyncio_server.py");
  const servers = [await portOf(ours), await portOf(asyncio)];
  const lengths = await Promise.all(
    servers.map(async (port) => (await exchange(port, REQUEST)).length),
  );

  const rows = [];
  for (const [connections, pipelined] of [[1, 1], [1, 16], [50, 1], [50, 16]] as const) {
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const rate = await run(
          ...LOAD_CORE,
          load,
          ...[servers[i], connections, pipelined, SECONDS, `${folder}/request`, lengths[i]],
        );
        rates[i as 0 | 1].push(Number(rate));
      }
    }
    const times = { ours: 1000 / median(rates[0]), peer: 1000 / median(rates[1]) };
    const target = connections === 50 ? { target: 2 } : {};
    rows.push(row(`${connections} connections, ${pipelined} at a time`, times, target));
  }
  return rows;
}

async function measureDecoding(): Promise<Row[]> {
  const COUNT = 1000;
  const chunk = new Uint8Array(COUNT * REQUEST.length);
  for (let i = 0; i < COUNT; i++) chunk.set(REQUEST, i * REQUEST.length);
  const [quarter, whole] = [256 * KIB, 1024 * KIB].map((length) =>
    encodeMessage(new Uint8Array(length), { contentType: "a", contentEncoding: "b" })
  );
  const small = fastest(() => {
    const decoder = new MessageDecoder();
    decoder.push(chunk);
    for (const message of decoder) decodeContent(message);
  });
  const times = await compare({
    quarter: () => decodeInChunks(quarter!),
    whole: () => decodeInChunks(whole!),
  });
  return [
    row("a small message", { ours: small, peer: COUNT * 3e-3 }, { items: COUNT, target: 1 }),
    row("1 MiB by 4 KiB, 6 x 256 KiB", { ours: times.whole, peer: 6 * times.quarter }, {
      target: 1,
    }),
  ];
}

function decodeInChunks(bytes: Uint8Array) {
  const decoder = new MessageDecoder();
  for (let i = 0; i < bytes.length; i += 4 * KIB) {
    decoder.push(bytes.subarray(i, i + 4 * KIB));
    decoder.next();
  }
}

async function run(...words: (string | number | undefined)[]): Promise<string> {
  await using program = start(...words.map(String));
  if (!(await program.ended).success) throw new Error(`${words.join(" ")}: ${program.stderr}`);
  return program.stdout.trim();
}

function start(...words: string[]): Program {
  return new Program(words.slice(1), words[0]);
}

async function portOf(server: Program): Promise<number> {
  return Number((await server.prints(/Listening on .*:(\d+)\n/))[1]);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
