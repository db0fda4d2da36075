// The page and the form of app/examples/web_server.ts, by Node's http.   node web_server.mjs <folder> <port>
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";

const [folder, port] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  try {
    if (request.method === "POST") {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      response.setHeader("content-type", "text/plain");
      response.end(Buffer.concat(chunks));
      return;
    }
    const path = folder + request.url;
    const { size } = await stat(path);
    response.writeHead(200, { "content-type": "text/html", "content-length": size });
    await pipeline(createReadStream(path), response);
  } catch {
    if (!response.headersSent) response.writeHead(404).end();
  }
});
server.listen({ host: "127.0.0.1", port: Number(port) }, () => {
  console.log(`Listening on 127.0.0.1:${server.address().port}`);
});
