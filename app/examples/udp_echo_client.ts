// Sends "Hello, world" in a datagram, and prints what comes back.
//
//   deno run --allow-net --unstable-net app/examples/udp_echo_client.ts
const USAGE =
  "Usage: deno run --allow-net --unstable-net app/examples/udp_echo_client.ts [host] [port]";
const MESSAGE = "Hello, world";
const TIMEOUT = 2_000; // milliseconds: nobody says whether a datagram has arrived

const [hostname = "127.0.0.1", port = "65432"] = Deno.args;
const asksForHelp = hostname === "--help";
if (asksForHelp || hostname.startsWith("-") || !/^\d{1,5}$/.test(port)) {
  (asksForHelp ? console.log : console.error)(USAGE);
  Deno.exit(asksForHelp ? 0 : 2);
}
Deno.unrefTimer(setTimeout(() => fail(`No answer within ${TIMEOUT / 1000} s`), TIMEOUT));

try {
  const server: Deno.NetAddr = { transport: "udp", hostname, port: Number(port) };
  const own = hostname.includes(":") ? "::" : "0.0.0.0"; // of the same family as the server's
  const socket = Deno.listenDatagram({ transport: "udp", hostname: own, port: 0 });
  await socket.send(new TextEncoder().encode(MESSAGE), server);
  const [bytes] = await socket.receive();
  if (new TextDecoder().decode(bytes) !== MESSAGE) fail("The echo differs from what was sent");
  console.log(`Received "${MESSAGE}"`);
  socket.close();
} catch (error) {
  fail((error as Error).message);
}

function fail(reason: string): never {
  console.error(`No echo from ${hostname}:${port}: ${reason}`);
  Deno.exit(1);
}
