// Chat servers that are wrong on purpose, each in one way, to check the checker with.
import { decodeChat, encodeChat, type FromServer } from "../../app/chat/messages.ts";
import { isName, keyOf } from "../../app/chat/names.ts";
import { MessageDecoder, MessageHeaderError } from "../../mod.ts";
import { close, type WrongServer } from "./wrong_servers.ts";
import { writeAll } from "./programs.ts";

interface Mistakes {
  tellsOnlyOthers?: boolean;
  forgetsLeaves?: boolean;
  takesAnyName?: boolean;
  comparesBytes?: boolean;
  needsNoJoin?: boolean;
  answersPongs?: boolean;
  waitsForReaders?: boolean;
  hidesTheAsker?: boolean;
  keepsLeavers?: boolean;
  diesOfNonsense?: boolean;
  keepsEverything?: boolean;
  neverPings?: boolean;
  saysTwice?: boolean;
  saysNoName?: boolean;
  joinsNames?: boolean;
  tellsAllWho?: boolean;
  keepsNames?: boolean;
  cutsNames?: boolean;
  takesNamesTwice?: boolean;
  forgetsResets?: boolean;
  tellsInTwoOrders?: boolean;
  ignoresWho?: boolean;
  refusesWho?: boolean;
  endsAtWho?: boolean;
  endsAtSay?: boolean;
  refusesSay?: boolean;
  answersStrangers?: boolean;
  stopsAtPong?: boolean;
  endsAtPong?: boolean;
  isSoonFull?: boolean;
  explainsItsErrors?: boolean;
  hearsSixteen?: boolean;
}

interface Guest {
  name: string;
  conn: Deno.Conn;
  written: Promise<void>;
  waiting: number; // bytes, until they are written
  sayings: number;
}

const NEED_SAY = ["split", "glued", "order", "who", "pong", "slow-reader", "crowd"];
const GOES_ON = /Try again.*\n.* sends more after its error/;
const PING_INTERVAL = 3000; // milliseconds, longer than most checks take on a busy machine
const MAX_WAITING = 256 * 1024; // bytes
const LATER = 50; // milliseconds

