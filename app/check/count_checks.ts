// The checks of a server that counts, which is an exercise. When a client has finished sending, the server
// answers with two unsigned 32-bit integers in network byte order, and ends the connection: how many bytes
// this client has sent, and how many clients have connected so far, this one included.
import { pause } from "../core/timeout.ts";
import { unpack } from "../wire/struct.ts";
import { readUint32 } from "../wire/endianness.ts";
import { escapeBytes } from "../wire/escape.ts";
import { countBytes, MIB, noise } from "./bytes.ts";
import { type Cause, type Check, explainWith, Failure, LostConnection } from "./check.ts";
import { explainKind } from "./explain.ts";
import type { Client, ServerRun } from "./server_run.ts";

const ANSWER = ">II";
const ANSWER_LENGTH = 8; // bytes
const EARLY = 1200; // milliseconds, for an answer that comes too early
const TWELVE = 12; // bytes, to begin with
const MANY_CLIENTS = 2 ** 24; // more than a test can have

const ONE_COUNTER = "The server adds up the bytes of all clients.";
const STAYS_OPEN: Cause = {
  hint: "The server does not close the connection after its answer.",
  read: "halfClose",
};
const LEAVES_OUT_BLANKS = "The server leaves out blanks or line ends.";

interface Answer {
  bytes: number;
  clients: number;
}

/** Says that the client has finished, and reads the answer and the end. */
async function readAnswer(client: Client): Promise<Answer> {
  await client.finish();
  const expected = `${ANSWER_LENGTH} bytes, and then the end`;
  const buffer = new Uint8Array(ANSWER_LENGTH + 1);
  let length = 0;
  while (length < buffer.length) {
    const n = await client.read(buffer.subarray(length), expected, { part: length });
    if (n === null) break;
    length += n;
  }
  if (length < ANSWER_LENGTH) {
    const seen = length > 0 ? "loss" : "end";
    throw new LostConnection(expected, `${length} bytes, and then the end`, { seen });
  }
  if (length > ANSWER_LENGTH) throw new Failure(expected, `more: ${escapeBytes(buffer)}…`);
  const [bytes, clients] = unpack(ANSWER, buffer.subarray(0, ANSWER_LENGTH));
  return { bytes, clients };
}

/** Sends bytes, and expects them to be counted. */
async function expectCount(serverRun: ServerRun, bytes: Uint8Array): Promise<Answer> {
  using client = await serverRun.connect();
  await client.send(bytes);
  return checkCount(await readAnswer(client), bytes.length);
}

function checkCount(answer: Answer, bytes: number): Answer {
  if (answer.bytes === bytes) return answer;
  const seen = answer.bytes < bytes ? "fewer" : "more";
  throw new Failure(`${bytes} bytes`, `${answer.bytes} bytes`, { seen });
}

/** What a good server does at any time. */
export async function probeCount(serverRun: ServerRun): Promise<void> {
  await expectCount(serverRun, noise(0, TWELVE));
}

/** Expects a second client to be counted apart, and as one more. */
async function expectSecond(serverRun: ServerRun): Promise<void> {
  const { clients } = await expectCount(serverRun, noise(0, TWELVE))
    .catch(explainWith({ "more": ONE_COUNTER }));
  if (clients < MANY_CLIENTS) return;
  throw new Failure("a number of clients", `${clients}`).because(
    "The number of clients is in the wrong byte order.",
  );
}

