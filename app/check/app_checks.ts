// The checks of an application server: one that speaks the tutorial's message protocol.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { type Check, type CheckRun, type Client, Failure } from "./echo_checks.ts";
import { writeUint16 } from "../wire/endianness.ts";
import { escapeBytes, escapeJson } from "../wire/escape.ts";
import { createRequest } from "../libclient.ts";
import { decodeContent, JSON_CONTENT_TYPE, type Message, MessageDecoder } from "../wire/message.ts";

const READ_SIZE = 16 * 1024; // bytes
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
const REFUSAL = "an error response, or the end";
const ONE_ANSWER = "it ends after one response; more are beyond the tutorial";
const RING = "In the caves beneath the Misty Mountains. 💍";
const ANSWER = "Follow the white rabbit. 🐰";

/** What a good application server does at any time. */
export async function probeApp(checkRun: CheckRun): Promise<void> {
  await expectResult(checkRun, [SEARCH], ANSWER);
}

/** What an application server promises. After each, a good request must still work. */
export const appChecks: Check[] = [
  {
    name: "search",
    what: "The searches for morpheus and ring get their answers",
    hint: "The server does not speak the protocol of step 3, or not yet.",
    async run(checkRun) {
      await probeApp(checkRun);
      await expectResult(checkRun, [createRequest("search", "ring")], RING);
    },
  },
  {
    name: "dog",
    what: "The search for 🐶 gets its answer, and lengths count bytes",
    hint: "The server counts characters where step 3 counts bytes, or does not send UTF-8.",
    run: (checkRun) =>
      expectResult(checkRun, [createRequest("search", "🐶")], "🐾 Playing ball! 🏐"),
  },
  {
    name: "unknown-value",
    what: "A search for what is not there says so, also for names that every object has",
    hint: "The server has no answer, or finds one in the wrong place; step 3 searches a Map.",
    async run(checkRun) {
      for (const value of ["needle", "constructor", "__proto__"]) {
        await expectResult(checkRun, [createRequest("search", value)], `No match for '${value}'.`);
      }
    },
  },
  {
    name: "binary",
    what: "An action that is sent as bytes gets its first 10 bytes back, even half an emoji",
    hint: "The server takes bytes for text; step 3 has a second kind of content.",
    async run(checkRun) {
      const content = encoder.encode("search!!😃");
      const expected = concat([
        encoder.encode("First 10 bytes of request: "),
        content.slice(0, 10),
      ]);
      const response = await ask(
        checkRun,
        [createRequest("search!!", "😃")],
        escapeBytes(expected),
      );
      if (isJson(response) || !equals(response.content, expected)) {
        throw new Failure(escapeBytes(expected), describe(response));
      }
    },
  },
  {
    name: "key-order",
    what: "A header with its keys in another order, and with more keys, is understood",
    hint: "The server reads the header by position; step 3 reads it as JSON.",
    async run(checkRun) {
      const header = Object.fromEntries(Object.entries(HEADER).reverse());
      const more = { "x-before": [null, { "content-length": 3 }], ...header, "x-after": "é" };
      await expectResult(checkRun, [frame(JSON.stringify(more, null, " "))], ANSWER);
    },
  },
  {
    name: "split",
    what: "A request is answered wherever it is cut in two, and in single bytes",
    hint: "The server takes a read for a message; step 3 puts messages together.",
    async run(checkRun) {
      for (let at = 1; at < SEARCH.length; at++) {
        await expectResult(checkRun, [SEARCH.subarray(0, at), SEARCH.subarray(at)], ANSWER);
        checkRun.progress = `cut after ${at} of ${SEARCH.length} bytes`;
      }
      await expectResult(checkRun, Array.from(SEARCH, (byte) => new Uint8Array([byte])), ANSWER);
    },
  },
  {
    name: "pipelined",
    what: "Three requests sent at once are answered in order",
    hint: "The server forgets what it read beyond the first request; step 3 keeps it.",
    async run(checkRun): Promise<string | void> {
      const requests = ["morpheus", "needle", "ring"].map((value) =>
        createRequest("search", value)
      );
      const results = [ANSWER, "No match for 'needle'.", RING];
      const client = await checkRun.connect();
      await client.send(concat(requests));
      const decoder = new MessageDecoder({ copy: true });
      for (const [i, result] of results.entries()) {
        const expected = showResult(result);
        const response = i === 1
          ? await receive(client, decoder, expected).catch(endIfReset)
          : await receive(client, decoder, expected);
        if (response !== undefined) checkResult(response, result);
        else if (i === 1) return ONE_ANSWER;
        else throw new Failure(expected, client.came("the end"));
      }
    },
  },
  {
    name: "empty-header",
    what: "A header of 0 bytes is refused",
    hint: "The server does not expect it; step 3 lists what a server must refuse.",
    run: (checkRun) => expectRefusal(checkRun, concat([new Uint8Array(2), CONTENT])),
  },
  {
    name: "invalid-utf8",
    what: "A header that is not UTF-8 is refused",
    hint: "The server replaces what it cannot decode; step 3 decodes strictly.",
    run(checkRun) {
      const header = encoder.encode(JSON.stringify({ ...HEADER, "x": "??" }));
      header.fill(0xff, header.indexOf("?".charCodeAt(0)), header.lastIndexOf("?".charCodeAt(0)));
      return expectRefusal(checkRun, frame(header));
    },
  },
  {
    name: "not-an-object",
    what: "A header that is a list, null, a number, a text or a boolean is refused",
    hint: "The server looks for keys in what has none; step 3 checks the header first.",
    async run(checkRun) {
      for (const header of ["[]", "null", "42", '"content-length"', "true"]) {
        await expectRefusal(checkRun, frame(header));
      }
    },
  },
  {
    name: "missing-key",
    what: "A header that lacks one of its four keys is refused",
    hint: "The server does not check for all of them; step 3 says what each is for.",
    async run(checkRun) {
      for (const key of Object.keys(HEADER)) {
        await expectRefusal(checkRun, frame(JSON.stringify({ ...HEADER, [key]: undefined })));
      }
    },
  },
  {
    name: "negative-length",
    what: "A negative content-length is refused",
    hint: "The server calculates with it, and takes other bytes for the content; see step 3.",
    async run(checkRun) {
      for (const length of [-1, -CONTENT.length - 1]) {
        const header = JSON.stringify({ ...HEADER, "content-length": length });
        await expectRefusal(checkRun, concat([frame(header), new Uint8Array(1)]));
      }
    },
  },
  {
    name: "huge-length",
    what: "A content-length of a million megabytes, or of far more, is refused at once",
    hint: "The server would keep all of it in memory; step 3 sets a limit.",
    async run(checkRun) {
      for (const length of [10 ** 12, 10 ** 18]) {
        await expectRefusal(
          checkRun,
          frame(JSON.stringify({ ...HEADER, "content-length": length })),
        );
      }
    },
  },
  {
    name: "falsy-content",
    what: "The content {}, [], 0, false, null, an empty text or none at all is answered or refused",
    hint: "The server takes such a request for none and waits, or spins; see step 3.",
    async run(checkRun) {
      for (const content of ["{}", "[]", "0", "false", "null", '""', ""]) {
        const header = { ...HEADER, "content-length": content.length };
        await expectRefusal(checkRun, frame(JSON.stringify(header), content));
      }
    },
  },
  {
    name: "unknown-encoding",
    what: "Content in an encoding that does not exist is refused",
    hint: "The server ignores content-encoding; step 3 has a list of those it knows.",
    run: (checkRun) =>
      expectRefusal(checkRun, frame(JSON.stringify({ ...HEADER, "content-encoding": "klingon" }))),
  },
  {
    name: "truncated",
    what: "A request that ends too early is refused",
    hint: "The server waits for ever, or answers half a request; step 3 notices the end.",
    async run(checkRun) {
      for (const length of [1, 2, 50, SEARCH.length - CONTENT.length, SEARCH.length - 1]) {
        await expectRefusal(checkRun, SEARCH.subarray(0, length), { finish: true });
      }
    },
  },
  {
    name: "garbage",
    what: "What is no request at all, such as HTTP, is refused",
    hint: "The server takes anything for a request; step 3 checks what it reads.",
    async run(checkRun) {
      const garbage = [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "\xff".repeat(1000),
        "\0\x02{}",
      ];
      for (const text of garbage) {
        await expectRefusal(checkRun, encoder.encode(text), { finish: true });
      }
    },
  },
];

