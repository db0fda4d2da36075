// The application server against a plain asyncio server of the same protocol, and the cost of decoding.
//
//   deno run -A tests/bench/app_bench.ts
//
// Needs python3 and cc. The load generator is C, so that it is not the bottleneck; where there is taskset, it
// has a processor core for itself, and the server another.
import { createRequest } from "../../app/libclient.ts";
import { decodeContent, encodeMessage, MessageDecoder } from "../../mod.ts";
import { exchange, Program, works } from "../processes.ts";
import { compare } from "./measure.ts";

const ROUNDS = 5;
const SECONDS = 1; // of load, each round
const [SERVER_CORE, LOAD_CORE] = works("taskset", "-c", "1", "true")
  ? [["taskset", "-c", "0"], ["taskset", "-c", "1"]]
  : [[], []];
const REQUEST = createRequest("search", "morpheus");

const folder = await Deno.makeTempDir();
try {
  await compareServers();
} finally {
  await Deno.remove(folder, { recursive: true });
}
await measureDecoding();

async function compareServers() {
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

  console.log("requests per second: app/server.ts, asyncio, ratio (median of alternated rounds)");
  for (const [connections, pipelined] of [[1, 1], [1, 16], [50, 1], [50, 16]]) {
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
    const [mine, theirs] = [median(rates[0]), median(rates[1])];
    const what = `${connections} connections, ${pipelined} at a time`;
    console.log(`${what.padEnd(28)} ${mine} ${theirs} ${(mine / theirs).toFixed(2)}`);
  }
}

async function measureDecoding() {
  const COUNT = 1000;
  const chunk = new Uint8Array(COUNT * REQUEST.length);
  for (let i = 0; i < COUNT; i++) chunk.set(REQUEST, i * REQUEST.length);
  const large = [64, 256].map((times) =>
    encodeMessage(new Uint8Array(times * 64 * 1024), { contentType: "a", contentEncoding: "b" })
  );
  const times = await compare({
    "a small message": () => {
      const decoder = new MessageDecoder();
      decoder.push(chunk);
      for (const message of decoder) decodeContent(message);
    },
    "4 MiB in 4 KiB chunks": () => decodeInChunks(large[0]!),
    "16 MiB in 4 KiB chunks": () => decodeInChunks(large[1]!),
  });
  console.log(
    `decoding a small message: ${(times["a small message"] / COUNT * 1000).toFixed(2)} µs`,
  );
  const [single, quadruple] = [times["4 MiB in 4 KiB chunks"], times["16 MiB in 4 KiB chunks"]];
  console.log(
    `4 MiB in 4 KiB chunks: ${single.toFixed(1)} ms; 16 MiB: ${
      (quadruple / single).toFixed(1)
    } times that`,
  );
}

function decodeInChunks(bytes: Uint8Array) {
  const decoder = new MessageDecoder({ maxContentLength: 2 ** 30 });
  for (let i = 0; i < bytes.length; i += 4096) {
    decoder.push(bytes.subarray(i, i + 4096));
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
