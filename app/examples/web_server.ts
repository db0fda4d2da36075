// Serves the files of a folder to browsers, and one form: HTTP/1.1 over plain sockets.
//
//   deno run --allow-net --allow-read app/examples/web_server.ts <folder> [host] [port]
//
// Left out: TLS, HTTP/2, chunked bodies of requests (they get a 501), 100 Continue (a 417), parts of files
// (Range), dates for caches, compression, lists of folders, and names that begin with a dot.
import {
  Decoder,
  LengthLimitError,
  type ParserInput,
  type ParserStep,
  TruncatedInputError,
} from "../../mod.ts";
import {
  connectionLimit,
  duration,
  fail,
  failUsage,
  flag,
  readAddress,
  readCommandLine,
} from "../core/command_line.ts";
import type { DeadlineConn } from "../core/deadline_conn.ts";
import { type Deadline, deadlineClock, DeadlineError } from "../core/deadlines.ts";
import { pauseForOthers } from "../core/fair_work.ts";
import { listen } from "../core/listen.ts";
import { exit, printLine } from "../core/output.ts";
import { serve } from "../core/serve.ts";
import { listenForStop } from "../core/stop_signals.ts";
import {
  DRAIN_TIMEOUT,
  IDLE_TIMEOUT,
  MAX_CONTENT_LENGTH,
  MAX_HEADER_LENGTH,
  MESSAGE_TIMEOUT,
  WRITE_TIMEOUT,
} from "../wire/limits.ts";

const PIECE = 64 * 1024; // bytes of a file that are in memory at once
const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/"; // of names in a path
const LF = 0x0a;
const FORM_PATH = "/echo";
const FORM = `<!DOCTYPE html>
<title>Echo</title>
<form method="post" enctype="text/plain">
  <input name="message" autofocus>
  <button>Send</button>
</form>
`;

