// The checks of a web server. It has a page at `/`, and what is sent to `/echo` with POST comes back as the
// body of the answer. Everything else is up to it.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { pause } from "../core/timeout.ts";
import { MalformedInputError } from "../wire/errors.ts";
import { escapeBytes } from "../wire/escape.ts";
import { classify, countBytes, MIB, noise } from "./bytes.ts";
import {
  type Cause,
  type Check,
  explainWith,
  Failure,
  LostConnection,
  type Seen,
} from "./check.ts";
import { explainKind } from "./explain.ts";
import { type Answer, Conversation, describe, describeBody, request } from "./http_answers.ts";
import { both, type Client, endIfReset, GIVES_UP, isReset, type ServerRun } from "./server_run.ts";

const PAUSE = 2; // milliseconds, in which the server may notice the first part of a request
const DELAYED = 20; // milliseconds; what Nagle's algorithm holds back comes after 40
const EARLY = 200; // milliseconds, for an answer that comes too early
const MAX_SHOWN = 60; // bytes
const LARGE = 500_000; // bytes

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const GET = request("GET", "/");
const LAST = request("GET", "/", { fields: ["Connection: close"] });
const HELLO = encoder.encode("Hello");
const PETS = encoder.encode("🐶 & 🐰");
const PAGE = "status 200 and the page";
const REFUSAL = "a status of 400 or more, or the end";
const SECRETS = /root:[^:]*:0:0:|for 16-bit app support/; // /etc/passwd, and C:\Windows\win.ini
const NO_HTTP =
  "The server does not speak HTTP: first comes a line such as HTTP/1.1 200 OK, then fields, an empty " +
  "line, and the page.";
const TAKES_A_PART = "The server takes what one read returns for a request.";
const PART_AS_WHOLE: Cause = { hint: TAKES_A_PART, read: "webRead" };
const CLOSES: Cause = {
  hint: "The server closes the connection after each answer.",
  read: "webEnd",
};
const READS_ONE: Cause = {
  hint: "The server reads one request for each connection, where it needs a loop.",
  read: "webEnd",
};
const SECOND_DIFFERS = "The second request on a connection is not answered as the first one is.";
const REFUSES_HEAD = "The server does not answer HEAD with the status that GET gets.";
const CHARACTERS: Cause = {
  hint:
    "Text in ASCII has come back, and this has not. The server counts characters where content-length " +
    "counts bytes, or it fails at characters that have several.",
  read: "webEnd",
};
const LEAVES_OUT =
  "The server leaves out a part: of what it writes, as a write may take fewer bytes than it is given, so " +
  "that it needs a loop, or of what it has read.";
const WRITES_ONCE: Cause = { hint: LEAVES_OUT, read: "writeAll" };
const ECHO_AS_PAGE: Cause = {
  hint: "A stranger's form could put a script into your site.",
  read: "webBody",
};
const HANGS =
  "The server waits for more than content-length says, or what handles the connection has failed and left " +
  "it open.";
const TURNS_AWAY =
  "The server ends a connection while others are open, or fails: look at what it has printed.";
const WAITS = "waits for something that does not come";
const SMUGGLING =
  "A proxy before this server may read the request in another way. Then what one takes for a body is a " +
  "request to the other.";

/** What a good web server does at any time. */
export async function probeHttp(serverRun: ServerRun): Promise<void> {
  checkPage(await ask(serverRun, GET, PAGE));
}

