import { isBytes, nameOfType, type OwnBytes } from "./bytes.ts";
import { Decoder } from "./decoder.ts";
import { type ByteOrder, HOST_BYTE_ORDER, isLittle, writeUint16 } from "./endianness.ts";
import { LengthLimitError, TruncatedInputError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { MAX_CONTENT_LENGTH, MAX_HEADER_LENGTH } from "./limits.ts";
import type { ParserInput, ParserStep } from "./parser.ts";
import { decodeStrictUtf8 } from "./utf8.ts";

/**
 * The content type of a message whose content is a JSON value.
 *
 * @category Messages
 */
export const JSON_CONTENT_TYPE = "text/json";

const FIELDS = ["byteorder", "content-type", "content-encoding", "content-length"];
const PREFIX_LENGTH = 2; // bytes: the header's length as an unsigned integer in network byte order
const MAX_UINT16 = 65_535;
const MAX_JSON_DEPTH = 1000; // arrays and objects inside each other

/**
 * The header of a message. Its keys are those on the wire; there may be more than these four.
 *
 * @category Messages
 */
export interface MessageHeader {
  /** The byte order of the sender's processor. It is information only, and changes nothing. */
  byteorder: ByteOrder;
  /** What the content is: `"text/json"` for a JSON value, anything else for bytes. */
  "content-type": string;
  /** The character encoding of JSON content, such as `"utf-8"`. */
  "content-encoding": string;
  /** The length of the content in bytes, not characters. */
  "content-length": number;
  /** Other keys, which are kept as they are. */
  [key: string]: unknown;
}

/**
 * A message as it came from the wire.
 *
 * @category Messages
 */
export interface Message {
  /** The header, which was checked. */
  header: MessageHeader;
  /** The content as bytes. {@linkcode decodeContent} decodes them. */
  content: Uint8Array;
}

/**
 * Which messages a decoder refuses, and whether it copies.
 *
 * @category Messages
 */
export interface MessageOptions {
  /** The longest header that is accepted, in bytes. The default is 8 KiB (8,192 bytes). */
  maxHeaderLength?: number;
  /** The longest content that is accepted, in bytes. The default is 1 MiB (1,048,576 bytes). */
  maxContentLength?: number;
  /**
   * Whether every chunk is copied as it is pushed. The default is `false`: content that lies inside
   * one chunk is a view of that chunk, and changes when the chunk is overwritten. Set it to `true`
   * if you read into the same buffer again and again and keep messages meanwhile.
   */
  copy?: boolean;
}

/**
 * The error for a header that is not a JSON object in UTF-8 with the four keys, each with a possible
 * value.
 *
 * @example Usage
 * ```ts
 * import { MessageDecoder, MessageHeaderError } from "@sockets/guide";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const decoder = new MessageDecoder();
 * decoder.push(new Uint8Array([0, 2, 0x7b, 0x7d])); // the header {}
 * const error = assertThrows(() => decoder.take(), MessageHeaderError);
 * assertEquals(error.field, "byteorder");
 * ```
 *
 * @category Messages
 */
export class MessageHeaderError extends Error {
  /** Identifies this error without `instanceof`. */
  readonly code: "INVALID_MESSAGE_HEADER" = "INVALID_MESSAGE_HEADER" as const;
  /** The key that is missing or has an impossible value, if it is one key's fault. */
  readonly field: string | undefined;

  /**
   * Creates the error.
   *
   * @param message What is wrong.
   * @param field The key whose fault it is.
   */
  constructor(message: string, field?: string) {
    super(message);
    this.name = "MessageHeaderError";
    this.field = field;
  }
}

/**
 * The error for content that is not valid in its encoding, or is not JSON although it should be.
 *
 * @example Usage
 * ```ts
 * import { decodeContent, encodeMessage, MessageContentError, MessageDecoder } from "@sockets/guide";
 * import { assertThrows } from "@std/assert";
 *
 * const decoder = new MessageDecoder();
 * decoder.push(encodeMessage({}));
 * const { header } = decoder.take()!;
 * const cut = { header, content: new Uint8Array([0x7b]) };
 * assertThrows(() => decodeContent(cut), MessageContentError, "not JSON");
 * ```
 *
 * @category Messages
 */
export class MessageContentError extends Error {
  /** Identifies this error without `instanceof`. */
  readonly code: "INVALID_MESSAGE_CONTENT" = "INVALID_MESSAGE_CONTENT" as const;

  /**
   * Creates the error.
   *
   * @param message What is wrong.
   */
  constructor(message: string) {
    super(message);
    this.name = "MessageContentError";
  }
}

/**
 * The error for a `content-encoding` that is not among the known ones.
 *
 * @example Usage
 * ```ts
 * import { encodeMessage, UnsupportedEncodingError } from "@sockets/guide";
 * import { assertThrows } from "@std/assert";
 *
 * const format = { contentEncoding: "ebcdic" };
 * assertThrows(() => encodeMessage({}, format), UnsupportedEncodingError);
 * ```
 *
 * @category Messages
 */
export class UnsupportedEncodingError extends Error {
  /** Identifies this error without `instanceof`. */
  readonly code: "UNSUPPORTED_ENCODING" = "UNSUPPORTED_ENCODING" as const;

  /**
   * Creates the error.
   *
   * @param message What is wrong.
   */
  constructor(message: string) {
    super(message);
    this.name = "UnsupportedEncodingError";
  }
}

/**
 * What `encodeMessage` writes into the header.
 *
 * @category Messages
 */
export interface EncodeMessageOptions {
  /** What the content is: `"text/json"`, the default, for a JSON value, anything else for bytes. */
  contentType?: string;
  /** For `"text/json"` always `"utf-8"`. For bytes a word of your own. The default is `"binary"`. */
  contentEncoding?: string;
  /** The `byteorder` of the header. The default is that of this host. */
  byteOrder?: ByteOrder;
  /** The longest content that whoever reads it will accept, in bytes. By default there is no limit. */
  maxContentLength?: number;
}

/**
 * Encodes a message: the length of the header in 2 bytes in network byte order, the header as JSON,
 * and the content. The Python tutorial's application client and server use the same format.
 *
 * @param content A JSON value. With a `contentType` other than `"text/json"`, bytes, which are copied.
 * @param options What the header says: without it, JSON in UTF-8.
 * @returns The message, ready to be written at once.
 * @throws {TypeError} If the content is neither a JSON value nor bytes as its type asks for, the type or the
 * encoding is not a text, or the limit not a number.
 * @throws {RangeError} If a text has a lone surrogate, which UTF-8 cannot express, the limit is not an
 * integer of 0 or more, or the byte order is neither `"big"` nor `"little"`.
 * @throws {UnsupportedEncodingError} If JSON content is to be in another encoding than UTF-8.
 * @throws {LengthLimitError} If the header is longer than 65,535 bytes, or the content than its limit.
 *
 * @example Usage
 * ```ts
 * import { encodeMessage } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const search = encodeMessage({ action: "search", value: "morpheus" });
 * assertEquals(search.subarray(0, 2), new Uint8Array([0, search.length - 2 - 38]));
 * const picture = encodeMessage(new Uint8Array([1, 2, 3]), { contentType: "image/x-dots" });
 * assertEquals(picture.subarray(-3), new Uint8Array([1, 2, 3]));
 * ```
 *
 * @category Messages
 */
export function encodeMessage(content: unknown, options: EncodeMessageOptions = {}): OwnBytes {
  const { contentType = JSON_CONTENT_TYPE, byteOrder = HOST_BYTE_ORDER } = options;
  const { maxContentLength = Infinity } = options;
  const { contentEncoding = contentType === JSON_CONTENT_TYPE ? "utf-8" : "binary" } = options;
  isLittle(byteOrder); // throws if it is no byte order
  checkText("contentType", contentType);
  checkText("contentEncoding", contentEncoding);
  if (maxContentLength !== Infinity) {
    checkLimit("maxContentLength", maxContentLength, Number.MAX_SAFE_INTEGER);
  }
  const contentBytes = encodeContent(content, contentType, contentEncoding);
  if (contentBytes.length > maxContentLength) {
    throw new LengthLimitError(contentBytes.length, maxContentLength, "content");
  }
  // Written by hand: JSON.stringify may call a toJSON of the program, which may encode a message into the
  // same scratch.
  const header = encodeText(
    `{"byteorder":"${byteOrder}","content-type":${JSON.stringify(contentType)},` +
      `"content-encoding":${JSON.stringify(contentEncoding)},` +
      `"content-length":${contentBytes.length}}`,
    headerScratch,
  );
  if (header.length > MAX_UINT16) throw new LengthLimitError(header.length, MAX_UINT16, "header");

  const message = new Uint8Array(PREFIX_LENGTH + header.length + contentBytes.length);
  writeUint16(message, header.length);
  message.set(header, PREFIX_LENGTH);
  message.set(contentBytes, PREFIX_LENGTH + header.length);
  return message;
}

/**
 * Decodes the content of a message.
 *
 * The encodings known for JSON are `utf-8`, `utf-16` (by its byte order mark, without one little-endian),
 * `utf-16-le`, `utf-16-be`, `latin-1`, `iso-8859-1` and `ascii`, also in capitals.
 *
 * @param message The message.
 * @returns The JSON value if the content type is `"text/json"`, otherwise the bytes as they are.
 * @throws {UnsupportedEncodingError} If JSON content is in another encoding.
 * @throws {MessageContentError} If JSON content is not valid in its encoding, or is not JSON.
 *
 * @example Usage
 * ```ts
 * import { decodeContent, encodeMessage, MessageDecoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new MessageDecoder();
 * decoder.push(encodeMessage([1, "🐶"]));
 * assertEquals(decodeContent(decoder.take()!), [1, "🐶"]);
 * ```
 *
 * @category Messages
 */
export function decodeContent({ header, content }: Message): unknown {
  if (header["content-type"] !== JSON_CONTENT_TYPE) return content;
  const encoding = header["content-encoding"];
  const decode = decoders.get(encoding) ?? decoders.get(encoding.toLowerCase());
  if (decode === undefined) {
    throw new UnsupportedEncodingError(
      `Cannot decode content: ${quote(encoding)} is not a known encoding`,
    );
  }
  let text;
  try {
    text = decode(content);
  } catch {
    throw new MessageContentError(
      `Cannot decode content: it is not valid ${quote(encoding)}`,
    );
  }
  if (isNestedTooDeeply(text)) {
    throw new MessageContentError(
      `Cannot decode content: its JSON is nested more than ${MAX_JSON_DEPTH} levels deep`,
    );
  }
  try {
    return parseJson(text);
  } catch {
    throw new MessageContentError("Cannot decode content: it is not JSON");
  }
}

/**
 * Finds the messages in bytes that arrive in chunks of any size.
 *
 * It is a {@linkcode Decoder} of messages: push each chunk as it arrives with
 * {@linkcode Decoder.push | push}, take the messages with {@linkcode Decoder.take | take} or a `for` loop,
 * and call {@linkcode Decoder.end | end} after the last chunk. There are also
 * {@linkcode Decoder.takeRest | takeRest}, {@linkcode Decoder.bufferedLength | bufferedLength} and
 * {@linkcode Decoder.awaited | awaited}, which is the `"prefix"`, the `"header"` or the `"content"`.
 *
 * `take` throws {@linkcode MessageHeaderError} for a header that is empty, not a JSON object in UTF-8, or
 * lacks a key, and {@linkcode LengthLimitError} for a header or content that is longer than its limit,
 * before memory is allocated for it. `end` throws {@linkcode TruncatedInputError} inside a message. If a
 * header says the same key twice, the last one counts.
 *
 * **Content that lies inside one chunk is a view of it**, so either do not overwrite a chunk while you use
 * its messages, or set `copy`.
 *
 * @example Usage
 * ```ts
 * import { decodeContent, encodeMessage, MessageDecoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new MessageDecoder();
 * const bytes = encodeMessage("hello");
 * const received: unknown[] = [];
 * for (const chunk of [bytes.subarray(0, 1), bytes.subarray(1)]) { // as TCP may cut it
 *   decoder.push(chunk);
 *   for (const message of decoder) received.push(decodeContent(message));
 * }
 * decoder.end();
 * assertEquals(received, ["hello"]);
 * ```
 *
 * @category Messages
 */
export class MessageDecoder extends Decoder<Message> {
  /**
   * Creates a decoder for one stream of bytes.
   *
   * @param options Which messages are refused.
   * @throws {RangeError} If a limit is not an integer of 0 or more, or the header's over 65,535.
   * @throws {TypeError} If a limit is not a number.
   */
  constructor(options: MessageOptions = {}) {
    const {
      maxHeaderLength = MAX_HEADER_LENGTH,
      maxContentLength = MAX_CONTENT_LENGTH,
      copy = false,
    } = options;
    checkLimit("maxHeaderLength", maxHeaderLength, MAX_UINT16);
    checkLimit("maxContentLength", maxContentLength, Number.MAX_SAFE_INTEGER);
    const limits = { maxHeaderLength, maxContentLength };
    const maxLength = Math.max(maxHeaderLength, maxContentLength);
    super((bytes) => takeMessage(bytes, limits), { maxLength, copy });
  }
}

type Limits = Required<Omit<MessageOptions, "copy">>;

function* takeMessage(bytes: ParserInput, limits: Limits): ParserStep<Message> {
  const { maxHeaderLength, maxContentLength } = limits;
  bytes.expect("prefix");
  const headerLength = yield* bytes.takeInteger(PREFIX_LENGTH);
  if (headerLength === 0) {
    throw new MessageHeaderError("Cannot accept header: its length is 0 bytes");
  }
  if (headerLength > maxHeaderLength) {
    throw new LengthLimitError(headerLength, maxHeaderLength, "header");
  }
  bytes.expect("header");
  const header = decodeHeader(yield* bytes.take(headerLength));
  const contentLength = header["content-length"];
  if (contentLength > maxContentLength) {
    throw new LengthLimitError(contentLength, maxContentLength, "content");
  }
  bytes.expect("content");
  return { header, content: yield* bytes.take(contentLength) };
}

/** Returns whether an error is one of those that a peer causes by sending what is not a message. */
export function isMessageError(error: unknown): error is Error {
  return error instanceof MessageHeaderError || error instanceof MessageContentError ||
    error instanceof UnsupportedEncodingError || error instanceof LengthLimitError ||
    error instanceof TruncatedInputError;
}

function checkLimit(name: string, limit: number, max: number) {
  if (typeof limit !== "number") {
    throw new TypeError(`Cannot use ${name} of type ${typeof limit}: it is not a number`);
  }
  if (!Number.isInteger(limit) || limit < 0 || limit > max) {
    throw new RangeError(`Cannot use ${name} ${limit}: it is not an integer from 0 to ${max}`);
  }
}

function checkText(name: string, text: string) {
  if (typeof text === "string") return;
  throw new TypeError(`Cannot use ${name} of type ${nameOfType(text)}: it is not a text`);
}

// A byte order mark is not a part of JSON: it is kept, so that JSON.parse refuses it, as Python does.
const utf16le = new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true });
const utf16be = new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const headerScratch = new Uint8Array(4096);
const contentScratch = new Uint8Array(4096);

