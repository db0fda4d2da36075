// The checks of a chat bot, which is an exercise. When a guest says `sum 2 3`, the bot says `sum 2 3 = 5`.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { decodeChat, encodeChat, type FromServer } from "../chat/messages.ts";
import { isName } from "../chat/names.ts";
import { escapeJson } from "../wire/escape.ts";
import { MessageDecoder } from "../wire/message.ts";
import { type Cause, type Check, explainWith, Failure } from "./check.ts";
import { type ClientRun, expectError, type Peer } from "./client_run.ts";
import { unansweredChecks } from "./echo_client_checks.ts";
import { explainMessage } from "./explain.ts";

const NO_JOIN = "The bot does not join first, or not under a good name.";
const WAITS = "The bot sends nothing. It must join before anybody says anything.";
const SAYS_TWICE = "The bot answers twice.";
const GAP = 2; // milliseconds between two bytes

/** The chat that the bot is in. */
class Room {
  name = "";
  #lastText = "";
  readonly #peer: Peer;
  readonly #decoder = new MessageDecoder({ copy: true });
  #received: Uint8Array = new Uint8Array(); // all of it: a bot sends little

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Waits for the bot to join, and lets it in. */
  async admit(): Promise<void> {
    const { type, name } = await this.next("a join")
      .catch(explainWith(({ seen, meaning }) => seen === "silence" ? meaning ?? WAITS : undefined));
    if (type !== "join" || !isName(name)) {
      throw new Failure("a join with a name", escapeJson({ type, name })).because(NO_JOIN);
    }
    this.name = name;
    await this.tell({ type: "join", name });
  }

  /** Sends messages in one piece. */
  tell(...contents: FromServer[]): Promise<void> {
    return this.#peer.send(concat(contents.map(encodeChat)));
  }

  /** Sends a message in single bytes. */
  tellSlowly(content: FromServer): Promise<void> {
    const bytes = encodeChat(content);
    return this.#peer.sendSingly(bytes, GAP * bytes.length);
  }

