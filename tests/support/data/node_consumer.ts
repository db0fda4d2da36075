// Uses the package as a program in Node.js does, without the names of a browser. consumer_test.ts compiles it.
import { createServer } from "node:net";
import {
  encodeFrame,
  encodeMessage,
  FrameDecoder,
  MessageDecoderStream,
  pack,
  unpack,
} from "../../../mod.ts";

createServer((socket) => {
  const decoder = new FrameDecoder({ copy: true });
  socket.on("data", (chunk: Buffer) => {
    decoder.push(chunk);
    for (const frame of decoder) socket.write(encodeFrame(frame));
  });
  socket.write(pack(">H", ...unpack(">H", Buffer.from([0, 1]))));
  socket.write(encodeMessage(1, { contentType: "text/json", contentEncoding: "utf-8" }));
  return new MessageDecoderStream();
});
