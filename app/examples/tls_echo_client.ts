// Sends "Hello, world" to an echo server with TLS, and prints what comes back.
//
//   deno run --allow-net --allow-read app/examples/tls_echo_client.ts localhost 65432 cert.pem
const USAGE =
  "Usage: deno run --allow-net --allow-read app/examples/tls_echo_client.ts [host] [port] [trusted.pem]";
const MESSAGE = "Hello, world";
const TIMEOUT = 10_000; // milliseconds, from connecting to the last byte

const [hostname = "localhost", port = "65432", trusted] = Deno.args;
const asksForHelp = hostname === "--help";
if (asksForHelp || hostname.startsWith("-") || !/^\d{1,5}$/.test(port)) {
  (asksForHelp ? console.log : console.error)(USAGE);
  Deno.exit(asksForHelp ? 0 : 2);
}
Deno.unrefTimer(setTimeout(() => fail(`No answer within ${TIMEOUT / 1000} s`), TIMEOUT));

try {
  const caCerts = trusted === undefined ? [] : [await Deno.readTextFile(trusted)];
  using conn = await Deno.connectTls({ hostname, port: Number(port), caCerts });
  const message = new TextEncoder().encode(MESSAGE);
  for (let sent = 0; sent < message.length;) sent += await conn.write(message.subarray(sent));
  await conn.closeWrite(); // says that we have finished, encrypted as well

  const buffer = new Uint8Array(message.length + 1); // one more, to see whether more comes
  let received = 0;
  while (received < buffer.length) {
    const n = await conn.read(buffer.subarray(received));
    if (n === null) break;
    received += n;
  }
  if (received < message.length) fail(`Only ${received} of ${message.length} bytes came back`);
  const echo = new TextDecoder().decode(buffer.subarray(0, received));
  if (echo !== MESSAGE) fail("The echo differs from what was sent");
  console.log(`Received "${echo}"`);
} catch (error) {
  fail((error as Error).message);
}

function fail(reason: string): never {
  console.error(`No echo from ${hostname}:${port}: ${reason}`);
  Deno.exit(1);
}
