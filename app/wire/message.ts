import { isBytes, nameOfType, type OwnBytes } from "./bytes.ts";
import { Decoder, type ParserInput, type ParserStep, TruncatedInputError } from "./decoder.ts";
import { type ByteStream, createPair, decodeStream, type ItemStream } from "./streams.ts";
import { type ByteOrder, HOST_BYTE_ORDER, isLittle, writeUint16 } from "./endianness.ts";
import { FrameTooLargeError, TruncatedFrameError } from "./framing.ts";
import { parseJson } from "./json.ts";
import { MAX_CONTENT_LENGTH, MAX_HEADER_LENGTH } from "./limits.ts";
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
export class MessageHeaderError extends SyntaxError {
  /** The name of the class. */
  override readonly name: string = "MessageHeaderError";
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
 * decoder.push(encodeMessage({}, { contentType: "text/json", contentEncoding: "utf-8" }));
 * const { header } = decoder.take()!;
 * const cut = { header, content: new Uint8Array([0x7b]) };
 * assertThrows(() => decodeContent(cut), MessageContentError, "not JSON");
 * ```
 *
 * @category Messages
 */
export class MessageContentError extends SyntaxError {
  /** The name of the class. */
  override readonly name: string = "MessageContentError";
  /** Identifies this error without `instanceof`. */
  readonly code: "INVALID_MESSAGE_CONTENT" = "INVALID_MESSAGE_CONTENT" as const;
}

/**
 * The error for a `content-encoding` that is not among the known ones.
 *
 * @example Usage
 * ```ts
 * import { encodeMessage, UnsupportedEncodingError } from "@sockets/guide";
 * import { assertThrows } from "@std/assert";
 *
 * const format = { contentType: "text/json", contentEncoding: "ebcdic" };
 * assertThrows(() => encodeMessage({}, format), UnsupportedEncodingError);
 * ```
 *
 * @category Messages
 */
export class UnsupportedEncodingError extends RangeError {
  /** The name of the class. */
  override readonly name: string = "UnsupportedEncodingError";
  /** Identifies this error without `instanceof`. */
  readonly code: "UNSUPPORTED_ENCODING" = "UNSUPPORTED_ENCODING" as const;
}

/**
 * What `encodeMessage` writes into the header.
 *
 * @category Messages
 */
export interface EncodeMessageOptions {
  /** What the content is: `"text/json"` for a JSON value, anything else for bytes. */
  contentType: string;
  /** For `"text/json"` always `"utf-8"`; for bytes a word of your own, such as `"binary"`. */
  contentEncoding: string;
  /** The `byteorder` of the header. The default is that of this host. */
  byteOrder?: ByteOrder;
}

/**
 * Encodes a message: the length of the header in 2 bytes in network byte order, the header as JSON,
 * and the content. The Python tutorial's application client and server use the same format.
 *
 * @param content A JSON value if `contentType` is `"text/json"`, otherwise bytes, which are copied.
 * @param options What the header says.
 * @returns The message, ready to be written at once.
 * @throws {TypeError} If the content is neither a JSON value nor bytes as its type asks for, or the type or
 * the encoding is not a text.
 * @throws {RangeError} If a text has a lone surrogate, which UTF-8 cannot express.
 * @throws {UnsupportedEncodingError} If JSON content is to be in another encoding than UTF-8.
 * @throws {FrameTooLargeError} If the header is longer than 65,535 bytes.
 *
 * @example Usage
 * ```ts
 * import { encodeMessage } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeMessage({ action: "search", value: "morpheus" }, {
 *   contentType: "text/json",
 *   contentEncoding: "utf-8",
 *   byteOrder: "little",
 * });
 * assertEquals(bytes.length, 2 + 96 + 38);
 * assertEquals(bytes.subarray(0, 2), new Uint8Array([0, 96]));
 * ```
 *
 * @category Messages
 */
export function encodeMessage(content: unknown, options: EncodeMessageOptions): OwnBytes {
  const { contentType, contentEncoding, byteOrder = HOST_BYTE_ORDER } = options;
  isLittle(byteOrder); // throws if it is no byte order
  checkText("contentType", contentType);
  checkText("contentEncoding", contentEncoding);
  const contentBytes = encodeContent(content, contentType, contentEncoding);
  // Written by hand: JSON.stringify may call a toJSON of the program, which may encode a message into the
  // same scratch.
  const header = encodeText(
    `{"byteorder":"${byteOrder}","content-type":${JSON.stringify(contentType)},` +
      `"content-encoding":${JSON.stringify(contentEncoding)},` +
      `"content-length":${contentBytes.length}}`,
    headerScratch,
  );
  if (header.length > MAX_UINT16) throw new FrameTooLargeError(header.length, MAX_UINT16, "header");

  const message = new Uint8Array(PREFIX_LENGTH + header.length + contentBytes.length);
  writeUint16(message, header.length);
  message.set(header, PREFIX_LENGTH);
  message.set(contentBytes, PREFIX_LENGTH + header.length);
  return message;
}

/**
 * Decodes the content of a message.
 *
 * The encodings known for JSON are UTF-8, UTF-16 (by its byte order mark, without one little-endian),
 * UTF-16-LE, UTF-16-BE, Latin-1 and ASCII, under the names that Python has for them and the usual ones
 * of the Web.
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
 * decoder.push(encodeMessage([1, "🐶"], { contentType: "text/json", contentEncoding: "utf-8" }));
 * assertEquals(decodeContent(decoder.take()!), [1, "🐶"]);
 * ```
 *
 * @category Messages
 */
export function decodeContent({ header, content }: Message): unknown {
  if (header["content-type"] !== JSON_CONTENT_TYPE) return content;
  const encoding = header["content-encoding"];
  const decode = decoders.get(encoding) ?? // as nearly everybody writes it, so first and quick
    decoders.get(encoding.toLowerCase().replaceAll("_", "-"));
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
 * Push each chunk as it arrives, take the messages with {@linkcode MessageDecoder.take | take} or a
 * `for` loop, and call {@linkcode MessageDecoder.end | end} after the last chunk. How the bytes were
 * cut into chunks changes nothing, except which contents share memory with a chunk: **content that
 * lies inside one chunk is a view of it**, so either do not overwrite a chunk while you use its
 * messages, or set `copy`.
 *
 * Errors are final: the messages before the bad one are delivered, then every call throws the same
 * error. If a header says the same key twice, the last one counts.
 *
 * @example Usage
 * ```ts
 * import { decodeContent, encodeMessage, MessageDecoder } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new MessageDecoder();
 * const bytes = encodeMessage("hello", { contentType: "text/json", contentEncoding: "utf-8" });
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
export class MessageDecoder {
  readonly #options: Required<MessageOptions>;
  readonly #decoder: Decoder<Message>;
  #phase: "prefix" | "header" | "content" = "prefix";
  #phaseLength = PREFIX_LENGTH; // bytes

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
    this.#options = { maxHeaderLength, maxContentLength, copy };
    const maxLength = Math.max(maxHeaderLength, maxContentLength);
    this.#decoder = new Decoder((bytes) => this.#parse(bytes), { maxLength, copy });
  }

  /** Which part of the next message is incomplete: its 2-byte prefix, its header or its content. */
  get phase(): "prefix" | "header" | "content" {
    return this.#phase;
  }

  /** The number of bytes that were pushed and belong to no delivered message, without those that were refused. */
  get bufferedLength(): number {
    return this.#decoder.bufferedLength;
  }

  /**
   * Adds bytes that have arrived.
   *
   * @param chunk The bytes. An empty chunk is ignored.
   * @throws {TypeError} If the chunk is not a `Uint8Array`, or comes after `end`.
   * @throws {Error} The error that `take` or `end` has thrown before.
   */
  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  /**
   * Takes the next message.
   *
   * @returns The message, or `undefined` until all of it is here. Its content may be a view of a chunk.
   * @throws {MessageHeaderError} If the header is empty, not a JSON object in UTF-8, or lacks a key.
   * @throws {FrameTooLargeError} If the header or the content is longer than its limit. It is thrown
   * before memory is allocated for it.
   * @throws {TruncatedFrameError} If `end` has thrown it, and all messages are taken.
   */
  take(): Message | undefined {
    return this.#decoder.take();
  }

  /**
   * Takes the messages that are here, one by one.
   *
   * @returns An iterator that is done when no more are here, and can be asked for again later.
   * @throws As {@linkcode MessageDecoder.take | take}.
   */
  [Symbol.iterator](): IterableIterator<Message> {
    return this.#decoder[Symbol.iterator]();
  }

  /**
   * Marks the end of the input. Messages not yet taken can still be taken afterwards.
   *
   * @throws {TruncatedFrameError} If the input ends inside a message.
   * @throws {MessageHeaderError} If one of the messages not yet taken has a bad header.
   * @throws {FrameTooLargeError} If one of the messages not yet taken is too long.
   */
  end(): void {
    this.#decoder.end();
  }

  *#parse(bytes: ParserInput): ParserStep<Message> {
    try {
      const headerLength = yield* bytes.takeInteger(PREFIX_LENGTH);
      checkHeaderLength(headerLength, this.#options);
      this.#enter("header", headerLength);
      const header = decodeHeader(yield* bytes.take(headerLength), this.#options);
      this.#enter("content", header["content-length"]);
      const content = yield* bytes.take(header["content-length"]);
      return { header, content };
    } catch (error) {
      if (!(error instanceof TruncatedInputError)) throw error;
      throw new TruncatedFrameError(this.#phase, this.#phaseLength, error.received);
    } finally {
      this.#enter("prefix", PREFIX_LENGTH);
    }
  }

  #enter(phase: "prefix" | "header" | "content", length: number) {
    this.#phase = phase;
    this.#phaseLength = length;
  }
}

/**
 * A stream from chunks of bytes to messages, for `pipeThrough`.
 *
 * When the bytes are wrong or end inside a message, both sides error. The messages before can
 * still be read. A plain `TransformStream` would drop them.
 *
 * A pipe reads ahead. When the peer half-closes, Deno closes the connection although messages still wait, and
 * then nobody can answer them. To answer, read with `conn.read` and push into a {@linkcode MessageDecoder}.
 *
 * @example Usage
 * ```ts
 * import { decodeContent, encodeMessage, MessageDecoderStream } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeMessage(42, { contentType: "text/json", contentEncoding: "utf-8" });
 * const messages = ReadableStream.from([bytes]).pipeThrough(new MessageDecoderStream());
 * assertEquals(await Array.fromAsync(messages, decodeContent), [42]);
 * ```
 *
 * @category Messages
 */
export class MessageDecoderStream implements TransformStream<Uint8Array, Message> {
  /** The messages. */
  readonly readable: ItemStream<Message>;
  /** Takes the bytes. */
  readonly writable: WritableStream<Uint8Array>;

  /**
   * Creates the stream.
   *
   * @param options Which messages are refused.
   * @throws {RangeError} If a limit is out of range.
   * @throws {TypeError} If a limit is not a number.
   */
  constructor(options: MessageOptions = {}) {
    const { readable, writable } = createPair(new MessageDecoder(options));
    this.readable = readable;
    this.writable = writable;
  }
}

/**
 * Reads the messages of a stream of bytes, such as the `readable` of a connection.
 *
 * Every good message is delivered before an error is thrown. Leaving the loop early, or an error,
 * cancels the stream, and so does `return`. Calls of the iterator's `next` that overlap are answered in order.
 *
 * @param readable The stream. It is locked at once.
 * @param options Which messages are refused.
 * @returns The messages, in order. Their contents may be views of the stream's chunks.
 * @throws {MessageHeaderError} If a header is empty, not a JSON object in UTF-8, or lacks a key.
 * @throws {FrameTooLargeError} If a header or content is longer than its limit.
 * @throws {TruncatedFrameError} If the stream ends inside a message.
 * @throws {RangeError} If a limit is out of range.
 * @throws {TypeError} If a limit is not a number.
 *
 * @example Usage
 * ```ts
 * import { decodeContent, encodeMessage, readMessages } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeMessage("hi", { contentType: "text/json", contentEncoding: "utf-8" });
 * for await (const message of readMessages(ReadableStream.from([bytes]))) {
 *   assertEquals(decodeContent(message), "hi");
 * }
 * ```
 *
 * @category Messages
 */
export function readMessages(
  readable: ByteStream,
  options: MessageOptions = {},
): AsyncIterableIterator<Message> {
  return decodeStream(readable, new MessageDecoder(options));
}

/**
 * Tells whether an error is one of those that a peer causes by sending what is not a message.
 *
 * @category Messages
 */
export function isMessageError(error: unknown): error is Error {
  return error instanceof MessageHeaderError || error instanceof MessageContentError ||
    error instanceof UnsupportedEncodingError || error instanceof FrameTooLargeError ||
    error instanceof TruncatedFrameError;
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

function checkHeaderLength(length: number, { maxHeaderLength }: Required<MessageOptions>) {
  if (length === 0) throw new MessageHeaderError("Cannot accept header: its length is 0 bytes");
  if (length > maxHeaderLength) throw new FrameTooLargeError(length, maxHeaderLength, "header");
}

// A byte order mark is not a part of JSON: it is kept, so that JSON.parse refuses it, as Python does.
const utf16le = new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true });
const utf16be = new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const headerScratch = new Uint8Array(4096);
const contentScratch = new Uint8Array(4096);

function decodeHeader(
  bytes: Uint8Array,
  { maxContentLength }: Required<MessageOptions>,
): MessageHeader {
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
  const length = (header as MessageHeader)["content-length"];
  if (length > maxContentLength) throw new FrameTooLargeError(length, maxContentLength, "content");
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

/** How to decode content in each known encoding, by its name with dashes. */
const decoders = new Map([
  ...named(decodeStrictUtf8, "utf-8", "utf8", "utf", "u8", "cp65001"),
  ...named(decodeUtf16, "utf-16", "utf16", "u16"),
  ...named(
    (bytes) => utf16le.decode(bytes),
    "utf-16-le",
    "utf-16le",
    "utf16-le",
    "utf16le",
    "unicodelittleunmarked",
  ),
  ...named(
    (bytes) => utf16be.decode(bytes),
    "utf-16-be",
    "utf-16be",
    "utf16-be",
    "utf16be",
    "unicodebigunmarked",
  ),
  ...named(decodeLatin1, "latin-1", "latin1", "iso-8859-1", "iso8859-1", "l1", "latin"),
  ...named(decodeLatin1, "iso8859", "8859", "cp819", "iso-ir-100", "csisolatin1", "ibm819"),
  ...named(decodeAscii, "ascii", "us-ascii", "us", "646", "iso646-us", "iso-ir-6", "cp367"),
  ...named(decodeAscii, "ansi-x3.4-1968", "ansi-x3-4-1968", "ibm367", "csascii"),
]);

/** JSON.parse takes a quarter of a second for 1 MiB of nested arrays; this scan, two milliseconds. */
function isNestedTooDeeply(json: string): boolean {
  if (json.length < 2 * MAX_JSON_DEPTH) return false; // each level has two brackets
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '"') isInString = !isInString;
    else if (isInString) i += character === "\\" ? 1 : 0;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    if (depth > MAX_JSON_DEPTH) return true;
  }
  return false;
}

function named(decode: (bytes: Uint8Array) => string, ...names: string[]) {
  return names.map((name) => [name, decode] as const);
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
    throw new TypeError(`Cannot encode content: for ${quote(type)} it is not a JSON value`);
  }
  if (!/^utf[-_]?8$/i.test(encoding)) {
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
