/**
 * The error for what is longer than the limit: a frame, a part of a message, or of any other protocol. A
 * decoder throws it as soon as the length is known, before it allocates memory. Parsers may throw it too.
 *
 * @example Usage
 * ```ts
 * import { FrameDecoder, LengthLimitError } from "@sockets/guide";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new FrameDecoder({ maxFrameLength: 8 });
 * decoder.push(new Uint8Array([0, 0, 0, 9]));
 * const error = assertThrows(() => decoder.take(), LengthLimitError);
 * assertEquals([error.declaredLength, error.maxLength], [9, 8]);
 * ```
 *
 * @category Errors
 */
export class LengthLimitError extends Error {
  /** Identifies this error without `instanceof`. */
  readonly code: "LENGTH_LIMIT" = "LENGTH_LIMIT" as const;
  /**
   * The length that was declared, in bytes, rounded above `Number.MAX_SAFE_INTEGER`. Of what has no
   * declared length, such as a line: the first that is too much.
   */
  readonly declaredLength: number;
  /** The longest that is accepted, in bytes. */
  readonly maxLength: number;

  /**
   * Creates the error.
   *
   * @param declaredLength The length that was declared, in bytes.
   * @param maxLength The longest that is accepted, in bytes.
   * @param what What is too long, for the message.
   */
  constructor(declaredLength: number, maxLength: number, what = "part") {
    super(
      `Cannot accept ${what}: its length is ${
        countBytes(declaredLength)
      }, the limit is ${maxLength}`,
    );
    this.name = "LengthLimitError";
    this.declaredLength = declaredLength;
    this.maxLength = maxLength;
  }
}

/**
 * The error for bytes that cannot be right: a frame whose length includes its prefix and is smaller than
 * that, a part that does not fit into its length, a varint with too many bytes, or text that is no UTF-8.
 * Parsers may throw it too.
 *
 * @example Usage
 * ```ts
 * import { FrameDecoder, MalformedInputError } from "@sockets/guide";
 * import { assertThrows } from "@std/assert";
 *
 * const decoder = new FrameDecoder({ lengthIncludesPrefix: true });
 * decoder.push(new Uint8Array([0, 0, 0, 3]));
 * assertThrows(() => decoder.take(), MalformedInputError, "its length is 3 bytes");
 * ```
 *
 * @category Errors
 */
export class MalformedInputError extends Error {
  /** Identifies this error without `instanceof`. */
  readonly code: "MALFORMED_INPUT" = "MALFORMED_INPUT" as const;

  /**
   * Creates the error.
   *
   * @param message What is wrong.
   */
  constructor(message: string) {
    super(message);
    this.name = "MalformedInputError";
  }
}

/**
 * The error for input that ended inside an item, a frame or a message.
 *
 * @example Usage
 * ```ts
 * import { Decoder, TruncatedInputError } from "@sockets/guide";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new Decoder((bytes) => bytes.take(4));
 * decoder.push(new Uint8Array([1, 2, 3]));
 * const error = assertThrows(() => decoder.end(), TruncatedInputError);
 * assertEquals([error.expected, error.received], ["4 bytes", 3]);
 * ```
 *
 * @category Errors
 */
export class TruncatedInputError extends Error {
  /** Identifies this error without `instanceof`. */
  readonly code: "TRUNCATED_INPUT" = "TRUNCATED_INPUT" as const;
  /** What was expected, such as `"4 bytes"`, `"a line end"` or `"a header of 96 bytes"`. */
  readonly expected: string;
  /** How many bytes of that came. */
  readonly received: number;

  /**
   * Creates the error.
   *
   * @param expected What was expected.
   * @param received How many bytes of that came.
   */
  constructor(expected: string, received: number) {
    super(`Input ended too early: expected ${expected}, received ${countBytes(received)}`);
    this.name = "TruncatedInputError";
    this.expected = expected;
    this.received = received;
  }
}

/** A number of bytes in words. Internal. */
export function countBytes(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}
