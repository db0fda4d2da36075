/**
 * Helpers for programs that talk over sockets: the order of bytes, values packed into bytes, frames and
 * messages in a stream of bytes. They do no input or output, depend on nothing, and run in Deno,
 * Node.js, Bun, Cloudflare Workers and browsers.
 *
 * @example Host and network byte order
 * ```ts
 * import { htons, ntohs } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ntohs(htons(103)), 103);
 * ```
 *
 * @example Values packed into bytes, as by Python's struct
 * ```ts
 * import { pack, unpack } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = pack(">HI", 1, 2); // big-endian: an unsigned 16-bit and a 32-bit integer
 * assertEquals(bytes, new Uint8Array([0, 1, 0, 0, 0, 2]));
 * assertEquals(unpack(">HI", bytes), [1, 2]);
 * ```
 *
 * @example Frames in a stream of bytes
 * ```ts
 * import { encodeFrame, FrameDecoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeFrame(new TextEncoder().encode("hello")); // what one side writes
 *
 * const decoder = new FrameDecoder(); // what the other side does with each chunk it reads
 * decoder.push(bytes);
 * for (const frame of decoder) assertEquals(new TextDecoder().decode(frame), "hello");
 * decoder.end(); // throws if the last frame is incomplete
 * ```
 *
 * @example Messages with a header, as the tutorial's application sends them
 * ```ts
 * import { decodeContent, encodeMessage, MessageDecoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const request = { action: "search", value: "morpheus" };
 * const bytes = encodeMessage(request);
 *
 * const decoder = new MessageDecoder();
 * decoder.push(bytes);
 * for (const message of decoder) assertEquals(decodeContent(message), request);
 * decoder.end();
 * ```
 *
 * @module
 */
export type { OwnBytes } from "./app/wire/bytes.ts";
export {
  Decoder,
  type DecoderOptions,
  encodeVarint,
  type Parser,
  type ParserInput,
  type ParserPart,
  type ParserPause,
  type ParserStep,
} from "./app/wire/decoder.ts";
export {
  type ByteOrder,
  HOST_BYTE_ORDER,
  htonl,
  htonll,
  htons,
  ntohl,
  ntohll,
  ntohs,
  readBigUint64,
  readUint16,
  readUint32,
  writeBigUint64,
  writeUint16,
  writeUint32,
} from "./app/wire/endianness.ts";
export { LengthLimitError, MalformedInputError, TruncatedInputError } from "./app/wire/errors.ts";
export {
  encodeFrame,
  encodeFramePrefix,
  FrameDecoder,
  FrameEncoderStream,
  type FrameOptions,
} from "./app/wire/framing.ts";
export {
  decodeContent,
  encodeMessage,
  type EncodeMessageOptions,
  type Message,
  MessageContentError,
  MessageDecoder,
  type MessageHeader,
  MessageHeaderError,
  type MessageOptions,
  UnsupportedEncodingError,
} from "./app/wire/message.ts";
export {
  type ByteStream,
  DecoderStream,
  type ItemReader,
  type ItemStream,
  readItems,
} from "./app/wire/streams.ts";
export {
  calcSize,
  pack,
  Struct,
  type StructArguments,
  StructError,
  type StructFormat,
  type StructValue,
  type StructValues,
  unpack,
  unpackFrom,
} from "./app/wire/struct.ts";