/** What a web server promises. After each, the page must still come. */
export const httpChecks: Check<ServerRun>[] = [
  {
    name: "page",
    what: "A browser gets the page",
    hint: NO_HTTP,
    causes: {
      "silence": "The server waits for more than a request, which ends with an empty line.",
      "stall": {
        hint:
          "The page has begun, and the browser waits for its end. Either the content-length is " +
          "missing and the connection stays open, or the content-length is larger than the page.",
        read: "webEnd",
      },
      "end": "The server ends the connection instead of answering: look at what it has printed.",
      "loss": {
        hint: "The connection ends before the page does. The content-length must count bytes.",
        read: "webEnd",
      },
      "more": {
        hint:
          "The content-length is too small: it must count all that follows the header, in bytes and not " +
          "in characters. Or one request is answered more than once.",
        read: "webEnd",
      },
    },
    read: "webPage",
    async run(serverRun) {
      await expectFirstPage(serverRun).catch(explainWith(() => explainPage(serverRun)));
    },
  },
  {
    name: "query",
    what: "The page also comes if a question mark and something stand behind its path",
    hint: "The server compares the path together with what stands behind the question mark.",
    read: "webErrors",
    run: async (serverRun) =>
      checkPage(await ask(serverRun, request("GET", "/?from=checker"), PAGE)),
  },
  {
    name: "type",
    what:
      "The page has a content-type, so that the browser need not guess; the echo is no text/html",
    hint: "The header lacks content-type, such as text/html; charset=utf-8.",
    read: "webEnd",
    async run(serverRun) {
      const { fields } = await ask(serverRun, GET, PAGE);
      const type = fields.get("content-type");
      if (!type?.includes("/")) throw new Failure("a content-type", type ?? "none");
      await expectEchoIsNoPage(serverRun);
    },
  },
  {
    name: "line-ends",
    what: "The lines of the header end with \\r\\n",
    hint: "The lines end with \\n alone. Browsers are lenient with that, and others are not.",
    read: "webPage",
    async run(serverRun) {
      const begin = await serverRun.exchange(LAST);
      const lines = decoder.decode(begin).split(/(?<=\n)/).filter((line) => line.endsWith("\n"));
      const header = lines.slice(0, lines.findIndex((line) => line.trim() === "") + 1);
      const wrong = header.find((line) => !line.endsWith("\r\n"));
      if (wrong !== undefined) {
        throw new Failure("\\r\\n", escapeBytes(encoder.encode(wrong), MAX_SHOWN));
      }
    },
  },
  {
    name: "keep-alive",
    what: "The connection stays open for a second request, and a third",
    hint: SECOND_DIFFERS,
    causes: {
      "silence": READS_ONE,
      "end": CLOSES,
      "loss": CLOSES,
    },
    read: "webEnd",
    async run(serverRun) {
      const conversation = await Conversation.open(serverRun);
      for (let i = 0; i < 3; i++) checkPage(await conversation.ask(GET, PAGE));
    },
  },
  {
    name: "split",
    what:
      "A request is answered wherever it is cut in two, in single bytes, and not before its end",
    hint: TAKES_A_PART,
    read: "webRead",
    async run(serverRun) {
      for (let at = 1; at < GET.length; at++) {
        await expectPageOf(serverRun, [GET.subarray(0, at), GET.subarray(at)]);
        serverRun.progress = `cut after ${at} of ${GET.length} bytes`;
      }
      await expectPageOf(serverRun, Array.from(GET, (byte) => new Uint8Array([byte])));
      await expectNoAnswerYet(serverRun, GET.subarray(0, -1));
    },
  },
  {
    name: "pipelined",
    what: "A hundred requests sent at once get a hundred answers",
    hint: "The server forgets what it has read beyond the first request.",
    read: "webRead",
    needs: ["keep-alive"],
    async run(serverRun) {
      const conversation = await Conversation.open(serverRun);
      await conversation.client.send(concat(Array(100).fill(GET)));
      for (let i = 0; i < 100; i++) {
        checkPage(await conversation.expect(PAGE));
        serverRun.progress = `${i + 1} of 100 answers`;
      }
    },
  },
  {
    name: "many-fields",
    what: "A request with 50 fields, some of them long, is understood",
    hint: "The buffer for a header is too small, or one read is taken for a whole header.",
    read: "webRead",
    async run(serverRun) {
      const fields = Array.from({ length: 50 }, (_, i) => `X-Field-${i}: ${"abc".repeat(i)}`);
      checkPage(await ask(serverRun, request("GET", "/", { fields }), PAGE));
    },
  },
  {
    name: "no-delay",
    what: "One answer after the other comes without a pause of 40 ms",
    hint:
      "The header and the body are two writes, and the second one waits until the browser has " +
      "acknowledged the first (Nagle's algorithm). Put both into one.",
    read: "webWrite",
    needs: ["keep-alive"],
    async run(serverRun) {
      const conversation = await Conversation.open(serverRun);
      const times: number[] = [];
      for (let i = 0; i < 40; i++) {
        const start = performance.now();
        checkPage(await conversation.ask(GET, PAGE));
        times.push(performance.now() - start);
      }
      // The least of the later ones: at first the system acknowledges at once, and a busy machine is late.
      const least = Math.min(...times.slice(-20));
      if (least < DELAYED) return;
      const came = `${Math.round(least)} ms, 20 times in a row`;
      throw new Failure(`an answer within ${DELAYED} ms`, came);
    },
  },
  {
    name: "post",
    what: "What is sent to /echo with POST comes back",
    hint: "The answer to POST /echo must be the body of the request, byte by byte.",
    causes: { "silence": "The server waits for more than content-length says, or for the end." },
    read: "webBody",
    async run(serverRun) {
      await expectEcho(serverRun, HELLO);
      await expectEcho(serverRun, encoder.encode("Wörld 🐶"))
        .catch(explainWith({ "silence": CHARACTERS, "stall": CHARACTERS, "fewer": CHARACTERS }));
      await expectEcho(serverRun, encoder.encode("line\r\n\r\nGET /"));
    },
  },
  {
    name: "binary",
    what: "A body of all 256 byte values comes back as it is",
    hint: "The server takes the body for text.",
    read: "webBody",
    needs: ["post"],
    run: (serverRun) => expectEcho(serverRun, Uint8Array.from({ length: 256 }, (_, i) => i)),
  },
  {
    name: "empty",
    what: "A body of no bytes, and no body at all, are answered at once",
    hint: "The server waits for a body that has no bytes, or that is not announced.",
    read: "webBody",
    needs: ["post"],
    async run(serverRun) {
      await expectEcho(serverRun, new Uint8Array());
      await ask(serverRun, request("POST", "/echo"), "an answer");
    },
  },
  {
    name: "large",
    what: "A body of 500,000 bytes comes back whole",
    hint: "The server reads or writes once where it needs a loop.",
    causes: { "silence": HANGS, "stall": WRITES_ONCE, "gap": WRITES_ONCE },
    read: "webBody",
    needs: ["post"],
    run: (serverRun) => expectEcho(serverRun, noise(0, LARGE)),
  },
  {
    name: "names",
    what: "CONTENT-LENGTH and content-length are the same, with and without space after the colon",
    hint: "The server looks for a field in one spelling only.",
    read: "webBody",
    needs: ["post"],
    async run(serverRun) {
      for (const field of ["CONTENT-LENGTH: 5", "content-length:5", "Content-Length:   5  "]) {
        const bytes = concat([request("POST", "/echo", { fields: [field] }), HELLO]);
        checkEcho(await ask(serverRun, bytes, echoOf(HELLO)), HELLO);
      }
    },
  },
  {
    name: "mixed",
    what: "A form and a request for the page, sent at once and cut anywhere, are both answered",
    hint: "The server takes a part of a body for a request, or loses what it has read beyond it.",
    read: "webBody",
    needs: ["post", "keep-alive"],
    async run(serverRun) {
      const bytes = concat([post(PETS), GET]);
      for (let at = 1; at < bytes.length; at++) {
        using conversation = await Conversation.open(serverRun);
        await sendParts(conversation, [bytes.subarray(0, at), bytes.subarray(at)]);
        checkEcho(await conversation.expect(echoOf(PETS)), PETS);
        checkPage(await conversation.expect(PAGE));
        serverRun.progress = `cut after ${at} of ${bytes.length} bytes`;
      }
    },
  },
  {
    name: "cut-short",
    what: "A request that ends too early is not answered as if it were whole",
    hint: "The server takes what has come for all of it.",
    read: "webBody",
    needs: ["post"],
    async run(serverRun) {
      const bytes = post(PETS);
      for (const length of [10, 40, bytes.length - PETS.length, bytes.length - 1]) {
        await expectRefusal(serverRun, bytes.subarray(0, length), { finish: true });
      }
    },
  },
  {
    name: "not-found",
    what: "A path that is not there gets status 404",
    hint: "The server has one answer for every path.",
    read: "webErrors",
    async run(serverRun) {
      const expected = "status 404";
      for (const path of ["/no/such/page", "/no-such-page.html?x=/"]) {
        const answer = await ask(serverRun, request("GET", path), expected);
        if (answer.status !== 404) throw wrongAnswer(expected, answer);
      }
    },
  },
  {
    name: "methods",
    what: "DELETE, and methods that do not exist, are refused",
    hint: "The server does not look at the method.",
    read: "webErrors",
    async run(serverRun) {
      for (const method of ["DELETE", "BREW", "get"]) {
        await expectRefusal(serverRun, request(method, "/"));
      }
    },
  },
  {
    name: "head",
    what: "HEAD is answered like GET, but without the page",
    hint: "The server sends a body after the header, and the browser takes it for the next answer.",
    causes: { "silence": "The server does not answer HEAD.", "other bytes": SECOND_DIFFERS },
    read: "webErrors",
    async run(serverRun) {
      const conversation = await Conversation.open(serverRun);
      const expected = "status 200, and no body";
      const head = await conversation.ask(request("HEAD", "/"), expected, "HEAD");
      if (head.status !== 200) throw wrongAnswer(expected, head).because(REFUSES_HEAD);
      await conversation.client.send(LAST).catch(endIfReset); // the server may close after each answer
      const next = await conversation.receive(PAGE)
        .catch(explainWith({ "silence": READS_ONE }))
        .catch(endIfReset);
      if (next !== undefined) checkPage(next);
    },
  },
  {
    name: "close",
    what: "With Connection: close, the answer is the last one, and says so",
    hint: "The server keeps the connection open although the client has asked it not to.",
    read: "webErrors",
    async run(serverRun) {
      const { fields } = await expectLast(serverRun, LAST);
      const connection = fields.get("connection") ?? "";
      if (/\bclose\b/i.test(connection)) return;
      const endsItself = fields.has("content-length") || fields.has("transfer-encoding");
      if (!endsItself) return; // then the end of the connection is the end of the answer, and no surprise
      const failure = new Failure("Connection: close in the last answer", connection || "none");
      throw failure.because("The server closes the connection without saying so before.");
    },
  },
  {
    name: "old",
    what: "A client that speaks HTTP/1.0, where no connection is kept, gets an answer and the end",
    hint: "The server keeps the connection open, and an old client waits for its end.",
    read: "webErrors",
    needs: ["close"],
    async run(serverRun) {
      await expectLast(serverRun, encoder.encode("GET / HTTP/1.0\r\n\r\n"));
    },
  },
  {
    name: "nonsense",
    what: "What is no request, such as a TLS handshake, is refused",
    hint: "The server takes anything for a request.",
    read: "webErrors",
    async run(serverRun) {
      const nonsense = [
        "HELLO\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "\xff".repeat(1000),
      ];
      for (const text of nonsense) {
        const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
        await expectRefusal(serverRun, bytes, { finish: true });
      }
    },
  },
  {
    name: "long-path",
    what: "A path of 100,000 characters is refused",
    hint: "The server has no limit for the first line, or takes a part of it for the whole.",
    read: "webErrors",
    run: (serverRun) => expectRefusal(serverRun, request("GET", `/${"a".repeat(100_000)}`)),
  },
  {
    name: "endless-header",
    what: "A header is refused before 4 MiB of it have come",
    hint: "The server does not wait for the end of the header, or has no limit for it.",
    read: "webErrors",
    run(serverRun) {
      const field = `X-Field: ${"x".repeat(1000)}\r\n`;
      const fields = encoder.encode(field.repeat(4 * MIB / field.length));
      return expectRefusal(serverRun, concat([GET.subarray(0, -2), fields]), {
        waits: "has no limit for the header, and waits for its end",
      });
    },
  },
  {
    name: "huge-body",
    what: "A body of a million megabytes is refused as soon as it is announced",
    hint: "The server does not look at the content-length, or not at how large it is.",
    read: "webErrors",
    async run(serverRun) {
      for (const length of [10 ** 12, 10 ** 15]) {
        const fields = [`Content-Length: ${length}`];
        await expectRefusal(serverRun, request("POST", "/echo", { fields }), {
          waits: "reads the body that was announced instead of refusing it",
        });
      }
    },
  },
  {
    name: "host",
    what: "A request without the field host, or with two of them, is refused",
    hint:
      "The server does not look for host, by which a machine with several sites tells them apart. " +
      "A proxy before it may take the other one of two.",
    read: "webSmuggling",
    async run(serverRun) {
      await expectRefusal(serverRun, encoder.encode("GET / HTTP/1.1\r\n\r\n"));
      await expectRefusal(serverRun, request("GET", "/", { fields: ["Host: elsewhere"] }));
    },
  },
  oneReading({
    name: "bad-length",
    what: "A content-length that is no number of bytes is refused",
    hint: "The server calculates with whatever the field says.",
    requests: ["-1", "+5", "5,6", "0x5", "5 5", "1e1", "five", "5.0"].map((length) => ({
      fields: [`Content-Length: ${length}`],
      content: "Hello",
    })),
  }),
  oneReading({
    name: "two-lengths",
    what: "A request with two different lengths is refused",
    hint: "The server takes one of the two.",
    requests: [{ fields: ["Content-Length: 5", "Content-Length: 3"], content: "Hello" }],
  }),
  oneReading({
    name: "chunked",
    what: "A body in chunks is read as one, or refused, and never taken for the next request",
    hint: "The server ignores transfer-encoding.",
    requests: [{
      fields: ["Transfer-Encoding: chunked"],
      content: "5\r\nHello\r\n1\r\n!\r\n0\r\n\r\n",
      right: "Hello!",
    }],
  }),
  oneReading({
    name: "length-and-chunked",
    what: "A request with a length and chunks is refused, or its length ignored",
    hint: "The server goes by the length, and others go by the chunks.",
    requests: [
      ["Transfer-Encoding: chunked", "Content-Length: 5"],
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ].map((fields) => ({ fields, content: "0\r\n\r\n", right: "" })),
  }),
  oneReading({
    name: "space-before-colon",
    what: "A space between the name of a field and its colon is refused",
    hint: "The server ignores the field, or the space.",
    requests: [
      { fields: ["Content-Length : 5"], content: "Hello" },
      { fields: ["Transfer-Encoding : chunked", "Content-Length: 5"], content: "Hello" },
    ],
  }),
  oneReading({
    name: "folded",
    what: "A line that begins with a space is refused, or belongs to the line above",
    hint: "The server takes it for a field of its own.",
    requests: [{
      fields: ["Content-Length: 5", "X: a", " Content-Length: 3"],
      content: "Hello",
      right: "Hello",
    }],
  }),
  oneReading({
    name: "line-feed",
    what: "A line feed alone is refused, or ends a line everywhere",
    hint: "The server takes it for a part of the field.",
    requests: [{ fields: ["X: a\nContent-Length: 5"], content: "Hello", right: "Hello" }],
  }),
  {
    name: "dots",
    what: "A path with .., however it is written, leads nowhere else",
    hint: "The server opens files outside of its folder.",
    read: "webFiles",
    async run(serverRun) {
      for (const file of ["etc/passwd", "Windows/win.ini"]) {
        for (const up of ["../", "%2e%2e/", "..%2f", "%2e%2e%2f", "..\\", "..%5c", "./.././../"]) {
          await expectNoSecret(serverRun, `/${up.repeat(12)}${file}`);
          await expectNoSecret(serverRun, `/echo/${up.repeat(12)}${file}`);
        }
        for (const start of ["", "/", "//", "/%2f", "file:///"]) {
          await expectNoSecret(serverRun, `${start}${file}`);
        }
      }
    },
  },
  {
    name: "second-connection",
    what: "A connection on which nothing comes, as browsers open it, keeps nobody waiting",
    hint:
      "The server waits for a request on each connection in turn, or serves only a few at a time.",
    causes: { "end": TURNS_AWAY },
    read: "webMany",
    async run(serverRun) {
      await serverRun.connectMany(5);
      for (let i = 0; i < 5; i++) await probeHttp(serverRun);
    },
  },
  {
    name: "slow-client",
    what: "A client that sends its request slowly keeps nobody waiting",
    hint: "The server waits for the rest of one request before it looks at others.",
    causes: { "end": PART_AS_WHOLE, "loss": PART_AS_WHOLE, "other bytes": PART_AS_WHOLE },
    read: "webMany",
    async run(serverRun) {
      const slow = await Conversation.open(serverRun);
      for (let at = 0; at < GET.length; at += 4) {
        await sendPart(slow.client, GET.subarray(at, at + 4));
        await probeHttp(serverRun);
      }
      checkPage(await slow.expect(PAGE));
    },
  },
  {
    name: "never-reads",
    what: "A client that asks for much and does not read keeps nobody waiting",
    hint: "The server waits until one client has read before it looks at others.",
    read: "webMany",
    needs: ["post", "large", "keep-alive", "pipelined"],
    async run(serverRun) {
      const deaf = await Conversation.open(serverRun);
      const bodies = Array<Uint8Array>(16).fill(noise(0, LARGE));
      const sending = deaf.client.send(concat(bodies.map(post)));
      sending.catch(() => {}); // which is looked at below
      for (let i = 0; i < 20; i++) await probeHttp(serverRun);
      await both(sending, receiveEchoes(deaf, bodies, serverRun))
        .catch(explainWith(explainAnswers));
    },
  },
  {
    name: "100-clients",
    what: "A hundred clients at the same time each get their own answers",
    hint: "The server cannot hold that many clients at once.",
    causes: {
      "other bytes": "A client got the answer of another one: the clients share a buffer.",
    },
    read: "webMany",
    needs: ["post"],
    async run(serverRun) {
      const clients = await serverRun.connectMany(100);
      const conversations = clients.map((client) => new Conversation(client));
      const body = (i: number) => encoder.encode(`client ${i} `.repeat(i + 1));
      for (const [i, { client }] of conversations.entries()) await client.send(post(body(i)));
      for (const [i, conversation] of conversations.entries()) {
        checkEcho(await conversation.expect(echoOf(body(i))), body(i));
      }
    },
  },
  {
    name: "100-resets",
    what: "Clients who reset their connections, in the middle of an answer or at once, do no harm",
    hint: "An error of one connection harms others, or the server.",
    read: "webMany",
    needs: ["post", "large"],
    async run(serverRun) {
      for (let i = 0; i < 5; i++) await serverRun.reset(post(noise(0, LARGE)));
      await serverRun.resetMany(100);
    },
  },
];

