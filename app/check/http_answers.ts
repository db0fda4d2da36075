// What the checks of web servers are made of: requests, and the answers to them.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { Decoder } from "../wire/decoder.ts";
import { MalformedInputError } from "../wire/errors.ts";
import { escapeBytes, escapeText } from "../wire/escape.ts";
import type { ParserInput, ParserStep } from "../wire/parser.ts";
import { MIB } from "./bytes.ts";
import { type Cause, Failure, LostConnection } from "./check.ts";
import { decodeOrFail } from "./messages.ts";
import { both, type Client, type ServerRun } from "./server_run.ts";

const READ_SIZE = 64 * 1024; // bytes
const MAX_LINE = 16 * 1024; // bytes
const MAX_FIELDS = 200;
const MAX_BODY = 8 * MIB;
const MAX_SHOWN = 60; // bytes

const encoder = new TextEncoder();

const TOO_SMALL: Cause = {
  hint:
    "The answer before goes on beyond its content-length, which is too small: it must count all that " +
    "follows the header, in bytes and not in characters.",
  read: "webEnd",
};

/** The error for what should be the beginning of an answer, and is none. */
class NoAnswer extends MalformedInputError {}

/** The answer to a request. */
export interface Answer {
  status: number;
  /** The fields, by names in lower case. */
  fields: Map<string, string>;
  body: Uint8Array;
}

/** A request. If it has a body, its length is told. */
export function request(
  method: string,
  path: string,
  { fields = [], body }: { fields?: string[]; body?: Uint8Array } = {},
): Uint8Array {
  const lines = [`${method} ${path} HTTP/1.1`, "Host: localhost", ...fields];
  if (body) lines.push(`Content-Length: ${body.length}`);
  return concat([encoder.encode(`${lines.join("\r\n")}\r\n\r\n`), body ?? new Uint8Array()]);
}

/** A connection on which requests are sent, and their answers received. */
export class Conversation implements Disposable {
  readonly client: Client;
  readonly #answers = new Decoder((bytes) => this.#readAnswer(bytes), {
    maxLength: MAX_BODY,
    copy: true,
  });
  #isHead = false; // the next answer has no body, whatever its header says
  #wasHead = false; // nor should the one before have had one
  #received = 0; // answers
  #begin = new Uint8Array(); // of what has come, for people

  constructor(client: Client) {
    this.client = client;
  }

  /** How many bytes have come behind the last answer. */
  get bufferedLength(): number {
    return this.#answers.bufferedLength;
  }

  /** Begins one, on a connection of its own. */
  static async open(serverRun: ServerRun): Promise<Conversation> {
    return new Conversation(await serverRun.connect());
  }

  /** Sends a request, and receives its answer. */
  async ask(bytes: Uint8Array, expected: string, method = "GET"): Promise<Answer> {
    return await both(this.client.send(bytes), this.expect(expected, method));
  }

  /** Receives the next answer. */
  async expect(expected: string, method = "GET"): Promise<Answer> {
    const answer = await this.receive(expected, method);
    if (answer !== undefined) return answer;
    throw new LostConnection(expected, this.client.came("the end"), { seen: "end" });
  }

  /** Receives the next answer; `undefined` is the end. */
  async receive(expected: string, method = "GET"): Promise<Answer | undefined> {
    this.#wasHead = this.#isHead;
    this.#isHead = method === "HEAD";
    const buffer = new Uint8Array(READ_SIZE);
    while (true) {
      const answer = this.#take(expected);
      if (answer !== undefined) return answer;
      const part = this.#answers.bufferedLength;
      const n = await this.client.read(buffer, expected, { part });
      if (n === null) return this.#receiveLast(expected);
      const chunk = buffer.subarray(0, n);
      this.#begin = concat([this.#begin, chunk]).slice(0, MAX_SHOWN);
      this.#answers.push(chunk);
    }
  }

  /** The next answer, if it is complete. If it begins wrongly, the one before has not ended where it said. */
  #take(expected: string): Answer | undefined {
    try {
      const answer = decodeOrFail(() => this.#answers.take(), expected);
      if (answer !== undefined) this.#received++;
      return answer;
    } catch (error) {
      if (!(error instanceof Failure && error.cause instanceof NoAnswer)) throw error;
      throw this.#received === 0 || this.#wasHead ? error : error.because(TOO_SMALL);
    }
  }

  /** The answer that ends with the connection, or nothing. */
  #receiveLast(expected: string): Answer | undefined {
    try {
      this.#answers.end();
    } catch (error) {
      const came = `${escapeBytes(this.#begin, MAX_SHOWN)}, then the end`;
      throw new LostConnection(expected, came, { cause: error, seen: "loss" });
    }
    return this.#answers.take();
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }

  *#readAnswer(bytes: ParserInput): ParserStep<Answer> {
    const line = yield* bytes.takeLine({ maxLength: MAX_LINE });
    const status = Number(/^HTTP\/1\.[01] ([1-9]\d\d)(?: .*)?$/.exec(line)?.[1]);
    if (!status) {
      throw new NoAnswer(`a first line other than "HTTP/1.1 200 OK": ${show(line)}`);
    }
    const fields = yield* readFields(bytes);
    if (status < 200) return yield* this.#readAnswer(bytes); // such as 100 Continue, before the answer
    return { status, fields, body: yield* this.#readBody(bytes, status, fields) };
  }

  *#readBody(
    bytes: ParserInput,
    status: number,
    fields: Map<string, string>,
  ): ParserStep<Uint8Array> {
    if (this.#isHead || status === 204 || status === 304) return new Uint8Array();
    if (/\bchunked$/i.test(fields.get("transfer-encoding") ?? "")) return yield* readChunks(bytes);
    const length = fields.get("content-length");
    if (length === undefined) return yield* bytes.takeToEnd({ maxLength: MAX_BODY });
    if (/^\d{1,15}$/.test(length)) return yield* bytes.take(Number(length));
    throw new MalformedInputError(`a content-length of ${show(length)}`);
  }
}

function* readFields(bytes: ParserInput): ParserStep<Map<string, string>> {
  const fields = new Map<string, string>();
  while (true) {
    const line = yield* bytes.takeLine({ maxLength: MAX_LINE });
    if (line === "") return fields;
    const [, name, value = ""] = /^([^\s:]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === undefined || fields.size === MAX_FIELDS) {
      throw new MalformedInputError(`a header with the line ${show(line)}`);
    }
    fields.set(name.toLowerCase(), value.trim());
  }
}

function* readChunks(bytes: ParserInput): ParserStep<Uint8Array> {
  const chunks: Uint8Array[] = [];
  while (true) {
    const line = yield* bytes.takeLine({ maxLength: MAX_LINE });
    const [digits] = /^[\da-f]{1,8}/i.exec(line) ?? [];
    if (digits === undefined) {
      throw new MalformedInputError(`a chunk that begins with ${show(line)}`);
    }
    const length = parseInt(digits, 16);
    if (length === 0) {
      yield* readFields(bytes);
      return concat(chunks);
    }
    chunks.push(yield* bytes.take(length));
    yield* bytes.takeLine({ maxLength: 0 });
  }
}

/** Writes an answer in a few words. */
export function describe({ status, body }: Answer): string {
  return `status ${status} and ${describeBody(body)}`;
}

/** Writes a body in a few words. */
export function describeBody(body: Uint8Array): string {
  return body.length === 0 ? "no body" : escapeBytes(body, MAX_SHOWN);
}

function show(text: string): string {
  return `"${escapeText(text, MAX_SHOWN)}"`;
}
