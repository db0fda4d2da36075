import { decodeContent, encodeMessage, JSON_CONTENT_TYPE, type Message } from "./wire/message.ts";

/** What a JSON request asks for. */
export interface Request {
  action: string;
  value: unknown;
}

/**
 * What the server can do: for each action a function from the request to the result. This is the
 * place to plug in your own.
 */
export const actions = new Map<string, (request: Request) => unknown>([
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

/**
 * Answers a request, whatever it is: a JSON request by the action it names, any other with its first
 * 10 bytes.
 *
 * @param request The request, as it came from the wire.
 * @returns The response, encoded.
 * @throws {MessageContentError} If JSON content is not valid.
 * @throws {UnsupportedEncodingError} If JSON content is in an unknown encoding.
 */
export function createResponse(request: Message): Uint8Array {
  if (request.header["content-type"] !== JSON_CONTENT_TYPE) return binaryResponse(request.content);
  return jsonResponse(runAction(decodeContent(request)));
}

/** Says in the protocol's own form that a request cannot be answered. */
export function createErrorResponse(reason: string): Uint8Array {
  return jsonResponse(`Error: ${reason}.`);
}

function runAction(request: unknown): unknown {
  const { action, value } = Object(request) as Record<string, unknown>;
  if (typeof action !== "string") return "Error: the request names no action.";
  if (!action.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) {
    return "Error: the request has a lone surrogate.";
  }
  const act = actions.get(action);
  return act ? act({ action, value }) : `Error: invalid action '${action}'.`;
}

function jsonResponse(result: unknown): Uint8Array {
  return encodeMessage({ result }, { contentType: JSON_CONTENT_TYPE, contentEncoding: "utf-8" });
}

function binaryResponse(request: Uint8Array): Uint8Array {
  const greeting = new TextEncoder().encode("First 10 bytes of request: ");
  const content = new Uint8Array([...greeting, ...request.subarray(0, 10)]);
  return encodeMessage(content, {
    contentType: "binary/custom-server-binary-type",
    contentEncoding: "binary",
  });
}