/** A request: the length of the header, the header, and the content. */
function frame(header: string | Uint8Array, content: string | Uint8Array = CONTENT): Uint8Array {
  const [headerBytes, contentBytes] = [header, content].map((part) =>
    typeof part === "string" ? encoder.encode(part) : part
  ) as [Uint8Array, Uint8Array];
  const prefix = new Uint8Array(2);
  writeUint16(prefix, headerBytes.length);
  return concat([prefix, headerBytes, contentBytes]);
}

/** Receives the next response; `undefined` is the end. */
export async function receive(
  client: Client,
  decoder: MessageDecoder,
  expected: string,
): Promise<Message | undefined> {
  const buffer = new Uint8Array(READ_SIZE);
  while (true) {
    const response = decodeOrFail(() => decoder.take(), expected);
    if (response !== undefined) return response;
    const n = await client.read(buffer, expected);
    if (n === null) {
      if (decoder.bufferedLength > 0) throw new Failure(expected, client.came("the end"));
      return undefined;
    }
    decoder.push(buffer.subarray(0, n));
  }
}

/** Sends a request in parts on a connection of its own, and returns the response. */
async function ask(checkRun: CheckRun, parts: Uint8Array[], expected: string): Promise<Message> {
  const client = await checkRun.connect();
  for (const [i, part] of parts.entries()) {
    if (i > 0 && parts.length === 2) await new Promise((resume) => setTimeout(resume, PAUSE));
    await client.send(part);
  }
  const decoder = new MessageDecoder({ copy: true });
  const response = await receive(client, decoder, expected);
  if (response === undefined) throw new Failure(expected, "the end");
  if (decoder.bufferedLength > 0) {
    const { "content-length": length } = response.header;
    throw new Failure(expected, `more bytes than its content-length of ${length}`);
  }
  return response;
}

