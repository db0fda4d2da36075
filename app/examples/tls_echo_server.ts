// Sends back every byte that a client sends, with TLS. It needs cert.pem and key.pem here.
//
//   deno run --allow-net --allow-read app/examples/tls_echo_server.ts
const USAGE =
  "Usage: deno run --allow-net --allow-read app/examples/tls_echo_server.ts [host] [port]";

const [hostname = "127.0.0.1", port = "65432"] = Deno.args;
const asksForHelp = hostname === "--help";
if (asksForHelp || hostname.startsWith("-") || !/^\d{1,5}$/.test(port)) {
  (asksForHelp ? console.log : console.error)(USAGE);
  Deno.exit(asksForHelp ? 0 : 2);
}

try {
  const cert = await Deno.readTextFile("cert.pem"); // says who this is
  const key = await Deno.readTextFile("key.pem"); // proves it, and is secret
  const listener = Deno.listenTls({ hostname, port: Number(port), cert, key });
  console.log(`Listening on ${hostname}:${listener.addr.port}`);
  for await (const conn of listener) {
    echo(conn).catch((error) => console.error(`Connection lost: ${error.message}`));
  }
} catch (error) {
  console.error(`Cannot serve on ${hostname}:${port}: ${(error as Error).message}`);
  Deno.exit(1);
}

async function echo(conn: Deno.TlsConn): Promise<void> {
  using _ = conn;
  const buffer = new Uint8Array(1024);
  while (true) {
    const n = await conn.read(buffer); // the first read makes the handshake
    if (n === null) break;
    for (let sent = 0; sent < n;) sent += await conn.write(buffer.subarray(sent, n));
  }
}
