// The checks of a chat server: one that speaks step 4 of the tutorial.
import { pause } from "../core/timeout.ts";
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { decodeChat, encodeChat, type FromClient } from "../chat/messages.ts";
import { escapeJson } from "../wire/escape.ts";
import { MessageDecoder } from "../wire/message.ts";
import { type Cause, type Check, explainWith, Failure, LostConnection } from "./check.ts";
import { explainAnswer, explainKind, explainNoAnswer, otherKind } from "./explain.ts";
import { decodeOrFail, receive } from "./messages.ts";
import { Stopwatch } from "./running_time.ts";
import { type Client, endIfReset, ONE_AT_A_TIME, type ServerRun } from "./server_run.ts";

const SAYS_AGAIN = "The server tells it twice.";
const OTHER_FORM: Cause = {
  hint: "The server passes it on in another form.",
  read: "chatMessages",
};
const NO_LIST = "The names must be a list of texts.";
const TELLS_WHO_TO_ALL = "The server tells everybody what one guest has asked.";
const TWO_ORDERS =
  "The server tells what is said at the same time to each guest in another order: all must be told of one " +
  "message before the next.";
const KEEPS_NAME = "The server keeps the name of a guest who has left.";
const FORGETTING_GAPS = [5, 50, 500]; // milliseconds until we ask again who is there
const PAUSE = 5; // milliseconds, in which the server may notice the first part of a message
const LEAVING = 200; // milliseconds, in which it may tell that guests have left, before another one joins
const SAYINGS = 20; // by each of the talkers
const CROWD = 200; // clients
const CROWD_TIME = 40_000; // milliseconds that it may take longer: each may be slow to join on a busy machine
const FLOOD_TEXT = "x".repeat(15 * 1024); // bytes; a chat takes messages of 16 KiB
const MAX_FLOOD = 32 * 1024 * 1024; // bytes: far more than the system keeps for one reader
const PING_TIMEOUT = 35_000; // milliseconds; the tutorial's server pings every 15 s
const REFUSAL = "an error message, and then the end";
const NO_ERROR: Cause = {
  hint: "The server ends the connection without saying why: before the end comes a message " +
    "of type error, with a reason.",
  read: "chatMessages",
};
const NO_REFUSAL =
  "The server neither refuses this guest nor closes the connection. It takes this, or ignores it, or " +
  "what handles the connection has failed and left it open: look at what the server has printed.";
const STAYS_OPEN = "The server sends its error, and does not close the connection.";
const MAX_PINGS = 2; // while somebody sends pongs, for which nobody has asked
const NO_JOIN = "The server does not tell that somebody has joined.";
const ENDS = "The server ends the connection instead: look at what it has printed.";
const ANSWERS_ERROR = "The server answers with an error instead.";
const GOES_ON = "The server sends more after its error, and does not close the connection.";
const JOIN_ALONE = "The server tells only the one who joins, and not those who are already there.";
const JOIN_OTHERS = "The server tells only the others, and not the one who joins.";

/** What somebody says, or is told. */
type Content = Record<string, unknown>;

/** A client of a chat. It answers pings. */
class Guest {
  readonly name: string;
  /** How many pings have come. */
  pings = 0;
  readonly #client: Client;
  readonly #timeout: number; // milliseconds
  readonly #decoder = new MessageDecoder({ copy: true });

  constructor(client: Client, name: string, timeout: number) {
    this.#client = client;
    this.name = name;
    this.#timeout = timeout;
  }

  send(...contents: FromClient[]): Promise<void> {
    return this.#client.send(concat(contents.map(encodeChat)));
  }

  /** Joins, and waits until it is told so. */
  async joins(): Promise<void> {
    await this.send({ type: "join", name: this.name });
    await this.hears({ type: "join", name: this.name });
  }

  sendBytes(bytes: Uint8Array): Promise<void> {
    return this.#client.send(bytes);
  }

