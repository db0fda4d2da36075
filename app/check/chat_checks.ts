// The checks of a chat server: one that speaks step 4 of the tutorial.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { decodeChat, encodeChat, type FromClient } from "../chat/messages.ts";
import { escapeJson } from "../wire/escape.ts";
import { MessageDecoder } from "../wire/message.ts";
import { decodeOrFail, endIfReset, receive } from "./app_checks.ts";
import { type Check, type CheckRun, type Client, Failure } from "./echo_checks.ts";

const SAYINGS = 20; // by each of the talkers
const CROWD = 200; // clients
const FLOOD = 1000; // sayings of 8 KiB: more than the system keeps for one reader
const REFUSAL = "an error message, and then the end";

/** What somebody says, or is told. */
type Content = Record<string, unknown>;

/** A client of a chat. It answers pings. */
class Guest {
  readonly name: string;
  readonly #client: Client;
  readonly #decoder = new MessageDecoder({ copy: true });

  constructor(client: Client, name: string) {
    this.#client = client;
    this.name = name;
  }

  send(...contents: FromClient[]): Promise<void> {
    return this.#client.send(concat(contents.map(encodeChat)));
  }

  sendBytes(bytes: Uint8Array): Promise<void> {
    return this.#client.send(bytes);
  }

  /** What comes next; `undefined` is the end. */
  async next(expected: string): Promise<Content | undefined> {
    while (true) {
      const message = await receive(this.#client, this.#decoder, expected).catch(endIfReset);
      if (message === undefined) return undefined;
      const content = decodeOrFail(() => decodeChat(message), expected);
      if (content.type !== "ping") return content;
      await this.send({ type: "pong" });
    }
  }

  /** Waits for a message that has all these fields. What others do meanwhile is passed over. */
  async hears(fields: Content): Promise<Content> {
    const expected = escapeJson(fields);
    let last = "nothing";
    while (true) {
      const content = await this.next(expected);
      if (content === undefined) throw new Failure(expected, `${last}, then the end`);
      if (Object.entries(fields).every(([key, value]) => content[key] === value)) return content;
      last = escapeJson(content);
      if (content.type === "error") throw new Failure(expected, last);
    }
  }

  /** Expects to be told of an error, and to be thrown out. */
  async isRefused(): Promise<void> {
    const content = await this.next(REFUSAL);
    if (content !== undefined && content.type !== "error") {
      throw new Failure(REFUSAL, escapeJson(content));
    }
    if (content !== undefined && await this.next("the end") !== undefined) {
      throw new Failure("the end", "more messages");
    }
  }
}

let guests = 0;

/** Connects, and joins under a name that nobody has. */
async function join(checkRun: CheckRun, name = newName()): Promise<Guest> {
  const guest = await connect(checkRun, name);
  await guest.send({ type: "join", name });
  await guest.hears({ type: "join", name });
  return guest;
}

async function connect(checkRun: CheckRun, name = newName()): Promise<Guest> {
  return new Guest(await checkRun.connect(), name);
}

function newName(): string {
  return `guest ${++guests} ${crypto.randomUUID().slice(0, 8)}`;
}

/** What a good chat server does at any time. */
export async function probeChat(checkRun: CheckRun): Promise<void> {
  const guest = await join(checkRun);
  await guest.send({ type: "leave" });
}

/** What a chat server promises. After each check, a guest must still be able to join. */
export const chatChecks: Check[] = [
  {
    name: "join",
    what: "Who joins is told of it, and so are those who are there",
    hint: "The server tells only others, or nobody; step 4 tells everybody.",
    async run(checkRun) {
      const first = await join(checkRun);
      const { name } = await join(checkRun);
      await first.hears({ type: "join", name });
    },
  },
  {
    name: "say",
    what: "What one says reaches everybody, also the one who says it",
    hint: "The server does not pass it on, or not to all; step 4 has one broadcast for all.",
    async run(checkRun) {
      const [first, second] = [await join(checkRun), await join(checkRun)];
      const text = "Hello, wörld 🐶\n\u202e";
      await first.send({ type: "say", text });
      for (const guest of [first, second]) {
        await guest.hears({ type: "say", name: first.name, text });
      }
    },
  },
  {
    name: "push",
    what: "Who sends nothing hears what others say",
    hint: "The server writes only when it is asked; step 4 writes when something happens.",
    async run(checkRun) {
      const [listener, talker] = [await join(checkRun), await join(checkRun)];
      for (const text of ["one", "two", "three"]) {
        await talker.send({ type: "say", text });
        await listener.hears({ type: "say", name: talker.name, text });
      }
    },
  },
  {
    name: "order",
    what: "All hear the same in the same order, whoever talks",
    hint:
      "The server waits for one reader before it writes to the next; step 4 has a queue for each.",
    async run(checkRun) {
      const all = [await join(checkRun), await join(checkRun), await join(checkRun)];
      const texts = Array.from({ length: SAYINGS }, (_, i) => `${i}`);
      await Promise.all(
        all.map((guest) => guest.send(...texts.map((text) => ({ type: "say", text } as const)))),
      );
      const heard = await Promise.all(all.map(async (guest) => {
        const sayings: string[] = [];
        while (sayings.length < all.length * SAYINGS) {
          const { name, text } = await guest.hears({ type: "say" });
          if (all.some((other) => other.name === name)) sayings.push(`${name}: ${text}`);
        }
        return sayings.join("\n");
      }));
      if (new Set(heard).size > 1) throw new Failure("one order for all", "several");
    },
  },
  {
    name: "who",
    what: "Who asks gets the names of all who are there",
    hint: "The list lacks somebody, or has somebody who has left; step 4 keeps a map by name.",
    async run(checkRun) {
      const [first, second] = [await join(checkRun), await join(checkRun)];
      await first.send({ type: "who" });
      const { names } = await first.hears({ type: "who" });
      for (const { name } of [first, second]) {
        if (Array.isArray(names) && names.includes(name)) continue;
        throw new Failure(`a list with ${name}`, escapeJson(names));
      }
    },
  },
  {
    name: "leave",
    what: "Who leaves is told of it, and so are the others, and the connection ends",
    hint: "The server forgets to tell, or to close; step 4 does both.",
    async run(checkRun) {
      const [first, second] = [await join(checkRun), await join(checkRun)];
      await second.send({ type: "leave" });
      await first.hears({ type: "leave", name: second.name });
      while (await second.next("the end") !== undefined);
    },
  },
  {
    name: "gone",
    what: "Who vanishes by a reset has left, and nobody else is disturbed",
    hint: "The reset ends more than one connection; step 4 catches it for each client.",
    async run(checkRun) {
      const first = await join(checkRun);
      const name = newName();
      await checkRun.reset(encodeChat({ type: "join", name }));
      await first.hears({ type: "leave", name });
    },
  },
  {
    name: "name-taken",
    what: "A name that somebody has is refused, also in other letters that look the same",
    hint: "The server compares names as they are; step 4 compares what they look like.",
    async run(checkRun) {
      const { name } = await join(checkRun);
      const wide = name.replace("guest", "ｇｕｅｓｔ");
      for (const other of [name, name.toUpperCase(), wide]) {
        const guest = await connect(checkRun, other);
        await guest.send({ type: "join", name: other });
        await guest.isRefused();
      }
    },
  },
  {
    name: "bad-name",
    what: "Names that are none, or could be taken for something else, are refused",
    hint: "The server takes any text for a name; step 4 has a rule for names.",
    async run(checkRun) {
      const names = [
        "",
        "\x1b[31m",
        "a\nb",
        "\u202eeve",
        "a\u200bb",
        "* bob joined",
        "ada: hi",
        " a",
      ];
      for (const name of names) {
        checkRun.progress = `the name ${JSON.stringify(name)}`;
        const guest = await connect(checkRun, name);
        await guest.send({ type: "join", name });
        await guest.isRefused();
      }
    },
  },
  {
    name: "first-message",
    what: "Who talks before joining is refused",
    hint: "The server takes messages from strangers; step 4 expects a join first.",
    async run(checkRun) {
      const guest = await connect(checkRun);
      await guest.send({ type: "say", text: "hello" });
      await guest.isRefused();
    },
  },
  {
    name: "pong",
    what: "A pong is taken without an answer",
    hint: "The server knows no pong; in step 4 it is the answer to a ping.",
    async run(checkRun) {
      const guest = await join(checkRun);
      await guest.send({ type: "pong" }, { type: "say", text: "still here" });
      await guest.hears({ type: "say", name: guest.name, text: "still here" });
    },
  },
  {
    name: "nonsense",
    what: "Who sends what is no message is thrown out, and the others hear that",
    hint: "The server goes on, or ends; step 3 lists what a server must refuse.",
    async run(checkRun) {
      const [first, second] = [await join(checkRun), await join(checkRun)];
      await second.sendBytes(new Uint8Array(2)); // a header of no bytes
      await first.hears({ type: "leave", name: second.name });
    },
  },
  {
    name: "slow-reader",
    what: "Nobody waits for one who does not read",
    hint: "The server waits for each reader, or keeps too much; step 4 drops who falls behind.",
    async run(checkRun) {
      const [listener, talker] = [await join(checkRun), await join(checkRun)];
      await join(checkRun); // and never reads again
      const text = "x".repeat(8 * 1024);
      for (let i = 0; i < FLOOD; i++) {
        await talker.send({ type: "say", text: `${i} ${text}` });
        const said = { type: "say", name: talker.name, text: `${i} ${text}` };
        await Promise.all([listener.hears(said), talker.hears(said)]);
        checkRun.progress = `${i + 1} of ${FLOOD} said`;
      }
    },
  },
  {
    name: "crowd",
    what: `${CROWD} clients are there at once, and all hear what one says`,
    hint: "The server serves one after the other, or too few; step 2 serves all at once.",
    async run(checkRun) {
      const all: Guest[] = [];
      for (let i = 0; i < CROWD; i++) {
        all.push(await join(checkRun));
        checkRun.progress = `${i + 1} of ${CROWD} have joined`;
      }
      const [{ name }] = all as [Guest];
      await all[0]!.send({ type: "say", text: "Hello, everybody" });
      const said = { type: "say", name, text: "Hello, everybody" };
      await Promise.all(all.map((guest) => guest.hears(said)));
    },
  },
];
