// The checks of an echo server.
import { pause } from "../core/timeout.ts";
import { type Check, Failure } from "./check.ts";
import { both, type Client, KIB, MIB, noise, type ServerRun } from "./server_run.ts";

// More than operating systems keep for the connections of a client, two proxies, and a server behind them.
const MAX_BUFFERED = 128 * MIB;
const MAX_MEASUREMENTS = 3; // of the time of an echo, until it counts as slow
const HELLO = new TextEncoder().encode("Hello, world");
// Where several clients talk, all send this same byte: only the check for it notices mixed clients.
const SAME = new Uint8Array(12).fill(0x78);

/** What a good echo server does at any time. */
export async function probeEcho(serverRun: ServerRun): Promise<void> {
  await (await serverRun.connect()).echo(HELLO);
}

/** What an echo server promises. A wrong one may not survive the last checks. */
export const echoChecks: Check<ServerRun>[] = [
  {
    name: "echo",
    what: "What is sent comes back",
    hint:
      "The server must send back what it reads, unchanged and each time. It may read only once, or wait for a line end.",
    read: "echo",
    async run(serverRun) {
      const client = await serverRun.connect();
      for (let i = 0; i < 20; i++) await client.echo(HELLO); // a server that reads once fails here
    },
  },
  {
    name: "binary",
    what: "All 256 byte values come back as they are, UTF-8 or not",
    hint:
      "The server takes the bytes for text, and changes some. Bytes that are not UTF-8 become ef bf bd (U+FFFD).",
    read: "text",
    async run(serverRun) {
      const client = await serverRun.connect();
      await client.echo(Uint8Array.from({ length: 256 }, (_, i) => i));
      await client.echo(new Uint8Array([0, 0, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 13, 10]));
    },
  },
  {
    name: "single-bytes",
    what: "100 bytes, sent one by one, each come back before the next is sent",
    hint: "The server waits for more bytes than the client has sent.",
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
    hint: "The server reads or writes once where it needs a loop.",
    read: "writeAll",
    async run(serverRun) {
      await (await serverRun.connect()).echo(noise(0, MIB));
    },
  },
  {
    name: "backpressure",
    what: "A client that sends without reading is pushed back, and then gets every byte",
    hint:
      "The server forgets what a write did not take, reads on without limit, or gives up early.",
    read: "backpressure",
    needs: ["large"],
    async run(serverRun) {
      const client = await serverRun.connect();
      if (!await client.pour(MAX_BUFFERED, serverRun, serverRun.timeout / 3)) {
        throw new Failure(
          "to be pushed back within 128 MiB",
          "128 MiB taken, which it keeps in memory, or loses",
        );
      }
      await client.expectNoise(serverRun);
    },
  },
  {
    name: "half-close",
    what: "A client that says it is done gets everything that is still on its way, then the end",
    hint: "The server closes with bytes unsent, or does not close.",
    read: "halfClose",
    needs: ["large"],
    async run(serverRun): Promise<string | void> {
      const few = await serverRun.connect();
      await few.send(HELLO);
      await few.finish();
      await few.expect(HELLO);
      await few.expectEnd();

      const length = 8 * MIB;
      const many = await serverRun.connect();
      const start = performance.now();
      const isPushedBack = await many.pour(length, serverRun, serverRun.timeout / 3);
      const sending = many.pourRest(length);
      if (!isPushedBack) { // it keeps much, so let it notice the half-close before we read
        await sending;
        await pause(digestingTime(start, serverRun));
      }
      try {
        await both(sending, many.expectNoiseToEnd(length, serverRun));
      } catch (error) {
        if (await losesAnyway(length, serverRun)) {
          return 'it loses bytes anyway, see "backpressure"';
        }
        throw error;
      }
    },
  },
  {
    name: "five-clients",
    what: "Five clients at once, who take turns, are all answered",
    hint: "The server serves one client, or a few, and the others wait until one leaves.",
    read: "manyClients",
    async run(serverRun) {
      const clients = await serverRun.connectMany(5);
      for (let round = 0; round < 10; round++) {
        for (const part of [SAME.subarray(0, 5), SAME.subarray(5)]) {
          for (const client of clients) await client.send(part);
        }
        for (const client of clients) await client.expect(SAME);
      }
    },
  },
  {
    name: "slow-client",
    what: "A client that sends its message slowly does not keep others waiting",
    hint: "The server serves one client at a time, or waits for the rest of what one sends.",
    read: "oneAtATime",
    async run(serverRun) {
      const slow = await serverRun.connect();
      const quick = await serverRun.connect();
      for (let i = 0; i < SAME.length; i++) {
        await slow.send(SAME.subarray(i, i + 1));
        await quick.echo(SAME);
      }
      await slow.expect(SAME);
    },
  },
  {
    name: "idle-client",
    what: "A client that is connected and silent costs the others no time",
    hint: "The server waits for each client in turn.",
    read: "oneAtATime",
    async run(serverRun) {
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
      throw new Failure(`at most ${max.toFixed(1)} ms an echo`, `${beside.toFixed(1)} ms`);
    },
  },
  {
    name: "never-reads",
    what: "A client that sends and never reads does not keep others waiting",
    hint: "The server waits in a write to one client, and everybody waits with it.",
    read: "backpressure",
    async run(serverRun) {
      const deaf = await serverRun.connect();
      await deaf.pour(16 * MIB, serverRun);
      const client = await serverRun.connect();
      for (let i = 0; i < 10; i++) await client.echo(SAME);
      await deaf.drain();
    },
  },
  {
    name: "no-mixing",
    what: "Ten clients who all send at the same time each get back their own bytes only",
    hint: "The clients wait for each other, or share a buffer.",
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
    read: "robustServer",
    async run(serverRun) {
      const clients = await serverRun.connectMany(500, (client) => client.echo(SAME));
      for (const client of clients) await client.send(SAME);
      for (const client of clients) await client.expect(SAME); // each has its own time
    },
  },
  {
    name: "reset",
    what: "A client that resets its connection in the middle of an echo does no harm",
    hint: "An error of one connection harms others, or the server.",
    read: "resets",
    async run(serverRun) {
      for (let i = 0; i < 5; i++) await serverRun.reset(noise(0, MIB));
    },
  },
  {
    name: "100-resets",
    what: "100 clients who connect and reset at once do no harm",
    hint: "A failed accept ends the accept loop.",
    read: "robustServer",
    async run(serverRun) {
      await serverRun.resetMany(100);
    },
  },
];

/** How long a server may need for what it has taken so quickly since `start`, in milliseconds. */
function digestingTime(start: number, { timeout }: ServerRun): number {
  return Math.min(300 + 4 * (performance.now() - start), timeout);
}

async function losesAnyway(length: number, serverRun: ServerRun): Promise<boolean> {
  const client = await serverRun.connect();
  const start = performance.now();
  try {
    if (!await client.pour(length, serverRun)) await pause(digestingTime(start, serverRun));
    await client.expectNoise(serverRun);
    return false;
  } catch {
    return true;
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
