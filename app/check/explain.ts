// Finds out why a server or client cannot be understood at all: from the bytes that it sends, or from what
// makes it answer. The first checks say this of a program of another kind, or with a mistake in its messages.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { encodeChat } from "../chat/messages.ts";
import { createRequest } from "../libclient.ts";
import { readUint16, readUint32, writeUint32 } from "../wire/endianness.ts";
import { JSON_CONTENT_TYPE } from "../wire/message.ts";
import { countBytes } from "./bytes.ts";
import type { Cause } from "./check.ts";
import { partsOf, PREFIX_LENGTH } from "./messages.ts";
import type { ServerRun } from "./server_run.ts";

const MAX_PREFIX = 8; // bytes of the prefixes that people write
const MIN_TEXT = 4; // bytes that look like text, until they count as text
const KEYS = ["byteorder", "content-type", "content-encoding", "content-length"];

const encoder = new TextEncoder();
const HELLO = encoder.encode("Hello, world");
const LINE_END = encoder.encode("\n");
const HTTP_REQUEST = encoder.encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
const REDIS_REQUEST = encoder.encode("*1\r\n$4\r\nPING\r\n");
const OPEN = "{".charCodeAt(0);
const CLOSE = "}".charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);

/** Who has sent the bytes that are explained. */
export type Sender = "server" | "client";

/** What is wrong with the answer to a message, as far as that can be calculated. */
export function explainAnswer(answer: Uint8Array, request: Uint8Array): Cause | undefined {
  return equals(answer, request) ? otherKind("echo") : explainMessage(answer, "server");
}

/** What is wrong with bytes that should begin with a message, as far as it can be calculated. */
export function explainMessage(bytes: Uint8Array, sender: Sender): Cause | undefined {
  const protocol = explainProtocol(bytes, sender);
  if (protocol !== undefined) return protocol;
  const start = bytes.indexOf(OPEN);
  const end = start === -1 ? undefined : findObjectEnd(bytes, start);
  if (end !== undefined && start <= MAX_PREFIX && isHeader(bytes.subarray(start, end))) {
    return start === PREFIX_LENGTH
      ? explainHeader(bytes, end, sender)
      : explainPrefix(bytes.subarray(0, start), sender);
  }
  if (!looksLikeText(bytes)) return undefined;
  return {
    hint:
      `The ${sender} sends text with no length before it. A message begins with two bytes, the ` +
      "length of its header, and then comes the header.",
    read: "protocol",
  };
}

/** Another protocol, which its first bytes give away. */
export function explainProtocol(bytes: Uint8Array, sender: Sender): Cause | undefined {
  const text = new TextDecoder().decode(bytes);
  const [http, redis] = sender === "server"
    ? [/^HTTP\//, /^(?:\+PONG\r|-[A-Z]+ )/]
    : [/^[A-Z]+ \S+ HTTP\//, /^\*\d+\r\n\$/];
  if (http.test(text)) {
    const advice = sender === "server" ? ": try check.ts http" : "";
    return `The ${sender} speaks HTTP, the protocol of the web${advice}.`;
  }
  if (redis.test(text)) return `The ${sender} speaks the protocol of Redis.`;
  return undefined;
}

/** Explains a prefix that does not have two bytes. */
function explainPrefix(prefix: Uint8Array, sender: Sender): Cause {
  const { length } = prefix;
  if (length === 0) {
    return {
      hint: `The ${sender} begins with the header, without the two bytes of its length before it.`,
      read: "protocol",
    };
  }
  const isInDigits = /^\d+\s*$/.test(new TextDecoder().decode(prefix));
  return {
    hint: isInDigits
      ? `The ${sender} writes the length of the header in digits. It is a number of two bytes.`
      : `The length of the header takes ${countBytes(length)}, and not two.`,
    read: "byteOrder",
  };
}

/** Explains a prefix of two bytes, and a header that ends here. */
function explainHeader(bytes: Uint8Array, end: number, sender: Sender): Cause | undefined {
  const announced = readUint16(bytes);
  const length = end - PREFIX_LENGTH;
  if (announced === length) {
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX_LENGTH, end)));
    return explainFields(header, bytes.subarray(end), sender);
  }
  if (readUint16(bytes, 0, "little") === length) {
    return {
      hint: `The length of the header is in the wrong byte order: ${announced} is ${length} with ` +
        "its bytes swapped.",
      read: "byteOrder",
    };
  }
  const whys = new Map([
    [length - 1, ": it is off by one"],
    [length + 1, ": it is off by one"],
    [length + PREFIX_LENGTH, ": it counts the two bytes of the length as well"],
    [bytes.length - PREFIX_LENGTH, ": it counts the content as well"],
    [bytes.length, ": it counts the whole message"],
  ]);
  const counts = `The ${sender} announces a header of ${countBytes(announced)}, and sends ` +
    length.toLocaleString("en");
  return { hint: `${counts}${whys.get(announced) ?? ""}.`, read: "protocol" };
}