  /** What comes next, apart from pings; `undefined` is the end. */
  async next(expected: string, timeout = this.#timeout): Promise<Content | undefined> {
    using stopwatch = new Stopwatch();
    while (stopwatch.elapsed < timeout) {
      const content = await this.#receive(expected, timeout);
      if (content?.type !== "ping") return content;
      this.pings++;
      await this.send({ type: "pong" });
    }
    const actual = `nothing but pings within ${timeout / 1000} s`;
    throw new LostConnection(expected, this.#client.came(actual), { seen: "silence" });
  }

  /** Waits for a ping. */
  async isPinged(timeout: number): Promise<void> {
    using stopwatch = new Stopwatch();
    while (true) {
      const content = await this.#receive("a ping", timeout - stopwatch.elapsed);
      if (content === undefined) throw new LostConnection("a ping", "the end");
      if (content.type === "ping") return;
    }
  }

  async #receive(expected: string, timeout?: number): Promise<Content | undefined> {
    const message = await receive(this.#client, this.#decoder, expected, timeout).catch(endIfReset);
    return message && decodeOrFail(() => decodeChat(message), expected);
  }

  /** Waits for a message that has all these fields. What else happens is passed over, or noted. */
  async hears(fields: Content, note: (content: Content) => void = () => {}): Promise<Content> {
    const expected = escapeJson(fields);
    let last = "nothing";
    while (true) {
      const content = await this.next(expected);
      if (content === undefined) {
        throw new LostConnection(expected, `${last}, then the end`, { seen: "end" });
      }
      if (Object.entries(fields).every(([key, value]) => content[key] === value)) return content;
      note(content);
      last = escapeJson(content);
      if (content.type === "error") throw new Failure(expected, last, { seen: "error" });
    }
  }

  /** Reads, in the background, whatever comes. */
  readsOn(): void {
    const read = async () => {
      while (await this.next("anything") !== undefined);
    };
    read().catch(() => {}); // the end of the check ends it too
  }

  /** Expects an error message, and then the end. `explain` says what it means if something else comes. */
  async isRefused(
    explain: (content: Content) => Cause | undefined = () => undefined,
  ): Promise<void> {
    const content = await this.next(REFUSAL).catch(explainWith({ "silence": NO_REFUSAL }));
    if (content === undefined) throw endsSilently();
    if (content.type !== "error") {
      throw new Failure(REFUSAL, escapeJson(content)).because(explain(content));
    }
    const more = await this.#nextAfterError();
    if (more !== undefined) throw new Failure("the end", escapeJson(more)).because(GOES_ON);
  }

  /** Expects the end, and before it an error. What happens to others may be told as well. */
  async isToldWhy(): Promise<void> {
    while (true) {
      const content = await this.next(REFUSAL);
      if (content === undefined) throw endsSilently();
      if (content.type === "error") break;
    }
    while (await this.#nextAfterError() !== undefined);
  }

  /** What comes after an error, which should be the end. */
  #nextAfterError(): Promise<Content | undefined> {
    return this.next("the end").catch(explainWith({ "silence": STAYS_OPEN }));
  }
}

/** The failure of a server that ends a connection without an error. */
function endsSilently(): Failure {
  return new LostConnection(REFUSAL, "the end", { seen: "end" }).because(NO_ERROR);
}

/** Expects what somebody has said. If it comes in another form, that is why nothing else does. */
async function hearsSaying(guest: Guest, saying: Content): Promise<void> {
  let other: Content | undefined;
  await guest.hears(saying, (content) => {
    if (content.type === saying.type) other = content;
  }).catch(explainWith((failure) => {
    if (other === undefined) return undefined;
    failure.actual = escapeJson(other);
    return OTHER_FORM;
  }));
}

/** Expects nobody to be let in under this name. `explain` says what it means if somebody is. */
async function isNoName(
  serverRun: ServerRun,
  name: string,
  explain: (joined: unknown) => string,
): Promise<void> {
  const guest = await connect(serverRun, name);
  await guest.send({ type: "join", name });
  await guest.isRefused((content) => content.type === "join" ? explain(content.name) : undefined);
}

/** Expects a guest who has left not to be in the list any more. A server may need a moment for that. */
async function isForgotten(guest: Guest, name: string): Promise<void> {
  for (const gap of FORGETTING_GAPS) {
    await guest.send({ type: "who" });
    // Whether this is answered is another check.
    const names = await guest.hears({ type: "who" }).then(({ names }) => names, () => undefined);
    if (!Array.isArray(names) || !names.includes(name)) return;
    await pause(gap);
  }
  throw new Failure(`a list without ${name}`, `a list with ${name}`).because(KEEPS_NAME);
}

let guests = 0;

/** Connects, and joins under a name that nobody has. */
async function join(serverRun: ServerRun, name = newName()): Promise<Guest> {
  const guest = await connect(serverRun, name);
  await guest.joins();
  return guest;
}

async function connect(serverRun: ServerRun, name = newName()): Promise<Guest> {
  return new Guest(await serverRun.connect(), name, serverRun.timeout);
}

function newName(): string {
  return `guest${++guests}x${crypto.randomUUID().slice(0, 8)}`;
}

function newJoin(): Uint8Array {
  return encodeChat({ type: "join", name: newName() });
}

/** What a good chat server does at any time. */
export async function probeChat(serverRun: ServerRun): Promise<void> {
  const guest = await join(serverRun);
  await guest.send({ type: "leave" });
}

/** What a chat server promises. After each check, a guest must still be able to join. */
export const chatChecks: Check<ServerRun>[] = [
  {
    name: "join",
    what: "A guest who joins is told so, and so are those who are already there",
    hint: "The server does not speak this protocol.",
    causes: {
      "silence": NO_JOIN,
      "stall": NO_JOIN,
      "end": "The server ends the connection instead of answering: look at what it has printed.",
    },
    read: "chatMessages",
    async run(serverRun) {
      const first = await connect(serverRun);
      await first.joins().catch(explainWith(() => explainFirst(serverRun)));
      const second = await connect(serverRun);
      await second.joins()
        .catch(explainWith((failure) => explainSecond(failure, serverRun)));
      await first.hears({ type: "join", name: second.name })
        .catch(explainWith((failure) => explainAlone(failure, serverRun)));
    },
  },
  {
    name: "say",
    what: "What a guest says reaches everybody, also the one who says it",
    hint: "The server does not pass it on, or not to all.",
    causes: { "end": ENDS, "error": ANSWERS_ERROR },
    read: "speaksFirst",
    async run(serverRun) {
      const [first, second] = [await join(serverRun), await join(serverRun)];
      const text = "Hello, wörld 🐶\n\u202e";
      const over = "and that is all";
      await first.send({ type: "say", text });
      for (const guest of [first, second]) {
        await hearsSaying(guest, { type: "say", name: first.name, text });
      }
      await first.send({ type: "say", text: over });
      for (const guest of [first, second]) {
        await guest.hears({ type: "say", name: first.name, text: over }, (content) => {
          if (content.type !== "say" || content.name !== first.name) return;
          throw new Failure("what was said, once", escapeJson(content)).because(SAYS_AGAIN);
        });
      }
    },
  },
  {
    name: "split",
    what: "A message is understood wherever it is cut in two, and in single bytes",
    hint: "The server takes what one read returns for a message.",
    read: "messages",
    needs: ["say"],
    async run(serverRun) {
      const [first, second] = [await join(serverRun), await join(serverRun)];
      const said = encodeChat({ type: "say", text: "in two pieces" });
      for (const at of [1, 2, 40, said.length - 1]) {
        await first.sendBytes(said.subarray(0, at));
        await pause(PAUSE);
        await first.sendBytes(said.subarray(at));
        await second.hears({ type: "say", name: first.name, text: "in two pieces" });
      }
      for (const byte of encodeChat({ type: "say", text: "in bytes" })) {
        await first.sendBytes(new Uint8Array([byte]));
      }
      await second.hears({ type: "say", name: first.name, text: "in bytes" });
    },
  },
  {
    name: "glued",
    what: "Messages that arrive together are all understood, also with the join",
    hint: "The server takes all that a read returns for one message.",
    read: "bytes",
    needs: ["say"],
    async run(serverRun) {
      const listener = await join(serverRun);
      const name = newName();
      const talker = await connect(serverRun, name);
      const texts = ["one", "two", "three"];
      await talker.send(
        { type: "join", name },
        ...texts.map((text) => ({ type: "say", text }) as const),
      );
      for (const text of texts) await listener.hears({ type: "say", name, text });
    },
  },
  {
    name: "order",
    what: "All hear the same in the same order, whoever talks",
    hint: "The server leaves out some of what is said when several guests talk at once.",
    read: "slowReader",
    needs: ["say", "glued"],
    async run(serverRun) {
      const talkers = [await join(serverRun), await join(serverRun), await join(serverRun)];
      const listeners = [await join(serverRun), await join(serverRun)];
      const sayings = Array.from({ length: SAYINGS }, (_, i) => ({ type: "say", text: `${i}` }));
      await Promise.all(talkers.map((talker) => talker.send(...sayings as FromClient[])));
      const heard = await Promise.all(listeners.map(async (listener) => {
        const lines: string[] = [];
        while (lines.length < talkers.length * SAYINGS) {
          const { name, text } = await listener.hears({ type: "say" });
          if (talkers.some((talker) => talker.name === name)) lines.push(`${name}: ${text}`);
        }
        return lines.join("\n");
      }));
      if (new Set(heard).size > 1) {
        throw new Failure("one order for all", "several").because(TWO_ORDERS);
      }
    },
  },
  {
    name: "who",
    what: "A guest who asks gets the names of all who are there",
    hint: "The list lacks a guest.",
    causes: {
      "silence": "The server does not answer who asks.",
      "end": ENDS,
      "error": ANSWERS_ERROR,
    },
    read: "chatMessages",
    needs: ["say"],
    async run(serverRun) {
      const [first, second] = [await join(serverRun), await join(serverRun)];
      await first.send({ type: "who" });
      const { names } = await first.hears({ type: "who" });
      if (!Array.isArray(names)) {
        throw new Failure("a list of names", escapeJson(names)).because(NO_LIST);
      }
      for (const { name } of [first, second]) {
        if (!names.includes(name)) throw new Failure(`a list with ${name}`, escapeJson(names));
      }
      await first.send({ type: "say", text: "so many" });
      await second.hears({ type: "say", name: first.name }, (content) => {
        if (content.type !== "who") return;
        throw new Failure("an answer for who has asked", escapeJson(content)).because(
          TELLS_WHO_TO_ALL,
        );
      });
    },
  },
  {
    name: "leave",
    what: "A guest who leaves is told so, and so are the others, and the connection ends",
    hint: "The server does not tell them, or does not close the connection.",
    read: "chatMessages",
    async run(serverRun) {
      const [first, second] = [await join(serverRun), await join(serverRun)];
      await second.send({ type: "leave" });
      await first.hears({ type: "leave", name: second.name });
      while (await second.next("the end") !== undefined);
      await isForgotten(first, second.name);
    },
  },
  {
    name: "gone",
    what: "A guest who vanishes by a reset has left, and does not disturb the others",
    hint: "The others are not told, or the reset ends their connections too.",
    read: "harmedByReset",
    async run(serverRun) {
      const first = await join(serverRun);
      const name = newName();
      await serverRun.reset(encodeChat({ type: "join", name }));
      await first.hears({ type: "leave", name });
    },
  },
  {
    name: "name-taken",
    what: "A name that a guest has is refused, also in other letters that look the same",
    hint: "The server does not refuse a name that a guest has.",
    read: "chatMessages",
    async run(serverRun) {
      const { name } = await join(serverRun);
      const wide = name.replace("guest", "ｇｕｅｓｔ");
      const others = [
        { other: name, hint: "The server does not look whether another guest has this name." },
        {
          other: name.toUpperCase(),
          hint: "The server takes names that differ only in case for different ones.",
        },
        {
          other: wide,
          hint: "The server takes names that differ only in width for different ones (see NFKC).",
        },
      ];
      for (const { other, hint } of others) await isNoName(serverRun, other, () => hint);
    },
  },
  {
    name: "bad-name",
    what: "Names that are empty, or could be taken for something else, are refused",
    hint: "The server does not refuse this name.",
    read: "chatMessages",
    async run(serverRun) {
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
        serverRun.progress = `the name ${JSON.stringify(name)}`;
        await isNoName(
          serverRun,
          name,
          (joined) =>
            joined === name
              ? `The server takes ${escapeJson(name)} for a name.`
              : `The server makes the name ${escapeJson(joined)} of ${
                escapeJson(name)
              }, and does not refuse it.`,
        );
      }
    },
  },
  {
    name: "first-message",
    what: "A guest who talks before joining is refused",
    hint: "The server takes messages from strangers.",
    read: "chatMessages",
    async run(serverRun) {
      const guest = await connect(serverRun);
      await guest.send({ type: "say", text: "hello" });
      await guest.isRefused();
    },
  },
  {
    name: "pong",
    what: "A pong is taken without an answer",
    hint: "The server answers a pong. A pong is the answer to a ping, and needs none itself.",
    causes: {
      "silence": "The server falls silent after a pong, or forgets what comes after it.",
      "end": "The server ends the connection of a guest who sends a pong.",
    },
    read: "pings",
    needs: ["say", "glued"],
    async run(serverRun) {
      const [first, second] = [await join(serverRun), await join(serverRun)];
      for (let pongs = 0; pongs <= MAX_PINGS; pongs++) {
        await first.send({ type: "pong" });
        await pause(PAUSE); // in a piece of its own
      }
      await first.send({ type: "say", text: "still here" });
      await second.hears({ type: "say", name: first.name, text: "still here" });
      await second.send({ type: "say", text: "over" });
      const note = (content: Content) => {
        if (["join", "say", "leave"].includes(content.type as string)) return; // of others
        throw new Failure("no answer to a pong", escapeJson(content));
      };
      await first.hears({ type: "say", name: second.name, text: "over" }, note); // and no error before
      if (first.pings > MAX_PINGS) {
        throw new Failure("no answer to a pong", "a ping for each of them");
      }
    },
  },
  {
    name: "nonsense",
    what: "A guest who sends what is no message is disconnected, and the others are told",
    hint: "The server goes on with this guest, or does not tell the others.",
    read: "chatMessages",
    async run(serverRun) {
      const [first, second] = [await join(serverRun), await join(serverRun)];
      await second.sendBytes(new Uint8Array(2)); // a header of no bytes
      await second.isToldWhy();
      await first.hears({ type: "leave", name: second.name });
    },
  },
  {
    name: "slow-reader",
    what: "Nobody waits for a guest who does not read, and who is disconnected in the end",
    hint: "The server waits for each reader, or takes no more from a guest who says much.",
    causes: {
      "more":
        "The server keeps all that one guest does not read, or does not disconnect this guest.",
    },
    read: "outbox",
    needs: ["say", "leave", "gone", "pong", "glued"],
    async run(serverRun) {
      const [listener, talker] = [await join(serverRun), await join(serverRun)];
      const slow = await join(serverRun); // and never reads again
      talker.readsOn();
      let hasLeft = false;
      for (let length = 0; !hasLeft; length += FLOOD_TEXT.length) {
        if (length > MAX_FLOOD) {
          throw new Failure("a slow guest who leaves", "32 MiB kept for it", { seen: "more" });
        }
        const said = { type: "say", text: `${length} ${FLOOD_TEXT}` } as const;
        await talker.send(said);
        await listener.hears({ ...said, name: talker.name }, ({ type, name }) => {
          hasLeft ||= type === "leave" && name === slow.name;
        });
        serverRun.progress = `${length.toLocaleString("en")} bytes said`;
      }
    },
  },
  {
    name: "crowd",
    what: `${CROWD} guests are there at once, and all hear what one says`,
    hint: "The server serves too few clients at once, is too slow for so many, or waits for some.",
    read: "oneTooMany",
    needs: ["say", "pong"],
    extraTime: CROWD_TIME,
    async run(serverRun) {
      const all: Guest[] = [];
      for (let i = 0; i < CROWD; i++) {
        all.push(await join(serverRun));
        serverRun.progress = `${i + 1} of ${CROWD} have joined`;
      }
      const [{ name }] = all as [Guest];
      await all[0]!.send({ type: "say", text: "Hello, everybody" });
      const said = { type: "say", name, text: "Hello, everybody" };
      for (const guest of all.slice(1)) await guest.hears(said); // each has its own time
    },
  },
  {
    name: "ping",
    what: "A guest who only listens is pinged within half a minute",
    hint: "The server does not look whether a silent guest is still there.",
    read: "pings",
    extraTime: PING_TIMEOUT,
    async run(serverRun) {
      const guest = await join(serverRun);
      serverRun.progress = "waiting for a ping";
      await guest.isPinged(PING_TIMEOUT);
    },
  },
];