const REASONS: Record<number, string> = {
  200: "OK",
  301: "Moved Permanently",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

const TYPES: Record<string, string> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1"); // a character for each byte, whatever it is

/** A request, once all of it has come. */
export interface Request {
  method: string;
  path: string; // still with its %20, and without what stands after ?
  body: Uint8Array;
  isLast: boolean; // the client wants the connection to end with the answer
}

/** What a server needs to know of the command line. */
interface Site {
  root: string; // the real path of the folder, with a slash at its end
  timeout: number; // milliseconds for a whole request, from its first byte
  log: (line: string) => void;
}

/** An answer. A file is sent piece by piece, and closed. */
interface Answer {
  status: number;
  type?: string;
  content?: Uint8Array;
  file?: { source: Deno.FsFile; size: number };
  fields?: Record<string, string>;
}

/** The error for a request after which nobody knows where the next one begins. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Reads one request. Whatever two programs could read in two ways is refused. Otherwise somebody could
 * hide a second request in the first, from a proxy that reads it in the other way (request smuggling).
 */
export function* request(bytes: ParserInput): ParserStep<Request> {
  let room = MAX_HEADER_LENGTH; // for the first line and all fields together
  let first = yield* line(bytes, room);
  if (first === "") first = yield* line(bytes, room); // some clients send an empty line after a body
  room -= first.length;
  const [, method = "", target = "", version] =
    /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x7e]+) HTTP\/(\d\.\d)$/.exec(first) ?? [];
  if (version === undefined) throw new Refusal(400, "Not a request line");
  if (!version.startsWith("1.")) throw new Refusal(505, `HTTP/${version} is not known here`);

  const fields = new Map<string, string>();
  while (true) {
    const text = yield* line(bytes, room);
    if (text === "") break;
    room -= text.length;
    // No space before the colon, and none before the name, which once continued the line above.
    const [, name, value = ""] = /^([\w!#$%&'*+.^`|~-]+):(.*)$/.exec(text) ?? [];
    if (name === undefined) throw new Refusal(400, "Not a field");
    const key = name.toLowerCase();
    const before = fields.get(key);
    const mustBeOne = key === "content-length" || key === "host";
    if (before !== undefined && mustBeOne) throw new Refusal(400, `Two fields ${name}`);
    fields.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  if (version !== "1.0" && !fields.has("host")) throw new Refusal(400, "No host");

  const isInChunks = fields.has("transfer-encoding");
  const digits = /^[ \t]*(\d+)[ \t]*$/.exec(fields.get("content-length") ?? "0")?.[1];
  const hasTwoLengths = isInChunks && fields.has("content-length");
  if (digits === undefined || hasTwoLengths) throw new Refusal(400, "No clear length");
  if (isInChunks) throw new Refusal(501, "A body in chunks");
  const length = Number(digits);
  if (length > MAX_CONTENT_LENGTH) throw new Refusal(413, `A body of ${length} bytes`);
  if (fields.has("expect")) throw new Refusal(417, "Send the body at once");
  const body = yield* bytes.take(length);

  const path = target.replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/, "") || "/";
  if (!path.startsWith("/")) throw new Refusal(400, "Not a path");
  const isLast = version === "1.0" || /\bclose\b/i.test(fields.get("connection") ?? "");
  return { method, path, body, isLast };
}

/** Reads one line. A line feed alone ends none, and no control character may be in it. */
function* line(bytes: ParserInput, room: number): ParserStep<string> {
  const text = latin1.decode(yield* bytes.takeUntil(LF, { maxLength: Math.max(0, room) }));
  // deno-lint-ignore no-control-regex -- these are what is looked for
  if (!/^[^\0-\x08\x0a-\x1f\x7f]*\r$/.test(text)) throw new Refusal(400, "Not a line");
  return text.slice(0, -1);
}

/** Answers what a client asks for, one request after the other, on one connection. */
async function handle(conn: DeadlineConn, site: Site): Promise<void> {
  const requests = new Decoder(request, { maxLength: MAX_CONTENT_LENGTH });
  let deadline: Deadline | undefined; // for the request that has begun
  try {
    while (true) {
      const start = performance.now();
      for (const request of requests) {
        deadline = undefined;
        const answer = await findAnswer(request, site);
        site.log(`${conn.peerAddress} ${request.method} ${request.path} ${answer.status}`);
        await send(conn, answer, request);
        if (request.isLast) return await conn.linger();
        await pauseForOthers(start); // somebody may have sent a thousand requests at once
      }
      if (requests.bufferedLength > 0) deadline ??= deadlineClock.deadline("header", site.timeout);
      const bytes = await conn.read(deadline); // between requests, a minute of silence is fine
      if (bytes === null) break;
      requests.push(bytes);
    }
    requests.end();
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    site.log(`${conn.peerAddress} ${status}: ${(error as Error).message}`);
    await send(conn, { status }, { method: "", isLast: true });
    await conn.linger(); // closing with input unread would be a reset, which destroys the answer
  }
}

/** How to answer what is no request. `undefined` means that nobody would read an answer. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof Refusal) return error.status;
  if (error instanceof LengthLimitError) return 431; // of a line: bodies are refused above
  if (error instanceof TruncatedInputError) return 400;
  if (error instanceof DeadlineError && error.phase === "header") return 408;
  return undefined;
}

/** Does what a request asks for. */
async function findAnswer({ method, path, body }: Request, site: Site): Promise<Answer> {
  const isForm = path === FORM_PATH;
  if (isForm && method === "POST") return { status: 200, type: TYPES.txt!, content: body };
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, fields: { allow: isForm ? "GET, HEAD, POST" : "GET, HEAD" } };
  }
  if (isForm) return { status: 200, type: TYPES.html!, content: encoder.encode(FORM) };
  try {
    return await openFile(path, site.root);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code !== "EMFILE" && code !== "ENFILE") return { status: 404 };
    site.log(`Cannot open ${path}: ${message}`); // no descriptor is left
    return { status: 503 };
  }
}

