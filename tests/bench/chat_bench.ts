// The chat server against the same chat in plain asyncio: messages delivered a second.
//
// The load generator is written in C; how busy it was shows that it is not what limits them.
import { Program } from "../support/programs.ts";
import { type Figure, median } from "./figures.ts";

const CLIENTS = 200;
const TEXT_LENGTH = 40; // bytes
const SECONDS = 1.5; // of each run
const ROUNDS = 5;

const folder = await Deno.makeTempDir();
const load = `${folder}/chat_load`;
const server = ["run", "--no-prompt", "--allow-net", "app/chat_server.ts", "127.0.0.1", "0"];

export async function measureChat(): Promise<Figure[]> {
  const compiler = new Program(["-O2", "-o", load, "tests/bench/peers/chat_load.c"], "cc");
  if (!(await compiler.ended).success) throw new Error(`Cannot compile: ${compiler.stderr}`);
  const figures = [
    await compareChats("all talk, each waits for its round", { talkers: CLIENTS, window: 1 }, 2),
    await compareChats("ten talk, each waits for its round", { talkers: 10, window: 1 }, 2),
    await compareChats("one talks, 16 messages ahead", { talkers: 1, window: 16 }),
    await compareChats("one talks, waits for each message", { talkers: 1, window: 1 }),
  ];
  await Deno.remove(folder, { recursive: true });
  return figures;
}

async function compareChats(
  what: string,
  talk: { talkers: number; window: number },
  atLeast?: number,
): Promise<Figure> {
  console.error(`chat: ${what}`);
  const ours: number[] = [];
  const peer: number[] = [];
  let busiest = 0;
  const measureWith = async (rates: number[], program: Program) => {
    const { delivered, busy } = await measure(program, talk);
    rates.push(delivered);
    busiest = Math.max(busiest, busy);
  };
  for (let round = 0; round < ROUNDS; round++) { // a new server each time, in turns
    await measureWith(ours, new Program(server));
    await measureWith(peer, new Program(["tests/support/python/chat_server.py", "0"], "python3"));
  }
  const perSecond = (rates: number[]) => `${Math.round(median(rates)).toLocaleString("en")}/s`;
  return {
    what: `app/chat_server.ts, ${what}, asyncio`,
    value: median(ours.map((rate, round) => rate / peer[round]!)),
    unit: "x",
    detail: `${perSecond(ours)}, peer ${perSecond(peer)}, load ${Math.round(busiest * 100)} % busy`,
    ...(atLeast !== undefined && { atLeast }),
  };
}

async function measure(
  server: Program,
  { talkers, window }: { talkers: number; window: number },
): Promise<{ delivered: number; busy: number }> {
  await using running = server;
  const [, port] = await running.prints(/Listening on .*:(\d+)\n/);
  const args = [port, CLIENTS, talkers, window, TEXT_LENGTH, SECONDS].map(String);
  await using loading = new Program(args, load);
  const { success } = await loading.ended;
  if (!success) throw new Error(`The load failed: ${loading.stderr}${running.stderr}`);
  return JSON.parse(loading.stdout);
}
