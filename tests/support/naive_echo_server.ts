// The first echo server of the tutorial, before any of its cures:
//
//   deno run --allow-net tests/support/naive_echo_server.ts PORT
const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
for await (const conn of listener) {
  await echo(conn);
}

async function echo(conn: Deno.Conn) {
  const buffer = new Uint8Array(16_384); // bytes
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    await conn.write(buffer.subarray(0, n)); // which may take fewer
  }
  conn.close();
}
