// Treats multiconn_server.ts badly for a while, in random order, and checks every byte that comes back; in
// the end the server must hold as many descriptors and about as much memory as in the beginning.
//
//   deno task soak [--seconds 60] [--seed N]
import { parseArgs } from "jsr:@std/cli@^1.0.32/parse-args";
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { connectAndReset, exchange, noise, readToEnd, startServer, writeAll } from "./processes.ts";

const CLIENTS = 24; // at any time
const MEMORY_ALLOWED = 32 * 1024; // KiB more than after the warm-up; a leak passes it within a minute

const options = parseArgs(Deno.args, { string: ["seconds", "seed"], unknown: wrong });
const seconds = Number(options.seconds ?? 60);
let state = Number(options.seed ?? Date.now() % 1_000_000);
if (!(seconds > 0 && state >= 0)) wrong(Deno.args.join(" "));
console.log(`Running for ${seconds} s with --seed ${state}`);

const source = noise(8 * 1024 * 1024);
const counts = new Map<string, number>();
await using server = await startServer(
  "multiconn_server.ts",
  "--quiet",
  "--idle-timeout",
  "3",
  "--write-timeout",
  "3",
);
const { port, pid } = server;

const actions: Record<string, () => Promise<void>> = {
  "small echoes": () => check(slice(64 * 1024), (bytes) => exchange(port, bytes)),
  "bulk echoes": () => check(slice(8 * 1024 * 1024), (bytes) => exchange(port, bytes)),
  "empty half-closes": () => check(new Uint8Array(), (bytes) => exchange(port, bytes)),
  "resets at once": () => connectAndReset(port),
  "resets in an echo": () => connectAndReset(port, slice(1024 * 1024)),
  "closes without reading": async () => {
    using conn = await connect();
    await writeAll(conn, slice(64 * 1024));
  },
  "ping-pongs": async () => {
    using conn = await connect();
    const reply = new Uint8Array(1024);
    for (let i = 0; i < 50; i++) {
      const bytes = slice(reply.length);
      await writeAll(conn, bytes);
      for (let at = 0; at < bytes.length;) at += await conn.read(reply.subarray(at)) ?? NaN;
      if (!equals(reply.subarray(0, bytes.length), bytes)) throw new Error("Other bytes came back");
    }
  },
  "slow readers": async () => {
    using conn = await connect();
    const bytes = slice(2 * 1024 * 1024);
    const sent = writeAll(conn, bytes).then(() => conn.closeWrite());
    const buffer = new Uint8Array(64 * 1024);
    let at = 0;
    for (let n; (n = await conn.read(buffer)) !== null; at += n) {
      if (!equals(buffer.subarray(0, n), bytes.subarray(at, at + n))) {
        throw new Error("Other bytes came back to a slow reader");
      }
      await pause(random(10));
    }
    await sent;
    if (at !== bytes.length) throw new Error(`${at} of ${bytes.length} bytes came back`);
  },
  "never readers": async () => {
    using conn = await connect();
    try {
      while (true) await conn.write(source);
    } catch { /* as it should: the server gave up on it */ }
  },
  "idle clients": async () => {
    using conn = await connect();
    if ((await readToEnd(conn)).length > 0) throw new Error("Bytes came to an idle client");
  },
};
const rare = new Set(["never readers", "idle clients"]); // these take seconds

await run(Math.min(seconds / 4, 10));
const before = await held();
await run(seconds - Math.min(seconds / 4, 10));
let after = await held();
for (let i = 0; i < 50 && after.descriptors > before.descriptors; i++) {
  await pause(100);
  after = await held();
}
for (const [name, count] of counts) console.log(`${String(count).padStart(8)} ${name}`);
console.log(`Descriptors: ${before.descriptors} before, ${after.descriptors} after`);
console.log(`Memory: ${before.memory} KiB before, ${after.memory} KiB after`);
if (after.descriptors > before.descriptors) fail("Descriptors leak");
if (after.memory > before.memory + MEMORY_ALLOWED) fail("Memory leaks");
server.kill("SIGTERM");
const { code } = await server.ended;
if (code !== 0) fail(`The server ended with exit code ${code}: ${server.stderr.slice(-1000)}`);
const strange = server.stderr.split("\n").find((line) => !/^(Lost|Waiting|$)/.test(line));
if (strange) fail(`The server said: ${strange}`);
console.log("All bytes were right");

/** Runs the actions until time is over and all have ended. */
async function run(seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const names = Object.keys(actions);
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (performance.now() < end) {
      const name = names[random(names.length)]!;
      if (rare.has(name) && random(20) > 0) continue;
      try {
        await actions[name]!();
      } catch (error) {
        fail(`${name}: ${(error as Error).message}`);
      }
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }));
}

async function check(bytes: Uint8Array, send: (bytes: Uint8Array) => Promise<Uint8Array>) {
  if (!equals(await send(bytes), bytes)) throw new Error(`Not the ${bytes.length} bytes came back`);
}

/** What the server holds when all clients are gone; memory in KiB. */
async function held(): Promise<{ descriptors: number; memory: number }> {
  await pause(500); // until it has noticed the last of them
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const descriptors = (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
  return { descriptors, memory: Number(/VmRSS:\s*(\d+)/.exec(status)![1]) };
}

function connect(): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** Some bytes, 1 to `length`. */
function slice(length: number): Uint8Array {
  const size = 1 + random(length);
  const start = random(source.length - size + 1);
  return source.subarray(start, start + size);
}

/** A whole number from 0 to `limit` - 1. */
function random(limit: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor(state / 2 ** 32 * limit);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}

function fail(reason: string): never {
  console.error(reason);
  Deno.exit(1);
}

function wrong(what: string): never {
  console.error(`Wrong arguments: ${what}; use [--seconds 60] [--seed N]`);
  Deno.exit(1);
}
