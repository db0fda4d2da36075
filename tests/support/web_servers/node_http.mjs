// A web server by Node's http, with a page and an echo, as the checker wants it.   node node_http.mjs <port>
import { createServer } from "node:http";

const MAX_LENGTH = 1024 * 1024; // bytes

const server = createServer(async (request, response) => {
  try {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/" && ["GET", "HEAD"].includes(request.method)) {
      response.setHeader("content-type", "text/html");
      return response.end("<h1>Hello</h1>");
    }
    if (pathname === "/") return response.writeHead(405).end();
    if (pathname !== "/echo") return response.writeHead(404).end();
    if (request.method !== "POST") return response.writeHead(405).end();
    if (Number(request.headers["content-length"]) > MAX_LENGTH) {
      return response.writeHead(413, { connection: "close" }).end();
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end(Buffer.concat(chunks));
  } catch {
    if (!response.headersSent) response.writeHead(400).end();
  }
});
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 1024 }, () => {
  console.log(`Listening on 127.0.0.1:${server.address().port}`);
});
