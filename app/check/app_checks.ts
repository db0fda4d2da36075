// The checks of an application server: one that speaks the tutorial's message protocol.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { pause } from "../core/timeout.ts";
import { escapeBytes, escapeJson } from "../wire/escape.ts";
import { createRequest } from "../libclient.ts";
import { decodeContent, JSON_CONTENT_TYPE, type Message, MessageDecoder } from "../wire/message.ts";
import { countBytes } from "./bytes.ts";
import { atInput, type Cause, type Check, explainWith, Failure, LostConnection } from "./check.ts";
import { explainAnswer, explainKind, explainNoAnswer, otherKind } from "./explain.ts";
import { decodeOrFail, frame, isJson, receive, shuffleHeader } from "./messages.ts";
import { endIfReset, type ServerRun } from "./server_run.ts";

const PAUSE = 2; // milliseconds, in which the server may notice the first part of a request

const encoder = new TextEncoder();
const SEARCH = createRequest("search", "morpheus");
const CONTENT = encoder.encode('{"action":"search","value":"morpheus"}');
const HEADER = {
  "byteorder": "little",
  "content-type": JSON_CONTENT_TYPE,
  "content-encoding": "utf-8",
  "content-length": CONTENT.length,
};
const NO_REFUSAL: Cause = {
  hint: "The server neither answers nor closes the connection. It waits for something, or " +
    "what handles the connection has failed and left it open: look at what the server has printed.",
  read: "limits",
};
const BYTES_AS_JSON = "The server answers bytes with a content-type of JSON.";
const WRONG_PLACE: Cause = {
  hint: "The server finds an answer among the names that every object has.",
  read: "oneRead",
};
const ANSWERS_ANYWAY =
  "The server answers it like a search that finds nothing: it may catch an error, and go on as if there " +
  "was none.";
const ANSWERS_AGAIN = "The server sends more than one response to a request.";
const ALONE_AS_WELL = "One of the three gets no good response when it comes alone, either.";
const REFUSAL = "an error response, or the end";
const ONE_ANSWER = "it ends after one response; more are beyond the tutorial";
const RING = "In the caves beneath the Misty Mountains. 💍";
const ANSWER = "Follow the white rabbit. 🐰";

/** What a good application server does at any time. */
export async function probeApp(serverRun: ServerRun): Promise<void> {
  await expectResult(serverRun, [SEARCH], ANSWER);
}

