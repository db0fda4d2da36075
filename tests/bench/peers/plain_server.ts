// An echo server that is nothing but a loop of read and write for each client: what the fair turn of
// app/multiconn_server.ts is measured against. With more than 128 busy clients, most of them starve.
//   deno run --allow-net plain_server.ts <port>
const listener = Deno.listen({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  tcpBacklog: 4096,
});
console.log(`Listening on 127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) serve(conn).catch(() => {}); // the client has gone

async function serve(conn: Deno.TcpConn): Promise<void> {
  using _ = conn;
  conn.setNoDelay();
  const buffer = new Uint8Array(64 * 1024);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    for (let sent = 0; sent < n;) sent += await conn.write(buffer.subarray(sent, n));
  }
}