  /** Expects the bot to say this next, and passes it on to everybody, as a chat does. */
  async hears(text: string): Promise<void> {
    const content = await this.next(escapeJson({ type: "say", text }));
    if (content.type !== "say" || content.text !== text) {
      const failure = new Failure(escapeJson({ type: "say", text }), escapeJson(content), {
        seen: "other bytes",
      });
      throw failure.because(content.text === this.#lastText ? SAYS_TWICE : undefined);
    }
    this.#lastText = text;
    await this.tell({ type: "say", name: this.name, text });
  }

  /** Receives the next message of the bot. */
  async next(expected: string): Promise<Record<string, unknown>> {
    while (true) {
      try {
        const message = this.#decoder.take();
        if (message) return decodeChat(message);
      } catch (error) {
        throw new Failure(expected, (error as Error).message).because(this.#explain());
      }
      const bytes = await this.#peer.gather(expected, 0).catch(explainWith(() => this.#explain()));
      if (bytes === undefined) throw new Failure(expected, "the end").because(this.#explain());
      this.#received = concat([this.#received, bytes]);
      this.#decoder.push(bytes);
    }
  }

  /** Says what is wrong with what the bot has sent first. */
  #explain(): Cause | undefined {
    return explainMessage(this.#received, "client");
  }
}

/** What a check does that runs the bot in a chat where this happens, and then the chat ends. */
function inChat(happen: (room: Room) => Promise<void>): (clientRun: ClientRun) => Promise<void> {
  return async (clientRun) => {
    await clientRun.against(async (peer) => {
      const room = new Room(peer);
      await room.admit();
      await happen(room);
      peer.finish();
    });
  };
}

const say = (text: string, name = "ada"): FromServer => ({ type: "say", name, text });

/** What the bot promises. */
export const botChecks: Check<ClientRun>[] = [
  {
    name: "sum",
    what: "The bot joins, answers sum 2 3, and ends when the chat ends",
    hint: "The bot ends instead of answering: look at what it has printed.",
    causes: {
      "silence":
        "The bot joins, and does not answer. It may lose what comes together with its join.",
      "other bytes": "The bot does not answer in this form.",
      "stall": "The bot does not end when the chat ends.",
    },
    read: "chatMessages",
    run: inChat(async (room) => {
      await room.tell(say("sum 2 3"));
      await room.hears("sum 2 3 = 5");
    }),
  },
  {
    name: "glued",
    what: "Three messages that come at once get three answers, in order",
    hint: "The bot takes all that a read returns for one message.",
    read: "bytes",
    run: inChat(async (room) => {
      await room.tell(say("sum 1 1"), say("sum 2 2"), say("sum 3 3"));
      for (const text of ["sum 1 1 = 2", "sum 2 2 = 4", "sum 3 3 = 6"]) await room.hears(text);
    }),
  },
  {
    name: "numbers",
    what: "Any number of integers are added, also negative ones",
    hint: "The bot ends instead of answering: look at what it has printed.",
    causes: {
      "silence":
        "The bot takes this for no sum. It may have more numbers than two, or fewer, and they " +
        "may be negative.",
      "other bytes": "The bot adds two numbers only, or not as integers, which may be negative.",
    },
    needs: ["glued"],
    read: "chatExercises",
    run: inChat(async (room) => {
      for (
        const [text, sum] of [["sum 1 2 3 4", 10], ["sum -7 2", -5], ["sum 40", 40]] as const
      ) {
        await room.tell(say(text));
        await room.hears(`${text} = ${sum}`);
      }
    }),
  },
  {
    name: "others",
    what: "What is no sum gets no answer, and does not end the bot",
    hint: "The bot fails on what it does not understand.",
    causes: {
      "silence": "The bot is silent from what it does not understand on.",
      "other bytes":
        "The bot answers what is no sum. Only a text that is sum and one or more integers is one.",
    },
    needs: ["glued"],
    read: "chatExercises",
    run: inChat(async (room) => {
      const texts = [
        "hello",
        "summer 1 2",
        "sum",
        "sum two three",
        "sum 1 two",
        "a sum 1 2",
        "🐰",
      ];
      await room.tell({ type: "join", name: "eve" }, ...texts.map((text) => say(text)));
      await room.tell({ type: "leave", name: "eve" }, { type: "who", names: [] }, say("sum 1 1"));
      await room.hears("sum 1 1 = 2");
    }),
  },
  {
    name: "itself",
    what: "The bot does not answer what it has said itself",
    hint: "The bot ends, or falls silent, when it hears what it has said itself.",
    causes: {
      "other bytes":
        "Everybody hears what is said, also the one who says it: the bot talks with itself.",
    },
    needs: ["glued"],
    read: "chatMessages",
    run: inChat(async (room) => {
      await room.tell(say("sum 1 2", room.name), say("sum 3 4"));
      await room.hears("sum 3 4 = 7");
    }),
  },
  {
    name: "ping",
    what: "A ping is answered by a pong",
    hint: "The bot does not know pings; a chat drops a client that does not answer them.",
    read: "pings",
    needs: ["glued"],
    run: inChat(async (room) => {
      await room.tell({ type: "ping" });
      const { type } = await room.next("a pong");
      if (type !== "pong") throw new Failure("a pong", escapeJson({ type }));
    }),
  },
  {
    name: "single-bytes",
    what: "A message in single bytes is understood",
    hint: "The bot takes what one read returns for a message.",
    read: "bytes",
    needs: ["glued"],
    run: inChat(async (room) => {
      await room.tellSlowly(say("sum 20 22"));
      await room.hears("sum 20 22 = 42");
    }),
  },
  {
    name: "error",
    what: "When the chat does not let it in, the bot ends with an error",
    hint: "The bot ignores messages of type error.",
    read: "chatMessages",
    async run(clientRun) {
      expectError(
        await clientRun.against(async (peer) => {
          await peer.gather();
          await peer.send(encodeChat({ type: "error", reason: "The name is taken" }));
          peer.finish();
        }),
      );
    },
  },
  ...unansweredChecks("bot", "the chat sends nothing, not even a ping", "deadlines"),
];
