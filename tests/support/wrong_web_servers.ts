// Web servers that are wrong on purpose, each in one way, to check the checker with.
import { concat } from "@std/bytes/concat";
import { Decoder, LengthLimitError, type ParserInput, type ParserStep } from "../../mod.ts";
import type { Wrong, WrongServer } from "./wrong_servers.ts";

const HEADER_END = new Uint8Array([13, 10, 13, 10]);
const PAGE = "<h1>Hello</h1>";
const WAVE = "<h1>👋</h1>"; // 13 bytes, and 11 characters in most languages
const MIB = 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const latin1 = new TextDecoder("latin1");

const FIRST = /^Every other check builds on page$/;
const silence = /^(\d[\d,]* bytes, then )?nothing within/;

/** What is skipped without the echo, and without the end after the last answer. */
const NEED_CLOSE = [
  "bad-length",
  "two-lengths",
  "chunked",
  "length-and-chunked",
  "space-before-colon",
  "folded",
  "line-feed",
];
const NEED_POST = [
  "binary",
  "empty",
  "large",
  "names",
  "mixed",
  "cut-short",
  ...NEED_CLOSE,
  "never-reads",
  "100-clients",
  "100-resets",
];

type Mistake = Omit<Wrong, "handle">;

/** The mistakes. The others of the same kind are found by the same checks. */
const mistakes: Mistake[] = [
  { mistake: "none", fails: {} },
  {
    mistake: "has no status line",
    fails: { "page": /^a first line other than "HTTP\/1\.1 200 OK": "<h1>Hello/ },
    stopped: FIRST,
  },
  {
    mistake: "sends the page alone",
    fails: { "page": /^\d+ bytes, then nothing within .*\nThe server does not speak HTTP/ },
    stopped: FIRST,
  },
  {
    mistake: "has no length and stays open",
    fails: { "page": /bytes, then nothing within .*\nThe page has begun, .* content-length/ },
    stopped: FIRST,
  },
  {
    mistake: "announces too much and closes",
    fails: { "page": /then the end\nThe connection ends before the page does/ },
    stopped: FIRST,
  },
  {
    mistake: "announces the characters of the page",
    fails: { "page": /^status 200 and .*, then 2 bytes more\nThe content-length is too small/ },
    stopped: FIRST,
  },
  {
    mistake: "answers again at the end",
    fails: { "page": /^status 200 and .*, then \d+ bytes more\n.* answered more than once/ },
    stopped: FIRST,
  },
  {
    mistake: "refuses everything",
    fails: { "page": /^status 400 .*\nThe server refuses a good request/ },
    stopped: FIRST,
  },
  {
    mistake: "waits for the end",
    fails: { "page": /^nothing within .*\nThe server waits for more than a request/ },
    stopped: FIRST,
  },
  {
    mistake: "compares the whole path",
    fails: { "query": /^status 404/ },
  },
  { mistake: "has no type", fails: { "type": /^none\n/ } },
  {
    mistake: "sends the echo back as a page",
    fails: { "type": /^text\/html\n.* put a script into your site/ },
  },
  {
    mistake: "ends each echo with a line end",
    fails: {
      "mixed": /The answer before goes on beyond its content-length/,
      "never-reads": /The answer before goes on beyond its content-length/,
    },
  },
  {
    mistake: "takes the first bytes for a request",
    fails: {
      "split": /takes what one read returns/,
      "slow-client": /^the end after \d+ bytes of it\n.* takes what one read returns/,
    },
  },
  {
    mistake: "leaves out what is not taken at once",
    fails: {
      "never-reads":
        /^status 200 and the first 250,\d{3} bytes, then 'HTTP.*\n.* leaves out a part/,
    },
  },
  { mistake: "ends lines with a line feed", fails: { "line-ends": /\\x0a/ } },
  {
    mistake: "closes after each answer",
    fails: { "keep-alive": /the end\n.* closes the connection/ },
    skips: ["pipelined", "no-delay", "mixed", "never-reads"],
  },
  {
    mistake: "reads one request",
    fails: {
      "keep-alive": /reads one request for each connection/,
      "head": /reads one request for each connection/,
    },
    skips: ["pipelined", "no-delay", "mixed", "never-reads"],
  },
  { mistake: "does not know HEAD", fails: { "head": /does not answer HEAD/ } },
  { mistake: "writes twice", fails: { "no-delay": /ms, 20 times.*\n.*Nagle/ } },
  { mistake: "sends the page for HEAD", fails: { "head": /a first line other than/ } },
  {
    mistake: "stays open",
    fails: { "close": silence },
    skips: ["old", ...NEED_CLOSE],
  },
  {
    mistake: "closes without a word",
    fails: { "close": /^none\n.* without saying so/ },
    skips: ["old", ...NEED_CLOSE],
  },
  { mistake: "stays open for old clients", fails: { "old": silence } },
  {
    mistake: "takes each read for a request",
    fails: {
      "split": /takes what one read returns/,
      "large": /./,
      "mixed": /./,
      "slow-client": /./,
    },
    skips: ["never-reads", "100-resets"],
  },
  {
    mistake: "echoes in capitals",
    fails: { "post": /^status 200 and 'HELLO'/ },
    skips: NEED_POST,
  },
  {
    mistake: "counts the characters of a body",
    fails: { "post": /nothing within .*\n.* counts characters where content-length counts bytes/ },
    skips: NEED_POST,
  },
  {
    mistake: "announces the characters of a body",
    fails: {
      "post": /^status 200 and 'W.*\n.* counts characters where content-length counts bytes/,
    },
    skips: NEED_POST,
  },
  { mistake: "takes bodies for text", fails: { "binary": /takes the body for text/ } },
  {
    mistake: "does not answer an empty body",
    fails: { "empty": silence },
  },
  { mistake: "minds capitals", fails: { "names": /in one spelling/ } },
  { mistake: "has a small buffer", fails: { "many-fields": /./ } },
  { mistake: "has one page for all", fails: { "not-found": /^status 200 and '<h1>Hello/ } },
  { mistake: "takes any method", fails: { "methods": /does not look at the method/ } },
  ...(Deno.build.os === "windows" ? [] : [
    { mistake: "opens any file", fails: { "dots": /^a file of the machine\n/ } },
  ]),
  { mistake: "takes anything", fails: { "nonsense": /takes anything for a request/ } },
  { mistake: "takes any path", fails: { "long-path": /^status 200/ } },
  {
    mistake: "waits for the end of any header",
    fails: { "endless-header": /no limit for the header/ },
  },
  {
    mistake: "waits for any body",
    fails: { "huge-body": /nothing within .*\n.* instead of refusing it/ },
  },
  { mistake: "guesses lengths", fails: { "bad-length": /may read the request in another way/ } },
  { mistake: "takes the last length", fails: { "two-lengths": /^status 200 .*, then/ } },
  {
    mistake: "ignores chunks",
    fails: { "chunked": /ignores transfer-encoding/, "length-and-chunked": /'0\\x0d/ },
  },
  {
    mistake: "prefers the length to chunks",
    fails: { "length-and-chunked": /'0\\x0d.*, then status 200/ },
  },
  { mistake: "trims names", fails: { "space-before-colon": /^status 200 and 'Hello'/ } },
  { mistake: "trims lines", fails: { "folded": /^status 200 and 'Hel'/ } },
  { mistake: "keeps line feeds", fails: { "line-feed": /^status 200 and no body/ } },
  { mistake: "needs no host", fails: { "host": /^status 200/ } },
  { mistake: "takes two hosts", fails: { "host": /^status 200/ } },
  { mistake: "answers half a request", fails: { "cut-short": /^status 200 and no body/ } },
  {
    mistake: "serves one at a time",
    maxClients: 1,
    fails: {
      "second-connection": /one client at a time/,
      "slow-client": /one client at a time/,
      "never-reads": /one client at a time/,
      "100-clients": /one client at a time/,
    },
  },
  {
    mistake: "has no page at /",
    fails: { "page": /^status 404 .*\nThe server has no page at the path/ },
    stopped: FIRST,
  },
  {
    mistake: "leads away from /",
    fails: { "page": /^status 301 .*\nThe page must be at the path \/ itself/ },
    stopped: FIRST,
  },
  {
    mistake: "has an empty page",
    fails: { "page": /^status 200 and no body\n.* and something in it/ },
    stopped: FIRST,
  },
  {
    mistake: "answers a second request with 404",
    fails: {
      "keep-alive": /second request on a connection/,
      "head": /second request on a connection/,
    },
    skips: ["pipelined", "no-delay", "mixed", "never-reads"],
  },
  {
    mistake: "forgets what comes together with a request",
    fails: {
      "pipelined": /forgets what it has read beyond the first request/,
      "mixed": /or loses what it has read beyond it/,
    },
    skips: ["never-reads"],
  },
  {
    mistake: "refuses HEAD",
    fails: { "head": /^status 405 .*\n.* with the status that GET gets/ },
  },
  {
    mistake: "waits for two bytes more",
    fails: { "post": /waits for more than content-length says/ },
    skips: NEED_POST,
  },
  {
    mistake: "falls silent at large bodies",
    fails: { "large": /has failed and left it open/ },
    skips: ["never-reads", "100-resets"],
  },
  {
    mistake: "stops in the middle of large bodies",
    fails: { "large": /then nothing .*\nThe server leaves out a part/ },
    skips: ["never-reads", "100-resets"],
  },
  {
    mistake: "leaves out the middle of large bodies",
    fails: { "large": /^status 200 and the first 100,000 bytes.*\n.* or of what it has read/ },
    skips: ["never-reads", "100-resets"],
  },
  {
    mistake: "takes a part of a header",
    fails: {
      "long-path": /takes a part of it/,
      "endless-header": /does not wait for the end of the header/,
    },
  },
  {
    mistake: "takes huge bodies for none",
    fails: { "huge-body": /^status 200 and no body\nThe server does not look at/ },
  },
  { mistake: "shares its body", fails: { "100-clients": /got the answer of another one/ } },
  {
    mistake: "turns away the fourth",
    fails: {
      "second-connection": /ends a connection while others are open/,
      "100-clients": /cannot hold that many/,
    },
  },
  {
    mistake: "serves three at a time",
    maxClients: 3,
    fails: {
      "second-connection": /serves only a few at a time/,
      "100-clients": /cannot hold that many/,
    },
  },
  {
    mistake: "serves fifty at a time",
    maxClients: 50,
    fails: { "100-clients": /^nothing .*\n.* cannot hold that many/ },
  },
  {
    mistake: "stops when an answer is not taken",
    fails: { "never-reads": /has stopped answering this client/ },
  },
  {
    mistake: "answers the sixteenth in another way",
    fails: { "never-reads": /gives other answers to a client that does not read/ },
  },
  {
    mistake: "writes to one at a time",
    fails: { "never-reads": /^nothing .*\n.* waits until one client has read/ },
  },
  {
    mistake: "ends at a reset",
    fails: { "100-resets": /nobody listens/ },
    stopped: /^The server ended during 100-resets; look at its terminal$/,
  },
];

/** All of them. */
export const wrongWebServers: Wrong[] = mistakes.map((wrong) => ({
  ...wrong,
  handle: (conn, server) => serve(conn, server, wrong.mistake),
}));

interface Request {
  method: string;
  path: string;
  body: Uint8Array;
  isLast: boolean;
}

let lastBody: Uint8Array = new Uint8Array(); // of any client
let lastWrite = Promise.resolve();

async function serve(conn: Deno.Conn, server: WrongServer, mistake: string): Promise<void> {
  if (mistake === "turns away the fourth" && server.open.size > 3) return;
  const newDecoder = () =>
    new Decoder((bytes) => readRequest(bytes, mistake), { maxLength: 16 * MIB, copy: true });
  let requests = newDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let all: Uint8Array = new Uint8Array(); // since the last request
  let answers = 0;
  try {
    while (true) {
      const n = await conn.read(buffer);
      if (n === null) break;
      if (mistake === "takes each read for a request") requests = newDecoder();
      if (mistake === "takes the first bytes for a request" && isBegin(buffer.subarray(0, n))) {
        return await write(conn, encode(200, encoder.encode(PAGE), mistake, true));
      }
      requests.push(buffer.subarray(0, n));
      all = concat([all, buffer.subarray(0, n)]);
      if (mistake === "waits for the end") continue;
      for (const request of requests) {
        all = new Uint8Array();
        if (mistake === "does not answer an empty body" && request.method === "POST") {
          if (request.body.length === 0) continue;
        }
        if (mistake === "does not know HEAD" && request.method === "HEAD") continue;
        answers++;
        if (mistake === "answers a second request with 404" && answers === 2) {
          await write(conn, encode(404, encoder.encode("No page"), mistake, false));
          continue;
        }
        const isLarge = request.body.length > 100_000;
        if (mistake === "falls silent at large bodies" && isLarge) return await untilEnd(conn);
        if (mistake === "answers the sixteenth in another way" && isLarge && answers === 15) {
          await write(conn, encode(200, encoder.encode("busy"), mistake, false, true));
          continue;
        }
        await answer(conn, request, mistake, server);
        if (request.isLast || mistake === "closes after each answer") return await linger(conn);
        if (mistake === "reads one request") return await untilEnd(conn);
        if (mistake === "announces too much and closes") return;
        if (mistake === "forgets what comes together with a request") {
          requests = newDecoder();
          break;
        }
      }
    }
    if (mistake === "answers again at the end") {
      await write(conn, encode(200, encoder.encode(PAGE), mistake, true));
    }
    if (mistake === "answers half a request") {
      const [, body] = decoder.decode(all).split("\r\n\r\n");
      if (body !== undefined) await write(conn, encode(200, encoder.encode(body), mistake, true));
    }
    requests.end();
  } catch (error) {
    if (mistake === "ends at a reset" && error instanceof Deno.errors.ConnectionReset) server.die();
    if (error instanceof Deno.errors.ConnectionReset) return;
    if (mistake === "takes a part of a header" && error instanceof LengthLimitError) {
      return await write(conn, encode(200, encoder.encode(PAGE), mistake, true));
    }
    await write(conn, encode(400, new Uint8Array(), mistake, true));
    await linger(conn);
  }
}

/** Whether a short request for a page begins with this, and does not end with it. */
function isBegin(bytes: Uint8Array): boolean {
  const text = decoder.decode(bytes);
  return text.length < 100 && text.startsWith("G") && !text.endsWith("\r\n\r\n");
}

/** Ends the connection so that the answer arrives. */
async function linger(conn: Deno.Conn): Promise<void> {
  await conn.closeWrite();
  await untilEnd(conn);
}

/** Reads on, up to a limit, and does nothing with it. */
async function untilEnd(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let all = 0; all < MIB;) {
    const n = await conn.read(buffer);
    if (n === null) return;
    all += n;
  }
}

function* readRequest(bytes: ParserInput, mistake: string): ParserStep<Request> {
  const has = (name: string) => mistake === name;
  const maxLength = has("waits for the end of any header")
    ? 16 * MIB
    : has("takes any path")
    ? 200_000
    : has("has a small buffer")
    ? 1500
    : 16 * 1024;
  const text = latin1.decode(yield* bytes.takeUntil(HEADER_END, { maxLength }));
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, path, version] = /^([A-Za-z]+) (\S+) HTTP\/1\.([01])$/.exec(first) ?? [];
  if (method === undefined && has("takes anything")) {
    return { method: "GET", path: "/", body: new Uint8Array(), isLast: true };
  }
  if (method === undefined || path === undefined) throw new Error("No request");
  const fields = new Map<string, string>();
  for (let line of lines) {
    if (line.includes("\n") && !has("keeps line feeds")) throw new Error("A line feed");
    const isFolded = has("trims lines") && line.startsWith(" ");
    if (isFolded) line = line.trim();
    const colon = line.indexOf(":");
    let name = line.slice(0, colon);
    if (has("trims names")) name = name.trim();
    if (!/^[\w-]+$/.test(name)) throw new Error("No name");
    if (!has("minds capitals")) name = name.toLowerCase();
    else if (/content-length/i.test(name)) {
      if (name !== "Content-Length") continue;
      name = "content-length";
    } else name = name.toLowerCase();
    const isSecond = fields.has(name);
    const mayBe = (name === "host" && has("takes two hosts")) ||
      (name === "content-length" && (has("takes the last length") || isFolded));
    if (isSecond && ["host", "content-length"].includes(name) && !mayBe) throw new Error("Two");
    fields.set(name, line.slice(colon + 1).trim());
  }
  if (version === "1" && !fields.has("host") && !has("needs no host")) throw new Error("No host");
  const isChunked = fields.has("transfer-encoding") && !has("ignores chunks");
  const prefersLength = has("prefers the length to chunks") && fields.has("content-length");
  if (isChunked && !prefersLength) throw new Error("Chunks");
  const digits = fields.get("content-length") ?? "0";
  if (!/^\d+$/.test(digits) && !has("guesses lengths")) throw new Error("No length");
  const number = Math.max(0, parseInt(digits) || 0);
  const length = has("takes huge bodies for none") && number > MIB ? 0 : number;
  if (length > MIB && !has("waits for any body")) throw new Error("Too long");
  let body = concat([yield* take(bytes, length)]);
  if (has("waits for two bytes more") && length > 0) yield* bytes.take(2);
  while (has("counts the characters of a body") && decoder.decode(body).length < length) {
    body = concat([body, yield* bytes.take(1)]);
  }
  const isOld = version === "0" && !has("stays open for old clients");
  const isLast = isOld || (fields.get("connection") === "close" && !has("stays open"));
  return { method, path, body, isLast };
}

/** Takes bytes, of which there may be more than a decoder allows. */
function* take(bytes: ParserInput, length: number): ParserStep<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let left = length; left > 0; left -= MIB) parts.push(yield* bytes.take(Math.min(left, MIB)));
  return concat(parts);
}

/** Does nothing more, and leaves the connection open. */
async function stop(server: WrongServer): Promise<void> {
  while (!server.dead) await new Promise((resume) => setTimeout(resume, 10));
}

/** How many large answers each connection has got. */
const large = new WeakMap<Deno.Conn, number>();

async function answer(
  conn: Deno.Conn,
  request: Request,
  mistake: string,
  server: WrongServer,
): Promise<void> {
  const { method, path, body, isLast } = request;
  const has = (name: string) => mistake === name;
  const pathname = has("compares the whole path") ? path : path.split("?")[0]!;
  const isPage = (pathname === "/" && !has("has no page at /")) ||
    (has("has one page for all") && pathname !== "/echo");
  const isRead = method === "GET" || method === "HEAD" || has("takes any method");
  let status = 404;
  let content: Uint8Array = encoder.encode("Not found");
  if (has("takes any path") && path.length > 1000) [status, content] = [200, encoder.encode(PAGE)];
  else if (isPage) [status, content] = [isRead ? 200 : 405, encoder.encode(PAGE)];
  else if (pathname === "/echo") [status, content] = [method === "POST" ? 200 : 405, body];
  else if (has("opens any file")) {
    content = await Deno.readFile(new URL(path, "file:///")).catch(() => content);
    if (content.length > 20) status = 200;
  }
  if (has("echoes in capitals")) {
    content = encoder.encode(decoder.decode(content).toUpperCase());
  }
  if (has("announces the characters of the page") && isPage) content = encoder.encode(WAVE);
  if (has("refuses everything")) status = 400;
  if (has("leads away from /") && isPage) status = 301;
  if (has("has an empty page") && isPage) content = new Uint8Array();
  if (has("refuses HEAD") && method === "HEAD") status = 405;
  const isLarge = content.length > 250_000;
  if (has("leaves out the middle of large bodies") && isLarge) {
    content = concat([content.subarray(0, 100_000), content.subarray(200_000)]);
  }
  if (has("shares its body") && pathname === "/echo") {
    [content, lastBody] = [server.open.size > 50 ? lastBody : content, content];
  }
  if (has("takes bodies for text")) content = encoder.encode(decoder.decode(content));
  const isEcho = pathname === "/echo";
  const bytes = encode(status, content, mistake, isLast, isEcho);
  const bodyStart = bytes.length - content.length;
  if (method === "HEAD" && !has("sends the page for HEAD")) {
    return await write(conn, bytes.subarray(0, bodyStart));
  }
  if (has("stops in the middle of large bodies") && isLarge) {
    await write(conn, bytes.subarray(0, bodyStart + 250_000));
    return await stop(server);
  }
  if (has("leaves out what is not taken at once") || has("stops when an answer is not taken")) {
    // As if the system had room for half of the third large answer that nobody has read.
    const number = (large.get(conn) ?? 0) + (isLarge ? 1 : 0);
    large.set(conn, number);
    if (number === 3) {
      await write(conn, bytes.subarray(0, bodyStart + 250_000));
      return has("stops when an answer is not taken") ? await stop(server) : undefined;
    }
  }
  if (has("writes to one at a time")) {
    const written = lastWrite.then(() => write(conn, bytes));
    lastWrite = written.catch(() => {});
    return await written;
  }
  if (has("ends each echo with a line end") && isEcho) {
    return await write(conn, concat([bytes, encoder.encode("\r\n")]));
  }
  if (!has("writes twice")) return await write(conn, bytes);
  await write(conn, bytes.subarray(0, bodyStart));
  await write(conn, bytes.subarray(bodyStart));
}

function encode(
  status: number,
  content: Uint8Array,
  mistake: string,
  isLast: boolean,
  isEcho = false,
): Uint8Array {
  const has = (name: string) => mistake === name;
  if (has("sends the page alone")) return content;
  if (has("has no status line")) return concat([content, encoder.encode("\r\n\r\n")]);
  const countsCharacters = has("announces the characters of the page") ||
    (has("announces the characters of a body") && isEcho);
  const length = countsCharacters
    ? decoder.decode(content).length
    : content.length + (has("announces too much and closes") ? 5 : 0);
  const type = isEcho && !has("sends the echo back as a page") ? "text/plain" : "text/html";
  const lines = [
    `HTTP/1.1 ${status} Reason`,
    ...(has("has no type") ? [] : [`Content-Type: ${type}`]),
    ...(has("has no length and stays open") ? [] : [`Content-Length: ${length}`]),
    ...(isLast && !has("closes without a word") ? ["Connection: close"] : []),
    "",
    "",
  ];
  const end = has("ends lines with a line feed") ? "\n" : "\r\n";
  return concat([encoder.encode(lines.join(end)), content]);
}

async function write(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}
