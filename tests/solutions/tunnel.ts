// A solution of the exercise "A protocol of your own": a tunnel for an echo server on port 65432.
//
//   deno run --allow-net tests/solutions/tunnel.ts exit 65433 65432
//   deno run --allow-net tests/solutions/tunnel.ts entry 65431 65433
//
// Bytes travel from the entry to the exit, and back, in frames. The first byte of a frame says what it is:
// with DATA, the bytes of a client or of the server follow; END stands for a half-close.
import { encodeFrame, FrameDecoder } from "../../mod.ts";

const DATA = 0;
const END = 1;
const BUFFER_LENGTH = 64 * 1024; // bytes

const [side, from, to] = Deno.args;
const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(from), tcpBacklog: 1024 });
console.log(`Listening on 127.0.0.1:${listener.addr.port}`);
while (true) {
  try {
    const conn = await listener.accept();
    tunnel(conn).catch((error) => console.error(`Lost a client: ${error.message}`));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotConnected)) throw error; // this client has gone already
  }
}

/** Connects to the next port, and passes on what comes from either side until both have finished. */
async function tunnel(near: Deno.TcpConn): Promise<void> {
  using _near = near;
  using far = await Deno.connect({ hostname: "127.0.0.1", port: Number(to) });
  near.setNoDelay();
  far.setNoDelay();
  const [plain, framed] = side === "entry" ? [near, far] : [far, near];
  await Promise.all([wrap(plain, framed), unwrap(framed, plain)]);
}

async function wrap(plain: Deno.Conn, framed: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_LENGTH);
  buffer[0] = DATA;
  for (let n; (n = await plain.read(buffer.subarray(1))) !== null;) {
    await writeAll(framed, encodeFrame(buffer.subarray(0, n + 1)));
  }
  await writeAll(framed, encodeFrame(new Uint8Array([END])));
}

async function unwrap(framed: Deno.Conn, plain: Deno.Conn): Promise<void> {
  const decoder = new FrameDecoder({ maxFrameLength: BUFFER_LENGTH });
  const buffer = new Uint8Array(BUFFER_LENGTH);
  for (let n; (n = await framed.read(buffer)) !== null;) {
    decoder.push(buffer.subarray(0, n));
    for (const frame of decoder) {
      if (frame[0] === END) return await plain.closeWrite();
      await writeAll(plain, frame.subarray(1));
    }
  }
  throw new Error("The tunnel ended before the client or server");
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}
