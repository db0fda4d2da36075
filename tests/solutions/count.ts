// A solution of the exercise "A server that counts".
//
//   deno run --allow-net tests/solutions/count.ts [port]
let clients = 0; // that have connected so far

const [port = "65432"] = Deno.args;
const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
console.log(`Listening on 127.0.0.1:${listener.addr.port}`);
while (true) {
  try {
    count(await listener.accept()).catch(report);
  } catch (error) { // nobody was accepted
    report(error);
    await new Promise((resume) => setTimeout(resume, 5)); // milliseconds
  }
}

async function count(conn: Deno.Conn): Promise<void> {
  using _ = conn;
  const number = ++clients; // now: others may connect while this client sends
  const buffer = new Uint8Array(16_384);
  let length = 0; // bytes
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    length += n;
  }
  const answer = new DataView(new ArrayBuffer(8));
  answer.setUint32(0, length); // big-endian, unless one asks for the other
  answer.setUint32(4, number);
  const bytes = new Uint8Array(answer.buffer);
  let sent = 0;
  while (sent < bytes.length) sent += await conn.write(bytes.subarray(sent));
}

function report(error: unknown): void {
  console.error(`Connection lost: ${error}`);
}
