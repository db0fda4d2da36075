// The page and the form of app/examples/web_server.ts, by `Deno.serve`.
//   deno run --allow-net --allow-read web_server.ts <folder> <port>
const [folder = ".", port] = Deno.args;

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  onListen: ({ port }) => console.log(`Listening on 127.0.0.1:${port}`),
}, async (request) => {
  const { pathname } = new URL(request.url);
  if (request.method === "POST") {
    return new Response(await request.bytes(), { headers: { "content-type": "text/plain" } });
  }
  try {
    const file = await Deno.open(folder + pathname);
    return new Response(file.readable, { headers: { "content-type": "text/html" } });
  } catch {
    return new Response("Not found\n", { status: 404 });
  }
});
