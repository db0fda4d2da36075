/**
 * Where README.md explains what a check is about: a heading, for each topic, with the one above it where
 * several have the same text. It is all that the checks know about the tutorial, and a test holds it to
 * the page.
 */
export const lessons = {
  echo: "Step 1: echo",
  bytes: "A stream has no messages",
  text: "A character cut in two",
  writeAll: "Write all of it",
  halfClose: "Half-close and FIN",
  reset: "Reset",
  backpressure: "Backpressure",
  oneAtATime: "The second client waits",
  manyClients: "One word less",
  resets: "Be rude",
  robustServer: "One more reset",
  client: "The echo client",
  protocol: "The protocol",
  byteOrder: "Byte order",
  messages: "One byte at a time",
  limits: "What a server must refuse",
  action: "An action of your own",
  chat: "Step 4: a chat",
  deadlines: "Deadlines",
} as const;

/** A topic of the tutorial. */
export type Lesson = keyof typeof lessons;
