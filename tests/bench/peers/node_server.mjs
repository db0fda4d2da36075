// An echo server over node:net.   node node_server.mjs <port>
import { createServer } from "node:net";

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  socket.on("drain", () => socket.resume());
  socket.on("data", (data) => {
    if (!socket.write(data)) socket.pause();
  });
});
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 }, () => {
  console.log(`Listening on 127.0.0.1:${server.address().port}`);
});