/** What an application server promises. After each, a good request must still work. */
export const appChecks: Check<ServerRun>[] = [
  {
    name: "search",
    what: "The search for morpheus gets its answer",
    hint: "The server does not speak this protocol.",
    causes: {
      "silence": "The server does not answer. It may wait for more bytes than a request has.",
      "end": "The server ends the connection instead of answering: look at what it has printed.",
    },
    read: "protocol",
    async run(serverRun) {
      await probeApp(serverRun).catch(explainWith(() => explainSearch(serverRun)));
      await expectOneResponse(serverRun);
    },
  },
  {
    name: "ring",
    what: "The search for ring gets its answer",
    hint: "The server lacks this answer, or does not send it as UTF-8.",
    read: "protocol",
    run: (serverRun) => expectResult(serverRun, [createRequest("search", "ring")], RING),
  },
  {
    name: "dog",
    what: "The search for 🐶 gets its answer, and lengths count bytes",
    hint:
      "The server counts characters instead of bytes, does not send UTF-8, or lacks this answer.",
    read: "byteOrder",
    run: (serverRun) =>
      expectResult(serverRun, [createRequest("search", "🐶")], "🐾 Playing ball! 🏐"),
  },
  {
    name: "unknown-value",
    what: "A search for what is not there says so, also for names that every object has",
    hint: "The server does not answer.",
    causes: {
      "end": "The server ends the connection instead of answering: look at what it has printed.",
      "other bytes": "The server says it in other words than the protocol.",
    },
    read: "protocol",
    async run(serverRun) {
      const search = (value: string) =>
        expectResult(serverRun, [createRequest("search", value)], `No match for '${value}'.`);
      await search("needle");
      for (const value of ["constructor", "__proto__"]) {
        await search(value).catch(explainWith({ "other bytes": WRONG_PLACE }));
      }
    },
  },
  {
    name: "binary",
    what: "An action that is sent as bytes gets its first 10 bytes back, even half an emoji",
    hint:
      "The server does not answer content other than JSON, or not with a message of the protocol.",
    causes: {
      "more": "The server sends back more than 10 bytes: all of them, or 10 characters.",
      "other bytes":
        "The server does not send these bytes as they are: it takes them for text, or " +
        "writes them as a programming language does.",
    },
    read: "notJson",
    async run(serverRun) {
      const content = encoder.encode("search!!😃");
      const expected = concat([
        encoder.encode("First 10 bytes of request: "),
        content.slice(0, 10),
      ]);
      const response = await ask(
        serverRun,
        [createRequest("search!!", "😃")],
        escapeBytes(expected),
      );
      if (isJson(response)) {
        throw new Failure(escapeBytes(expected), describe(response)).because(BYTES_AS_JSON);
      }
      if (equals(response.content, expected)) return;
      const begins = equals(response.content.subarray(0, expected.length), expected);
      throw new Failure(escapeBytes(expected), describe(response), {
        seen: begins ? "more" : "other bytes",
      });
    },
  },
  {
    name: "key-order",
    what: "A header with its keys in another order, and with more keys, is understood",
    hint: "The server does not read the header as JSON, or minds keys that it does not know.",
    read: "protocol",
    run: (serverRun) => expectResult(serverRun, [shuffleHeader(SEARCH)], ANSWER),
  },
  {
    name: "split",
    what: "A request is answered wherever it is cut in two, and in single bytes",
    hint: "The server takes what one read returns for a message.",
    read: "messages",
    async run(serverRun) {
      for (let at = 1; at < SEARCH.length; at++) {
        await expectResult(serverRun, [SEARCH.subarray(0, at), SEARCH.subarray(at)], ANSWER);
        serverRun.progress = `cut after ${at} of ${SEARCH.length} bytes`;
      }
      await expectResult(serverRun, Array.from(SEARCH, (byte) => new Uint8Array([byte])), ANSWER);
    },
  },
  {
    name: "pipelined",
    what: "Three requests sent at once are answered in order",
    hint: "The server forgets what it has read beyond the first request.",
    causes: {
      "other bytes":
        "The server answers a request twice, or answers in another order: a request that is " +
        "answered must leave the buffer.",
    },
    read: "bytes",
    async run(serverRun): Promise<string | void> {
      const requests = ["morpheus", "needle", "ring"].map((value) =>
        createRequest("search", value)
      );
      const results: unknown[] = []; // whatever it answers when it is asked one by one
      for (const request of requests) {
        const response = await ask(serverRun, [request], "a response")
          .catch(explainWith(() => ALONE_AS_WELL));
        results.push(resultOf(response, "a response"));
      }
      const client = await serverRun.connect();
      await client.send(concat(requests));
      const decoder = new MessageDecoder({ copy: true });
      for (const [i, result] of results.entries()) {
        const expected = showResult(result);
        const response = i === 1
          ? await receive(client, decoder, expected).catch(endIfReset)
          : await receive(client, decoder, expected);
        if (response !== undefined) checkResult(response, result);
        else if (i === 1) return ONE_ANSWER;
        else throw new LostConnection(expected, client.came("the end"));
      }
    },
  },
  {
    name: "empty-header",
    what: "A header of 0 bytes is refused",
    hint: "The server takes what follows for the content, though no header says so.",
    read: "limits",
    run: (serverRun) => expectRefusal(serverRun, concat([new Uint8Array(2), CONTENT])),
  },
  {
    name: "invalid-utf8",
    what: "A header that is not UTF-8 is refused",
    hint: "The server replaces what it cannot decode, or goes on after that error.",
    read: "trustNothing",
    run(serverRun) {
      const header = encoder.encode(JSON.stringify({ ...HEADER, "x": "??" }));
      header.fill(0xff, header.indexOf("?".charCodeAt(0)), header.lastIndexOf("?".charCodeAt(0)));
      return expectRefusal(serverRun, frame(header, CONTENT));
    },
  },
  {
    name: "not-an-object",
    what: "A header that is a list, null, a number, a text or a boolean is refused",
    hint: "The server takes what follows for the content, though the header is no object.",
    read: "notJson",
    async run(serverRun) {
      for (const header of ["[]", "null", "42", '"content-length"', "true"]) {
        await expectRefusal(serverRun, frame(header, CONTENT)).catch(
          atInput(`the header ${header}`),
        );
      }
    },
  },
  {
    name: "missing-key",
    what: "A header that lacks one of its four keys is refused",
    hint: "The server does not look whether all four keys are there.",
    read: "trustNothing",
    async run(serverRun) {
      for (const key of Object.keys(HEADER)) {
        const header = JSON.stringify({ ...HEADER, [key]: undefined });
        await expectRefusal(serverRun, frame(header, CONTENT)).catch(atInput(`one without ${key}`));
      }
    },
  },
  {
    name: "negative-length",
    what: "A negative content-length is refused",
    hint: "The server calculates with the length, and takes other bytes for the content.",
    read: "trustNothing",
    async run(serverRun) {
      for (const length of [-1, -CONTENT.length - 1]) {
        const json = { ...HEADER, "content-length": length };
        const content = concat([CONTENT, new Uint8Array(1)]);
        await expectRefusal(serverRun, frame(JSON.stringify(json), content));
        // A server that takes the length for 0 finds no JSON here, but "no bytes" is an answer.
        const binary = { ...json, "content-type": "binary/check", "content-encoding": "binary" };
        await expectRefusal(serverRun, frame(JSON.stringify(binary), CONTENT));
      }
    },
  },
  {
    name: "huge-length",
    what: "A content-length of a million megabytes, or of far more, is refused at once",
    hint: "The server takes what has come for all of it, whatever content-length says.",
    read: "trustNothing",
    async run(serverRun) {
      for (const length of [10 ** 12, 10 ** 18]) {
        const header = JSON.stringify({ ...HEADER, "content-length": length });
        await expectRefusal(serverRun, frame(header, CONTENT));
      }
    },
  },
  {
    name: "falsy-content",
    what: "The content {}, [], 0, false, null, an empty text or none at all is answered or refused",
    hint: "The server answers such a request with something that is no response to it.",
    read: "limits",
    async run(serverRun) {
      for (const content of ["{}", "[]", "0", "false", "null", '""', ""]) {
        const header = { ...HEADER, "content-length": content.length };
        const request = frame(JSON.stringify(header), content);
        await expectRefusal(serverRun, request, { mayAnswer: true });
      }
    },
  },
  {
    name: "unknown-encoding",
    what: "Content in an encoding that does not exist is refused",
    hint: "The server ignores content-encoding.",
    read: "trustNothing",
    run(serverRun) {
      const header = JSON.stringify({ ...HEADER, "content-encoding": "klingon" });
      return expectRefusal(serverRun, frame(header, CONTENT));
    },
  },
  {
    name: "truncated",
    what: "A request that ends too early is refused",
    hint: "The server answers half a request.",
    read: "messages",
    async run(serverRun) {
      for (const length of [1, 2, 50, SEARCH.length - CONTENT.length, SEARCH.length - 1]) {
        await expectRefusal(serverRun, SEARCH.subarray(0, length), { finish: true });
      }
    },
  },
  {
    name: "garbage",
    what: "What is no request at all, such as HTTP, is refused",
    hint: "The server takes anything for a request.",
    read: "limits",
    async run(serverRun) {
      const garbage = [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "\xff".repeat(1000),
        "\0\x02{}",
      ];
      for (const text of garbage) {
        await expectRefusal(serverRun, encoder.encode(text), { finish: true });
      }
    },
  },
];