/** What a server that counts promises. */
export const countChecks: Check<ServerRun>[] = [
  {
    name: "count",
    what: "12 bytes are counted, in network byte order",
    hint: "The server does not answer when the client has finished.",
    causes: {
      "end": "The server ends the connection without an answer: look at what it has printed.",
      "fewer": "The server does not count each byte.",
      "more": "The server counts more than this client has sent, as the room of its buffer for " +
        "each read, or the end as a byte.",
    },
    read: "countExercise",
    async run(serverRun) {
      const explain = explainWith((failure) => explainCount(failure, serverRun));
      await probeCount(serverRun).catch(explain);
      await expectSecond(serverRun).catch(explain);
    },
  },
  {
    name: "nothing",
    what: "A client that sends nothing gets the number 0",
    hint: "The server answers only clients that have sent something.",
    read: "countExercise",
    run: async (serverRun) => void await expectCount(serverRun, new Uint8Array()),
  },
  {
    name: "single-bytes",
    what: "100 bytes, sent one by one, are counted as 100",
    hint: "The server counts reads instead of bytes, or answers after the first.",
    read: "echo",
    async run(serverRun) {
      const client = await serverRun.connect();
      for (let i = 0; i < 100; i++) await client.send(noise(i, 1));
      checkCount(await readAnswer(client), 100);
    },
  },
  {
    name: "large",
    what: "Somewhat more than 1 MiB is counted to the last byte",
    hint: "The server does not read to the end, or does not count all of it: look for a limit.",
    causes: { "end": "The server ends the connection before it has read all, or has answered." },
    read: "echo",
    run: async (serverRun) => void await expectCount(serverRun, noise(0, MIB + 7)),
  },
  {
    name: "bytes",
    what: "Bytes are counted, and not the characters that they may stand for",
    hint: "The server counts characters instead of bytes.",
    read: "echo",
    needs: ["single-bytes"],
    async run(serverRun) {
      await expectCount(serverRun, new TextEncoder().encode("Grüße 🐶"));
      await expectCount(serverRun, new Uint8Array(100).fill(0xff));
      await expectCount(serverRun, new TextEncoder().encode(" a line\r\n"))
        .catch(explainWith({ "fewer": LEAVES_OUT_BLANKS }));
    },
  },
  {
    name: "not-early",
    what: "A client that has not finished gets no answer yet",
    hint: "The server takes a pause for the end, or answers after its first read.",
    read: "halfClose",
    async run(serverRun) {
      const client = await serverRun.connect();
      await client.send(noise(0, TWELVE));
      await pause(EARLY);
      await client.send(noise(TWELVE, TWELVE));
      checkCount(await readAnswer(client), 2 * TWELVE);
    },
  },
  {
    name: "clients",
    what: "Clients are counted one by one",
    hint: "The server counts the clients that are connected now, or not each one.",
    read: "countExercise",
    async run(serverRun) {
      const first = await expectCount(serverRun, noise(0, 1));
      for (let i = 1; i <= 5; i++) {
        const { clients } = await expectCount(serverRun, noise(0, i));
        const expected = first.clients + i;
        if (clients !== expected) throw new Failure(`${expected} clients`, `${clients} clients`);
      }
    },
  },
  {
    name: "apart",
    what: "The bytes of five clients who send at the same time are counted apart",
    hint: "The server has one counter for all.",
    read: "manyClients",
    needs: ["single-bytes"],
    async run(serverRun) {
      const clients = await serverRun.connectMany(5);
      for (let round = 0; round < 10; round++) {
        for (const [i, client] of clients.entries()) await client.send(noise(0, i + 1));
      }
      for (const [i, client] of [...clients.entries()].reverse()) {
        checkCount(await readAnswer(client), 10 * (i + 1));
      }
    },
  },
  {
    name: "100-resets",
    what: "100 clients who connect and reset at once do no harm",
    hint: "An error of one connection harms the server.",
    read: "resets",
    run: (serverRun) => serverRun.resetMany(100),
  },
];

/** Finds out more about a server that counts wrong from the beginning. */
async function explainCount(
  { seen, meaning }: Failure,
  serverRun: ServerRun,
): Promise<Cause | undefined> {
  if (meaning !== undefined) return meaning;
  const answer = await serverRun.exchange(noise(0, TWELVE), { finish: true });
  if (seen === "stall" && answer.length === ANSWER_LENGTH) return STAYS_OPEN;
  return explainAnswer(answer) ?? await explainKind(serverRun, "count") ?? explainLength(answer);
}

/** What is wrong with two numbers for 12 bytes. */
function explainAnswer(answer: Uint8Array): Cause | undefined {
  if (answer.length !== ANSWER_LENGTH) return undefined;
  const [bytes, clients] = unpack(ANSWER, answer);
  if (readUint32(answer, 0, "little") === TWELVE) {
    return `The numbers are in the wrong byte order: ${bytes} is 12 with its bytes swapped.`;
  }
  return clients === TWELVE
    ? "The number of bytes comes first, and then the number of clients."
    : undefined;
}

/** What is wrong with an answer of another length. */
function explainLength(answer: Uint8Array): Cause | undefined {
  const { length } = answer;
  if (length === 0 || length === ANSWER_LENGTH) return undefined;
  const isText = /^[\x20-\x7e\r\n]+$/.test(new TextDecoder().decode(answer));
  return isText
    ? "The server answers with text. It must send two numbers of four bytes each."
    : `The answer has ${countBytes(length)}, and not two numbers of four bytes each.`;
}
