// How long everybody else waits at app/relay.ts while one client floods it with what costs it most.
import { encodeFrame, encodeMessage } from "../../mod.ts";
import { findFreePort, Program, readToReset, writeAll } from "../support/programs.ts";
import type { Figure } from "./figures.ts";

const CLIENTS = 50; // who send and wait for the echo, again and again
const WARM_UP = 500; // milliseconds of flood
const TIME = 5_000; // milliseconds in which answers are timed
const PATIENCE = 10_000; // milliseconds for an answer, which is then lost
const NEWCOMER_INTERVAL = 50; // milliseconds
const LOST = Infinity; // milliseconds
const MESSAGE = new TextEncoder().encode("hello\n");

const FLOODER = `
  const [port, unit] = Deno.args;
  const bytes = new Uint8Array(Array(1000).fill(unit.split(",").map(Number)).flat());
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const send = async () => {
    while (true) for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  };
  send();
  for (const buffer = new Uint8Array(65536); await conn.read(buffer) !== null;);`;

/** What is sent without end, and the options of the relay that gets it. */
interface Flood {
  name: string;
  unit: Uint8Array;
  args: string[];
  hasPage?: boolean;
}

const SMALLEST = encodeMessage(new Uint8Array(), { contentType: "", contentEncoding: "" });
const ONE_BYTE = encodeFrame(new Uint8Array(1));
const FLOODS: Flood[] = [
  { name: "smallest messages", unit: SMALLEST, args: ["--protocol", "app"] },
  { name: "empty frames", unit: new Uint8Array(4), args: ["--protocol", "frames"] },
  { name: "1-byte frames", unit: ONE_BYTE, args: ["--protocol", "frames"] },
  { name: "--chunk 1", unit: new Uint8Array([1]), args: ["--chunk", "1"] },
  { name: "--quiet", unit: new Uint8Array([1]), args: ["--quiet"] },
  {
    name: "1-byte frames, page open",
    unit: ONE_BYTE,
    args: ["--protocol", "frames"],
    hasPage: true,
  },
];

/** Measures how long others wait for their echoes, through relays to an echo server on this port. */
export async function measureFloods(echo: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const flood of FLOODS) figures.push(...await measureFlood(echo, flood));
  return figures;
}

async function measureFlood(echo: number, flood: Flood): Promise<Figure[]> {
  console.error(`relay: a flood of ${flood.name}`);
  const [port, web] = [findFreePort(), findFreePort()];
  const args = flood.hasPage ? [...flood.args, "--web", `${web}`] : flood.args;
  await using relay = await startSilentRelay(port, echo, args);
  if (flood.hasPage) await listening(relay, web);
  const viewer = flood.hasPage ? await view(web) : undefined;
  await using _flooder = new Program(["eval", FLOODER, `${port}`, `${flood.unit}`]);
  await pause(WARM_UP);
  const end = performance.now() + TIME;
  const [old, newcomers] = await Promise.all([
    Promise.all(Array.from({ length: CLIENTS }, () => stay(port, end))),
    comeAgain(port, end),
  ]);
  viewer?.close();
  return [
    ...waits(`${flood.name}, ${CLIENTS} others`, old.flat()),
    ...waits(`${flood.name}, newcomers`, newcomers),
  ];
}

/** A relay whose output goes nowhere: to collect that of a flood would slow down everything. */
async function startSilentRelay(port: number, echo: number, args: string[]): Promise<Program> {
  const addresses = ["--listen", `127.0.0.1:${port}`, "--to", `127.0.0.1:${echo}`];
  const words = ["run", "--allow-net=127.0.0.1", "app/relay.ts", ...addresses, ...args];
  const relay = new Program(
    ["-c", 'exec "$0" "$@" > /dev/null', Deno.execPath(), ...words],
    "bash",
  );
  await listening(relay, port);
  return relay;
}

/** Waits until somebody listens on a port. */
async function listening(program: Program, port: number): Promise<void> {
  while (true) {
    try {
      using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch (error) {
      if (!program.isRunning) throw error;
      await pause(20);
    }
  }
}

/** Times echoes on one connection, one after the other. */
async function stay(port: number, end: number): Promise<number[]> {
  const times: number[] = [];
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  while (performance.now() < end) {
    const took = await time(conn);
    times.push(took);
    if (took === LOST) break;
    await pause(5); // as people and programs do, who look at the answer
  }
  return times;
}

/** Times the first echo of many connections: the kernel takes them at once, and the relay when it can. */
async function comeAgain(port: number, end: number): Promise<number[]> {
  const times: Promise<number>[] = [];
  while (performance.now() < end) {
    times.push(
      Deno.connect({ hostname: "127.0.0.1", port }).then(async (conn) => {
        using _ = conn;
        return await time(conn);
      }),
    );
    await pause(NEWCOMER_INTERVAL);
  }
  return await Promise.all(times);
}

/** How long an echo takes; `LOST` if it does not come, or the relay gives up the connection. */
async function time(conn: Deno.Conn): Promise<number> {
  const start = performance.now();
  const timer = setTimeout(() => conn.close(), PATIENCE);
  try {
    await writeAll(conn, MESSAGE);
    const buffer = new Uint8Array(MESSAGE.length);
    for (let received = 0; received < buffer.length;) {
      const n = await conn.read(buffer);
      if (n === null) return LOST;
      received += n;
    }
    return performance.now() - start;
  } catch {
    return LOST;
  } finally {
    clearTimeout(timer);
  }
}

/** Looks at the events, as the page does, until the connection is closed. */
async function view(port: number): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  await writeAll(conn, new TextEncoder().encode(request));
  readToReset(conn);
  return conn;
}

function waits(who: string, times: number[]): Figure[] {
  const sorted = times.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(0.99 * (sorted.length - 1))]!;
  const detail = `${sorted.length} echoes, median ${sorted[sorted.length >> 1]!.toFixed(1)} ms`;
  return [
    { what: `${who}: 99th percentile`, value: p99, unit: "ms", atMost: 250, detail },
    { what: `${who}: longest wait`, value: sorted.at(-1)!, unit: "ms", atMost: 500 },
  ];
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