async function expectResult(
  checkRun: CheckRun,
  parts: Uint8Array[],
  result: string,
): Promise<void> {
  checkResult(await ask(checkRun, parts, showResult(result)), result);
}

function checkResult(response: Message, result: string) {
  const expected = showResult(result);
  if (resultOf(response, expected) !== result) throw new Failure(expected, describe(response));
}

/** Expects an error response or the end. Silence is neither. */
async function expectRefusal(
  checkRun: CheckRun,
  request: Uint8Array,
  { finish = false } = {},
): Promise<void> {
  const client = await checkRun.connect();
  await client.send(request).catch(endIfReset);
  if (finish) await client.finish().catch(endIfReset);
  const decoder = new MessageDecoder({ copy: true });
  const response = await receive(client, decoder, REFUSAL).catch(endIfReset);
  if (response === undefined) return;
  if (!isJson(response) || resultOf(response, REFUSAL) === ANSWER) {
    throw new Failure(REFUSAL, describe(response));
  }
}

function resultOf(response: Message, expected: string): unknown {
  if (!isJson(response)) return undefined;
  const value = decodeOrFail(() => decodeContent(response), expected);
  return (Object(value) as Record<string, unknown>).result;
}

/** What the library makes of bytes from the server, which may be wrong. */
export function decodeOrFail<T>(decode: () => T, expected: string): T {
  try {
    return decode();
  } catch (error) {
    throw new Failure(expected, (error as Error).message, error);
  }
}

function isJson({ header }: Message): boolean {
  return header["content-type"] === JSON_CONTENT_TYPE;
}

function showResult(result: string): string {
  return escapeJson({ result });
}

function describe(response: Message): string {
  return isJson(response) ? escapeJson(decodeContent(response)) : escapeBytes(response.content);
}

/** A connection that is reset has ended too, though not politely. */
export function endIfReset(error: unknown): undefined {
  const { cause } = error as Error;
  const { ConnectionReset, ConnectionAborted, BrokenPipe } = Deno.errors;
  if ([ConnectionReset, ConnectionAborted, BrokenPipe].some((type) => cause instanceof type)) {
    return;
  }
  throw error;
}