/** Opens the file of a path, if it lies in the folder. */
async function openFile(path: string, root: string): Promise<Answer> {
  const [, ...names] = path.split("/").map(decodeURIComponent);
  if (names.at(-1) === "") names[names.length - 1] = "index.html";
  // Only now, since `..` may come as %2e%2e, and a slash as %2f. On Windows, \ and : mean something, too.
  if (names.some((name) => /^$|^\.|[\0/\\:]/.test(name))) return { status: 404 };
  const real = await Deno.realPath(root + names.join("/")); // where symbolic links lead
  if (!real.startsWith(root)) return { status: 404 };

  const { isDirectory, isFile, size } = await Deno.stat(real);
  if (isDirectory) return { status: 301, fields: { location: `${path}/` } }; // for the links in it
  if (!isFile) return { status: 404 }; // to open a pipe would be to wait for somebody who writes
  const extension = /\.(\w+)$/.exec(real)?.[1]?.toLowerCase() ?? "";
  const type = TYPES[extension] ?? "application/octet-stream";
  return { status: 200, type, file: { source: await Deno.open(real), size } };
}

/** Sends an answer. The header and the beginning of what follows it share one write. */
async function send(
  conn: DeadlineConn,
  { status, type = TYPES.txt!, content, file, fields = {} }: Answer,
  { method, isLast }: Pick<Request, "method" | "isLast">,
): Promise<void> {
  using source = file?.source;
  content ??= encoder.encode(`${status} ${REASONS[status]}\n`);
  let left = file?.size ?? content.length; // bytes
  const allFields = {
    "date": new Date().toUTCString(),
    "content-type": type,
    "content-length": left,
    "x-content-type-options": "nosniff", // a browser must not guess another type
    ...fields,
    ...(isLast ? { connection: "close" } : {}),
  };
  const lines = Object.entries(allFields).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = encoder.encode(`HTTP/1.1 ${status} ${REASONS[status]}\r\n${lines.join("")}\r\n`);
  if (method === "HEAD") return await conn.writeAll(head);

  const buffer = new Uint8Array(head.length + (source ? Math.min(left, PIECE) : left));
  buffer.set(head);
  let filled = head.length;
  if (!source) {
    buffer.set(content, filled);
    return await conn.writeAll(buffer);
  }
  while (true) {
    const n = await source.read(buffer.subarray(filled, filled + left)) ?? 0;
    if (n === 0 && left > 0) throw new Error("A file has become shorter"); // what was promised cannot come
    await conn.writeAll(buffer.subarray(0, filled + n));
    left -= n;
    if (left === 0) return;
    filled = 0;
  }
}

async function main(): Promise<void> {
  const { options, args } = readCommandLine(
    `deno run --allow-net --allow-read app/examples/web_server.ts <folder> [host] [port]

Serves the files of a folder, and a form at /echo, to browsers. It listens on 127.0.0.1 and port 8080
unless you say otherwise. Port 0 takes a free one.`,
    {
      "request-timeout": duration(MESSAGE_TIMEOUT, "maximum time to receive a request"),
      "idle-timeout": duration(IDLE_TIMEOUT, "maximum time between two requests"),
      "write-timeout": duration(WRITE_TIMEOUT, "maximum time to take the next bytes"),
      "drain-timeout": duration(DRAIN_TIMEOUT, "maximum time for answers after Ctrl-C"),
      "max-connections": connectionLimit(),
      "quiet": flag("print no lines about connections and requests"),
    },
  );
  const [folder, hostname = "127.0.0.1", port = "8080", ...others] = args;
  if (folder === undefined) return failUsage("Missing folder");
  const failToServe = (reason: string) => fail(`Cannot serve ${folder}: ${reason}`);
  const root = await Deno.realPath(folder).catch((error) => failToServe(error.message));
  if (!(await Deno.stat(root)).isDirectory) failToServe("it is not a folder");
  const log = (line: string) => options.quiet || printLine(line);
  const site = { root: root.replace(/[\\/]?$/, SEPARATOR), timeout: options.requestTimeout, log };
  const signals = listenForStop(options.drainTimeout);
  const listener = listen(readAddress([hostname, port, ...others]));
  await serve(listener, (conn) => handle(conn, site), { ...options, ...signals, log });
  await exit(signals.kill.aborted ? 1 : 0);
}

if (import.meta.main) await main();
