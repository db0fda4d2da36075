// What the checks of application and chat servers have in common: messages from the server.
import type { Message, MessageDecoder } from "../wire/message.ts";
import { Failure, LostConnection } from "./check.ts";
import { type Client, isEnd } from "./server_run.ts";

const READ_SIZE = 16 * 1024; // bytes

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

/** A connection that was closed by force has ended too, though not politely. */
export function endIfReset(error: unknown): undefined {
  if (error instanceof LostConnection && isEnd(error)) return;
  throw error;
}
