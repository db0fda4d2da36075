// Sends back every byte its clients send, to any number of them at once: one task per connection.
//
//   deno run --allow-net multiconn_server.ts <host> <port>

import { parseArgs } from "jsr:@std/cli@^1.0.32/parse-args";

const USAGE = `Usage: multiconn_server.ts <host> <port> [--quiet]
  [--idle-timeout SECONDS (60)] [--write-timeout SECONDS (30)] [--max-connections N (20000)]`;
const FULL_TURN = 120; // connections, see endTurn
const options = parseArgs(Deno.args, {
  boolean: ["help", "quiet"],
  string: ["_", "idle-timeout", "write-timeout", "max-connections"],
  unknown: (arg, key) => key === undefined || exit(1, `Unknown option: ${arg}\n${USAGE}`),
});
const [hostname, port, ...others] = options._.map(String);
const idleTimeout = Number(options["idle-timeout"] ?? 60) * 1000; // milliseconds, like all times
const writeTimeout = Number(options["write-timeout"] ?? 30) * 1000;
const interval = Math.min(idleTimeout, writeTimeout, 4000) / 4;
const maxConnections = Number(options["max-connections"] ?? 20_000);
if (options.help) exit(0, USAGE);
if (!port || others.length > 0 || !(interval > 0 && maxConnections > 0)) exit(1, USAGE);
const clients = new Set<Client>();
type Client = { conn: Deno.TcpConn; name: string; writing: boolean; active: number };
let [stopping, sweeps, served] = [false, 0, 0]; // served: in this turn
const waiting: (() => void)[] = []; // for a turn with room
let quiet: ReturnType<typeof setTimeout> | undefined; // for when nothing comes after a full turn

const listener = await Promise.try(() =>
  Deno.listen({ hostname: hostname!, port: Number(port), tcpBacklog: 4096 })
).catch((error) => exit(1, `Cannot listen on ${hostname}:${port}: ${error.message}`));
console.log(`Listening on ${nameOf(listener.addr)}`);
const sweeper = setInterval(sweep, interval, idleTimeout / interval, writeTimeout / interval);
const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
for (const signal of signals) Deno.addSignalListener(signal, stop);
for (let pause = 5; !stopping;) {
  try {
    serve(await listener.accept()).catch(console.error);
    pause = 5;
  } catch (error) {
    if (stopping || error instanceof Deno.errors.NotConnected) continue; // reset before accept
    console.error(`Cannot accept: ${(error as Error).message}; next try in ${pause} ms`);
    await new Promise((resume) => setTimeout(resume, pause));
    pause = Math.min(pause * 2, 1000);
  }
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  using _ = conn;
  const client: Client = { conn, name: nameOf(conn.remoteAddr), writing: false, active: sweeps };
  if (clients.size >= maxConnections) return console.error(`Turned away ${client.name}: full`);
  clients.add(client);
  if (!options.quiet) console.log(`Accepted connection from ${client.name}`);
  await echo(client).catch((error) => {
    if (clients.has(client)) console.error(`Lost connection to ${client.name}: ${error.message}`);
  });
  clients.delete(client);
  if (!options.quiet) console.log(`Closing connection to ${client.name}`);
}

async function echo(client: Client): Promise<void> {
  client.conn.setNoDelay();
  let buffer = new Uint8Array(1024);
  for (let n, echoes = 1; (n = await client.conn.read(buffer)) !== null; echoes++) {
    if (!options.quiet) console.log(`Echoing ${quote(buffer.subarray(0, n))} to ${client.name}`);
    client.writing = true;
    client.active = sweeps;
    for (let sent = 0; sent < n; client.active = sweeps) { // all of it, or memory has no bound
      sent += await client.conn.write(buffer.subarray(sent, n));
    }
    client.writing = false;
    if (n === buffer.length && n < 64 * 1024) buffer = new Uint8Array(n * 4); // bulk
    if (clients.size <= FULL_TURN) continue;
    if (served++ === 0) setImmediate(endTurn);
    if (echoes % 4 === 0) await new Promise<void>((resume) => waiting.push(resume));
  }
}

// Deno serves 128 ready operations a turn, the newest first: the same clients again and again.
// So after four echoes a client waits for a turn with room: until then, others are still unserved.
function endTurn(): void {
  const full = served >= FULL_TURN && waiting.length < clients.size;
  served = 0;
  clearTimeout(quiet);
  if (full) return void (quiet = setTimeout(setImmediate, 1, () => served > 0 || endTurn()));
  for (const resume of waiting.splice(0, FULL_TURN)) resume();
  if (waiting.length > 0 && served++ === 0) setImmediate(endTurn);
}

function sweep(idleLimit: number, writeLimit: number): void { // one timer for all connections
  sweeps++;
  for (const client of clients) {
    if (sweeps - client.active <= (client.writing ? writeLimit : idleLimit)) continue;
    if (client.writing) console.error(`Gave up on ${client.name}: it does not read its echo`);
    clients.delete(client);
    client.conn.close(); // its pending read or write throws
  }
}

function stop(): void { // close idle connections, let the others finish; the second time: now
  if (stopping) exit(1, "Stopped at once");
  stopping = true;
  listener.close();
  clearInterval(sweeper);
  setInterval(() => clients.size > 0 ? sweep(1, Infinity) : exit(0), 50);
  setTimeout(() => exit(1, `Unfinished connections: ${clients.size}`), 10_000);
}

function nameOf({ hostname, port }: Deno.NetAddr): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function quote(bytes: Uint8Array): string { // cut, and unable to control the terminal
  const text = new TextDecoder().decode(bytes.subarray(0, 80)) + (bytes.length > 80 ? "…" : "");
  return JSON.stringify(text).replace(/\p{Cc}/gu, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

function exit(code: number, line = ""): never {
  if (line) (code ? console.error : console.log)(line);
  Deno.exit(code);
}