/** The mistakes, the checks that must fail, and what they must say. */
export const wrongChatServers: {
  mistake: keyof Mistakes;
  fails: Record<string, RegExp>;
  stopped?: RegExp;
  skips?: string[];
}[] = [
  {
    mistake: "tellsOnlyOthers",
    fails: { "say": /does not pass it on, or not to all/ },
    skips: NEED_SAY,
  },
  {
    mistake: "forgetsLeaves",
    fails: {
      "leave": /does not tell them/,
      "gone": /The others are not told/,
      "nonsense": /does not tell the others/,
    },
    skips: ["slow-reader"],
  },
  { mistake: "takesAnyName", fails: { "bad-name": /takes "" for a name/ } },
  { mistake: "cutsNames", fails: { "bad-name": /makes the name "a" of " a"/ } },
  { mistake: "comparesBytes", fails: { "name-taken": /differ only in case/ } },
  { mistake: "takesNamesTwice", fails: { "name-taken": /whether another guest has this name/ } },
  { mistake: "needsNoJoin", fails: { "first-message": /neither refuses this guest nor closes/ } },
  { mistake: "saysTwice", fails: { "say": /tells it twice/ }, skips: NEED_SAY },
  { mistake: "saysNoName", fails: { "say": /passes it on in another form/ }, skips: NEED_SAY },
  { mistake: "joinsNames", fails: { "who": /must be a list/ } },
  { mistake: "tellsAllWho", fails: { "who": /tells everybody what one guest has asked/ } },
  {
    mistake: "keepsNames",
    fails: { "leave": /keeps the name of a guest who has left/ },
    skips: ["slow-reader"],
  },
  {
    mistake: "forgetsResets",
    fails: { "gone": /The others are not told/ },
    skips: ["slow-reader"],
  },
  {
    mistake: "answersPongs",
    fails: { "pong": /What is a pong.*\nThe server answers a pong/ },
    skips: ["slow-reader", "crowd"],
  },
  {
    mistake: "tellsInTwoOrders",
    fails: { "order": /^several\n.* to each guest in another order/ },
  },
  { mistake: "ignoresWho", fails: { "who": /does not answer who asks/ } },
  { mistake: "refusesWho", fails: { "who": /No such type.*\n.* answers with an error instead/ } },
  { mistake: "endsAtWho", fails: { "who": /then the end\n.* ends the connection instead/ } },
  {
    mistake: "endsAtSay",
    fails: { "say": /then the end\n.* ends the connection instead/ },
    skips: NEED_SAY,
  },
  {
    mistake: "refusesSay",
    fails: { "say": /No such type.*\n.* answers with an error instead/ },
    skips: NEED_SAY,
  },
  { mistake: "answersStrangers", fails: { "first-message": /takes messages from strangers/ } },
  {
    mistake: "stopsAtPong",
    fails: { "pong": /falls silent after a pong/ },
    skips: ["slow-reader", "crowd"],
  },
  {
    mistake: "endsAtPong",
    fails: { "pong": /ends the connection of a guest who sends a pong/ },
    skips: ["slow-reader", "crowd"],
  },
  {
    mistake: "isSoonFull",
    fails: { "crowd": /^\{"type":"error",.*\n.* serves too few clients at once/ },
  },
  {
    mistake: "explainsItsErrors",
    fails: { "name-taken": GOES_ON, "bad-name": GOES_ON, "first-message": GOES_ON },
  },
  {
    mistake: "hearsSixteen",
    fails: {
      "order": /leaves out some of what is said/,
      "slow-reader": /takes no more from a guest/,
    },
  },
  { mistake: "waitsForReaders", fails: { "slow-reader": /waits for each reader/ } },
  { mistake: "hidesTheAsker", fails: { "who": /The list lacks a guest/ } },
  {
    mistake: "keepsLeavers",
    fails: { "leave": /does not close the connection/ },
    skips: ["slow-reader"],
  },
  {
    mistake: "keepsEverything",
    fails: { "slow-reader": /^32 MiB kept for it\n.* keeps all that one guest does not read/ },
  },
  { mistake: "neverPings", fails: { "ping": /^\d+ bytes, then nothing within [\d.]+ s\n/ } },
  {
    mistake: "diesOfNonsense",
    fails: { "nonsense": /ended during nonsense/ },
    stopped: /^The server ended during nonsense; look at its terminal$/,
  },
];

/** A chat with a mistake, for a `WrongServer`. */
export function createChat(mistake: keyof Mistakes) {
  const mistakes: Mistakes = { [mistake]: true };
  const guests = new Map<string, Guest>();
  const left: string[] = []; // the names of those who have left
  const later: { guest: Guest; content: { name: string } & FromServer }[] = [];

  return async (conn: Deno.Conn, server: WrongServer): Promise<void> => {
    const decoder = new MessageDecoder({ copy: true });
    const buffer = new Uint8Array(64 * 1024);
    let guest: Guest | undefined;
    let isNonsense = false;
    const timer = setInterval(() => {
      if (guest && !mistakes.neverPings) send(guest, { type: "ping" });
    }, PING_INTERVAL);
    try {
      for (let n; (n = await conn.read(buffer)) !== null;) {
        decoder.push(buffer.subarray(0, n));
        for (const message of decoder) {
          const content = decodeChat(message);
          if (!guest && content.type !== "join" && mistakes.needsNoJoin) continue;
          if (!guest && content.type === "say" && mistakes.answersStrangers) {
            await writeAll(conn, encodeChat({ type: "say", name: "a stranger", text: "hello" }));
            continue;
          }
          if (!guest) guest = join(conn, content);
          else if (await handle(guest, content, server)) {
            if (mistakes.forgetsResets) await leave(guest);
            return;
          }
        }
      }
    } catch (error) {
      isNonsense = error instanceof MessageHeaderError;
      if (mistakes.diesOfNonsense && isNonsense) server.die();
      await writeAll(conn, encodeChat({ type: "error", reason: (error as Error).message }));
      if (mistakes.explainsItsErrors) {
        await writeAll(conn, encodeChat({ type: "error", reason: "Try again" }));
      }
    } finally {
      clearInterval(timer);
      if (guest && (isNonsense || !mistakes.forgetsResets)) await leave(guest);
    }
  };

  function join(conn: Deno.Conn, { type, name }: Record<string, unknown>): Guest {
    if (type !== "join") throw new Error("Join first");
    if (mistakes.cutsNames) name = `${name}`.trim();
    if (!mistakes.takesAnyName && !isName(name)) throw new Error("No name");
    const key = mistakes.comparesBytes ? `${name}` : keyOf(`${name}`);
    if (mistakes.isSoonFull && guests.size >= 50) throw new Error("The chat is full");
    if (guests.has(key) && !mistakes.takesNamesTwice) throw new Error("The name is taken");
    const guest = { name: `${name}`, conn, written: Promise.resolve(), waiting: 0, sayings: 0 };
    guests.set(key, guest);
    tell({ type: "join", name: guest.name });
    return guest;
  }

  /** Returns whether the guest has left. */
  async function handle(
    guest: Guest,
    content: Record<string, unknown>,
    server: WrongServer,
  ): Promise<boolean> {
    const { type, text } = content;
    if (type === "who" && mistakes.ignoresWho) return false;
    if (type === "say" && mistakes.hearsSixteen && ++guest.sayings > 16) return false;
    if (type === "who" && mistakes.endsAtWho || type === "say" && mistakes.endsAtSay) return true;
    if (type === "who" && mistakes.refusesWho || type === "say" && mistakes.refusesSay) {
      throw new Error("No such type");
    }
    if (type === "pong" && mistakes.endsAtPong) return true;
    while (type === "pong" && mistakes.stopsAtPong && !server.dead) await pause(10);
    if (type === "say") {
      const except = mistakes.tellsOnlyOthers ? guest : undefined;
      const saying = { type, name: guest.name, text: `${text}` } as const;
      const told = tell(mistakes.saysNoName ? { ...saying, name: "" } : saying, except);
      if (mistakes.saysTwice) send(guest, saying);
      if (mistakes.waitsForReaders) await told;
    } else if (type === "who") {
      const all = [...guests.values()].filter((other) =>
        !mistakes.hidesTheAsker || other !== guest
      );
      const names = all.map(({ name }) => name);
      for (const name of mistakes.keepsNames ? left : []) names.push(name);
      const answer = { type, names: mistakes.joinsNames ? names.join() : names } as FromServer;
      await (mistakes.tellsAllWho ? tell(answer) : send(guest, answer));
    } else if (type === "pong" && mistakes.answersPongs) {
      await send(guest, { type: "error", reason: "What is a pong?" });
    } else if (type === "leave") {
      if (!mistakes.keepsLeavers) return true;
      await leave(guest);
    }
    return false;
  }

  async function leave(guest: Guest): Promise<void> {
    const key = mistakes.comparesBytes ? guest.name : keyOf(guest.name);
    if (guests.get(key) !== guest) return;
    const told = mistakes.forgetsLeaves
      ? undefined
      : send(guest, { type: "leave", name: guest.name });
    guests.delete(key);
    left.push(guest.name);
    if (!mistakes.forgetsLeaves) tell({ type: "leave", name: guest.name });
    await told;
  }

  function tell(content: FromServer, except?: Guest): Promise<unknown> {
    const others = [...guests.values()].filter((guest) => guest !== except);
    return Promise.all(others.map((guest, i) => {
      const isShort = content.type === "say" && content.text.length < 10;
      const isLater = mistakes.tellsInTwoOrders && isShort && i % 2 === 1;
      return isLater ? sendLater(guest, content) : send(guest, content);
    }));
  }

  /** Sends, after a while, all that was said until then: who has spoken last comes first. */
  function sendLater(guest: Guest, content: { name: string } & FromServer): void {
    later.unshift({ guest, content });
    if (later.length > 1) return;
    setTimeout(() => {
      const talkers = new Set(later.map(({ content }) => content.name));
      const all = later.splice(0).reverse();
      for (const talker of talkers) {
        const theirs = all.filter(({ content }) => content.name === talker);
        for (const { guest, content } of theirs) send(guest, content);
      }
    }, LATER);
  }

  function send(guest: Guest, content: FromServer): Promise<void> {
    const bytes = encodeChat(content);
    guest.waiting += bytes.length;
    if (guest.waiting > MAX_WAITING && !mistakes.keepsEverything) close(guest.conn);
    return guest.written = guest.written
      .then(() => writeAll(guest.conn, bytes))
      .catch(() => {})
      .finally(() => guest.waiting -= bytes.length);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