/** Expects nothing behind a response, be it late. */
async function expectOneResponse(serverRun: ServerRun): Promise<void> {
  using client = await serverRun.connect();
  await client.send(SEARCH);
  const decoder = new MessageDecoder();
  const expected = "one response";
  await receive(client, decoder, expected);
  const more = decoder.bufferedLength + await client.countRest();
  if (more > 0) throw new Failure(expected, `${countBytes(more)} more`).because(ANSWERS_AGAIN);
}

/** Finds out more about a server that fails already at the first request. */
async function explainSearch(serverRun: ServerRun): Promise<Cause | undefined> {
  const response = await serverRun.exchange(SEARCH);
  if (response.length > 0) return explainResponse(response);
  return await explainNoAnswer(serverRun, SEARCH) ?? await explainKind(serverRun, "app");
}

/** What is wrong with a response. */
function explainResponse(response: Uint8Array): Cause | undefined {
  const cause = explainAnswer(response, SEARCH);
  if (cause !== undefined) return cause;
  try {
    const decoder = new MessageDecoder();
    decoder.push(response);
    const message = decoder.take()!;
    if (decoder.bufferedLength > 0) return ANSWERS_AGAIN;
    const { type, result } = Object(decodeContent(message));
    if (type !== undefined) return otherKind("chat");
    if (!isJson(message)) {
      const found = escapeJson(message.header["content-type"]);
      return `The content-type of the response is ${found}, and not "${JSON_CONTENT_TYPE}".`;
    }
    return result === undefined
      ? "The server speaks the protocol, but its response has no result."
      : "The server speaks the protocol, but gives another answer.";
  } catch {
    return undefined;
  }
}

