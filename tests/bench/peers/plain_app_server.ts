// The application server as nothing but a loop of read, decode, respond and write for each client, without
// deadlines and turns: what the core below app/server.ts is measured against.
//   deno run --allow-net plain_app_server.ts <port>
import { createResponse } from "../../../app/libserver.ts";
import { decodeContent, MessageDecoder } from "../../../mod.ts";

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
  const decoder = new MessageDecoder({ copy: true }); // the buffer is used again
  const buffer = new Uint8Array(64 * 1024);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    decoder.push(buffer.subarray(0, n));
    for (const message of decoder) {
      const response = await createResponse(decodeContent(message));
      for (let sent = 0; sent < response.length;) sent += await conn.write(response.subarray(sent));
    }
  }
}
