// Uses the package as a program in Node.js does. consumer_test.ts compiles it, with and without the names of a
// browser, whose streams have other types than those of Node.js.
import { createServer, type Socket } from "node:net";
import { Duplex, Readable } from "node:stream";
import {
  DecoderStream,
  encodeFrame,
  encodeMessage,
  FrameDecoder,
  FrameDecoderStream,
  FrameEncoderStream,
  MessageDecoderStream,
  pack,
  type Parser,
  readFrames,
  readItems,
  readMessages,
  unpack,
} from "../../../mod.ts";

createServer({ allowHalfOpen: true }, async (socket) => {
  const decoder = new FrameDecoder();
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    decoder.push(chunk);
    for (const frame of decoder) socket.write(encodeFrame(frame));
  }
  socket.write(pack(">H", ...unpack(">H", Buffer.from([0, 1]))));
  socket.write(encodeMessage(1, { contentType: "text/json", contentEncoding: "utf-8" }));
});

const number: Parser<number> = (bytes) => bytes.takeInteger(2);

/** Each item has its type: one of type `any` would have every property. */
export async function useStreams(socket: Socket) {
  const web = Readable.toWeb(socket);
  for await (const frame of readFrames(web)) {
    frame.subarray(1);
    // @ts-expect-error: it has no such property
    frame.header;
  }
  for await (const message of readMessages(web)) {
    message.header["content-length"].toFixed();
    // @ts-expect-error: it has no such property
    message.subarray(1);
  }
  for await (const item of readItems(web, number)) {
    item.toFixed();
    // @ts-expect-error: it has no such property
    item.header;
  }
  for await (const frame of web.pipeThrough(new FrameDecoderStream())) {
    frame.subarray(1);
    // @ts-expect-error: it has no such property
    frame.header;
  }
  for await (const { header } of web.pipeThrough(new MessageDecoderStream())) {
    header["content-length"].toFixed();
    // @ts-expect-error: it has no such property
    header.subarray(1);
  }
  for await (const item of web.pipeThrough(new DecoderStream(number))) {
    item.toFixed();
    // @ts-expect-error: it has no such property
    item.header;
  }
  for await (const frame of web.pipeThrough(new FrameEncoderStream())) {
    frame.subarray(1);
    // @ts-expect-error: it has no such property
    frame.header;
  }
  readFrames(Duplex.toWeb(socket).readable);

  const { body } = await fetch("https://example.com/"); // a browser's stream, if there are its names
  readFrames(body!);
  readItems(body!.pipeThrough(new FrameDecoderStream()), number);
  const reader = body!.pipeThrough(new DecoderStream(number)).getReader();
  const { value } = await reader.read();
  value?.toFixed();
  // @ts-expect-error: it has no such property
  value?.header;
}