/** Looks at the fields of a header, and compares the length with the content that follows. */
function explainFields(
  fields: Record<string, unknown>,
  rest: Uint8Array,
  sender: Sender,
): Cause | undefined {
  const missing = KEYS.find((key) => !Object.hasOwn(fields, key));
  if (missing !== undefined) {
    return { hint: `The header of the ${sender} lacks the key ${missing}.`, read: "protocol" };
  }
  const announced = fields["content-length"];
  if (typeof announced !== "number") {
    const found = JSON.stringify(announced);
    return {
      hint: `The content-length of the ${sender} is not a number, but ${found}.`,
      read: "protocol",
    };
  }
  // What follows the object of a JSON content is the next message.
  const isJson = fields["content-type"] === JSON_CONTENT_TYPE;
  const isObject = isJson && rest[0] === OPEN;
  const end = isObject ? findObjectEnd(rest, 0) : rest.length;
  const isFollowed = rest[announced + PREFIX_LENGTH] === OPEN; // by another message
  const more = rest.length - announced;
  if (isObject && end === announced && more > 0 && !isFollowed) {
    return {
      hint: `The ${sender} sends ${countBytes(more)} more than it announces, after the content.`,
      read: "protocol",
    };
  }
  const blanks = /^\s*/.exec(new TextDecoder().decode(rest))![0].length;
  if (isJson && blanks > 0 && rest.length - announced === blanks) {
    return {
      hint:
        `The header of the ${sender} is followed by ${countBytes(blanks)} that its length does ` +
        "not count.",
      read: "protocol",
    };
  }
  if (end === undefined || end === announced || (!isObject && isFollowed)) return undefined;
  const counts = `The ${sender} announces ${countBytes(announced)} of content, and sends ` +
    end.toLocaleString("en");
  const content = new TextDecoder().decode(rest.subarray(0, end));
  if (announced === content.length || announced === [...content].length) {
    return { hint: `${counts}: it counts characters instead of bytes.`, read: "byteOrder" };
  }
  const why = Math.abs(end - announced) === 1 ? ": it is off by one" : "";
  return { hint: `${counts}${why}.`, read: "protocol" };
}

/** Where the JSON object ends that begins here, if it does. */
function findObjectEnd(bytes: Uint8Array, start: number): number | undefined {
  let depth = 0;
  let isText = false;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (isText && byte === BACKSLASH) i++;
    else if (byte === QUOTE) isText = !isText;
    else if (!isText && byte === OPEN) depth++;
    else if (!isText && byte === CLOSE) {
      depth--;
      if (depth === 0) return i + 1;
    }
  }
  return undefined;
}

/** Whether this is a header: an object that says how long the content is. */
function isHeader(bytes: Uint8Array): boolean {
  try {
    return Object.hasOwn(JSON.parse(new TextDecoder().decode(bytes)), "content-length");
  } catch {
    return false;
  }
}