/** Finds out whether a server that has no page speaks another protocol. */
async function explainPage(serverRun: ServerRun): Promise<Cause | undefined> {
  const answer = await serverRun.exchange(GET);
  if (decoder.decode(answer).startsWith("HTTP/1.")) return undefined;
  return await explainKind(serverRun, "http") ?? (answer.length > 0 ? NO_HTTP : undefined);
}

/** Expects the page, and nothing behind it. What is wrong with an answer is said here. */
async function expectFirstPage(serverRun: ServerRun): Promise<void> {
  using conversation = await Conversation.open(serverRun);
  const answer = await conversation.ask(GET, PAGE);
  const more = conversation.bufferedLength + await conversation.client.countRest();
  if (answer.status !== 200 || answer.body.length === 0) {
    throw wrongAnswer(PAGE, answer).because(explainFirstAnswer(answer));
  }
  if (more > 0) {
    throw new Failure(PAGE, `${describe(answer)}, then ${more} bytes more`, { seen: "more" });
  }
}

/** What it means that the first answer is not the page. */
function explainFirstAnswer({ status }: Answer): string {
  if (status === 404) return "The server has no page at the path /.";
  if (status >= 400) return "The server refuses a good request for the page at the path /.";
  if (status >= 300) return "The page must be at the path / itself.";
  return "The page must have status 200, and something in it.";
}

