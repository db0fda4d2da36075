// The checks of an application client: it sends a request in the message protocol, and shows the response.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { pause } from "../core/timeout.ts";
import { readUint16 } from "../wire/endianness.ts";
import { escapeText } from "../wire/escape.ts";
import {
  decodeContent,
  encodeMessage,
  JSON_CONTENT_TYPE,
  type Message,
  MessageDecoder,
} from "../wire/message.ts";
import { atInput, type Cause, type Check, explainWith, Failure } from "./check.ts";
import {
  type ClientRun,
  expectError,
  expectPrintable,
  expectSuccess,
  type Peer,
  QUIET,
} from "./client_run.ts";
import { unansweredChecks } from "./echo_client_checks.ts";
import { explainMessage } from "./explain.ts";
import { frame, isJson, partsOf, PREFIX_LENGTH, shuffleHeader } from "./messages.ts";
import type { Exit } from "./program.ts";

const GAP = 20; // milliseconds between two pieces, so that they are read one by one
const HUGE = 10 ** 12; // bytes

const SENDS_NOTHING: Cause = {
  hint:
    "The client connects and sends nothing. Its request must not come from its standard input, " +
    "which is empty here.",
  read: "command",
};
const NO_PROTOCOL = "The client does not speak this protocol.";
const NOT_PRINTED = "The client does not print the result on standard output.";
const NO_END =
  "The client does not end, though it has its whole answer. It may wait for more bytes " +
  "than have been announced.";
const READS_TO_THE_END: Cause = {
  hint:
    "The client reads until the connection ends. A response ends where its two lengths say, and " +
    "the server may keep the connection open for the next request.",
  read: "messages",
};
const READS_TOO_FAR: Cause = {
  hint:
    "The client reads more than the part that it wants, and forgets the rest: it gets its answer " +
    "only if each part comes alone.",
  read: "messages",
};
const BYTES_OF_JSON =
  "The client sends JSON, but not with the content-type text/json, so that the answer is not JSON.";
const SWAPS: Cause = {
  hint: "The client reads the length of the header in the wrong byte order: it must be big-endian.",
  read: "byteOrder",
};
const WANTS_ONE_MORE = "The client waits for one byte more than a response has.";
const SAME_IN_BOTH_ORDERS = 0x0101; // the length of a header
const AS_LATIN_1 = "Ã©"; // what becomes of é in UTF-8
const TRY_BYTES = "let it search for 🐶, so that the length of what it sends is checked as well";

const encoder = new TextEncoder();

/** What our server answers: text that the client must print, of which no client can know. */
class Answers {
  readonly texts: string[] = [];

  /** Encodes the response to a request: JSON to JSON, bytes to bytes. */
  respond(request: Message, before = "", after = ""): Uint8Array {
    const text = `answer-${crypto.randomUUID().slice(0, 8)}`;
    this.texts.push(text);
    const all = before + text + after;
    return isJson(request) ? encodeResult(all) : encodeMessage(encoder.encode(all), {
      contentType: "binary/custom-server-binary-type",
    });
  }

  /** Expects them all in what the client has printed. */
  expectIn({ stdout, left }: Exit): void {
    const missing = this.texts.find((text) => !stdout.includes(text));
    if (missing === undefined || left > 0) return; // in what is left out of it, it may be

    throw new Failure(`"${missing}" on standard output`, `"${escapeText(stdout)}"`, {
      seen: "no output",
    });
  }
}

function encodeResult(result: string): Uint8Array {
  return encodeMessage({ result });
}

/**
 * Receives a request, or more that have come already; none if the client has finished.
 *
 * @param silence How long to wait for more requests, in milliseconds.
 */
async function receiveRequests(peer: Peer, silence = 0): Promise<Message[]> {
  const decoder = new MessageDecoder({ copy: true });
  let received = new Uint8Array();
  const explain = () => explainMessage(received, "client") ?? NO_PROTOCOL;
  while (true) {
    const expected = "a request, and then the end of the connection";
    const bytes = await peer.gather(expected, silence)
      .catch(explainWith(() => decoder.bufferedLength > 0 ? explain() : undefined));
    if (bytes === undefined) {
      if (decoder.bufferedLength === 0) return [];
      throw new Failure("a whole request", "the end in the middle of it").because(explain());
    }
    received = concat([received, bytes]);
    decoder.push(bytes);
    try {
      const requests = [...decoder];
      for (const request of requests) decodeContent(request);
      if (decoder.bufferedLength === 0) return requests;
    } catch (error) {
      throw new Failure("a request in the protocol", (error as Error).message).because(explain());
    }
  }
}

