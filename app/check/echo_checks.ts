// The checks of an echo server, and the client with which all checks are made.
import { connect as connectWithNode, type Socket } from "node:net";
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { connect } from "../core/connect.ts";
import { escapeBytes } from "../wire/escape.ts";

const KIB = 1024; // bytes
const MIB = 1024 * KIB; // bytes
const READ_SIZE = 64 * KIB; // bytes
const SHOWN = 24; // bytes, of those that are wrong

/** One promise that a server keeps, and how to find out whether it does. */
export interface Check {
  name: string;
  /** What it tests, in one sentence. */
  what: string;
  /** What it means when it fails, and where the tutorial explains it. */
  hint: string;
  /** Throws a `Failure` if the server is wrong. Returns a remark if a pass needs one. */
  run: (checkRun: CheckRun) => Promise<string | void>;
}

/** The error for a server that does something else than it should. */
export class Failure extends Error {
  readonly expected: string;
  readonly actual: string;

  constructor(expected: string, actual: string, cause?: unknown) {
    super(`Expected ${expected}, not ${actual}`, { cause });
    this.expected = expected;
    this.actual = actual;
  }
}

/** One run of a check. It owns all its connections, and closes them when it is disposed. */
export class CheckRun implements Disposable {
  /** How long the server may take for one step, in milliseconds. */
  readonly timeout: number;
  /** How far a long check is, for whoever watches it. */
  progress = "";
  readonly #address: { hostname: string; port: number };
  readonly #close: (() => void)[] = [];
  #over = false;

  constructor(address: { hostname: string; port: number }, timeout: number) {
    this.#address = address;
    this.timeout = timeout;
  }

