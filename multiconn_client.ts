// Opens many connections at once, sends two messages on each, and checks that they come back.
//
//   deno run --allow-net multiconn_client.ts <host> <port> <num_connections>

import { parseArgs } from "jsr:@std/cli@^1.0.32/parse-args";

const USAGE = `Usage: multiconn_client.ts <host> <port> <num_connections> [--quiet]
  [--timeout SECONDS (30)]  give up when the server is silent for so long`;
const MESSAGES = ["Message 1 from client.", "Message 2 from client."];
const encoder = new TextEncoder();
const expected = encoder.encode(MESSAGES.join(""));

const options = parseArgs(Deno.args, {
  boolean: ["help", "quiet"],
  string: ["_", "timeout"],
  unknown: (arg, key) => key === undefined || exit(1, `Unknown option: ${arg}\n${USAGE}`),
});
const [hostname, port, count, ...others] = options._.map(String);
const timeout = Number(options.timeout ?? 30) * 1000; // milliseconds
if (options.help) exit(0, USAGE);
if (!/^[1-9][0-9]*$/.test(count ?? "") || others.length > 0 || !(timeout > 0)) exit(1, USAGE);

const total = Number(count);
const print = options.quiet ? () => {} : console.log;
const showsProgress = total >= 100 && Deno.stderr.isTerminal();
const failures = new Map<string, number>(); // how many connections, by reason
let ended = 0;
let heard = performance.now(); // when the server last gave a sign of life
setInterval(watch, Math.min(timeout / 4, 200));
await Promise.all(Array.from({ length: total }, (_, i) => run(i + 1)));
finish();

async function run(id: number): Promise<void> {
  await converse(id).catch(({ code, message }) =>
    fail(code === "EMFILE" ? "Too many open files, see `ulimit -n`" : message)
  );
  ended++;
}

async function converse(id: number): Promise<void> {
  print(`Starting connection ${id} to ${hostname}:${port}`);
  using conn = await Deno.connect({ hostname: hostname!, port: Number(port) });
  heard = performance.now();
  for (const message of MESSAGES) {
    print(`Sending "${message}" to connection ${id}`);
    const bytes = encoder.encode(message);
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  }
  await conn.closeWrite(); // half-close: "I am done", while we go on reading

  const buffer = new Uint8Array(expected.length + 1);
  let received = 0;
  for (let n; (n = await conn.read(buffer.subarray(received))) !== null;) {
    heard = performance.now();
    print(`Received ${quote(buffer.subarray(received, received + n))} from connection ${id}`);
    received += n;
    if (received > expected.length) throw new Error("More came back than was sent");
  }
  if (received < expected.length) {
    throw new Error(`Only ${received} of ${expected.length} bytes came back`);
  }
  if (expected.some((byte, i) => byte !== buffer[i])) {
    throw new Error("Other bytes came back than were sent");
  }
  print(`Closing connection ${id}`);
}

function watch(): void {
  if (showsProgress) {
    Deno.stderr.writeSync(encoder.encode(`${ended} of ${total} connections done\r`));
  }
  if (performance.now() - heard < timeout) return;
  fail(`Silent for ${timeout / 1000} s`, total - ended);
  finish();
}

function fail(reason: string, times = 1): void {
  failures.set(reason, (failures.get(reason) ?? 0) + times);
}

function finish(): never {
  if (showsProgress) console.error(`${ended} of ${total} connections done`);
  const reasons = [...failures].sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) Deno.exit(0);
  const failed = reasons.reduce((sum, [, times]) => sum + times, 0);
  console.error(`${failed} of ${total} connections to ${hostname}:${port} failed:`);
  for (const [reason, times] of reasons.slice(0, 4)) console.error(`  ${times} x ${reason}`);
  Deno.exit(1);
}

function quote(bytes: Uint8Array): string { // unable to control the terminal
  return JSON.stringify(new TextDecoder().decode(bytes))
    .replace(/\p{Cc}/gu, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

function exit(code: number, line: string): never {
  (code ? console.error : console.log)(line);
  Deno.exit(code);
}
