import { isBytes, nameOfType, type OwnBytes } from "./bytes.ts";
import { Decoder } from "./decoder.ts";
import {
  type ByteOrder,
  isLittle,
  writeBigUint64,
  writeUint16,
  writeUint32,
} from "./endianness.ts";
import { LengthLimitError, MalformedInputError } from "./errors.ts";
import { MAX_FRAME_LENGTH } from "./limits.ts";
import type { ParserInput, ParserStep } from "./parser.ts";
import type { ItemStream } from "./streams.ts";

/**
 * How frames look on the wire, and which ones are refused. Both sides must agree on it.
 *
 * @category Frames
 */
export interface FrameOptions {
  /** The size of the length prefix in bytes. The default is 4. */
  lengthSize?: 1 | 2 | 3 | 4 | 8;
  /** The byte order of the length prefix. The default is `"big"`, network byte order. */
  byteOrder?: ByteOrder;
  /** Whether the prefix counts its own bytes as well as the payload's. The default is `false`. */
  lengthIncludesPrefix?: boolean;
  /**
   * The longest payload that is encoded or accepted, in bytes, not counting the prefix. The default
   * is 8 MiB (8,388,608 bytes), or what the prefix can express if that is less.
   */
  maxFrameLength?: number;
  /**
   * Whether a decoder copies every chunk as it is pushed. The default is `false`: a frame that lies
   * inside one chunk is a view of that chunk, and changes when the chunk is overwritten. Set it to
   * `true` if you read into the same buffer again and again and keep frames meanwhile.
   */
  copy?: boolean;
}

/**
 * Encodes a payload as one frame: its length, then its bytes.
 *
 * @param payload The bytes to send; an empty payload is a frame too. They are copied.
 * @param options How frames look on the wire.
 * @returns The prefix and the payload, ready to be written at once.
 * @throws {LengthLimitError} If the payload is longer than `maxFrameLength`.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If the payload is not a `Uint8Array`, or `maxFrameLength` is not a number.
 *
 * @example Usage
 * ```ts
 * import { encodeFrame } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const frame = encodeFrame(new TextEncoder().encode("hi"));
 * assertEquals(frame, new Uint8Array([0, 0, 0, 2, 0x68, 0x69]));
 * ```
 *
 * @category Frames
 */
export function encodeFrame(payload: Uint8Array, options: FrameOptions = {}): OwnBytes {
  if (!isBytes(payload)) {
    throw new TypeError(`Cannot encode ${nameOfType(payload)}: a payload is a Uint8Array`);
  }
  const format = formatOf(options);
  checkLimit(payload.length, format);
  const frame = new Uint8Array(format.lengthSize + payload.length);
  writePrefix(frame, payload.length, format);
  frame.set(payload, format.lengthSize);
  return frame;
}

/**
 * Encodes the prefix of a frame alone, for a payload that is written after it without being copied.
 *
 * @param length The length of the payload in bytes, without the prefix.
 * @param options How frames look on the wire.
 * @returns The `lengthSize` bytes of the prefix.
 * @throws {LengthLimitError} If the length is greater than `maxFrameLength`.
 * @throws {RangeError} If the length is not an integer of 0 or more, or an option is out of range.
 * @throws {TypeError} If `maxFrameLength` is not a number.
 *
 * @example Usage
 * ```ts
 * import { encodeFramePrefix } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodeFramePrefix(258), new Uint8Array([0, 0, 1, 2]));
 * assertEquals(
 *   encodeFramePrefix(258, { lengthSize: 2, byteOrder: "little", lengthIncludesPrefix: true }),
 *   new Uint8Array([4, 1]),
 * );
 * ```
 *
 * @category Frames
 */
export function encodeFramePrefix(length: number, options: FrameOptions = {}): OwnBytes {
  if (!Number.isInteger(length) || length < 0) {
    throw new RangeError(`Cannot encode length ${length}: it is not an integer of 0 or more`);
  }
  const format = formatOf(options);
  checkLimit(length, format);
  const prefix = new Uint8Array(format.lengthSize);
  writePrefix(prefix, length, format);
  return prefix;
}

/**
 * Finds the frames in bytes that arrive in chunks of any size.
 *
 * It is a {@linkcode Decoder} of payloads: push each chunk as it arrives with {@linkcode Decoder.push | push},
 * take the payloads with {@linkcode Decoder.take | take} or a `for` loop, and call
 * {@linkcode Decoder.end | end} after the last chunk. There are also
 * {@linkcode Decoder.takeRest | takeRest}, {@linkcode Decoder.bufferedLength | bufferedLength} and
 * {@linkcode Decoder.awaited | awaited}, which is the `"prefix"` or the `"payload"`.
 *
 * `take` throws {@linkcode LengthLimitError} for a payload that is longer than `maxFrameLength`, and
 * {@linkcode MalformedInputError} for a length that includes its prefix and is smaller than that. `end`
 * throws {@linkcode TruncatedInputError} inside a frame, also right after its prefix.
 *
 * **A frame that lies inside one chunk is a view of it**, so either do not overwrite a chunk while you use
 * its frames, or set `copy`. Memory is bounded by what has come, not by what was declared: at most 64 KiB,
 * or four times the bytes that wait if that is more.
 *
 * @example Usage
 * ```ts
 * import { encodeFrame, FrameDecoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new FrameDecoder();
 * const bytes = encodeFrame(new TextEncoder().encode("hello"));
 * const received: string[] = [];
 * for (const chunk of [bytes.subarray(0, 6), bytes.subarray(6)]) { // as TCP may cut it
 *   decoder.push(chunk);
 *   for (const frame of decoder) received.push(new TextDecoder().decode(frame));
 * }
 * decoder.end();
 * assertEquals(received, ["hello"]);
 * ```
 *
 * @category Frames
 */
