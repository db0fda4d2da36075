// How fast app/examples/web_server.ts is beside the servers that Deno and Node come with. The load is made by
// wrk, with 50 connections. Where there is taskset, it has a processor core for itself.
import { Program, works } from "../support/programs.ts";
import { type Figure, median } from "./figures.ts";

const PEERS = "tests/bench/peers";
const CONNECTIONS = 50;
const SECONDS = 1; // of load
const WARM_UP = 2; // seconds
const PAIRS = 7;
const PAGE = "<!DOCTYPE html><title>Hello</title>".padEnd(1024, " hello"); // 1 KiB

const [SERVER_CORE, LOAD_CORE] = works("taskset", "-c", "1", "true")
  ? [["taskset", "-c", "0"], ["taskset", "-c", "1"]]
  : [[], []];

/** Measures all of it. */
export async function measureWeb(): Promise<Figure[]> {
  if (!works("sh", "-c", "command -v wrk")) {
    console.error("web: left out, because there is no wrk");
    return [];
  }
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/page.html`, PAGE);
    const script = `${folder}/post.lua`;
    await Deno.writeTextFile(script, `wrk.method = "POST"\nwrk.body = "Hello, world"\n`);
    const deno = [Deno.execPath(), "run", "--no-prompt", "--allow-net", "--allow-read"];
    const ours = [...deno, "app/examples/web_server.ts", folder, "127.0.0.1", "0", "--quiet"];
    const figures: Figure[] = [];
    for (
      const [name, words] of [
        ["Deno.serve", [...deno, `${PEERS}/web_server.ts`, folder, "0"]],
        ["Node's http", ["node", `${PEERS}/web_server.mjs`, folder, "0"]],
      ] as const
    ) {
      console.error(`web: throughput relative to ${name}`);
      await using server = await start(ours);
      await using peer = await start([...words]);
      for (
        const [what, ...request] of [
          ["a form of 12 bytes", "-s", script, "/echo"],
          ["a file of 1 KiB", "/page.html"],
        ] as const
      ) {
        figures.push(await compare(`web_server / ${name}, ${what}`, server, peer, request));
      }
    }
    return figures;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** How many times as many requests a second, as the median of pairs. */
async function compare(
  what: string,
  ours: Server,
  peer: Server,
  request: string[],
): Promise<Figure> {
  for (const server of [ours, peer]) await rate(server, request, WARM_UP);
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const isFirst = pair % 2 === 0;
    const one = await rate(isFirst ? ours : peer, request, SECONDS);
    const two = await rate(isFirst ? peer : ours, request, SECONDS);
    ratios.push(isFirst ? one / two : two / one);
    rates.push(isFirst ? one : two);
  }
  const detail = `${Math.round(median(rates)).toLocaleString("en")} requests/s`;
  return { what, value: median(ratios), unit: "x", detail };
}

type Server = Program & { port: number };

async function start(words: string[]): Promise<Server> {
  const program = run([...SERVER_CORE, ...words]);
  const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

/** How many requests a second a server answers. */
async function rate({ port }: Server, request: string[], seconds: number): Promise<number> {
  const options = ["-t", "1", "-c", String(CONNECTIONS), "-d", String(seconds)];
  const url = `http://127.0.0.1:${port}${request.at(-1)}`;
  await using load = run([...LOAD_CORE, "wrk", ...options, ...request.slice(0, -1), url]);
  await load.ended;
  const [, perSecond] = /^Requests\/sec: +([\d.]+)$/m.exec(load.stdout) ?? [];
  if (perSecond === undefined || /Socket errors|Non-2xx/.test(load.stdout)) {
    throw new Error(`wrk: ${load.stdout}${load.stderr}`);
  }
  return Number(perSecond);
}

function run([command, ...args]: string[]): Program {
  return new Program(args, command);
}