function decodeHeader(bytes: Uint8Array): MessageHeader {
  let header: unknown;
  try {
    header = parseJson(decodeStrictUtf8(bytes));
  } catch (error) {
    const what = error instanceof SyntaxError ? "JSON" : "UTF-8";
    throw new MessageHeaderError(`Cannot accept header: it is not ${what}`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new MessageHeaderError("Cannot accept header: it is not a JSON object");
  }
  checkFields(header as Record<string, unknown>);
  return header as MessageHeader;
}

function checkFields(header: Record<string, unknown>) {
  for (const field of FIELDS) {
    if (!Object.hasOwn(header, field)) {
      throw new MessageHeaderError(`Cannot accept header: it has no ${field}`, field);
    }
  }
  const { byteorder, "content-length": length } = header;
  if (byteorder !== "little" && byteorder !== "big") refuse("byteorder", `"little" or "big"`);
  if (typeof header["content-type"] !== "string") refuse("content-type", "a text");
  if (typeof header["content-encoding"] !== "string") refuse("content-encoding", "a text");
  if (!Number.isSafeInteger(length) || (length as number) < 0) {
    refuse("content-length", "an integer of 0 or more");
  }
}

function refuse(field: string, wanted: string): never {
  throw new MessageHeaderError(`Cannot accept header: its ${field} is not ${wanted}`, field);
}

/** How to decode content in each known encoding. */
const decoders = new Map([
  ["utf-8", decodeStrictUtf8],
  ["utf-16", decodeUtf16],
  ["utf-16-le", (bytes: Uint8Array) => utf16le.decode(bytes)],
  ["utf-16-be", (bytes: Uint8Array) => utf16be.decode(bytes)],
  ["latin-1", decodeLatin1],
  ["iso-8859-1", decodeLatin1],
  ["ascii", decodeAscii],
]);

/** JSON.parse takes a quarter of a second for 1 MiB of nested arrays; this scan, two milliseconds. */
function isNestedTooDeeply(json: string): boolean {
  if (json.length < 2 * MAX_JSON_DEPTH) return false; // each level has two brackets
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (isInString && character === "\\") i++; // passes over what is escaped, such as a quote
    else if (character === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > MAX_JSON_DEPTH) return true;
  }
  return false;
}

