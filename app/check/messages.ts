// What the checks of application and chat programs have in common: messages, whole and in parts.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { readUint16 } from "../wire/endianness.ts";
import { encodeFrame } from "../wire/framing.ts";
import { JSON_CONTENT_TYPE, type Message, type MessageDecoder } from "../wire/message.ts";
import { Failure, LostConnection } from "./check.ts";
import type { Client } from "./server_run.ts";

/** The length of what stands before the header, which is the header's length. */
export const PREFIX_LENGTH = 2; // bytes
const READ_SIZE = 16 * 1024; // bytes

const encoder = new TextEncoder();

/** A message, right or wrong: the length of the header, the header, and the content. */
export function frame(header: string | Uint8Array, content: string | Uint8Array): Uint8Array {
  const [headerBytes, contentBytes] = [header, content].map((part) =>
    typeof part === "string" ? encoder.encode(part) : part
  ) as [Uint8Array, Uint8Array];
  return concat([encodeFrame(headerBytes, { lengthSize: PREFIX_LENGTH }), contentBytes]);
}

/** The header and the content of a message that is right. */
export function partsOf(message: Uint8Array): { header: Uint8Array; content: Uint8Array } {
  const end = PREFIX_LENGTH + readUint16(message);
  return { header: message.subarray(PREFIX_LENGTH, end), content: message.subarray(end) };
}

/** The same message, with a header that looks different. */
export function shuffleHeader(message: Uint8Array): Uint8Array {
  const { header, content } = partsOf(message);
  const entries = Object.entries(JSON.parse(new TextDecoder().decode(header)));
  const reversed = Object.fromEntries(entries.reverse());
  const shuffled = { "x-before": [null, { "content-length": 3 }], ...reversed, "x-after": "é" };
  return frame(JSON.stringify(shuffled, null, " "), content);
}

/** Whether the content of a message is JSON. */
export function isJson({ header }: Message): boolean {
  return header["content-type"] === JSON_CONTENT_TYPE;
}

/** Receives the next message; `undefined` is the end. */
export async function receive(
  client: Client,
  decoder: MessageDecoder,
  expected: string,
  timeout?: number,
): Promise<Message | undefined> {
  const buffer = new Uint8Array(READ_SIZE);
  while (true) {
    const response = decodeOrFail(() => decoder.take(), expected);
    if (response !== undefined) return response;
    const n = await client.read(buffer, expected, { timeout, part: decoder.bufferedLength });
    if (n === null) {
      if (decoder.bufferedLength > 0) {
        throw new LostConnection(expected, client.came("the end"), { seen: "loss" });
      }
      return undefined;
    }
    decoder.push(buffer.subarray(0, n));
  }
}

/** What the library makes of bytes from the server, which may be wrong. */
export function decodeOrFail<T>(decode: () => T, expected: string): T {
  try {
    return decode();
  } catch (error) {
    throw new Failure(expected, (error as Error).message, { cause: error });
  }
}