/** Finds out more about a server that does not let even the first guest in. */
async function explainFirst(serverRun: ServerRun): Promise<Cause | undefined> {
  serverRun.closeAll(); // it may serve one client at a time
  await pause(LEAVING);
  const request = newJoin();
  const answer = await serverRun.exchange(request);
  if (answer.length > 0) return explainJoin(answer, request);
  if (await tellsOthers(serverRun)) return JOIN_OTHERS;
  return await explainNoAnswer(serverRun, request) ?? await explainKind(serverRun, "chat");
}

/** Finds out more about a server that lets one guest in, and not a second. */
async function explainSecond(
  { isSilence }: Failure,
  serverRun: ServerRun,
): Promise<Cause | undefined> {
  if (!isSilence) return undefined;
  const cause = await explainAnotherJoin(serverRun);
  if (cause !== undefined) return cause;
  await serverRun.connect(); // and says nothing
  const beside = await serverRun.exchange(newJoin());
  serverRun.closeAll();
  const alone = await serverRun.exchange(newJoin());
  return beside.length === 0 && alone.length > 0 ? ONE_AT_A_TIME : undefined;
}

/** Finds out more about a server that does not tell a guest who else joins. */
async function explainAlone(
  { isSilence }: Failure,
  serverRun: ServerRun,
): Promise<Cause | undefined> {
  if (!isSilence) return undefined;
  return await explainAnotherJoin(serverRun) ?? await explainKind(serverRun, "chat") ?? JOIN_ALONE;
}

