// How much of the throughput of a direct connection is left through app/relay.ts.
//
//   deno run -A tests/bench/relay_bench.ts
import { Program, readToEnd, startServer, writeAll } from "../processes.ts";
import { compare, printTable, row } from "./measure.ts";

const LENGTH = 64 * 1024 * 1024; // bytes of a transfer
const SINK = `
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(\`Listening on 127.0.0.1:\${listener.addr.port}\`);
  while (true) {
    using conn = await listener.accept();
    for (const buffer = new Uint8Array(64 * 1024); await conn.read(buffer) !== null;);
  }`;

await using echo = await startServer("multiconn_server.ts");
await using sink = new Program(["eval", SINK]);
const [, sinkPort] = await sink.prints(/:(\d+)\n/);
await using toEcho = await startRelay(echo.port);
await using toSink = await startRelay(Number(sinkPort));

const options = { rounds: 9 };
const way = { direct: () => send(Number(sinkPort)), relayed: () => send(toSink.port) };
const there = await compare(way, options);
const back = { direct: () => send(echo.port), relayed: () => send(toEcho.port) };
const andBack = await compare(back, options);

const gibibytes = LENGTH / 1024 ** 3;
const rate = (milliseconds: number) => `${(gibibytes / milliseconds * 1000).toFixed(2)} GiB/s`;
const met = printTable("64 MiB through app/relay.ts --quiet (ours) and directly (peer)", [
  { ...row("to a server that only reads", timesOf(there), { target: 0.5 }), ...rates(there) },
  {
    ...row("to multiconn_server.ts and back", timesOf(andBack), { target: 0.5 }),
    ...rates(andBack),
  },
]);
Deno.exitCode = met ? 0 : 1;

function timesOf({ direct, relayed }: { direct: number; relayed: number }) {
  return { ours: relayed, peer: direct };
}

function rates({ direct, relayed }: { direct: number; relayed: number }) {
  return { ours: rate(relayed), peer: rate(direct) };
}

async function startRelay(to: number): Promise<Program & { port: number }> {
  const args = ["--listen", "127.0.0.1:0", "--to", `127.0.0.1:${to}`, "--quiet"];
  const program = new Program(["run", "--allow-net", "app/relay.ts", ...args]);
  const [, port] = await program.prints(/Listening on .*:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

/** Sends all, and reads what comes back to its end. */
async function send(port: number): Promise<void> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const reading = readToEnd(conn);
  const chunk = new Uint8Array(64 * 1024);
  for (let sent = 0; sent < LENGTH; sent += chunk.length) await writeAll(conn, chunk);
  await conn.closeWrite();
  await reading;
}