/** Expects that a body which comes back is not taken for a page. */
async function expectEchoIsNoPage(serverRun: ServerRun): Promise<void> {
  using conversation = await Conversation.open(serverRun);
  const answer = await conversation.ask(post(HELLO), "an answer").catch(() => undefined);
  // Whether it comes back is another check.
  if (answer === undefined || answer.status !== 200 || !equals(answer.body, HELLO)) return;
  const type = answer.fields.get("content-type") ?? "none";
  if (!/^text\/html\b/i.test(type)) return;
  const failure = new Failure("another content-type of the echo than text/html", type);
  throw failure.because(ECHO_AS_PAGE);
}

/** Sends a part of the first request. The server must not have ended the connection. */
async function sendPart(client: Client, part: Uint8Array): Promise<void> {
  try {
    await client.send(part);
  } catch (error) {
    if (!isReset(error)) throw error;
    const expected = "a connection that is open until the request is complete";
    const came = `the end after ${countBytes(client.sent)} of it`;
    throw new LostConnection(expected, came, { cause: error, seen: "end" });
  }
}

/** Where others were served meanwhile, it is not waiting that has spoiled the answers of one. */
function explainAnswers({ seen, isEnd, isSilence, meaning }: Failure): Cause | undefined {
  if (meaning !== undefined) return meaning;
  if (isEnd) return GIVES_UP;
  if (isSilence) {
    const hint = `${LEAVES_OUT} Or it has stopped answering this client, who reads again.`;
    return { hint, read: "writeAll" };
  }
  return seen === "gap"
    ? WRITES_ONCE
    : "The server gives other answers to a client that does not read at once.";
}

