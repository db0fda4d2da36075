// The checks of an echo server.
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { pause } from "../core/timeout.ts";
import { escapeBytes } from "../wire/escape.ts";
import { KIB, MIB, noise } from "./bytes.ts";
import { type Cause, type Check, explainWith, Failure, type Seen } from "./check.ts";
import { explainKind, explainProtocol } from "./explain.ts";
import { both, type Client, endIfReset, GIVES_UP, type ServerRun } from "./server_run.ts";

// More than operating systems keep for the connections of a client, two proxies, and a server behind them:
// Linux may keep 37 MB for each direction of each.
const MAX_BUFFERED = 256; // MiB
const MORE = 8; // MiB, after a client was pushed back
const MAX_MEASUREMENTS = 3; // of the time of an echo, until it counts as slow
const MAX_GREETING = 40; // bytes
const CROWD = 500; // clients
const CROWD_TIME = 40_000; // milliseconds that they may take longer on a busy machine
const LINE_END = new TextEncoder().encode("\n");
const AROUND_ZERO = new TextEncoder().encode("before\0and after"); // C's functions for text stop there
const HELLO = new TextEncoder().encode("Hello, world");
// Where several clients talk, all send this same byte: only the check for it notices mixed clients.
const MANY = new Uint8Array(256 * KIB).fill(0x78);
const SAME = new Uint8Array(12).fill(0x78);

const STUCK =
  "Nothing more came back. Either two parts of the server wait for each other, each until the other one " +
  "reads. Or it stops: after so many bytes, where it needs a loop, after a write that took only a part, or " +
  "because it has failed, and left the connection open.";
const FORGETS =
  "The server forgets what a write did not take: a write may take fewer bytes than it is given. " +
  "Or it leaves bytes out itself, as at the end of a buffer, or lets one write overtake another.";
const REPEATS =
  "The server sends again what it has already sent. After a write that took only a part, it must go on " +
  "behind that part.";
const CHANGES = "The server sends back other bytes than it reads, once there are many.";
const ENDS_AT_ZERO = "The server takes a zero byte for the end of what it has read.";
const LOSES_ANYWAY: Cause = {
  hint: `Whether the client half-closes or not, bytes are missing. ${FORGETS}`,
  read: "writeAll",
};
const MISSING: Seen[] = ["loss", "gap", "stall"];
const FOREIGN =
  "Bytes came that this client has not sent: those of another one, or old ones, as from a buffer that the " +
  "clients share, or words of the server itself, as when it refuses a client.";
const MIXED: Cause = {
  hint: "What one client has sent has come back to another: the clients share a buffer.",
  read: "manyClients",
};
const IN_TURN = "The server waits for each client in turn.";
const ENDS_ONE =
  "The server ends the connection of a client while another one is connected, or fails: look at what it " +
  "has printed.";
const ENDS_EARLY =
  "The server ends the connection before all has come back: look at what it has printed.";
const READS_ONCE =
  "The server ends the connection before all has come back. It reads or writes once " +
  "where it needs a loop, or fails: look at what it has printed.";
const CHANGED = { "gap": FORGETS, "repeat": REPEATS, "other bytes": CHANGES };
const STALE =
  "More came back than was sent, as from an earlier read: the server sends a whole buffer, " +
  "and not only the bytes that it has read into it.";

/** What a good echo server does at any time. */
export async function probeEcho(serverRun: ServerRun): Promise<void> {
  await (await serverRun.connect()).echo(HELLO);
}