/** Sends a request in parts on a connection of its own, and returns the response. */
export async function ask(
  serverRun: ServerRun,
  parts: Uint8Array[],
  expected: string,
): Promise<Message> {
  using client = await serverRun.connect();
  for (const [i, part] of parts.entries()) {
    if (i > 0 && parts.length === 2) await pause(PAUSE);
    await client.send(part);
  }
  const decoder = new MessageDecoder({ copy: true });
  const response = await receive(client, decoder, expected);
  if (response === undefined) throw new LostConnection(expected, "the end", { seen: "end" });
  if (decoder.bufferedLength > 0) {
    const { "content-length": length } = response.header;
    throw new Failure(expected, `more bytes than its content-length of ${length}`).because(
      "The server sends more bytes than it announces.",
    );
  }
  return response;
}

export async function expectResult(
  serverRun: ServerRun,
  parts: Uint8Array[],
  result: string,
): Promise<void> {
  checkResult(await ask(serverRun, parts, showResult(result)), result);
}

function checkResult(response: Message, result: unknown) {
  const expected = showResult(result);
  if (resultOf(response, expected) === result) return;
  throw new Failure(expected, describe(response), { seen: "other bytes" });
}

/** Expects an error response or the end. Silence is neither. */
async function expectRefusal(
  serverRun: ServerRun,
  request: Uint8Array,
  { finish = false, mayAnswer = false } = {},
): Promise<void> {
  using client = await serverRun.connect();
  await client.send(request).catch(endIfReset);
  if (finish) await client.finish().catch(endIfReset);
  const decoder = new MessageDecoder({ copy: true });
  const response = await receive(client, decoder, REFUSAL)
    .catch(explainWith({ "silence": NO_REFUSAL }))
    .catch(endIfReset);
  if (response === undefined) return;
  const result = isJson(response) ? resultOf(response, REFUSAL) : ANSWER;
  if (result === ANSWER) throw new Failure(REFUSAL, describe(response));
  if (!mayAnswer && /^No match/.test(String(result))) {
    throw new Failure(REFUSAL, describe(response)).because(ANSWERS_ANYWAY);
  }
}

export function resultOf(response: Message, expected: string): unknown {
  if (!isJson(response)) return undefined;
  const value = decodeOrFail(() => decodeContent(response), expected);
  return (Object(value) as Record<string, unknown>).result;
}

function showResult(result: unknown): string {
  return escapeJson({ result });
}

function describe(response: Message): string {
  const { header, content } = response;
  try {
    return isJson(response) ? escapeJson(decodeContent(response)) : escapeBytes(content);
  } catch { // its header does not say what the content is
    return `${escapeJson(header)} ${escapeBytes(content)}`;
  }
}