function decodeUtf16(bytes: Uint8Array): string {
  const bigEndian = bytes[0] === 0xfe && bytes[1] === 0xff;
  const marked = bigEndian || (bytes[0] === 0xff && bytes[1] === 0xfe);
  return (bigEndian ? utf16be : utf16le).decode(bytes.subarray(marked ? 2 : 0));
}

/** By hand, because TextDecoder takes this name for the similar windows-1252. */
function decodeLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function decodeAscii(bytes: Uint8Array): string {
  if (bytes.some((byte) => byte > 0x7f)) throw new RangeError("Not ASCII");
  return decodeLatin1(bytes);
}

function encodeContent(content: unknown, type: string, encoding: string): Uint8Array {
  if (type !== JSON_CONTENT_TYPE) {
    if (isBytes(content)) return content;
    throw new TypeError(`Cannot encode content: for ${quote(type)} it is not a Uint8Array`);
  }
  if (isBytes(content)) {
    throw new TypeError(
      `Cannot encode content: bytes need a contentType other than ${quote(type)}`,
    );
  }
  if (encoding !== "utf-8") {
    throw new UnsupportedEncodingError(
      `Cannot encode content: JSON is written in "utf-8", not in ${quote(encoding)}`,
    );
  }
  const text: string | undefined = JSON.stringify(content);
  if (text === undefined) {
    throw new TypeError(`Cannot encode content: ${typeof content} is not a JSON value`);
  }
  return encodeText(text, contentScratch);
}

/**
 * The text of JSON as bytes. They may lie in `scratch`: with arrays of their own for header and content,
 * encoding a small message takes 1.3 times as long.
 */
function encodeText(text: string, scratch: Uint8Array): Uint8Array {
  // JSON.stringify escapes lone surrogates, and only them, as \ud800 to \udfff, and a backslash as two.
  // Safari before 16.4 would load nothing of this file if a lookbehind, `(?<!\\)`, stood here.
  if (/[^\\](?:\\\\)*\\ud[89a-f]/.test(text)) {
    throw new RangeError("Cannot encode text: it has a lone surrogate");
  }
  if (text.length * 3 > scratch.length) return encoder.encode(text); // at most 3 bytes a UTF-16 unit
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