/** What an echo server promises. A wrong one may not survive the last checks. */
export const echoChecks: Check<ServerRun>[] = [
  {
    name: "echo",
    what: "What is sent comes back",
    hint: "The server must send back what it reads, unchanged and each time.",
    read: "echo",
    async run(serverRun) {
      const client = await serverRun.connect();
      for (let echoes = 0; echoes < 20; echoes++) { // a server that reads once fails here
        await client.echo(HELLO)
          .catch(explainWith((failure) => explainEcho(failure, echoes, serverRun)));
      }
    },
  },
  {
    name: "binary",
    what: "All 256 byte values come back as they are, UTF-8 or not",
    hint:
      "Only some of the bytes come back, as if the server took them for text and left out what is none, " +
      "or blanks and line ends.",
    causes: {
      "end": ENDS_EARLY,
      "loss": ENDS_EARLY,
      "other bytes": "The server takes the bytes for text, and changes some: line ends, or bytes " +
        "that are not UTF-8, which become ef bf bd (U+FFFD).",
    },
    read: "echo",
    async run(serverRun) {
      const client = await serverRun.connect();
      await client.echo(AROUND_ZERO).catch(explainWith({ "stall": ENDS_AT_ZERO }));
      await client.echo(Uint8Array.from({ length: 256 }, (_, i) => i));
      await client.echo(new Uint8Array([0, 0, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 13, 10]));
    },
  },
  {
    name: "single-bytes",
    what: "100 bytes, sent one by one, each come back before the next is sent",
    hint: "The server waits for more bytes than the client has sent.",
    causes: { "end": ENDS_EARLY, "other bytes": STALE },
    read: "echo",
    async run(serverRun) {
      const client = await serverRun.connect();
      for (let i = 0; i < 100; i++) {
        await client.echo(noise(i, 1));
        serverRun.progress = `${i + 1} of 100 bytes echoed`;
      }
    },
  },
  {
    name: "large",
    what: "1 MiB comes back whole to a client that reads while it sends",
    hint: STUCK,
    causes: { "end": READS_ONCE, "loss": READS_ONCE, ...CHANGED },
    read: "writeAll",
    async run(serverRun) {
      await (await serverRun.connect()).echo(noise(0, MIB));
    },
  },
  {
    name: "backpressure",
    what: "A client that sends without reading is pushed back, and then gets every byte",
    hint:
      "The server reads on without limit, or forgets what a write did not take. Finish a write " +
      "before you read more.",
    causes: {
      "silence": STUCK,
      "stall": STUCK,
      "end": GIVES_UP,
      "loss": GIVES_UP,
      ...CHANGED,
    },
    read: "writeAll",
    needs: ["large"],
    async run(serverRun) {
      const client = await serverRun.connect();
      if (!await client.pour(MAX_BUFFERED * MIB, serverRun.timeout / 3)) {
        throw new Failure(
          `to be pushed back within ${MAX_BUFFERED} MiB`,
          `${MAX_BUFFERED} MiB taken, which it keeps in memory, or loses`,
        );
      }
      const length = client.sent + MORE * MIB;
      await both(client.pourRest(length), client.expectNoise(length));
    },
  },
  {
    name: "half-close",
    what: "A client that says it is done gets everything that is still on its way, then the end",
    hint: "The server does not close the connection, although the client has finished.",
    causes: {
      "stall": { hint: STUCK, read: "writeAll" },
      "end": "The server closes with bytes unsent.",
      "loss": "The server closes with bytes unsent.",
      "more": "The server sends more than it has read, before it closes.",
      ...CHANGED,
      "gap": { hint: FORGETS, read: "writeAll" },
    },
    read: "halfClose",
    needs: ["large"],
    async run(serverRun) {
      const few = await serverRun.connect();
      await few.send(HELLO);
      await few.finish();
      await few.expect(HELLO);
      await few.expectEnd();

      const length = 16 * MIB;
      const many = await serverRun.connect();
      const start = performance.now();
      const isPushedBack = await many.pour(length, serverRun.timeout / 3);
      const sending = many.pourRest(length).then(() => many.finish());
      if (!isPushedBack) { // it keeps much, so let it notice the half-close before we read
        await sending;
        await pause(digestingTime(start, serverRun));
      }
      await both(sending, many.expectNoiseToEnd(length))
        .catch(
          explainWith(async ({ seen }) =>
            seen === "loss" && await losesAnyway(length, serverRun) ? LOSES_ANYWAY : undefined
          ),
        );
    },
  },
  {
    name: "five-clients",
    what: "Five clients at once, who take turns, are all answered",
    hint: "The server serves one client, or a few, and the others wait until one leaves.",
    causes: { "end": ENDS_ONE, "loss": ENDS_ONE, "other bytes": FOREIGN },
    read: "manyClients",
    run: (serverRun) =>
      apart(serverRun, async () => {
        const clients = await serverRun.connectMany(5);
        for (let round = 0; round < 10; round++) {
          for (const part of [SAME.subarray(0, 5), SAME.subarray(5)]) {
            for (const client of clients) await client.send(part);
          }
          for (const client of clients) await client.expect(SAME);
        }
      }),
  },
  {
    name: "slow-client",
    what: "A client that sends its message slowly does not keep others waiting",
    hint: "The server serves one client at a time, or waits for the rest of what one sends.",
    causes: { "end": ENDS_ONE, "loss": ENDS_ONE, "other bytes": FOREIGN },
    read: "oneAtATime",
    run: (serverRun) =>
      apart(serverRun, async () => {
        const slow = await serverRun.connect();
        const quick = await serverRun.connect();
        for (let i = 0; i < SAME.length; i++) {
          await slow.send(SAME.subarray(i, i + 1));
          await quick.echo(SAME);
        }
        await slow.expect(SAME);
      }),
  },
  {
    name: "idle-client",
    what: "A client that is connected and silent costs the others no time",
    hint: "The server waits for each client in turn, or serves only a few.",
    causes: { "end": ENDS_ONE, "other bytes": FOREIGN },
    read: "oneAtATime",
    run: (serverRun) =>
      apart(serverRun, async () => {
        const alone = await medianTime(await serverRun.connect());
        await serverRun.connect();
        const client = await serverRun.connect();
        const max = 5 * alone + 20; // milliseconds
        let beside = await medianTime(client);
        // A busy machine may be slow for a moment.
        for (let tries = 2; beside > max && tries <= MAX_MEASUREMENTS; tries++) {
          beside = await medianTime(client);
        }
        if (beside <= max) return;
        const expected = `at most ${max.toFixed(1)} ms an echo`;
        throw new Failure(expected, `${beside.toFixed(1)} ms`).because(IN_TURN);
      }),
  },
  {
    name: "never-reads",
    what: "A client that sends and never reads does not keep others waiting",
    hint: "The server waits in a write to one client, and everybody waits with it.",
    causes: { "end": ENDS_ONE, "loss": ENDS_ONE, "other bytes": FOREIGN },
    read: "backpressure",
    needs: ["large"],
    async run(serverRun) {
      const deaf = await serverRun.connect();
      await deaf.pour(16 * MIB).catch(endIfReset); // it may give this one up
      const client = await serverRun.connect();
      for (let i = 0; i < 10; i++) await client.echo(SAME);
      await client.echo(MANY);
      if (await deaf.drain(SAME)) { // what waited for it should have been its own
        const failure = new Failure("its own bytes for each", "those of one client at another");
        throw failure.because(MIXED);
      }
    },
  },
  {
    name: "no-mixing",
    what: "Ten clients who all send at the same time each get back their own bytes only",
    hint:
      "The server serves only some of the clients, and the others wait, or the clients wait for each " +
      "other.",
    causes: { "end": ENDS_ONE, "loss": ENDS_ONE, "other bytes": FOREIGN },
    read: "manyClients",
    needs: ["large"],
    async run(serverRun) {
      const clients = await serverRun.connectMany(10);
      const own = (i: number) => new Uint8Array(256 * KIB).fill("A".charCodeAt(0) + i);
      await Promise.all(clients.map((client, i) => client.echo(own(i))));
    },
  },
  {
    name: "500-clients",
    what: "500 clients who are connected at the same time are all answered",
    hint: "The server cannot hold that many clients at once.",
    causes: {
      "end":
        "The server cannot hold that many clients at once, or it gives up one that is silent for a while.",
      "other bytes": FOREIGN,
    },
    read: "oneTooMany",
    extraTime: CROWD_TIME,
    run: (serverRun) =>
      apart(serverRun, async () => {
        const clients: Client[] = [];
        while (clients.length < CROWD) {
          const client = await serverRun.connect();
          await client.echo(SAME);
          clients.push(client);
          serverRun.progress = `${clients.length} of ${CROWD} clients connected`;
          if (clients.length % 50 > 0) continue;
          // All talk again and again: a server may close those that are silent, and a busy machine takes its time.
          for (const client of clients) await client.send(SAME);
          for (const client of clients) await client.expect(SAME); // each has its own time
        }
      }),
  },
  {
    name: "reset",
    what: "A client that resets its connection in the middle of an echo does no harm",
    hint: "An error of one connection harms others, or the server.",
    read: "resets",
    needs: ["large"],
    async run(serverRun) {
      for (let i = 0; i < 5; i++) await serverRun.reset(noise(0, MIB));
    },
  },
  {
    name: "100-resets",
    what: "100 clients who connect and reset at once do no harm",
    hint:
      "The server accepts no more clients: an accept that fails ends its accept loop, or it still waits for " +
      "a client that has gone.",
    read: "robustServer",
    async run(serverRun) {
      await serverRun.resetMany(100);
    },
  },
];

