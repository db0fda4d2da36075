import { decodeContent, encodeMessage, JSON_CONTENT_TYPE, type Message } from "../wire/message.ts";

/** The longest content that a client may send, in bytes. */
export const MAX_CONTENT_LENGTH = 16 * 1024;

/** What clients send. The first message is a join. */
export type FromClient =
  | { type: "join"; name: string }
  | { type: "say"; text: string }
  | { type: "who" | "pong" | "leave" };

/** What the server sends: joins, leaves and what is said to everybody, also to whom it is about. */
export type FromServer =
  | { type: "join" | "leave"; name: string }
  | { type: "say"; name: string; text: string }
  | { type: "who"; names: string[] } // to the one who asked
  | { type: "ping" } // to everybody, now and then; the answer is a pong
  | { type: "error"; reason: string }; // the last message to one who has made a mistake

/** Encodes a message of the chat: JSON in the tutorial's message protocol. */
export function encodeChat(content: FromClient | FromServer): Uint8Array {
  return encodeMessage(content, { contentType: JSON_CONTENT_TYPE, contentEncoding: "utf-8" });
}

/**
 * Decodes a message of the chat. Which fields there are, and of which types, is for the caller to check.
 *
 * @throws As `decodeContent`.
 */
export function decodeChat(message: Message): Record<string, unknown> {
  return Object(decodeContent(message));
}