/** A request to `/echo` that could be read in two ways. */
interface Ambiguous {
  fields: string[];
  content: string;
  /** The body in the only way that is right. Without it, the request must be refused. */
  right?: string;
}

/** A check of such requests. */
function oneReading(
  { requests, hint, ...check }: { name: string; what: string; hint: string; requests: Ambiguous[] },
): Check<ServerRun> {
  return {
    ...check,
    hint: `${hint} ${SMUGGLING}`,
    read: "webSmuggling",
    needs: ["post", "close"],
    async run(serverRun) {
      for (const request of requests) await expectOneReading(serverRun, request);
    },
  };
}

/** A request to `/echo`. */
function post(body: Uint8Array): Uint8Array {
  return request("POST", "/echo", { body });
}

/** Sends a request on a connection of its own, and returns the answer. */
async function ask(serverRun: ServerRun, bytes: Uint8Array, expected: string): Promise<Answer> {
  using conversation = await Conversation.open(serverRun);
  return await conversation.ask(bytes, expected);
}

function checkPage(answer: Answer): void {
  if (answer.status !== 200 || answer.body.length === 0) throw wrongAnswer(PAGE, answer);
}

async function expectEcho(serverRun: ServerRun, body: Uint8Array): Promise<void> {
  checkEcho(await ask(serverRun, post(body), echoOf(body)), body);
}

