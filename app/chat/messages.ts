import { decodeContent, encodeMessage, type Message } from "../wire/message.ts";

/** The messages that clients send. The first one is a join. */
export type FromClient =
  | { type: "join"; name: string }
  | { type: "say"; text: string }
  | { type: "who" | "pong" | "leave" };

/** The messages that the server sends. A join, leave or say goes to everybody, also to its subject. */
export type FromServer =
  | { type: "join" | "leave"; name: string }
  | { type: "say"; name: string; text: string }
  | { type: "who"; names: string[] } // only to the client that asked
  | { type: "ping" } // to everybody, again and again; the answer is a pong
  | { type: "error"; reason: string }; // the last message to a client that has made a mistake

/** Encodes a message of the chat: JSON in the tutorial's message protocol. */
export function encodeChat(content: FromClient | FromServer): Uint8Array {
  return encodeMessage(content);
}

/**
 * Decodes a message of the chat. The caller must check its fields and their types.
 *
 * @throws The errors of `decodeContent`.
 */
export function decodeChat(message: Message): Record<string, unknown> {
  return Object(decodeContent(message));
}
