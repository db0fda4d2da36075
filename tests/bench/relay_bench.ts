// How much of the throughput of a direct connection is left through app/relay.ts.
import { Program, readToEnd, startRelay, startServer, writeAll } from "../support/programs.ts";
import type { Figure } from "./figures.ts";
import { compare } from "./measure.ts";

const LENGTH = 64 * 1024 * 1024; // bytes of a transfer
const SINK = `
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(\`Listening on 127.0.0.1:\${listener.addr.port}\`);
  while (true) {
    using conn = await listener.accept();
    for (const buffer = new Uint8Array(64 * 1024); await conn.read(buffer) !== null;);
  }`;

export async function measureRelay(): Promise<Figure[]> {
  await using echo = await startServer("app/multiconn_server.ts");
  await using sink = new Program(["eval", SINK]);
  const [, port] = await sink.prints(/:(\d+)\n/);
  await using toEcho = await startRelay(echo.port, "--quiet");
  await using toSink = await startRelay(Number(port), "--quiet");
  return [
    await compareWays("to a server that only reads", Number(port), toSink.port),
    await compareWays("to app/multiconn_server.ts and back", echo.port, toEcho.port),
  ];
}

async function compareWays(what: string, direct: number, relayed: number): Promise<Figure> {
  console.error(`relay: 64 MiB ${what}`);
  const times = await compare(
    { direct: () => send(direct), relayed: () => send(relayed) },
    { rounds: 9 },
  );
  return {
    what: `app/relay.ts, 64 MiB ${what}, directly`,
    value: times.direct / times.relayed,
    unit: "x",
    atLeast: 0.5,
    detail: `${rate(times.relayed)}, directly ${rate(times.direct)}`,
  };
}

function rate(milliseconds: number): string {
  return `${(LENGTH / 1024 ** 3 / milliseconds * 1000).toFixed(2)} GiB/s`;
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