function checkEcho(answer: Answer, body: Uint8Array): void {
  if (answer.status === 200 && equals(answer.body, body)) return;
  if (answer.status !== 200) throw wrongAnswer(echoOf(body), answer);
  const same = countSame(answer.body, body);
  const rest = answer.body.subarray(same);
  const came = body.length <= MAX_SHOWN
    ? describeBody(answer.body)
    : `the first ${countBytes(same)}, then ${rest.length > 0 ? describeBody(rest) : "no more"}`;
  const seen = classifyRest(rest, body, same);
  throw new Failure(echoOf(body), `status 200 and ${came}`, { seen });
}

/** What comes instead of the rest of a body: it may be the answer after this one. */
function classifyRest(rest: Uint8Array, body: Uint8Array, same: number): Seen {
  if (rest.length === 0) return "fewer";
  if (decoder.decode(rest.subarray(0, 5)) === "HTTP/") return "gap";
  return classify(rest, body.subarray(0, same), body.subarray(same));
}

/** How many bytes are the same before the first that differs. */
function countSame(actual: Uint8Array, expected: Uint8Array): number {
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  return at === -1 ? expected.length : at;
}

function echoOf(body: Uint8Array): string {
  if (body.length <= MAX_SHOWN) return `status 200 and ${describeBody(body)}`;
  return `status 200 and all ${countBytes(body.length)} of the body`;
}

