import { escapeBytes, escapeJson, escapeText } from "./wire/escape.ts";
import { decodeContent, encodeMessage, JSON_CONTENT_TYPE, type Message } from "./wire/message.ts";

/** The actions that are sent as JSON. All other actions are sent as bytes. */
export const jsonActions = new Set(["search"]);

/**
 * Creates a request.
 *
 * @param action What to do.
 * @param value What to do it with.
 * @returns The request, encoded: JSON for an action in `jsonActions`, otherwise the bytes of both.
 * @throws {RangeError} If a text has a lone surrogate.
 */
export function createRequest(action: string, value: string): Uint8Array {
  if (jsonActions.has(action)) {
    return encodeMessage({ action, value });
  }
  const text = action + value;
  if (!text.isWellFormed()) throw new RangeError("Cannot encode text: it has a lone surrogate");
  const content = new TextEncoder().encode(text);
  return encodeMessage(content, { contentType: "binary/custom-client-binary-type" });
}

/**
 * Describes a response to a person.
 *
 * @param response The response, as the decoder returns it.
 * @returns A line that is safe to print.
 * @throws {MessageContentError} If JSON content is not valid.
 * @throws {UnsupportedEncodingError} If JSON content is in an unknown encoding.
 * @throws {Error} If JSON content has no result.
 */
export function describeResponse(response: Message): string {
  if (response.header["content-type"] !== JSON_CONTENT_TYPE) {
    return `Got response: ${escapeBytes(response.content)}`;
  }
  const { result } = Object(decodeContent(response)) as Record<string, unknown>;
  if (result === undefined) throw new Error("The response has no result");
  return `Got result: ${typeof result === "string" ? escapeText(result) : escapeJson(result)}`;
}
