// The checks of an echo client: it sends something, and gets it back from us in every possible way.
import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { pause } from "../core/timeout.ts";
import { escapeText } from "../wire/escape.ts";
import { type Cause, type Check, explainWith, Failure } from "./check.ts";
import {
  type ClientRun,
  expectError,
  expectImpatience,
  expectPrintable,
  expectSuccess,
  type Peer,
} from "./client_run.ts";
import type { Lesson } from "./lessons.ts";
import type { Exit } from "./program.ts";

const IN_PIECES =
  "The client takes one read for the whole echo, or does not put the pieces together: it keeps, " +
  "decodes or compares only one of them.";
const GAP = 20; // milliseconds between two pieces, so that they are read one by one
const LONG_GAP = 300; // milliseconds, in which a client that does not wait has ended
const MAX_CUTS = 24; // places where an echo is cut in two
const ON_STDERR = "The client shows the echo on standard error. Output for the user belongs on " +
  "standard output; standard error is for errors.";
const SENDS_NOTHING: Cause = {
  hint:
    "The client connects and sends nothing. If it has printed an error, that is why. If it sends what it " +
    "reads from its standard input, which is empty here, feed it: sh -c 'echo hello | my_client {host} {port}'",
  read: "command",
};
const NO_WAIT = "The client does not wait for its echo.";
const NO_END = "The client has its whole echo, and does not end.";
const NO_HALF_CLOSE = "The client reads until the connection ends, but does not say that it has " +
  "finished (half-close). So it waits for the end of the server, and the server for its end.";
const MISSES_END =
  "The client does not notice the end of the connection. A read that returns nothing " +
  "is the end, and not a pause: a loop must stop there.";
const READS_TOO_FAR = "The client waits for more bytes than it has sent.";
const ESCAPES = new TextEncoder().encode("\x1b[2J\x1b[31mred\x07 \x9b1m\n");

/** What our server does with each message of the client. */
type Answer = (peer: Peer, message: Uint8Array) => Promise<void>;

/** Runs the client against a server that gives a right echo, in pieces. It must read all of them. */
async function expectWhole(clientRun: ClientRun, answer: Answer): Promise<Exit> {
  const exit = await clientRun.against(async (peer) => {
    let message: Uint8Array | undefined = await receiveFirst(peer);
    while (message !== undefined) {
      const { length } = message;
      await answer(peer, message);
      await pause(GAP); // what is sent to a client that has closed comes back as a reset
      message = await peer.gather("a client that closes the connection when it has its echo");
      if (peer.isLost) {
        throw new Failure(
          `a client that reads all ${length} bytes`,
          "it closed the connection before",
        );
      }
    }
    peer.finish();
  });
  expectSuccess(exit);
  return exit;
}

/** Runs the client against a server that does something wrong, once. It must end with an error. */
async function expectNotice(clientRun: ClientRun, answer: Answer): Promise<void> {
  expectError(
    await clientRun.against(async (peer) => {
      await answer(peer, await receiveFirst(peer));
    }),
  );
}

/** Receives the first message of the client. */
async function receiveFirst(peer: Peer): Promise<Uint8Array> {
  const message = await peer.gather().catch(explainWith({ "silence": SENDS_NOTHING }));
  if (message !== undefined) return message;
  throw new Failure("a client that sends something", "the end").because(SENDS_NOTHING);
}

/**
 * Where to cut a message: first everywhere, if it is short, and then once more. A client that reads once
 * and closes is noticed by the second piece after that: the first one still seems to be taken.
 */
function cutsOf(length: number): number[][] {
  const count = Math.min(length - 1, MAX_CUTS);
  return Array.from({ length: count }, (_, i) => {
    const at = Math.ceil((i + 1) * (length - 1) / count);
    return at < length - 1 ? [at, length - 1] : [at - 1, at].filter((place) => place > 0);
  });
}

function half({ length }: Uint8Array): number {
  return Math.ceil(length / 2);
}

/** Finds out why a client does not end when it has its echo: it may wait for the end of the connection. */
async function explainWait(
  { seen, meaning }: Failure,
  clientRun: ClientRun,
): Promise<Cause | undefined> {
  if (meaning !== undefined) return meaning;
  try {
    const { code } = await clientRun.against(async (peer) => {
      await peer.send(await receiveFirst(peer));
      await pause(LONG_GAP);
      peer.finish();
    });
    if (code === 0) return NO_HALF_CLOSE;
    return seen === "silence" ? READS_TOO_FAR : undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.seen === "stall" ? NO_END : undefined;
  }
}