/** Runs the client against a server whose responses are right. It must print all of them. */
async function expectAnswers(
  clientRun: ClientRun,
  answer: (peer: Peer, request: Message, answers: Answers) => Promise<void>,
): Promise<Exit> {
  const answers = new Answers();
  const exit = await clientRun.against(async (peer) => {
    let requests = await receiveRequests(peer);
    if (requests.length === 0) {
      throw new Failure("a request", "the end").because(SENDS_NOTHING);
    }
    while (requests.length > 0) {
      for (const request of requests) await answer(peer, request, answers);
      if (peer.isLost) {
        throw new Failure(
          "a client that reads the whole response",
          "it closed the connection before",
        );
      }
      requests = await receiveRequests(peer);
    }
    peer.finish();
  });
  expectSuccess(exit);
  answers.expectIn(exit);
  return exit;
}

/** Runs the client against a server that sends this, once, and then does something. */
async function expectNotice(
  clientRun: ClientRun,
  bytes: Uint8Array,
  end: "finish" | "reset" | "wait",
): Promise<void> {
  const exit = await clientRun.against(async (peer) => {
    await receiveRequests(peer);
    await peer.send(bytes);
    if (end === "finish") peer.finish();
    if (end !== "reset") return;
    await pause(GAP);
    peer.reset();
  });
  expectError(exit);
}

/** Finds out why a client that has sent these values does not print its answer and end well. */
async function explainFirstRun(
  failure: Failure,
  values: unknown[],
  clientRun: ClientRun,
): Promise<Cause | undefined> {
  const { seen, meaning } = failure;
  if (meaning !== undefined || seen === "no output") return meaning;
  if (seen === "error" && values.some(looksLikeJson)) return BYTES_OF_JSON;
  if (values.length > 0) return await explainWait(failure, clientRun);
  return seen === "silence" ? SENDS_NOTHING : undefined;
}

