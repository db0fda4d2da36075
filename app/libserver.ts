import { encodeMessage } from "./wire/message.ts";

/** The content of a JSON request. */
export interface Request {
  action: string;
  value: unknown;
}

/**
 * What the server does for a request. It returns the result, which is any JSON value, or a promise of
 * it. The signal aborts when the action takes too long, after the client has got an error instead.
 */
export type Action = (request: Request, signal: AbortSignal) => unknown;

/** The actions of the server, by name. Add your own here. */
export const actions = new Map<string, Action>([
  ["search", search],
]);

const answers = new Map([
  ["morpheus", "Follow the white rabbit. 🐰"],
  ["ring", "In the caves beneath the Misty Mountains. 💍"],
  ["🐶", "🐾 Playing ball! 🏐"],
]);

function search({ value }: Request): string {
  if (typeof value !== "string") return "Error: the value is not a text.";
  return answers.get(value) ?? `No match for '${value}'.`;
}

/** The signal for an action, and the limit for its result. */
export interface ResponseOptions {
  /** Aborts when the action takes too long. */
  signal?: AbortSignal;
  /** Maximum length of the content of a response, in bytes. By default there is no limit. */
  maxContentLength?: number;
}

/**
 * Creates the response to a request. JSON is answered by the action that it names, and bytes with the
 * first 10 of them.
 *
 * @param content The content of the request, decoded.
 * @returns The response, encoded; or a promise of it, if the action returns one.
 * @throws The error of the action. If the action returns a promise, the promise rejects instead.
 * @throws {TypeError} If the result of the action is not a JSON value.
 * @throws {LengthLimitError} If it is too long.
 */
export function createResponse(
  content: unknown,
  { signal = new AbortController().signal, maxContentLength = Infinity }: ResponseOptions = {},
): Uint8Array | Promise<Uint8Array> {
  if (content instanceof Uint8Array) return binaryResponse(content);
  const respond = (result: unknown) => jsonResponse(result, maxContentLength);
  const result = runAction(content, signal);
  return isPromise(result) ? Promise.resolve(result).then(respond) : respond(result);
}

/** Creates the response to a request that cannot be answered. */
export function createErrorResponse(reason: string): Uint8Array {
  return jsonResponse(`Error: ${reason}.`);
}

function runAction(content: unknown, signal: AbortSignal): unknown {
  const { action, value } = Object(content) as Record<string, unknown>;
  if (typeof action !== "string") return "Error: the request names no action.";
  if (!action.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) {
    return "Error: the request has a lone surrogate.";
  }
  const act = actions.get(action);
  return act ? act({ action, value }, signal) : `Error: invalid action '${action}'.`;
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as PromiseLike<unknown> | null | undefined)?.then === "function";
}

function jsonResponse(result: unknown, maxContentLength = Infinity): Uint8Array {
  // JSON.stringify would leave these out, and the response would have no result.
  if (["undefined", "function", "symbol"].includes(typeof result)) {
    throw new TypeError(`Cannot encode result: ${typeof result} is not a JSON value`);
  }
  return encodeMessage({ result }, { maxContentLength });
}

function binaryResponse(request: Uint8Array): Uint8Array {
  const greeting = new TextEncoder().encode("First 10 bytes of request: ");
  const content = new Uint8Array([...greeting, ...request.subarray(0, 10)]);
  return encodeMessage(content, { contentType: "binary/custom-server-binary-type" });
}
