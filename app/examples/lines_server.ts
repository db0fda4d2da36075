// Answers each line with the same line in capitals, for many clients at the same time.
//
//   deno run --allow-net app/examples/lines_server.ts
import { Decoder, type ParserInput, type ParserStep } from "../../mod.ts";

const USAGE = "Usage: deno run --allow-net app/examples/lines_server.ts [host] [port]";
const TIMEOUT = 60_000; // milliseconds for a whole line to come, or for its answer to be taken
const MAX_LINE_LENGTH = 512; // bytes
const ACCEPT_PAUSE = 5; // milliseconds

const encoder = new TextEncoder();

/** Reads one line, which ends with `\n` or `\r\n`. What is not UTF-8 is refused, and not changed. */
export function line(bytes: ParserInput): ParserStep<string> {
  return bytes.takeLine({ maxLength: MAX_LINE_LENGTH, fatal: true });
}

/** Answers one client, until it has finished. Each line has a deadline, which single bytes do not move. */
export async function serve(conn: Deno.Conn, timeout = TIMEOUT): Promise<void> {
  using _ = conn; // closes it, however this function ends
  const lines = receive(conn);
  while (true) {
    const { done, value } = await inTime(conn, lines.next(), timeout);
    if (done) return;
    await inTime(conn, write(conn, `${value.toUpperCase()}\n`), timeout);
  }
}

/** The lines of a client. It throws where one is refused, or cut short. */
async function* receive(conn: Deno.Conn): AsyncGenerator<string> {
  const lines = new Decoder(line); // texts outlive the buffer, so nothing need be copied
  const buffer = new Uint8Array(4096);
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    lines.push(buffer.subarray(0, n)); // only the bytes that were read
    yield* lines;
  }
  lines.end();
}

async function write(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Waits for a read or a write, which fails when the connection is closed. */
async function inTime<T>(conn: Deno.Conn, operation: Promise<T>, timeout: number): Promise<T> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    conn.close();
  }, timeout);
  try {
    return await operation;
  } catch (error) {
    if (!isLate) throw error;
    throw new Error(`No line was sent, or taken, within ${timeout / 1000} s`);
  } finally {
    clearTimeout(timer);
  }
}

async function main([hostname = "127.0.0.1", port = "65432", unexpected]: string[]): Promise<void> {
  if (hostname === "--help") return console.log(USAGE);
  if (hostname.startsWith("-") || !/^\d{1,5}$/.test(port) || unexpected !== undefined) {
    console.error(USAGE);
    Deno.exit(2);
  }
  const listener = listen(hostname, Number(port));
  console.log(`Listening on ${formatAddress(listener.addr)}`);
  while (true) { // `for await (const conn of listener)` would end at the first accept that fails
    try {
      const conn = await listener.accept();
      const client = formatAddress(conn.remoteAddr);
      serve(conn).catch((error) => console.error(`Lost ${client}: ${error.message}`));
    } catch (error) {
      console.error(`No client: ${(error as Error).message}`);
      await new Promise((resume) => setTimeout(resume, ACCEPT_PAUSE)); // it may fail again
    }
  }
}

function listen(hostname: string, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    console.error(`Cannot listen on ${hostname}, port ${port}: ${(error as Error).message}`);
    Deno.exit(1);
  }
}

function formatAddress({ hostname, port }: Deno.NetAddr): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

if (import.meta.main) await main(Deno.args);