function looksLikeText(bytes: Uint8Array): boolean {
  if (bytes.length < MIN_TEXT) return false;
  return !/[^\P{Cc}\r\n\t]|\ufffd/u.test(new TextDecoder().decode(bytes));
}

/**
 * Finds out what makes a server answer that does not answer a good message.
 *
 * @param message The message, whose first two bytes are the length of its header.
 */
export async function explainNoAnswer(
  serverRun: ServerRun,
  message: Uint8Array,
): Promise<Cause | undefined> {
  const [prefix, rest] = [message.slice(0, PREFIX_LENGTH), message.subarray(PREFIX_LENGTH)];
  const longPrefix = new Uint8Array(4);
  writeUint32(longPrefix, readUint16(prefix));
  const attempts: { request: Uint8Array; finish?: boolean; cause: Cause }[] = [
    {
      request: concat([prefix.reverse(), rest]),
      cause: {
        hint: "The server reads the length of the header in the wrong byte order: it must be " +
          "big-endian.",
        read: "byteOrder",
      },
    },
    {
      request: concat([longPrefix, rest]),
      cause: {
        hint: "The server expects a length of four bytes, and not two.",
        read: "byteOrder",
      },
    },
    {
      request: concat([partsOf(message).content, LINE_END]),
      cause: {
        hint:
          "The server takes a line for a message. A message begins with two bytes, the length of " +
          "its header, and then comes the header.",
        read: "protocol",
      },
    },
    {
      request: message,
      finish: true,
      cause: {
        hint:
          "The server answers only when the client has half-closed: it reads to the end first. " +
          "The two lengths say where a message ends.",
        read: "messages",
      },
    },
  ];
  for (const { request, finish = false, cause } of attempts) {
    const answer = await serverRun.exchange(request, { finish });
    const protocol = explainProtocol(answer, "server");
    if (protocol !== undefined) return protocol;
    const refuses = /"Error|"type": ?"error"/.test(new TextDecoder().decode(answer));
    if (answer.includes(OPEN) && !refuses) return cause;
  }
  return undefined;
}

/** What a server of some kind answers. */
interface Answering {
  kind: string;
  request: Uint8Array;
  finish?: boolean;
  isAnswer: (answer: Uint8Array) => boolean;
}

const ANSWERING: Answering[] = [
  { kind: "echo", request: HELLO, isAnswer: (answer) => equals(answer, HELLO) },
  {
    kind: "app",
    request: createRequest("search", "morpheus"),
    isAnswer: (answer) => /"result": ?"/.test(new TextDecoder().decode(answer)),
  },
  {
    kind: "chat",
    request: encodeChat({ type: "join", name: "stranger" }),
    isAnswer: (answer) => /"type": ?"(?:join|error)"/.test(new TextDecoder().decode(answer)),
  },
  {
    kind: "count",
    request: HELLO,
    finish: true,
    isAnswer: (answer) => answer.length === 8 && readUint32(answer) === HELLO.length,
  },
];

/** Finds out whether a server does what those of another kind do. */
export async function explainKind(serverRun: ServerRun, kind: string): Promise<Cause | undefined> {
  for (const { kind: other, request, finish = false, isAnswer } of ANSWERING) {
    if (other === kind) continue;
    const answer = await serverRun.exchange(request, { finish });
    if (isAnswer(answer)) return otherKind(other);
  }
  for (const request of kind === "http" ? [REDIS_REQUEST] : [HTTP_REQUEST, REDIS_REQUEST]) {
    const cause = explainProtocol(await serverRun.exchange(request), "server");
    if (cause !== undefined) return cause;
  }
  return undefined;
}

/** What a server of another kind is told. */
export function otherKind(kind: string): Cause {
  return `The server does what a server of the kind ${kind} does: try check.ts ${kind}.`;
}