export class FrameDecoder extends Decoder<OwnBytes> {
  /**
   * Creates a decoder for one stream of bytes.
   *
   * @param options How frames look on the wire.
   * @throws {RangeError} If an option is out of range, or the limit more than the prefix can express.
   * @throws {TypeError} If `maxFrameLength` is not a number.
   */
  constructor(options: FrameOptions = {}) {
    const format = formatOf(options);
    const maxLength = Math.max(format.maxFrameLength, format.lengthSize);
    super((bytes) => takeFrame(bytes, format), { maxLength, copy: format.copy });
  }
}

function* takeFrame(bytes: ParserInput, format: Required<FrameOptions>): ParserStep<OwnBytes> {
  const { lengthSize, byteOrder, lengthIncludesPrefix } = format;
  bytes.expect("prefix");
  const declared = lengthSize === 8
    ? Number((yield* bytes.takeStruct(byteOrder === "big" ? ">Q" : "<Q"))[0])
    : yield* bytes.takeInteger(lengthSize, byteOrder);
  const length = lengthIncludesPrefix ? declared - lengthSize : declared;
  if (length < 0) {
    const sizes = `its length is ${declared} bytes, its prefix alone is ${lengthSize}`;
    throw new MalformedInputError(`Cannot accept frame: ${sizes}`);
  }
  checkLimit(length, format);
  bytes.expect("payload");
  return yield* bytes.take(length);
}

/**
 * A stream from payloads to frames, for `pipeThrough`. Each frame comes out in one piece, so that
 * it can be sent with one write. A payload that is too long errors the stream with
 * {@linkcode LengthLimitError}, and one that is not a `Uint8Array` with `TypeError`.
 *
 * @example Usage
 * ```ts
 * import { FrameEncoderStream } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const payloads = ReadableStream.from([new Uint8Array([42])]);
 * const frames = await Array.fromAsync(payloads.pipeThrough(new FrameEncoderStream()));
 * assertEquals(frames, [new Uint8Array([0, 0, 0, 1, 42])]);
 * ```
 *
 * @category Frames
 */
export class FrameEncoderStream implements TransformStream<Uint8Array, Uint8Array> {
  /** The frames. */
  readonly readable: ItemStream<Uint8Array>;
  /** Takes the payloads. */
  readonly writable: WritableStream<Uint8Array>;

  /**
   * Creates the stream.
   *
   * @param options How frames look on the wire.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `maxFrameLength` is not a number.
   */
  constructor(options: FrameOptions = {}) {
    const format = formatOf(options);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
      transform(payload, controller) {
        controller.enqueue(encodeFrame(payload, format));
      },
    });
    this.readable = readable as ItemStream<Uint8Array>;
    this.writable = writable;
  }
}

/** The options with the defaults filled in, if they make sense. */
function formatOf(options: FrameOptions): Required<FrameOptions> {
  const { lengthSize = 4, byteOrder = "big", lengthIncludesPrefix = false, copy = false } = options;
  if (![1, 2, 3, 4, 8].includes(lengthSize)) {
    throw new RangeError(`Cannot use a prefix of ${lengthSize} bytes: it is not 1, 2, 3, 4 or 8`);
  }
  isLittle(byteOrder); // throws if it is no byte order
  const max = Math.min(2 ** (8 * lengthSize) - 1, Number.MAX_SAFE_INTEGER) -
    (lengthIncludesPrefix ? lengthSize : 0);
  const { maxFrameLength = Math.min(MAX_FRAME_LENGTH, max) } = options;
  if (typeof maxFrameLength !== "number") {
    throw new TypeError(`Cannot use a limit of type ${typeof maxFrameLength}: it is not a number`);
  }
  if (!Number.isInteger(maxFrameLength) || maxFrameLength < 0 || maxFrameLength > max) {
    throw new RangeError(
      `Cannot use a limit of ${maxFrameLength} bytes: it is not an integer from 0 to ${max}`,
    );
  }
  return { lengthSize, byteOrder, lengthIncludesPrefix, maxFrameLength, copy };
}

function checkLimit(length: number, { maxFrameLength }: Required<FrameOptions>) {
  if (length > maxFrameLength) throw new LengthLimitError(length, maxFrameLength, "frame");
}

function writePrefix(bytes: Uint8Array, length: number, format: Required<FrameOptions>) {
  const { lengthSize, byteOrder, lengthIncludesPrefix } = format;
  const declared = lengthIncludesPrefix ? length + lengthSize : length;
  switch (lengthSize) {
    case 1:
      bytes[0] = declared;
      break;
    case 2:
      writeUint16(bytes, declared, 0, byteOrder);
      break;
    case 3: {
      const [high, low] = byteOrder === "big" ? [0, 1] : [2, 0];
      bytes[high] = declared >>> 16;
      writeUint16(bytes, declared & 0xffff, low, byteOrder);
      break;
    }
    case 4:
      writeUint32(bytes, declared, 0, byteOrder);
      break;
    case 8:
      writeBigUint64(bytes, BigInt(declared), 0, byteOrder);
  }
}
