// A solution of the exercise "A proxy".
//
//   deno run --allow-net tests/solutions/proxy.ts [port [to]]
const [port = "65431", to = "65432"] = Deno.args;
const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port), tcpBacklog: 1024 });
console.log(`Listening on 127.0.0.1:${listener.addr.port}`);
while (true) {
  try {
    passOn(await listener.accept()).catch(report);
  } catch (error) { // nobody was accepted
    report(error);
    await new Promise((resume) => setTimeout(resume, 5)); // milliseconds
  }
}

/** Connects a client to the server, until both have finished or one is lost. */
async function passOn(client: Deno.TcpConn): Promise<void> {
  using _client = client;
  using server = await Deno.connect({ hostname: "127.0.0.1", port: Number(to) });
  client.setNoDelay(); // or small pieces wait for each other
  server.setNoDelay();
  // If one direction fails, this ends at once. Both connections are closed, so the other fails too.
  await Promise.all([copy(client, server), copy(server, client)]);
}

async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  while (true) {
    const n = await from.read(buffer);
    if (n === null) break;
    let sent = 0;
    while (sent < n) sent += await to.write(buffer.subarray(sent, n));
  }
  await to.closeWrite(); // the half-close goes on, and the other direction too
}

function report(error: unknown): void {
  console.error(`Connection lost: ${error}`);
}
