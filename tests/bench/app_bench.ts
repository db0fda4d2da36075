// The application server against a plain asyncio server of the same protocol, and the cost of decoding.
//
// Needs python3 and cc. The load generator is C, so that it is not the bottleneck; where there is taskset, it
// has a processor core for itself, and the server another.
import { createRequest } from "../../app/libclient.ts";
import { decodeContent, encodeMessage, MessageDecoder } from "../../mod.ts";
import { exchange, Program, works } from "../support/programs.ts";
import { type Figure, formatTime, median } from "./figures.ts";
import { compare, fastest } from "./measure.ts";

const KIB = 1024; // bytes
const ROUNDS = 5;
const SECONDS = 1; // of load, each round
const [SERVER_CORE, LOAD_CORE] = works("taskset", "-c", "1", "true")
  ? [["taskset", "-c", "0"], ["taskset", "-c", "1"]]
  : [[], []];
const REQUEST = createRequest("search", "morpheus");

export async function measureApp(): Promise<Figure[]> {
  const folder = await Deno.makeTempDir();
  try {
    return [...await compareServers(folder), ...await measureDecoding()];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function compareServers(folder: string): Promise<Figure[]> {
  const load = `${folder}/load`;
  await run("cc", "-O2", "-o", load, "tests/bench/peers/app_load.c");
  await Deno.writeFile(`${folder}/request`, REQUEST);
  const server = ["run", "--allow-net", "app/server.ts", "127.0.0.1", "0", "--quiet"];
  await using ours = start(...SERVER_CORE, Deno.execPath(), ...server);
  await using asyncio = start(
    ...SERVER_CORE,
    "python3",
    "tests/support/python/app_asyncio_server.py",
  );
  const servers = [await portOf(ours), await portOf(asyncio)];
  const lengths = await Promise.all(
    servers.map(async (port) => (await exchange(port, REQUEST)).length),
  );

  const figures: Figure[] = [];
  for (const [connections, pipelined] of [[1, 1], [1, 16], [50, 1], [50, 16]] as const) {
    console.error(`app: ${connections} connections, ${pipelined} at a time, and asyncio`);
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
    const [ours, peer] = rates;
    figures.push({
      what: `app/server.ts, ${connections} connections, ${pipelined} at a time, asyncio`,
      value: median(ours.map((rate, round) => rate / peer[round]!)),
      unit: "x",
      detail: `${perSecond(ours)}, peer ${perSecond(peer)}`,
      ...(connections === 50 && { atLeast: 2 }),
    });
  }
  return figures;
}

function perSecond(rates: number[]): string {
  return `${Math.round(median(rates)).toLocaleString("en")}/s`;
}

async function measureDecoding(): Promise<Figure[]> {
  console.error("app: decoding");
  const COUNT = 1000;
  const chunk = new Uint8Array(COUNT * REQUEST.length);
  for (let i = 0; i < COUNT; i++) chunk.set(REQUEST, i * REQUEST.length);
  const small = fastest(() => {
    const decoder = new MessageDecoder();
    decoder.push(chunk);
    for (const message of decoder) decodeContent(message);
  });
  const large = encodeMessage(new Uint8Array(1024 * KIB), {
    contentType: "a",
    contentEncoding: "b",
  });
  const { decoded, copied } = await compare({
    decoded: () => decodeInChunks(large),
    copied: () => copyInChunks(large),
  });
  return [
    {
      what: "decoding a small message and its JSON",
      value: small / COUNT * 1000,
      unit: "µs",
      atMost: 3,
    },
    {
      what: "decoding 1 MiB in reads of 4 KiB, copying it once",
      value: decoded / copied,
      unit: "x",
      atMost: 2,
      detail: `${formatTime(decoded)}, the copy ${formatTime(copied)}`,
    },
  ];
}

function decodeInChunks(bytes: Uint8Array) {
  const decoder = new MessageDecoder();
  for (let i = 0; i < bytes.length; i += 4 * KIB) {
    decoder.push(bytes.subarray(i, i + 4 * KIB));
    decoder.take();
  }
}

/** What cannot be avoided: the pages of fresh memory come one fault at a time. */
function copyInChunks(bytes: Uint8Array): number {
  const copy = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += 4 * KIB) copy.set(bytes.subarray(i, i + 4 * KIB), i);
  return copy[0]!;
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