/** What an echo client promises. */
export const echoClientChecks: Check<ClientRun>[] = [
  {
    name: "echo",
    what: "With its echo in one piece, the client ends with exit code 0",
    hint: "The client fails although its echo is right: look at what it has printed.",
    causes: { "stall": NO_END },
    read: "client",
    async run(clientRun) {
      await expectWhole(clientRun, async (peer, message) => {
        await pause(LONG_GAP);
        if (peer.hasClientEnded) {
          throw new Failure("a client that waits for its echo", "its end").because(NO_WAIT);
        }
        await peer.send(message);
      }).catch(explainWith((failure) => explainWait(failure, clientRun)));
    },
  },
  {
    name: "prints",
    what: "What comes back is printed",
    hint: "The client does not show its user what it has received.",
    read: "client",
    async run(clientRun): Promise<string | void> {
      const decoder = new TextDecoder();
      const sent = new Set<string>();
      const { stdout, stderr, left } = await expectWhole(clientRun, async (peer, message) => {
        for (const line of decoder.decode(message).split(/\p{Cc}+/u)) sent.add(line);
        await peer.send(message);
      });
      const missing = sent.values().find((text) => !stdout.includes(text));
      if (missing === undefined) return;
      if (left > 0) return "it prints too much to find out";
      const failure = new Failure(
        `"${escapeText(missing)}" on standard output`,
        `"${escapeText(stdout)}"`,
      );
      throw failure.because(stderr.includes(missing) ? ON_STDERR : undefined);
    },
  },
  {
    name: "single-bytes",
    what: "An echo in single bytes is read to its end",
    hint: "The client takes the first read for the whole echo, or counts reads instead of bytes.",
    causes: { "error": IN_PIECES },
    read: "echo",
    async run(clientRun) {
      await expectWhole(clientRun, async (peer, message) => {
        await peer.sendSingly(message, Math.min(GAP * message.length, clientRun.pause));
      });
    },
  },
  {
    name: "pause",
    what: "An echo with pauses in it is read to its end",
    hint: "The client takes a pause for the end, or one read for the whole echo.",
    causes: {
      "error":
        "The client takes a pause for the end, or one read for the whole echo, or does not put the pieces together.",
    },
    read: "echo",
    async run(clientRun) {
      await expectWhole(clientRun, async (peer, message) => {
        const ends = [half(message), message.length - 1];
        await peer.sendInPieces(message, ends, clientRun.pause);
      });
    },
  },
  {
    name: "split",
    what: "An echo in pieces is read to its end, wherever it is cut",
    hint: "The client takes the first read for the whole echo, or counts reads instead of bytes.",
    causes: { "error": IN_PIECES },
    read: "echo",
    async run(clientRun) {
      let cuts = [[1]]; // more, as soon as we know how much it sends
      for (let i = 0; i < cuts.length; i++) {
        await expectWhole(clientRun, async (peer, message) => {
          if (i === 0) cuts = cutsOf(message.length);
          await peer.sendInPieces(message, cuts[i] ?? [1], GAP);
        });
        clientRun.progress = `cut at ${i + 1} of ${cuts.length} places`;
      }
    },
  },
  {
    name: "cut-short",
    what: "When the connection ends in the middle of the echo, the client ends with an error",
    hint: "The client does not compare the echo with what it has sent.",
    causes: { "stall": MISSES_END },
    read: "client",
    async run(clientRun) {
      await expectNotice(clientRun, async (peer, message) => {
        await peer.send(message.subarray(0, half(message) - 1));
        peer.finish();
      });
    },
  },
  {
    name: "no-echo",
    what: "When the connection ends without a byte, the client ends with an error",
    hint: "The client takes the end of the connection for an echo.",
    causes: { "stall": MISSES_END },
    read: "client",
    async run(clientRun) {
      await expectNotice(clientRun, (peer) => {
        peer.finish();
        return Promise.resolve();
      });
    },
  },
  {
    name: "too-much",
    what: "When more comes back than was sent, the client ends with an error",
    hint:
      "The client does not notice that more has come: it reads or compares only as many bytes as it has " +
      "sent, or none.",
    causes: { "stall": MISSES_END },
    read: "client",
    async run(clientRun) {
      await expectNotice(clientRun, async (peer, message) => {
        await peer.send(concat([message, message]));
        peer.finish();
      });
    },
  },
  {
    name: "differs",
    what: "When other bytes come back, the client ends with an error",
    hint: "The client does not compare the echo with what it has sent.",
    causes: { "stall": MISSES_END },
    read: "client",
    async run(clientRun) {
      await expectNotice(clientRun, async (peer, message) => {
        await peer.send(message.map((byte, i) => i === message.length - 1 ? byte ^ 1 : byte));
        peer.finish();
      });
    },
  },
  {
    name: "escapes",
    what: "Control characters that come back do not reach the terminal",
    hint: "The client prints what a server sends as it is: it could clear the screen, or worse.",
    causes: { "stall": MISSES_END },
    read: "client",
    async run(clientRun) {
      const exit = await clientRun.against(async (peer) => {
        await peer.gather();
        await peer.send(ESCAPES);
        peer.finish();
      });
      expectPrintable(exit);
    },
  },
  {
    name: "reset",
    what: "When the connection is reset in the middle of the echo, the client ends with an error",
    hint: "The client ignores the error, or takes what it has for the whole echo.",
    read: "resets",
    async run(clientRun) {
      await expectNotice(clientRun, async (peer, message) => {
        await peer.send(message.subarray(0, half(message) - 1));
        await pause(GAP);
        peer.reset();
      });
    },
  },
  ...unansweredChecks("client", "the server is silent", "client"),
];

/**
 * The checks of every client that get no answer, since nobody listens, or since the server is silent.
 *
 * @param isSilent What happens in the last of them, in words.
 */
export function unansweredChecks(
  who: "client" | "bot",
  isSilent: string,
  read: Lesson,
): Check<ClientRun>[] {
  return [
    {
      name: "refused",
      what: `When nobody listens, the ${who} ends with an error`,
      hint: `The ${who} ignores that it could not connect.`,
      causes: {
        "stall": `The ${who} does not end: it tries again and again, or has no deadline.`,
      },
      read: "resets",
      run: async (clientRun) => expectError(await clientRun.againstNobody()),
    },
    {
      name: "silence",
      what: `When ${isSilent}, the ${who} gives up and ends with an error`,
      hint:
        `The ${who} waits forever: it has no deadline. (If it has one, tell it with --patience.)`,
      causes: { "success": `The ${who} ends in time, but with exit code 0, as if all were well.` },
      read,
      run: expectImpatience,
    },
  ];
}