  /** Connects to the server. */
  async connect(): Promise<Client> {
    if (this.#over) throw new Failure("a connection", "the end of the check");
    try {
      const conn = await connect({ address: this.#address, timeout: this.timeout });
      this.#own(() => conn.close());
      return new Client(conn, this.timeout);
    } catch (error) {
      throw new Failure("a connection", (error as Error).message, error);
    }
  }

  /** Connects, sends some bytes, waits until the first come back, and ends with a reset (RST). */
  async reset(bytes?: Uint8Array): Promise<void> {
    const socket: Socket = connectWithNode(this.#address.port, this.#address.hostname);
    this.#own(() => socket.destroy());
    const done = new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("end", () => reject(new Error("the end")));
      socket.on("close", () => resolve());
      socket.on("data", () => socket.resetAndDestroy());
      socket.on("connect", () => bytes ? socket.write(bytes) : socket.resetAndDestroy());
    });
    await step(done, this.timeout, bytes ? "an echo that begins" : "a connection");
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const close of this.#close) close();
  }

  #own(close: () => void) {
    if (this.#over) close();
    else this.#close.push(close);
  }
}

/** A connection on which no step takes longer than the server may take for it. */
export class Client {
  /** How many bytes the server has taken, and returned. */
  sent = 0;
  received = 0;
  readonly #conn: Deno.Conn;
  readonly #timeout: number;
  #writing: Promise<void> | undefined; // by `pour`

  constructor(conn: Deno.Conn, timeout: number) {
    this.#conn = conn;
    this.#timeout = timeout;
  }

  /** Sends all the bytes. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const writing = this.#conn.write(bytes.subarray(at));
      const n = await this.#step(writing, `all ${count(bytes.length)} taken`);
      at += n;
      this.sent += n;
    }
  }

  /** Says that nothing more will be sent (half-close). */
  async finish(): Promise<void> {
    await this.#step(this.#conn.closeWrite(), "a connection that is still open");
  }

  /** Reads some bytes; `null` is the end. */
  async read(buffer: Uint8Array, expected: string): Promise<number | null> {
    const n = await this.#step(this.#conn.read(buffer), expected);
    this.received += n ?? 0;
    return n;
  }

  /** Reads as many bytes as these, which they must be. */
  async expect(bytes: Uint8Array): Promise<void> {
    const buffer = new Uint8Array(bytes.length);
    const expected = bytes.length <= SHOWN ? escapeBytes(bytes) : `${count(bytes.length)} back`;
    for (let at = 0; at < bytes.length;) {
      const n = await this.read(buffer.subarray(at), expected);
      if (n === null) throw new Failure(expected, this.came("the end"));
      compare(buffer.subarray(0, at + n), bytes, at);
      at += n;
    }
  }

  /** Reads the end. */
  async expectEnd(): Promise<void> {
    const buffer = new Uint8Array(16);
    const n = await this.read(buffer, "the end");
    if (n !== null) throw new Failure("the end", `${escapeBytes(buffer.subarray(0, n))} more`);
  }

  /** Sends the bytes, and expects them back. */
  async echo(bytes: Uint8Array): Promise<void> {
    await both(this.send(bytes), this.expect(bytes));
  }

  /**
   * Sends noise without reading, up to this length in all, or until the server takes no more. A
   * server that keeps everything gets slower and slower, and so we become more patient with it.
   *
   * @param patience How long it may take nothing at first, in milliseconds.
   * @returns Whether it took no more.
   */
  async pour(
    length: number,
    checkRun: CheckRun,
    patience = checkRun.timeout / 10,
  ): Promise<boolean> {
    while (this.sent < length) {
      const start = performance.now();
      this.#writing ??= this.#write(noise(this.sent, Math.min(READ_SIZE, length - this.sent)));
      try {
        if (await withTimeout(this.#writing, patience) === TIMED_OUT) return true;
      } catch (error) {
        throw new Failure(`${count(length)} taken`, this.came((error as Error).message), error);
      }
      patience = Math.max(patience, 4 * (performance.now() - start));
      checkRun.progress = `${count(this.sent)} sent`;
    }
    return false;
  }

  /** Sends the rest of so much noise, and says that nothing more will be sent. */
  async pourRest(length: number): Promise<void> {
    await this.#writing;
    await this.send(noise(this.sent, length - this.sent));
    await this.finish();
  }

  /** Reads all that was poured. */
  async expectNoise(checkRun: CheckRun): Promise<void> {
    while (this.#writing || this.received < this.sent) {
      const expected = `all ${count(this.sent)} back`;
      const more = await this.#readNoise(expected, checkRun);
      if (!more) throw new Failure(expected, this.came("the end"));
    }
  }

  /** Reads so much noise, and the end. */
  async expectNoiseToEnd(length: number, checkRun: CheckRun): Promise<void> {
    const expected = `all ${count(length)}, then the end`;
    while (await this.#readNoise(expected, checkRun));
    if (this.received !== length) throw new Failure(expected, this.came("the end"));
  }

  /** Reads, for a while, what there is: with bytes unread, closing would be a reset. */
  async drain(): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    try {
      while (typeof await withTimeout(this.#conn.read(buffer), this.#timeout / 10) === "number");
    } catch { /* the server has closed it */ }
  }

  /** Tells what came before something happened. */
  came(what: string): string {
    return this.received === 0 ? what : `${count(this.received)}, then ${what}`;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.sent += await this.#conn.write(bytes);
    this.#writing = undefined;
  }

  async #readNoise(expected: string, checkRun: CheckRun): Promise<boolean> {
    const buffer = new Uint8Array(READ_SIZE);
    const start = this.received;
    const n = await this.read(buffer, expected);
    if (n === null) return false;
    if (!equals(buffer.subarray(0, n), noise(start, n))) {
      throw new Failure(expected, `others after the first ${count(start)}, as if some were lost`);
    }
    checkRun.progress = `${count(this.received)} came back`;
    return true;
  }

  #step<T>(promise: Promise<T>, expected: string): Promise<T> {
    return step(promise, this.#timeout, expected, (what) => this.came(what));
  }
}

/** Tells that a promise has not come true in time. */
export const TIMED_OUT: unique symbol = Symbol("late");

/** Waits for a promise, but not longer than so many milliseconds. */
export async function withTimeout<T>(
  promise: Promise<T>,
  timeout: number,
): Promise<T | typeof TIMED_OUT> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), timeout);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function step<T>(
  promise: Promise<T>,
  timeout: number,
  expected: string,
  tell = (what: string) => what,
): Promise<T> {
  let result: T | typeof TIMED_OUT;
  try {
    result = await withTimeout(promise, timeout);
  } catch (error) {
    throw new Failure(expected, tell((error as Error).message), error);
  }
  if (result === TIMED_OUT) throw new Failure(expected, tell(`nothing within ${timeout / 1000} s`));
  return result;
}

/** Sends while receiving. Where both fail, what came tells more. */
async function both(sending: Promise<unknown>, receiving: Promise<void>): Promise<void> {
  sending.catch(() => {});
  await receiving;
  await sending;
}

/** Fails where bytes differ from those expected; shows them from a little before that place. */
function compare(actual: Uint8Array, expected: Uint8Array, start: number) {
  for (let i = start; i < actual.length; i++) {
    if (actual[i] === expected[i]) continue;
    const from = Math.max(0, i - SHOWN / 2);
    const place = from === 0 ? "" : ` after the first ${count(from)}`;
    const show = (bytes: Uint8Array) => escapeBytes(bytes.subarray(from, from + SHOWN)) + place;
    throw new Failure(show(expected), show(actual));
  }
}

function count(bytes: number): string {
  return `${bytes.toLocaleString("en")} bytes`;
}

/** Bytes that look random: a part of an endless stream of them. */
function noise(start: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const from = (start + at) % NOISE.length;
    const piece = NOISE.subarray(from, from + length - at);
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

const NOISE = new Uint8Array(65_521); // a prime, so that no buffer has this length
for (let i = 0, state = 1; i < NOISE.length; i++) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  NOISE[i] = state >>> 24;
}

const HELLO = new TextEncoder().encode("Hello, world");
// Where several clients talk, all send this same byte: only the check for it notices mixed clients.
const SAME = new Uint8Array(12).fill(0x78);

/** What a good echo server does at any time. */
export async function probeEcho(checkRun: CheckRun): Promise<void> {
  await (await checkRun.connect()).echo(HELLO);
}

/** What an echo server promises. A wrong one may not survive the last checks. */
export const echoChecks: Check[] = [
  {
    name: "echo",
    what: "What is sent comes back",
    hint: "The server does not send back what it reads; step 1 of the tutorial builds one.",
    run: probeEcho,
  },
  {
    name: "binary",
    what: "All 256 byte values come back as they are, UTF-8 or not",
    hint: "The server takes bytes for text; step 1 works on bytes alone.",
    async run(checkRun) {
      const client = await checkRun.connect();
      await client.echo(Uint8Array.from({ length: 256 }, (_, i) => i));
      await client.echo(new Uint8Array([0, 0, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 13, 10]));
    },
  },
  {
    name: "single-bytes",
    what: "100 bytes, sent one by one, each come back before the next is sent",
    hint: "The server waits for more bytes than there are; step 1 tells what a read returns.",
    async run(checkRun) {
      const client = await checkRun.connect();
      for (let i = 0; i < 100; i++) await client.echo(noise(i, 1));
    },
  },
  {
    name: "large",
    what: "1 MiB comes back whole to a client that reads while it sends",
    hint: "The server reads or writes once where it takes a loop; step 1 has both loops.",
    async run(checkRun) {
      await (await checkRun.connect()).echo(noise(0, MIB));
    },
  },
  {
    name: "backpressure",
    what: "A client that sends without reading is pushed back, and then gets every byte",
    hint:
      "The server forgets what a write did not take, or reads on meanwhile; step 2 tells of both.",
    async run(checkRun) {
      const client = await checkRun.connect();
      if (!await client.pour(64 * MIB, checkRun, checkRun.timeout / 3)) {
        throw new Failure("to be pushed back within 64 MiB", "64 MiB taken, and kept in memory");
      }
      await client.expectNoise(checkRun);
    },
  },
  {
    name: "half-close",
    what: "A client that says it is done gets everything that is still on its way, then the end",
    hint: "The server closes with bytes unsent, or not at all; step 1 tells of the half-close.",
    async run(checkRun): Promise<string | void> {
      const few = await checkRun.connect();
      await few.send(HELLO);
      await few.finish();
      await few.expect(HELLO);
      await few.expectEnd();

      const length = 8 * MIB;
      const many = await checkRun.connect();
      const start = performance.now();
      const isPushedBack = await many.pour(length, checkRun, checkRun.timeout / 3);
      const sending = many.pourRest(length);
      if (!isPushedBack) { // it keeps much, so let it notice the half-close before we read
        await sending;
        const pause = Math.min(50 + 4 * (performance.now() - start), checkRun.timeout);
        await new Promise((resume) => setTimeout(resume, pause));
      }
      try {
        await both(sending, many.expectNoiseToEnd(length, checkRun));
      } catch (error) {
        if (await losesAnyway(length, checkRun)) return 'it loses bytes anyway, see "backpressure"';
        throw error;
      }
    },
  },
  {
    name: "five-clients",
    what: "Five clients at once, who take turns, are all answered",
    hint: "The server serves one client until it leaves; step 2 serves many.",
    async run(checkRun) {
      const clients = await connectMany(checkRun, 5);
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
    hint: "The server waits for the rest of one message before it serves others; see step 2.",
    async run(checkRun) {
      const slow = await checkRun.connect();
      const quick = await checkRun.connect();
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
    hint: "The server waits for each client in turn; step 2 waits for all of them at once.",
    async run(checkRun) {
      const alone = await medianTime(await checkRun.connect());
      await checkRun.connect();
      const beside = await medianTime(await checkRun.connect());
      const max = 5 * alone + 20; // milliseconds
      if (beside > max) {
        throw new Failure(`at most ${max.toFixed(1)} ms an echo`, `${beside.toFixed(1)} ms`);
      }
    },
  },
  {
    name: "never-reads",
    what: "A client that sends and never reads does not keep others waiting",
    hint: "The server is stuck in a write to one client; step 2 tells how to wait for it alone.",
    async run(checkRun) {
      const deaf = await checkRun.connect();
      await deaf.pour(16 * MIB, checkRun);
      const client = await checkRun.connect();
      for (let i = 0; i < 10; i++) await client.echo(SAME);
      await deaf.drain();
    },
  },
  {
    name: "no-mixing",
    what: "Ten clients who all send at the same time each get back their own bytes only",
    hint: "Clients wait for each other, or share a buffer; step 2 gives each its own.",
    async run(checkRun) {
      const clients = await connectMany(checkRun, 10);
      const own = (i: number) => new Uint8Array(256 * KIB).fill("A".charCodeAt(0) + i);
      await Promise.all(clients.map((client, i) => client.echo(own(i))));
    },
  },
  {
    name: "500-clients",
    what: "500 clients who are connected at the same time are all answered",
    hint: "The server cannot hold so many at once; step 2 does, and tells of limits.",
    async run(checkRun) {
      const clients = await connectMany(checkRun, 500, (client) => client.echo(SAME));
      await Promise.all(clients.map((client) => client.echo(SAME)));
    },
  },
  {
    name: "reset",
    what: "A client that resets its connection in the middle of an echo does no harm",
    hint: "An error of one connection ends the server; step 1 catches it.",
    async run(checkRun) {
      for (let i = 0; i < 5; i++) await checkRun.reset(noise(0, MIB));
    },
  },
  {
    name: "100-resets",
    what: "100 clients who connect and reset at once do no harm",
    hint: "A failed accept ends the server; step 1 goes on to the next client.",
    async run(checkRun) {
      for (let i = 0; i < 100; i++) await checkRun.reset();
    },
  },
];

async function losesAnyway(length: number, checkRun: CheckRun): Promise<boolean> {
  const client = await checkRun.connect();
  try {
    await client.pour(length, checkRun);
    await client.expectNoise(checkRun);
    return false;
  } catch {
    return true;
  }
}

async function connectMany(
  checkRun: CheckRun,
  number: number,
  begin: (client: Client) => Promise<void> = async () => {},
): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < number) {
    const client = await checkRun.connect();
    await begin(client);
    clients.push(client);
    checkRun.progress = `${clients.length} of ${number} clients connected`;
  }
  return clients;
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