/** Finds out why a client goes on waiting when it has its answer, until it gives up or we do. */
async function explainWait({ seen }: Failure, clientRun: ClientRun): Promise<Cause | undefined> {
  const runs: {
    cause: Cause;
    gap?: number;
    ends?: boolean;
    change?: (bytes: Uint8Array) => Uint8Array;
  }[] = [
    { ends: true, cause: READS_TO_THE_END },
    { gap: GAP, cause: READS_TOO_FAR },
    { change: lengthenHeader, cause: SWAPS },
    { change: (bytes) => concat([bytes, encoder.encode(" ")]), cause: WANTS_ONE_MORE },
  ];
  for (const { gap = 0, ends = false, change, cause } of runs) {
    try {
      const answers = new Answers();
      const exit = await clientRun.against(async (peer) => {
        for (const request of await receiveRequests(peer)) {
          const right = answers.respond(request);
          const response = change?.(right) ?? right;
          const cuts = gap > 0 ? [PREFIX_LENGTH, PREFIX_LENGTH + readUint16(response)] : [];
          await peer.sendInPieces(response, cuts, gap);
        }
        if (!ends) return;
        await pause(GAP);
        peer.finish();
      });
      expectSuccess(exit);
      answers.expectIn(exit);
      return cause;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  return seen === "silence" ? NO_END : undefined;
}

/** The same message with a header whose length is the same in both byte orders. */
function lengthenHeader(message: Uint8Array): Uint8Array {
  const { header, content } = partsOf(message);
  const longer = new Uint8Array(SAME_IN_BOTH_ORDERS).fill(" ".charCodeAt(0));
  longer.set(header);
  return frame(longer, content);
}

/** Whether a request is sent as bytes that are JSON. */
function looksLikeJson(value: unknown): boolean {
  if (!(value instanceof Uint8Array)) return false;
  try {
    return JSON.parse(new TextDecoder().decode(value)) instanceof Object;
  } catch {
    return false;
  }
}

/** Whether all text in a value is ASCII, whose characters have one byte each. */
function isAscii(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.every((byte) => byte < 128);
  return /^[\0-\x7f]*$/.test(JSON.stringify(value));
}

const CONTENT = '{"result":"wrong"}';
const HEADER = {
  "byteorder": "little",
  "content-type": JSON_CONTENT_TYPE,
  "content-encoding": "utf-8",
  "content-length": CONTENT.length,
};

/** What an application client promises. */
export const appClientChecks: Check<ClientRun>[] = [
  {
    name: "answer",
    what: "The client sends a request in the protocol, prints the response, and ends with 0",
    hint: "The client fails, although its answer is right: look at what it has printed.",
    causes: { "stall": NO_END, "no output": { hint: NOT_PRINTED, read: "client" } },
    read: "protocol",
    async run(clientRun): Promise<string | void> {
      const values: unknown[] = [];
      await expectAnswers(clientRun, async (peer, request, answers) => {
        values.push(decodeContent(request));
        await peer.send(answers.respond(request));
      }).catch(explainWith((failure) => explainFirstRun(failure, values, clientRun)));
      if (values.every(isAscii)) return TRY_BYTES;
    },
  },
  {
    name: "bytes",
    what: "A response whose bytes are more than its characters is read to its end",
    hint: "The client takes content-length for a number of characters, or the bytes for no UTF-8.",
    read: "byteOrder",
    async run(clientRun) {
      const { stdout } = await expectAnswers(
        clientRun,
        (peer, request, answers) => peer.send(answers.respond(request, "🐰 é ".repeat(20))),
      );
      if (!stdout.includes(AS_LATIN_1)) return;
      throw new Failure("é", AS_LATIN_1).because(
        "The client takes each byte for a character (Latin-1), and not the bytes for UTF-8.",
      );
    },
  },
  {
    name: "key-order",
    what: "A header with its keys in another order, and with more keys, is understood",
    hint: "The client does not read the header as JSON, or minds keys that it does not know.",
    read: "protocol",
    async run(clientRun) {
      await expectAnswers(
        clientRun,
        (peer, request, answers) => peer.send(shuffleHeader(answers.respond(request))),
      );
    },
  },
  {
    name: "single-bytes",
    what: "A response in single bytes is read to its end",
    hint: "The client takes what one read returns for a message.",
    read: "messages",
    async run(clientRun) {
      await expectAnswers(
        clientRun,
        (peer, request, answers) => peer.sendSingly(answers.respond(request), clientRun.pause),
      );
    },
  },
  {
    name: "split",
    what: "A response in two pieces is read to its end, wherever it is cut",
    hint: "The client takes what one read returns for a message, or for a part of one.",
    read: "messages",
    needs: ["bytes"],
    async run(clientRun) {
      for (let i = 0, count = 1; i < count; i++) {
        await expectAnswers(clientRun, async (peer, request, answers) => {
          const response = answers.respond(request, "🐰");
          const cuts = boundariesOf(response);
          count = cuts.length;
          await peer.sendInPieces(response, [cuts[i]!], GAP);
        });
        clientRun.progress = `cut at ${i + 1} of ${count} places`;
      }
    },
  },
  {
    name: "pause",
    what: "A response with a pause in the middle is read to its end",
    hint: "The client takes a pause for the end.",
    read: "messages",
    async run(clientRun) {
      await expectAnswers(clientRun, async (peer, request, answers) => {
        const response = answers.respond(request);
        await peer.sendInPieces(response, [response.length >> 1], clientRun.pause);
      });
    },
  },
  {
    name: "glued",
    what: "The first of two responses that come at once is not mixed with the second",
    hint: "The client takes all that a read returns for one message.",
    read: "bytes",
    needs: ["bytes"],
    async run(clientRun) {
      const answers = new Answers();
      const exit = await clientRun.against(async (peer) => {
        while (true) {
          const requests = await receiveRequests(peer, QUIET);
          if (requests.length === 0) break;
          const responses = requests.map((request) => answers.respond(request));
          // A client with one request did not ask for the second, and may ignore it, or complain.
          if (responses.length === 1) responses.push(encodeResult("too much"));
          await peer.send(concat(responses));
        }
        peer.finish();
      });
      answers.expectIn(exit);
    },
  },
  {
    name: "cut-short",
    what: "When the connection ends in the middle of a response, the client ends with an error",
    hint:
      "The client takes the end of the connection for the end of the response, or ignores the error.",
    read: "brokenConnection",
    async run(clientRun) {
      const response = encodeResult("cut short");
      const headerLength = readUint16(response);
      for (
        const length of [1, headerLength >> 1, PREFIX_LENGTH + headerLength, response.length - 1]
      ) {
        await expectNotice(clientRun, response.subarray(0, length), "finish");
        clientRun.progress = `cut after ${length} bytes`;
      }
    },
  },
  {
    name: "no-answer",
    what: "When the connection ends without a response, the client ends with an error",
    hint: "The client takes the end of the connection for a response, or ignores the error.",
    read: "brokenConnection",
    run: (clientRun) => expectNotice(clientRun, new Uint8Array(), "finish"),
  },
  {
    name: "reset",
    what: "When the connection is reset in the middle of a response, the client ends with an error",
    hint: "The client ignores the error.",
    read: "brokenConnection",
    run: (clientRun) => expectNotice(clientRun, encodeResult("reset").subarray(0, 60), "reset"),
  },
  {
    name: "bad-header",
    what: "When a header is empty, not JSON, not an object or lacks a key, it ends with an error",
    hint:
      "The client does not look whether the header is what the protocol says, or ignores the error.",
    read: "trustNothing",
    async run(clientRun) {
      const noType = { ...HEADER, "content-type": undefined };
      const headers: [what: string, header: string | Uint8Array][] = [
        ["an empty header", ""],
        ["the header {", "{"],
        ["the header []", "[]"],
        ["the header null", "null"],
        ["one without content-type", JSON.stringify(noType)],
        ["20 bytes that are not UTF-8", new Uint8Array(20).fill(255)],
      ];
      for (const [i, [what, header]] of headers.entries()) {
        await expectNotice(clientRun, frame(header, CONTENT), "wait").catch(atInput(what));
        clientRun.progress = `${i + 1} of ${headers.length} headers`;
      }
    },
  },
  {
    name: "bad-length",
    what: "When content-length is negative or not a number, the client ends with an error",
    hint: "The client calculates with the length before it looks at it, or ignores the error.",
    read: "trustNothing",
    async run(clientRun) {
      for (const length of [-1, "many", null]) {
        const header = JSON.stringify({ ...HEADER, "content-length": length });
        const what = `a content-length of ${JSON.stringify(length)}`;
        await expectNotice(clientRun, frame(header, CONTENT), "wait").catch(atInput(what));
      }
    },
  },
  {
    name: "huge-length",
    what: "A response of a million megabytes is refused at once",
    hint: "The client waits for all of it, and would keep it in memory.",
    causes: { "success": "The client takes what has come for all of it, or ignores the error." },
    read: "trustNothing",
    async run(clientRun) {
      const header = JSON.stringify({ ...HEADER, "content-length": HUGE });
      await expectNotice(clientRun, frame(header, CONTENT), "wait");
    },
  },
  {
    name: "garbage",
    what: "When the answer is no message at all, such as HTTP, the client ends with an error",
    hint: "The client takes anything for a response, or ignores the error.",
    read: "trustNothing",
    async run(clientRun) {
      for (const text of ["HTTP/1.1 400 Bad Request\r\n\r\n", "\0\x02{}"]) {
        await expectNotice(clientRun, encoder.encode(text), "finish");
      }
    },
  },
  {
    name: "escapes",
    what: "Control characters in a response do not reach the terminal",
    hint: "The client prints what a server sends as it is: it could clear the screen, or worse.",
    read: "client",
    async run(clientRun) {
      const answers = new Answers();
      const exit = await clientRun.against(async (peer) => {
        for (const request of await receiveRequests(peer)) {
          await peer.send(answers.respond(request, "\x1b[2J\x1b[31m\x07", "\x9b1m"));
        }
        peer.finish();
      });
      expectPrintable(exit);
    },
  },
  ...unansweredChecks("client", "the server is silent", "deadlines"),
];

/** Where a message may be cut: at the ends of its parts, inside them, and inside a character. */
function boundariesOf(message: Uint8Array): number[] {
  const content = PREFIX_LENGTH + readUint16(message);
  const rabbit = message.indexOf(0xf0); // the first of the four bytes of an emoji
  return [1, 2, 3, content >> 1, content - 1, content, content + 1, rabbit + 2, message.length - 1];
}
