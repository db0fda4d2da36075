// Sends "Hello, world" to an echo server and prints what comes back.
const USAGE = "Usage: deno run --allow-net echo_client.ts [host] [port]";

const [hostname = "127.0.0.1", port = "65432"] = Deno.args;
const asksForHelp = hostname === "--help";
if (asksForHelp || hostname.startsWith("-") || !/^\d{1,5}$/.test(port)) {
  (asksForHelp ? print : console.error)(USAGE);
  Deno.exit(asksForHelp ? 0 : 2);
}
const TIMEOUT = 30_000; // milliseconds, from connecting to the last byte

const message = new TextEncoder().encode("Hello, world");
Deno.unrefTimer(setTimeout(() => failEcho(`No answer within ${TIMEOUT / 1000} s`), TIMEOUT));

try {
  using conn = await Deno.connect({ hostname, port: Number(port) });
  for (let sent = 0; sent < message.length;) sent += await conn.write(message.subarray(sent));
  await conn.closeWrite(); // half-close: we have finished sending, and go on reading

  const buffer = new Uint8Array(1024);
  let received = 0;
  while (true) {
    const n = await conn.read(buffer.subarray(received));
    if (n === null) break; // the server will send no more
    received += n;
    if (received > message.length) failEcho("More came back than was sent");
  }
  if (received < message.length) failEcho(`Only ${received} of ${message.length} bytes came back`);
  if (message.some((byte, i) => byte !== buffer[i])) {
    failEcho("The echo differs from what was sent");
  }
  print(`Received "${new TextDecoder().decode(buffer.subarray(0, received))}"`);
} catch (error) {
  failEcho((error as Error).message);
}

function failEcho(reason: string): never {
  const isIPv6 = hostname.includes(":") && !hostname.startsWith("[");
  fail(`No echo from ${isIPv6 ? `[${hostname}]` : hostname}:${port}: ${reason}`);
}

function print(line: string): void {
  try {
    console.log(line);
  } catch (error) { // the disk is full, or the program behind the pipe has ended
    fail(`Cannot write to standard output: ${(error as Error).message}`);
  }
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
