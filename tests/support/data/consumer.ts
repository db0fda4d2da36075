// Uses the package as a program in a browser does. consumer_test.ts compiles it. What the package
// allocates is memory of its own, which the platform takes without a cast.
import {
  encodeFrame,
  encodeFramePrefix,
  encodeMessage,
  FrameDecoder,
  FrameDecoderStream,
  type OwnBytes,
  pack,
  readMessages,
  Struct,
  unpack,
} from "../../../mod.ts";

export async function useEverything(ws: WebSocket, readable: ReadableStream<Uint8Array>) {
  const frame = encodeFrame(new Uint8Array([1, 2]));
  const message = encodeMessage("hi", { contentType: "text/json", contentEncoding: "utf-8" });
  const [text] = unpack(">4s", pack(">4s", new Uint8Array(4)));
  ws.send(frame);
  ws.send(encodeFramePrefix(2));
  ws.send(message);
  ws.send(text);
  ws.send(new Struct(">H").pack(1));
  new Response(frame);
  new Blob([message, text]);
  await fetch("https://example.com/", { method: "POST", body: frame });
  await crypto.subtle.digest("SHA-256", message);

  const decoder = new FrameDecoder();
  decoder.push(frame);
  const payload: Uint8Array | undefined = decoder.take();
  const own: OwnBytes = pack(">H", 1);
  const [number, big]: [number, bigint] = unpack(">HQ", new Uint8Array(10));
  for await (const { header } of readMessages(readable)) header["content-length"].toFixed();
  return [payload, own, number, big, readable.pipeThrough(new FrameDecoderStream())];
}
