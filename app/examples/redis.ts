// Sends one command to a Redis server, and prints the reply as redis-cli does.
//
//   deno run --allow-net app/examples/redis.ts PING
import { Decoder, type ParserInput, type ParserStep } from "../../mod.ts";

const USAGE =
  "Usage: deno run --allow-net app/examples/redis.ts [redis://HOST:PORT] COMMAND [WORD...]";
const DEFAULT_SERVER = "redis://127.0.0.1:6379";
const TIMEOUT = 10_000; // milliseconds, from connecting to the end of the reply
const MAX_REPLY_LENGTH = 64 * 1024 * 1024; // bytes, with everything that is in a list
const MAX_LINE_LENGTH = 64 * 1024; // bytes
const MAX_DEPTH = 1000; // lists in lists

const LF = 0x0a;
const CRLF = 0x0d0a;
const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A reply. Strings may hold any bytes; a `string` is a short text, such as `OK`. */
export type Reply = string | number | null | Error | Uint8Array | Reply[];

/** Reads one reply. It is refused if it is not written as the protocol says, or nested too deep. */
export function* reply(bytes: ParserInput, depth = 0): ParserStep<Reply> {
  const line = utf8.decode(yield* bytes.takeUntil(LF, { maxLength: MAX_LINE_LENGTH }));
  const [, type, text] = /^([-+:$*])([^\r]*)\r$/.exec(line) ?? [];
  if (text === undefined) throw new SyntaxError(`Not a reply of Redis: ${line.slice(0, 40)}`);
  if (type === "+") return text;
  if (type === "-") return new Error(text);

  const number = Number(text);
  const isInteger = Number.isSafeInteger(number) && String(number) === text;
  if (!isInteger) throw new SyntaxError(`Not an integer: ${text.slice(0, 40)}`);
  if (type === ":") return number;

  if (number === -1) return null;
  if (number < 0) throw new SyntaxError(`Not a length: ${number}`);
  if (type === "$") {
    const string = yield* bytes.take(number);
    const end = yield* bytes.takeInteger(2);
    if (end !== CRLF) throw new SyntaxError("No line end after a string");
    return string;
  }
  if (depth === MAX_DEPTH) throw new SyntaxError(`Lists are more than ${MAX_DEPTH} levels deep`);
  const replies: Reply[] = [];
  for (let i = 0; i < number; i++) replies.push(yield* reply(bytes, depth + 1));
  return replies;
}

/** Encodes a command: a list of strings. */
export function encodeCommand(words: string[]): Uint8Array {
  const strings = words.map((word) => `$${encoder.encode(word).length}\r\n${word}\r\n`);
  return encoder.encode(`*${words.length}\r\n${strings.join("")}`);
}

/** Sends one command, and returns the reply. */
async function ask(conn: Deno.Conn, words: string[]): Promise<Reply> {
  const command = encodeCommand(words);
  for (let sent = 0; sent < command.length;) sent += await conn.write(command.subarray(sent));

  const replies = new Decoder(reply, { copy: true }); // copies, because the buffer is used again
  const buffer = new Uint8Array(64 * 1024);
  let received = 0;
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    received += n;
    if (received > MAX_REPLY_LENGTH) throw new Error(`More than ${MAX_REPLY_LENGTH} bytes came`);
    replies.push(buffer.subarray(0, n));
    const complete = replies.take();
    if (complete !== undefined) return complete;
  }
  replies.end(); // throws if the reply is cut short
  throw new Error("The server closed the connection without a reply");
}

/** Writes a reply as redis-cli does: each on a line of its own, and strings so that each byte is seen. */
export function format(reply: Reply, indent = ""): string {
  if (reply === null) return "(nil)";
  if (typeof reply === "number") return `(integer) ${reply}`;
  if (typeof reply === "string") return escape(reply);
  if (reply instanceof Error) return `(error) ${escape(reply.message)}`;
  if (reply instanceof Uint8Array) return quote(reply);
  if (reply.length === 0) return "(empty list)";
  const lines = reply.map((item, i) => {
    const number = `${i + 1}) `;
    return number + format(item, indent + " ".repeat(number.length));
  });
  return lines.join(`\n${indent}`);
}

/** Writes bytes as ASCII, and those that are none, or would end the string, as `\xff`. */
function quote(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${text}"`;
}

/** Makes characters visible that could change how a terminal shows the others. */
function escape(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

async function main(args: string[]): Promise<void> {
  const [server = "", ...words] = args[0]?.startsWith("redis://")
    ? args
    : [DEFAULT_SERVER, ...args];
  if (words[0] === "--help") return console.log(USAGE);
  const url = /^redis:\/\/[^@/]+$/.test(server) ? URL.parse(server) : null; // no password, no database
  if (url === null || words.length === 0 || words[0]!.startsWith("-")) {
    console.error(USAGE);
    Deno.exit(2);
  }
  const fail = (reason: string): never => {
    console.error(`No reply from ${server}: ${escape(reason)}`);
    Deno.exit(1);
  };
  Deno.unrefTimer(setTimeout(() => fail(`Nothing within ${TIMEOUT / 1000} s`), TIMEOUT));
  try {
    const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1"); // an IPv6 address
    using conn = await Deno.connect({ hostname, port: Number(url.port || 6379) });
    const answer = await ask(conn, words);
    const isError = answer instanceof Error;
    (isError ? console.error : console.log)(format(answer));
    if (isError) Deno.exit(1);
  } catch (error) {
    fail((error as Error).message);
  }
}

if (import.meta.main) await main(Deno.args);
