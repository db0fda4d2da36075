// Sends "Hello, world" to an echo server and prints what comes back.
const USAGE = "Usage: deno run --allow-net echo_client.ts [host] [port]";

const [hostname = "127.0.0.1", port = "65432"] = Deno.args;
const asksForHelp = hostname === "--help";
if (asksForHelp || hostname.startsWith("-") || !/^\d{1,5}$/.test(port)) {
  (asksForHelp ? console.log : console.error)(USAGE);
  Deno.exit(asksForHelp ? 0 : 2);
}
const TIMEOUT = 30_000; // milliseconds, from connecting to the last byte

const message = new TextEncoder().encode("Hello, world");
Deno.unrefTimer(setTimeout(() => fail(`No answer within ${TIMEOUT / 1000} s`), TIMEOUT));

try {
  using conn = await Deno.connect({ hostname, port: Number(port) });
  for (let sent = 0; sent < message.length;) sent += await conn.write(message.subarray(sent));
  await conn.closeWrite(); // half-close: we have finished sending, and go on reading

  const buffer = new Uint8Array(1024);
  let received = 0;
  for (let n; (n = await conn.read(buffer.subarray(received))) !== null;) {
    received += n;
    if (received > message.length) fail("More came back than was sent");
  }
  if (received < message.length) fail(`Only ${received} of ${message.length} bytes came back`);
  if (message.some((byte, i) => byte !== buffer[i])) fail("The echo differs from what was sent");
  console.log(`Received "${new TextDecoder().decode(buffer.subarray(0, received))}"`);
} catch (error) {
  fail((error as Error).message);
}

function fail(reason: string): never {
  const name = hostname.includes(":") ? `[${hostname}]` : hostname; // an IPv6 address
  console.error(`No echo from ${name}:${port}: ${reason}`);
  Deno.exit(1);
}
