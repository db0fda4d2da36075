// An echo client with the mistake that is named:
//
//   deno run --allow-net tests/support/wrong_clients/echo_client.ts MISTAKE HOST PORT
const [mistake, hostname, port] = Deno.args as [string, string, string];
const TIMEOUT = 3000; // milliseconds
const MAX_READS = 3; // by a client that counts them

const message = new TextEncoder().encode("Hello");
let exitCode = 1;
if (mistake !== "hangs") Deno.unrefTimer(setTimeout(() => fail("Silent"), TIMEOUT));

try {
  await talk();
} catch (error) {
  if (mistake === "ignores-refused" && error instanceof Deno.errors.ConnectionRefused) Deno.exit(0);
  fail((error as Error).message);
}

async function talk(): Promise<void> {
  if (mistake === "succeeds-always") exitCode = 0;
  using conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(message);
  if (mistake === "never-reads") Deno.exit(0); // at once, before its echo can come
  if (mistake !== "waits-for-the-end") await conn.closeWrite();
  const echo = await receive(conn);
  const text = new TextDecoder().decode(echo);
  if (mistake === "prints-raw") console.log(`Received ${text}`);
  if (echo.length === 0 && mistake === "ignores-no-echo") Deno.exit(0);
  if (mistake !== "compares-nothing") compare(echo);
  const printable = text.replaceAll(/\p{Cc}/gu, (character) => encodeURIComponent(character));
  if (mistake !== "prints-nothing") console.log(`Received "${printable}"`);
}

async function receive(conn: Deno.Conn): Promise<Uint8Array> {
  const received: number[] = [];
  const buffer = new Uint8Array(1024);
  let reads = 0;
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      received.push(...buffer.subarray(0, n));
      reads++;
      if (mistake === "reads-once") break;
      if (mistake === "counts-reads" && reads === MAX_READS) break;
      if (mistake === "counts-bytes" && received.length >= message.length) break;
    }
  } catch (error) {
    if (mistake !== "ignores-a-reset") throw error;
    Deno.exit(0);
  }
  return new Uint8Array(received);
}

function compare(echo: Uint8Array): void {
  if (echo.length !== message.length) fail(`${echo.length} bytes came back`);
  if (mistake === "counts-bytes") return;
  if (echo.some((byte, i) => byte !== message[i])) fail("The echo differs");
}

function fail(reason: string): never {
  console.error(`No echo: ${reason}`);
  Deno.exit(exitCode);
}
