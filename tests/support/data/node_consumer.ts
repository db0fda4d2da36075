// Uses the package as a program in Node.js does. consumer_test.ts compiles it, with and without the names of a
// browser, whose streams have other types than those of Node.js.
import { createServer, type Socket } from "node:net";
import { Duplex, Readable } from "node:stream";
import {
  Decoder,
  DecoderStream,
  encodeFrame,
  encodeMessage,
  FrameDecoder,
  FrameEncoderStream,
  MessageDecoder,
  pack,
  readItems,
  unpack,
} from "../../../mod.ts";

createServer({ allowHalfOpen: true }, async (socket) => {
  const decoder = new FrameDecoder();
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    decoder.push(chunk);
    for (const frame of decoder) socket.write(encodeFrame(frame));
  }
  socket.write(pack(">H", ...unpack(">H", Buffer.from([0, 1]))));
  socket.write(encodeMessage(1));
});

const number = new Decoder((bytes) => bytes.takeInteger(2));

/** Each item has its type: one of type `any` would have every property. */
export async function useStreams(socket: Socket) {
  const web = Readable.toWeb(socket);
  for await (const frame of readItems(web, new FrameDecoder())) {
    frame.subarray(1);
    // @ts-expect-error: it is typed, and not any
    frame.header;
  }
  for await (const message of readItems(web, new MessageDecoder())) {
    message.header["content-length"].toFixed();
    // @ts-expect-error: it is typed, and not any
    message.subarray(1);
  }
  for await (const item of readItems(web, number)) {
    item.toFixed();
    // @ts-expect-error: it is typed, and not any
    item.header;
  }
  for await (const frame of web.pipeThrough(new DecoderStream(new FrameDecoder()))) {
    frame.subarray(1);
    // @ts-expect-error: it is typed, and not any
    frame.header;
  }
  for await (const { header } of web.pipeThrough(new DecoderStream(new MessageDecoder()))) {
    header["content-length"].toFixed();
    // @ts-expect-error: it is typed, and not any
    header.subarray(1);
  }
  for await (const item of web.pipeThrough(new DecoderStream(number))) {
    item.toFixed();
    // @ts-expect-error: it is typed, and not any
    item.header;
  }
  for await (const frame of web.pipeThrough(new FrameEncoderStream())) {
    frame.subarray(1);
    // @ts-expect-error: it is typed, and not any
    frame.header;
  }
  readItems(Duplex.toWeb(socket).readable, number);

  const { body } = await fetch("https://example.com/"); // a browser's stream, if there are its names
  readItems(body!, number);
  readItems(body!.pipeThrough(new DecoderStream(new FrameDecoder())), number);
  const reader = body!.pipeThrough(new DecoderStream(number)).getReader();
  const { value } = await reader.read();
  value?.toFixed();
  // @ts-expect-error: it is typed, and not any
  value?.header;
}