function wrongAnswer(expected: string, answer: Answer): Failure {
  return new Failure(expected, describe(answer), { seen: "other bytes" });
}

async function expectPageOf(serverRun: ServerRun, parts: Uint8Array[]): Promise<void> {
  using conversation = await Conversation.open(serverRun);
  await sendParts(conversation, parts);
  checkPage(await conversation.expect(PAGE));
}

async function sendParts({ client }: Conversation, parts: Uint8Array[]): Promise<void> {
  for (const [i, part] of parts.entries()) {
    if (i > 0 && parts.length === 2) await pause(PAUSE);
    await sendPart(client, part);
  }
}

/** Expects that a part of a request is not answered. */
async function expectNoAnswerYet(serverRun: ServerRun, part: Uint8Array): Promise<void> {
  using conversation = await Conversation.open(serverRun);
  const { client } = conversation;
  await client.send(part);
  const buffer = new Uint8Array(MAX_SHOWN);
  const expected = "no answer before the end of the request";
  const n = await client.read(buffer, expected, { timeout: EARLY }).catch((error) => {
    if (error instanceof Failure && error.seen === "silence") return 0;
    throw error;
  });
  if (n === null) throw new Failure(expected, "the end");
  if (n > 0) throw new Failure(expected, escapeBytes(buffer.subarray(0, n)));
}

