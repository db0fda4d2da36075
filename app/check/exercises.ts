// The exercises of the tutorial. All that is known about one stands in its entry, and README.md is held
// to it by a test.
import type { KindName } from "./kinds.ts";

/** An exercise of the tutorial. */
export interface Exercise {
  /** What it is called on the command line. It stays, while the number may change. */
  name: string;
  /** The step of the tutorial after which it can be done. */
  step: 1 | 2 | 3 | 4;
  title: string;
  /** From 1, easy, to 3. */
  difficulty: 1 | 2 | 3;
  /** How long it may take, for somebody who does such things for the first time. */
  minutes: number;
  kind: KindName;
  /** The checks that it must pass, if not all of its kind. */
  checks?: string[];
  /** The milliseconds after which the client gives up on a silent server, if not after 30 s. */
  patience?: number;
  hint: string;
}

/** All exercises, in the order of the tutorial. */
export const exercises: Exercise[] = [
  {
    name: "echo-server",
    step: 1,
    title: "An echo server",
    difficulty: 1,
    minutes: 30,
    kind: "echo",
    checks: [
      ...["echo", "binary", "single-bytes", "large", "backpressure", "half-close"],
      ...["reset", "100-resets"],
    ],
    hint: "You need one loop that accepts clients, one that reads until the end, and one that " +
      "writes until everything is written. In many languages the last one is a function (sendall " +
      "in Python). Catch the errors of a connection inside the first loop.",
  },
  {
    name: "echo-client",
    step: 1,
    title: "An echo client",
    difficulty: 1,
    minutes: 40,
    kind: "echo-client",
    patience: 10_000,
    hint: "Half-close after the message, read until the end, and only then compare. If the last " +
      "check fails, look for settimeout or a similar function of your language. Give it fewer " +
      "seconds than --patience. In Deno, a setTimeout can end the program. Clear it when the echo " +
      "is complete.",
  },
  {
    name: "many-clients",
    step: 2,
    title: "Many clients",
    difficulty: 2,
    minutes: 45,
    kind: "echo",
    hint: "Choose one of the ways of step 2: a thread for each client, an event loop, or async " +
      "functions. Threads are the easiest way. With the others, do not read from a client before " +
      "its echo is written.",
  },
  {
    name: "count",
    step: 2,
    title: "A server that counts",
    difficulty: 1,
    minutes: 30,
    kind: "count",
    hint: "The first number belongs to one client and the second one to the server. If you use " +
      "threads, two of them must not change the second number at once. In Python, " +
      'struct.pack(">II", …) writes the answer. In TypeScript, pack of mod.ts does.',
  },
  {
    name: "proxy",
    step: 2,
    title: "A proxy",
    difficulty: 2,
    minutes: 60,
    kind: "echo",
    hint: "Each connection has two directions, which end separately: when one side half-closes, " +
      "half-close the other side, and go on with the opposite direction. Close both when both " +
      "directions have ended, or when one has failed.",
  },
  {
    name: "app-client",
    step: 3,
    title: "An application client",
    difficulty: 2,
    minutes: 60,
    kind: "app-client",
    patience: 10_000,
    hint:
      "Write a function that reads exactly a given number of bytes, or fails at the end of the " +
      "stream. A response is then three calls of this function. Refuse a header that lacks one of " +
      "the four keys, even if you do not need the key. Check content-length before you use it, and " +
      "escape the result before you print it.",
  },
  {
    name: "app-server",
    step: 3,
    title: "An application server",
    difficulty: 2,
    minutes: 75,
    kind: "app",
    hint: "Begin with the function of the application client, and with --only search. Answer " +
      "whatever you cannot read with an error, or close the connection. Both are right, but silence " +
      "is not.",
  },
  {
    name: "reverse",
    step: 3,
    title: "An action",
    difficulty: 1,
    minutes: 20,
    kind: "reverse",
    hint:
      "A character that a person sees may consist of several code points. Intl.Segmenter finds " +
      "the characters. If the value is not a text, the result must be a text that begins with Error.",
  },
  {
    name: "tunnel",
    step: 3,
    title: "A protocol of your own",
    difficulty: 3,
    minutes: 90,
    kind: "echo",
    hint: "Use encodeFrame and FrameDecoder. Do not use readFrames, because it closes the whole " +
      "connection when its loop ends. A half-close must reach the other end of the tunnel, so let " +
      "the first byte of each frame say whether bytes follow, or the end. A solution is " +
      "tests/solutions/tunnel.ts.",
  },
  {
    name: "chat-server",
    step: 4,
    title: "A chat server",
    difficulty: 3,
    minutes: 90,
    kind: "chat",
    checks: [
      ...["join", "say", "split", "glued", "push", "order", "who", "leave", "gone", "name-taken"],
      ...["first-message", "pong", "nonsense", "ping"],
    ],
    hint: 'Two names can be the same although they look different. name.normalize("NFKC"), and ' +
      "then toLowerCase(), is nearly the whole rule. Keep the clients in a map by such names. " +
      "Everything that happens to one client, also the end of its connection, is told to all the " +
      "others.",
  },
  {
    name: "slow-reader",
    step: 4,
    title: "A slow reader",
    difficulty: 3,
    minutes: 60,
    kind: "chat",
    hint: "Never wait for a write to one client before you write to the next. Give each client a " +
      "queue, and disconnect a client whose queue grows too long. Try the check alone first: --only " +
      "slow-reader.",
  },
  {
    name: "bot",
    step: 4,
    title: "A chat bot",
    difficulty: 2,
    minutes: 60,
    kind: "bot",
    hint: "The bot hears what it says itself, and its own answers begin with sum, too. While you " +
      "try the last check, 30 s are long. Give the bot a deadline of 8 s, and the checker " +
      "--patience 10. Go back to 30 s afterwards, because app/chat_server.ts pings only every 15 s. " +
      "A solution is tests/solutions/bot.py. To meet it, start app/chat_server.ts, the bot and a " +
      "client.",
  },
];

/** The number of an exercise, as people count. */
export function numberOf(exercise: Exercise): number {
  return exercises.indexOf(exercise) + 1;
}

/** The exercise with this name or number. */
export function findExercise(nameOrNumber: string): Exercise | undefined {
  return exercises.find((exercise) =>
    exercise.name === nameOrNumber || String(numberOf(exercise)) === nameOrNumber
  );
}
