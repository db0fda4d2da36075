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
  /** What follows on the command line; for most, with a program in Python that stands for any other. */
  command: string;
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
    title: "An echo server of your own",
    difficulty: 2,
    minutes: 30,
    kind: "echo",
    command: "-- python3 my_server.py {port}",
    checks: [
      ...["echo", "binary", "single-bytes", "large", "backpressure", "half-close"],
      ...["reset", "100-resets"],
    ],
    hint: "Three loops: one accepts, one reads until the end, one writes until all is written. " +
      "In Python the last one is sendall, and except OSError stands inside the first loop. " +
      "In Go, io.Copy(conn, conn) does both inner loops, and in Node socket.pipe(socket). " +
      "There, give each socket a handler for 'error'. A for await over a socket ends it, " +
      "unless you write socket.iterator({ destroyOnReturn: false }).",
  },
  {
    name: "echo-client",
    step: 1,
    title: "An echo client",
    difficulty: 2,
    minutes: 40,
    kind: "echo-client",
    command: "-- python3 my_client.py {port}",
    patience: 10_000,
    hint: "Half-close after the message, read until the end, and only then compare. If the last " +
      "check fails, your client waits forever: look for settimeout in Python, SetDeadline " +
      "in Go, socket.setTimeout in Node, and give it fewer than 10 seconds. In Deno, a " +
      "setTimeout can end the program. Clear it when the echo is complete.",
  },
  {
    name: "count",
    step: 2,
    title: "A server that counts",
    difficulty: 1,
    minutes: 30,
    kind: "count",
    command: "-- python3 my_server.py {port}",
    hint: "One number belongs to a client and the other to the server. If you use threads, two " +
      "of them mustn't change the second one at once. setUint32 of a DataView writes four " +
      'bytes in TypeScript, struct.pack(">II", …) all eight in Python, ' +
      "binary.BigEndian.PutUint32 four in Go, and buffer.writeUInt32BE four in Node.",
  },
  {
    name: "many-clients",
    step: 2,
    title: "Many clients for your own server",
    difficulty: 2,
    minutes: 45,
    kind: "echo",
    command: "-- python3 my_server.py {port}",
    hint: "In Python, a threading.Thread for each client is the shortest way. With asyncio, " +
      "await writer.drain() before you read again. In Go it's go serve(conn). Node serves " +
      "many clients from the start. If you don't use pipe there, wait for 'drain' before you " +
      "take the next chunk, or the memory grows.",
  },
  {
    name: "proxy",
    step: 2,
    title: "A proxy",
    difficulty: 3,
    minutes: 90,
    kind: "echo",
    command: "-- python3 my_proxy.py {port}",
    hint: "Each connection has two directions, which end separately. When one side half-closes, " +
      "half-close the other, and go on with the opposite direction. Close both when both " +
      "directions have ended, or when one has failed. In Node, both sockets need " +
      "allowHalfOpen: true, also the one of net.connect.",
  },
  {
    name: "reverse",
    step: 3,
    title: "Backwards",
    difficulty: 1,
    minutes: 20,
    kind: "reverse",
    command: "-- deno run --allow-net my_server.ts 127.0.0.1 {port}",
    hint: "A character that a person sees may consist of several code points. Intl.Segmenter " +
      "finds the characters. If the value is not a text, the result must be a text that " +
      "begins with Error.",
  },
  {
    name: "app-client",
    step: 3,
    title: "An application client",
    difficulty: 2,
    minutes: 60,
    kind: "app-client",
    command: "-- python3 my_client.py {host} {port} search 🐶",
    patience: 10_000,
    hint: "Write exactly in your language: io.ReadFull in Go, readexactly of a stream in " +
      "asyncio. In Node, keep what you've read in a Buffer, and wait for more until it's " +
      "long enough. A response is then three calls. Refuse a header that lacks one of the " +
      "four keys, even if you don't need the key. Check content-length before you use it, " +
      "and escape the result before you print it.",
  },
  {
    name: "app-server",
    step: 3,
    title: "An application server of your own",
    difficulty: 2,
    minutes: 75,
    kind: "app",
    command: "-- python3 my_server.py {port}",
    hint: "Begin with exactly, and with --only search. Answer whatever you can't read with an " +
      "error, or close the connection. Both are right, but silence isn't. In Go, " +
      "json.Unmarshal into a struct ignores a missing key, so use a map.",
  },
  {
    name: "tunnel",
    step: 3,
    title: "A tunnel",
    difficulty: 3,
    minutes: 120,
    kind: "tunnel",
    command: "127.0.0.1 65431",
    hint: "Use encodeFrame and FrameDecoder of mod.ts, or write two bytes of length yourself. A " +
      "half-close must reach the other end of the tunnel. So let the first byte of each " +
      "frame say whether bytes follow, or the end. If you use readItems, mind that it " +
      "closes the whole connection when its loop ends.",
  },
  {
    name: "bot",
    step: 4,
    title: "A chat bot",
    difficulty: 2,
    minutes: 60,
    kind: "bot",
    command: "-- python3 my_bot.py {host} {port}",
    hint: "The bot hears what it says itself, and its own answers begin with sum, too. While " +
      "you try the last check, 30 s are long. Give the bot a deadline of 8 s, and the " +
      "checker --patience 10. Go back to 30 s afterwards, because app/chat_server.ts pings " +
      "only every 15 s.",
  },
  {
    name: "chat-server",
    step: 4,
    title: "A chat server of your own",
    difficulty: 3,
    minutes: 90,
    kind: "chat",
    command: "-- python3 my_server.py {port}",
    checks: [
      ...["join", "say", "split", "glued", "order", "who", "leave", "gone", "name-taken"],
      ...["first-message", "pong", "nonsense", "ping"],
    ],
    hint: "Keep the clients in a map by the key of their name: in Python, " +
      'unicodedata.normalize("NFKC", name).lower() is nearly the whole rule. Everything ' +
      "that happens to one client, also the end of its connection, is told to all the " +
      "others. With threads, a lock must guard the map.",
  },
  {
    name: "slow-reader",
    step: 4,
    title: "A slow reader",
    difficulty: 3,
    minutes: 60,
    kind: "chat",
    command: "-- python3 my_server.py {port}",
    hint: "Give each client a queue and one writer: in Python a queue.Queue and a thread, in Go " +
      "a channel and a goroutine. When the queue is full, disconnect the client instead of " +
      "waiting. In Node, socket.writableLength is the length of its queue. Try --only " +
      "slow-reader first.",
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
