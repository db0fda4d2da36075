// Sends one query to a PostgreSQL server, and prints the rows as JSON.
//
//   deno run --allow-net app/examples/postgresql.ts 'SELECT version()'
import {
  Decoder,
  encodeFrame,
  type ParserInput,
  type ParserPart,
  type ParserStep,
} from "../../mod.ts";

const USAGE =
  "Usage: deno run --allow-net app/examples/postgresql.ts [postgresql://USER@HOST:PORT/DATABASE] SQL";
const DEFAULT_SERVER = "postgresql://postgres@127.0.0.1:5432/postgres";
const TIMEOUT = 10_000; // milliseconds, from connecting to the last row

const NULL = 0xffff_ffff; // the length of a column without a value
const QUERY = "Q".charCodeAt(0);

/** The columns of a row, each as text. */
export type Row = (string | null)[];

/** A row, an error, or the letter of any other message. `Z` says that the server is ready for a query. */
export type Message = Row | Error | string;

/** Reads one message: a letter, a length that counts its own 4 bytes, and a body. */
export function* message(bytes: ParserInput): ParserStep<Message> {
  const letter = String.fromCharCode(yield* bytes.takeInteger(1));
  const length = (yield* bytes.takeInteger(4)) - 4;
  if (!/[A-Za-z1-3]/.test(letter) || length < 0) throw new SyntaxError("Not from PostgreSQL");
  if (letter === "D") return yield* bytes.takePart(length, row);
  if (letter === "E") return yield* bytes.takePart(length, error);
  const body = yield* bytes.take(length);
  const asks = letter === "R" && body.some((byte) => byte !== 0);
  return asks ? new Error("The server asks for a password") : letter;
}

function* row(body: ParserPart): ParserStep<Row> {
  const columns: Row = [];
  for (let left = yield* body.takeInteger(2); left > 0; left--) {
    const length = yield* body.takeInteger(4);
    columns.push(length === NULL ? null : yield* body.takeText(length, { fatal: true }));
  }
  return columns;
}

function* error(body: ParserPart): ParserStep<Error> {
  const text = yield* body.takeText(body.left, { fatal: true });
  const fields = text.split("\0"); // each is a letter and a text; M is the message
  return new Error(fields.find((field) => field[0] === "M")?.slice(1));
}

/** Encodes what a client says first, in version 3.0 of the protocol. */
export function encodeStartup(user: string, database: string): Uint8Array {
  const parameters = { user, database, client_encoding: "UTF8" };
  const texts = Object.entries(parameters).flat().map(terminate);
  return encodeBody(`\0\x03\0\0${texts.join("")}\0`);
}

/** Encodes a query. */
export function encodeQuery(sql: string): Uint8Array {
  return new Uint8Array([QUERY, ...encodeBody(terminate(sql))]);
}

/** Ends a text with a zero byte, and refuses one that would arrive changed. */
function terminate(text: string): string {
  if (text.isWellFormed() && !text.includes("\0")) return `${text}\0`;
  throw new TypeError("Cannot send a text with a zero byte, or with half a character");
}

function encodeBody(text: string): Uint8Array {
  return encodeFrame(new TextEncoder().encode(text), { lengthIncludesPrefix: true });
}

/** Logs in, sends one query, and hands over each row as it comes. */
async function query(
  conn: Deno.Conn,
  { user, database, sql }: { user: string; database: string; sql: string },
  handleRow: (row: Row) => void,
): Promise<void> {
  let isAsked = false;
  await write(conn, encodeStartup(user, database));
  for await (const message of receive(conn)) {
    if (message instanceof Error) throw message;
    if (message === "G") throw new Error("The server waits for data, and this program has none");
    if (message === "Z" && isAsked) return;
    if (message === "Z") {
      await write(conn, encodeQuery(sql));
      isAsked = true;
    }
    if (typeof message !== "string") handleRow(message);
  }
  throw new Error("The server closed the connection before it had answered");
}

async function* receive(conn: Deno.Conn): AsyncGenerator<Message> {
  const messages = new Decoder(message, { copy: true }); // copies, because the buffer is used again
  const buffer = new Uint8Array(64 * 1024);
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    messages.push(buffer.subarray(0, n));
    yield* messages;
  }
  messages.end(); // throws if a message is cut short
}

async function write(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Makes characters visible that could change how a terminal shows the others. */
function escape(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

async function main(args: string[]): Promise<void> {
  if (args[0] === "--help") return console.log(USAGE);
  const [server = "", sql, unexpected] = args.length === 1 ? [DEFAULT_SERVER, ...args] : args;
  const url = /^postgresql:\/\/[^:@/]+@[^@/]+\/[^/?#]+$/.test(server) ? URL.parse(server) : null;
  if (url === null || sql === undefined || sql.startsWith("-") || unexpected !== undefined) {
    console.error(USAGE);
    Deno.exit(2);
  }
  const fail = (reason: string): never => {
    console.error(`No answer from ${server}: ${escape(reason)}`);
    Deno.exit(1);
  };
  Deno.unrefTimer(setTimeout(() => fail(`Nothing within ${TIMEOUT / 1000} s`), TIMEOUT));
  try {
    const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1"); // an IPv6 address
    using conn = await Deno.connect({ hostname, port: Number(url.port || 5432) });
    const user = decodeURIComponent(url.username);
    const database = decodeURIComponent(url.pathname.slice(1));
    await query(conn, { user, database, sql }, (row) => console.log(escape(JSON.stringify(row))));
  } catch (error) {
    fail((error as Error).message);
  }
}

if (import.meta.main) await main(Deno.args);
