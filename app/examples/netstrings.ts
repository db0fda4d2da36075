// Sends texts as netstrings, such as `5:hello,`, and prints those that come back. Any echo server will do:
//
//   deno run --allow-net app/examples/netstrings.ts 127.0.0.1 65432 hello 🐇
import { Decoder, type ParserInput, type ParserStep } from "../../mod.ts";

const USAGE = "Usage: deno run --allow-net app/examples/netstrings.ts HOST PORT TEXT...";
const TIMEOUT = 10_000; // milliseconds, from connecting to the last netstring
const MAX_DIGITS = 9; // of a length

const COLON = 0x3a;
const COMMA = 0x2c;
const encoder = new TextEncoder();

/** Reads one netstring: a length in digits, a colon, that many bytes, and a comma. */
export function* netstring(bytes: ParserInput): ParserStep<string> {
  const digits = String.fromCharCode(...(yield* bytes.takeUntil(COLON, { maxLength: MAX_DIGITS })));
  if (!/^(0|[1-9]\d*)$/.test(digits)) throw new SyntaxError(`Not a length: ${digits}`);
  const text = yield* bytes.takeText(Number(digits), { fatal: true });
  const end = yield* bytes.takeInteger(1);
  if (end !== COMMA) throw new SyntaxError(`A netstring ends with a comma, not with byte ${end}`);
  return text;
}

/** Encodes a text as a netstring. */
export function encodeNetstring(text: string): Uint8Array {
  return encoder.encode(`${encoder.encode(text).length}:${text},`);
}

/** Sends the texts, and says that they are all. */
async function send(conn: Deno.Conn, texts: string[]): Promise<void> {
  for (const text of texts) {
    const bytes = encodeNetstring(text);
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  }
  await conn.closeWrite();
}

/** Prints what comes back, until the server has finished too, and checks that it is what was sent. */
async function receive(conn: Deno.Conn, texts: string[]): Promise<void> {
  const netstrings = new Decoder(netstring, { copy: true }); // copies, because the buffer is used again
  const buffer = new Uint8Array(64 * 1024);
  let received = 0; // netstrings
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    netstrings.push(buffer.subarray(0, n));
    for (const text of netstrings) {
      if (received === texts.length) throw new Error("More came back than was sent");
      if (text !== texts[received]) throw new Error("The echo differs from what was sent");
      console.log(escape(JSON.stringify(text)));
      received++;
    }
  }
  netstrings.end(); // throws if a netstring is cut short
  if (received < texts.length) {
    throw new Error(`Only ${received} of ${texts.length} netstrings came back`);
  }
}

/** Makes characters visible that could change how a terminal shows the others. */
function escape(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

async function main([hostname = "", port = "", ...texts]: string[]): Promise<void> {
  if (hostname === "--help") return console.log(USAGE);
  if (hostname.startsWith("-") || !/^\d{1,5}$/.test(port) || texts.length === 0) {
    console.error(USAGE);
    Deno.exit(2);
  }
  const fail = (reason: string): never => {
    console.error(`Failed with ${hostname}, port ${port}: ${escape(reason)}`);
    Deno.exit(1);
  };
  Deno.unrefTimer(setTimeout(() => fail(`Not complete within ${TIMEOUT / 1000} s`), TIMEOUT));
  try {
    using conn = await Deno.connect({ hostname, port: Number(port) });
    await Promise.all([send(conn, texts), receive(conn, texts)]); // reads while it writes
  } catch (error) {
    fail((error as Error).message);
  }
}

if (import.meta.main) await main(Deno.args);