/** Finds out more about a server that fails already after so many echoes. */
async function explainEcho(
  { seen, isEnd }: Failure,
  echoes: number,
  serverRun: ServerRun,
): Promise<Cause | undefined> {
  serverRun.closeAll(); // it may serve one client at a time
  if (seen === "silence" && echoes > 0) {
    return "The server reads once for each client, where it needs a loop.";
  }
  if (isEnd && echoes > 0) {
    return "The server reads once for each client, and then closes, where it needs a loop. Or it fails: " +
      "look at what it has printed.";
  }
  if (seen === "silence") {
    if (await echoesAfter(serverRun, (client) => client.send(LINE_END))) {
      return "The server waits for the end of a line.";
    }
    if (await echoesAfter(serverRun, (client) => client.send(MANY))) {
      return "The server answers only when many bytes have come. Either it reads until its buffer is full, " +
        "or it collects its answer in one (flush).";
    }
    if (await echoesAfter(serverRun, (client) => client.finish())) {
      return {
        hint: "The server answers only when the client has half-closed: it reads to the end first.",
        read: "halfClose",
      };
    }
  }
  const greeting = await readGreeting(serverRun);
  if (greeting !== undefined) {
    return `The server sends ${greeting} before the client has sent anything. An echo server only answers.`;
  }
  const answer = await serverRun.exchange(HELLO);
  const found = explainProtocol(answer, "server") ?? explainAnswer(answer) ??
    await explainKind(serverRun, "echo");
  if (found !== undefined) return found;
  if (seen === "silence") return "The server reads nothing, or sends nothing back.";
  return isEnd && answer.length === 0
    ? "The server ends the connection instead of sending back what it reads."
    : undefined;
}