/** What is wrong with all that comes to somebody who joins: the first of it could be read. */
async function explainAnotherJoin(serverRun: ServerRun): Promise<Cause | undefined> {
  serverRun.closeAll();
  await pause(LEAVING);
  const request = newJoin();
  return explainJoin(await serverRun.exchange(request), request);
}

/** What is wrong with the answer to a join. */
function explainJoin(answer: Uint8Array, request: Uint8Array): Cause | undefined {
  const cause = explainAnswer(answer, request);
  if (cause !== undefined) return cause;
  try {
    const decoder = new MessageDecoder();
    decoder.push(answer);
    const { type, result, reason } = decodeChat(decoder.take()!);
    if (result !== undefined) return otherKind("app");
    if (type !== "error") return undefined;
    return `The server does not let the guest in. It says: ${escapeJson(reason)}.`;
  } catch {
    return undefined;
  }
}

/** Whether somebody is told who joins, but not of oneself. */
async function tellsOthers(serverRun: ServerRun): Promise<boolean> {
  const listener = await connect(serverRun);
  const name = newName();
  try {
    await listener.send({ type: "join", name: listener.name });
    await serverRun.exchange(encodeChat({ type: "join", name }));
    while (true) {
      const content = await listener.next("a join", serverRun.timeout / 5);
      if (content === undefined) return false;
      if (content.type === "join" && content.name === name) return true;
    }
  } catch {
    return false;
  } finally {
    serverRun.closeAll();
  }
}
