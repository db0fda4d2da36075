// Uses the package as a program in a browser does. consumer_test.ts compiles it. What the package
// allocates is memory of its own, which the platform takes without a cast.
import {
  Decoder,
  DecoderStream,
  encodeFrame,
  encodeFramePrefix,
  encodeMessage,
  FrameDecoder,
  FrameEncoderStream,
  type Message,
  MessageDecoder,
  type OwnBytes,
  pack,
  readItems,
  Struct,
  unpack,
} from "../../../mod.ts";

export async function useEverything(ws: WebSocket) {
  const frame = encodeFrame(new Uint8Array([1, 2]));
  const message = encodeMessage("hi");
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
  return [payload, own, number, big];
}

/** Each item has its type: one of type `any` would have every property. */
export async function useStreams(bytes: ReadableStream<Uint8Array>) {
  const number = new Decoder((bytes) => bytes.takeInteger(2));
  for await (const { header } of readItems(bytes, new MessageDecoder())) {
    header["content-length"].toFixed();
  }
  for await (const frame of readItems(bytes, new FrameDecoder())) frame.subarray(1);
  for await (const item of readItems(bytes, number)) item.toFixed();

  const frames: ReadableStream<Uint8Array> = bytes.pipeThrough(
    new DecoderStream(new FrameDecoder()),
  );
  const encoded: ReadableStream<Uint8Array> = frames.pipeThrough(new FrameEncoderStream());
  const numbers: ReadableStream<number> = encoded.pipeThrough(new DecoderStream(number));
  const { value } = await numbers.getReader().read();
  value?.toFixed();
  // @ts-expect-error: it is typed, and not any
  value?.header;

  const messages = new DecoderStream(new MessageDecoder());
  const pair: TransformStream<Uint8Array, Message> = messages;
  const readable: ReadableStream<Message> = messages.readable;
  for await (const { header } of messages.readable) {
    header["content-length"].toFixed();
    // @ts-expect-error: it is typed, and not any
    header.subarray(1);
  }
  const texts = messages.readable.pipeThrough(new TransformStream<Message, string>());
  await texts.pipeTo(new WritableStream<string>());
  // @ts-expect-error: text is no bytes
  readItems(texts, number);
  // @ts-expect-error: neither are messages
  readItems(messages.readable, number);
  return [pair, readable];
}