/**
 * Runs a check of several clients. If one of them waits for what another has got, the server does not keep
 * them apart.
 */
function apart(serverRun: ServerRun, run: () => Promise<void>): Promise<void> {
  return run().catch(
    explainWith(async ({ isSilence }) =>
      isSilence && await serverRun.hasStrayBytes() ? MIXED : undefined
    ),
  );
}

/** What a server adds to what it should send back, or leaves out. */
function explainAnswer(answer: Uint8Array): Cause | undefined {
  const [text, hello] = [new TextDecoder().decode(answer), new TextDecoder().decode(HELLO)];
  if (text === "" || text === hello) return undefined;
  const show = (text: string) => escapeBytes(new TextEncoder().encode(text));
  if (text.includes(hello)) {
    const [before, after] = text.split(hello) as [string, string];
    const added = [
      ...(before === "" ? [] : [`${show(before)} before it`]),
      ...(after === "" ? [] : [`${show(after)} after it`]),
    ].join(" and ");
    return `The server sends back what it reads, with ${added}.`;
  }
  if (!hello.includes(text)) return undefined;
  const missing = hello.length - text.length;
  return `The server sends back ${missing === 1 ? "one byte" : `${missing} bytes`} fewer than it ` +
    `reads: ${show(text)} for ${show(hello)}.`;
}

/** Whether the echo of a new client comes after something else has happened. */
async function echoesAfter(
  serverRun: ServerRun,
  act: (client: Client) => Promise<void>,
): Promise<boolean> {
  try {
    using client = await serverRun.connect();
    await client.send(HELLO);
    await act(client);
    const buffer = new Uint8Array(HELLO.length);
    const timeout = serverRun.timeout / 4;
    for (let length = 0; length < buffer.length;) {
      const n = await client.read(buffer.subarray(length), "an echo", { timeout });
      if (n === null) return false;
      length += n;
    }
    return equals(buffer, HELLO);
  } catch {
    return false;
  }
}

/** What a server sends to a client that sends nothing. */
async function readGreeting(serverRun: ServerRun): Promise<string | undefined> {
  try {
    using client = await serverRun.connect();
    const buffer = new Uint8Array(MAX_GREETING);
    const n = await client.read(buffer, "nothing", { timeout: serverRun.timeout / 4 });
    return n === null ? undefined : escapeBytes(buffer.subarray(0, n));
  } catch {
    return undefined;
  }
}

/** How long a server may need for what it has taken so quickly since `start`, in milliseconds. */
function digestingTime(start: number, { timeout }: ServerRun): number {
  return Math.min(300 + 4 * (performance.now() - start), timeout);
}

/** Whether bytes are missing also where a client does not half-close. */
async function losesAnyway(length: number, serverRun: ServerRun): Promise<boolean> {
  try {
    const client = await serverRun.connect();
    const start = performance.now();
    if (!await client.pour(length)) await pause(digestingTime(start, serverRun));
    await both(client.pourRest(length), client.expectNoise(length));
    return false;
  } catch (error) {
    return error instanceof Failure && MISSING.includes(error.seen);
  }
}

/** The time of an echo, in milliseconds. */
async function medianTime(client: Client): Promise<number> {
  const times: number[] = [];
  while (times.length < 15) {
    const start = performance.now();
    await client.echo(SAME);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[7]!;
}
