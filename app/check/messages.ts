// What the checks of application and chat servers have in common: messages from the server.
import type { Message, MessageDecoder } from "../wire/message.ts";
import { Failure, LostConnection } from "./check.ts";
import { type Client, isEnd, type ServerRun } from "./server_run.ts";

const READ_SIZE = 16 * 1024; // bytes
const MAX_RAW = 1024; // bytes of an answer that are looked at
const RAW_PART = 1 / 5; // of the timeout, for an answer that may not come

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

/** Sends these bytes on a connection of their own, and returns whatever comes back. */
export async function readRaw(
  serverRun: ServerRun,
  request: Uint8Array,
  { finish = false } = {},
): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_RAW);
  let length = 0;
  try {
    using client = await serverRun.connect();
    await client.send(request);
    if (finish) await client.finish();
    while (length < buffer.length) {
      const timeout = serverRun.timeout * RAW_PART;
      const n = await client.read(buffer.subarray(length), "an answer", { timeout });
      if (n === null) break;
      length += n;
    }
  } catch { /* no more is coming */ }
  return buffer.subarray(0, length);
}