async function receiveEchoes(
  conversation: Conversation,
  bodies: Uint8Array[],
  serverRun: ServerRun,
): Promise<void> {
  for (const [i, body] of bodies.entries()) {
    checkEcho(await conversation.expect(echoOf(body)), body);
    serverRun.progress = `${i + 1} of ${bodies.length} answers`;
  }
}

/** Expects one answer, and the end. */
async function expectLast(serverRun: ServerRun, bytes: Uint8Array): Promise<Answer> {
  const conversation = await Conversation.open(serverRun);
  const answer = await conversation.ask(bytes, PAGE);
  checkPage(answer);
  const expected = "the page, and then the end";
  const more = await conversation.receive(expected).catch(endIfReset);
  if (more !== undefined) throw wrongAnswer(expected, more);
  return answer;
}

/**
 * Expects an error, or the end. Silence is neither.
 *
 * @param options.finish Whether nothing more is sent (half-close).
 * @param options.waits What a server does that is silent.
 */
async function expectRefusal(
  serverRun: ServerRun,
  bytes: Uint8Array,
  { finish = false, waits = WAITS } = {},
): Promise<void> {
  using conversation = await Conversation.open(serverRun);
  const { client } = conversation;
  await client.send(bytes).catch(endIfReset);
  if (finish) await client.finish().catch(endIfReset);
  const answer = await receiveRefusal(conversation, waits);
  if (answer !== undefined && answer.status < 400) throw wrongAnswer(REFUSAL, answer);
}

/**
 * Receives what should be a refusal; `undefined` is the end. A reset is as good, and so is a complaint without
 * a header, which HTTP/0.9 did not have.
 */
async function receiveRefusal(
  conversation: Conversation,
  waits = WAITS,
): Promise<Answer | undefined> {
  const hint = `The server neither answers nor closes the connection. It ${waits}, or what ` +
    "handles the connection has failed and left it open.";
  try {
    return await conversation.receive(REFUSAL)
      .catch(explainWith({ "silence": { hint, read: "webErrors" } }));
  } catch (error) {
    if (error instanceof Failure && error.cause instanceof MalformedInputError) return undefined;
    return endIfReset(error);
  }
}

/**
 * Sends such a request, and behind it a good one, which is the last. Expects a refusal and the end, or the
 * right body and the page.
 */
async function expectOneReading(
  serverRun: ServerRun,
  { fields, content, right }: Ambiguous,
): Promise<void> {
  using conversation = await Conversation.open(serverRun);
  const { client } = conversation;
  const bytes = concat([request("POST", "/echo", { fields }), encoder.encode(content), LAST]);
  await client.send(bytes).catch(endIfReset);
  const answers: Answer[] = [];
  while (true) {
    const answer = await receiveRefusal(conversation);
    if (answer === undefined) break;
    answers.push(answer);
  }
  const [first, second, ...others] = answers;
  if (first === undefined || (first.status >= 400 && second === undefined)) return;
  const isRight = first.status === 200 && decoder.decode(first.body) === right;
  if (isRight && (second?.status ?? 200) === 200 && others.length === 0) return;
  throw new Failure("status 400 and the end", answers.map(describe).join(", then "), {
    seen: "other bytes",
  });
}

/** Asks for a file that is none of the site's. */
async function expectNoSecret(serverRun: ServerRun, path: string): Promise<void> {
  using conversation = await Conversation.open(serverRun);
  const expected = `no file of the machine for ${path}`;
  await conversation.client.send(request("GET", path)).catch(endIfReset);
  const answer = await conversation.receive(expected).catch(endIfReset);
  if (answer === undefined || !SECRETS.test(decoder.decode(answer.body))) return;
  throw new Failure(expected, "a file of the machine");
}
