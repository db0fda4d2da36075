// Sends every datagram back to where it came from.
//
//   deno run --allow-net --unstable-net app/examples/udp_echo_server.ts
const USAGE =
  "Usage: deno run --allow-net --unstable-net app/examples/udp_echo_server.ts [host] [port]";

const [hostname = "127.0.0.1", port = "65432"] = Deno.args;
const asksForHelp = hostname === "--help";
if (asksForHelp || hostname.startsWith("-") || !/^\d{1,5}$/.test(port)) {
  (asksForHelp ? console.log : console.error)(USAGE);
  Deno.exit(asksForHelp ? 0 : 2);
}

try {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: Number(port) });
  const { port: ownPort } = socket.addr as Deno.NetAddr; // if 0 was asked for
  console.log(`Waiting for datagrams on ${hostname}:${ownPort}`);
  while (true) { // `for await (const [bytes, sender] of socket)` would end at the first error
    try {
      const [bytes, sender] = await socket.receive();
      await socket.send(bytes, sender);
    } catch (error) { // nothing can be sent there, or (on Windows) an earlier sender has gone: go on
      console.error(`No echo: ${(error as Error).message}`);
    }
  }
} catch (error) {
  console.error(`Cannot serve on ${hostname}:${port}: ${(error as Error).message}`);
  Deno.exit(1);
}
