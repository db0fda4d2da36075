// A reset must be passed on as a reset, and Deno.Conn cannot send one: hence the sockets of node:net.
import { connect, type Socket } from "node:net";
import { formatAddress } from "../core/address.ts";
import { pauseForOthers } from "../core/fair_work.ts";
import { pause } from "../core/timeout.ts";
import { countBytes } from "../wire/errors.ts";
import { escapeText } from "../wire/escape.ts";
import { CONNECT_TIMEOUT } from "../wire/limits.ts";
import { Annotator } from "./annotate.ts";
import type { Protocol } from "./guess.ts";
import type { RelayEvent, Side } from "./events.ts";
import { show } from "./show.ts";
import type { Limits } from "./unit_reader.ts";

const MAX_WAITING = 128 * 1024; // bytes in each direction, while a side does not take them
const MUCH = 4 * 1024; // bytes; where so many come at once, there may be more already
const MAX_WORK = 10; // milliseconds for such sides, before all others get a turn
const NOTED_WAIT = 200; // milliseconds; a side that takes nothing for longer is worth a note
const STALL_TIMEOUT = 2_000; // milliseconds for a client that has ended, while the server is not read

/** The options of all sockets that are relayed. */
export const SOCKET_OPTIONS = { allowHalfOpen: true, noDelay: true, highWaterMark: MAX_WAITING };

/** What to do with the bytes that travel. */
export interface RelayOptions extends Limits {
  /** Where the server is. */
  to: Deno.NetAddr;
  /** How the bytes are labelled. */
  protocol: Protocol;
  /** Pass on pieces of this many bytes; 0: as they come. */
  chunk: number;
  /** Wait this many milliseconds before each piece. */
  delay: number;
  /** Reset both sides after this many bytes. */
  cut: number;
  /** Never read what the server sends. */
  stall: boolean;
  /** Whether anybody looks at more than the notes; if not, bytes are not labelled. */
  isWatched: boolean;
  /** Takes what happens. */
  publish: (event: RelayEvent) => void;
}

/** One of the two directions of a connection, for whoever writes in it. */
interface Direction {
  target: Socket;
  from: "client" | "server";
  to: "client" | "server";
  annotator: Annotator;
}

type NewEvent = Omit<RelayEvent, "connection" | "time">;

/** A client's connection and the one to the server that belongs to it. */
export class RelayedConnection {
  /** Resolves when both are closed. */
  readonly closed: Promise<void>;
  readonly #number: number;
  readonly #options: RelayOptions;
  readonly #isReshaped: boolean;
  readonly #accepted = performance.now();
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #opened: Promise<void>; // to the server
  #isOpen = false;
  #isReset = false;
  #passed = 0; // bytes
  #isClosed = false;

  /**
   * @param number The connection's number, for the events.
   * @param client The client's connection, just accepted.
   */
  constructor(number: number, client: Socket, options: RelayOptions) {
    this.#number = number;
    this.#options = options;
    this.#isReshaped = options.chunk > 0 || options.delay > 0 || options.cut < Infinity;
    this.#client = client;
    const { hostname: host, port } = options.to;
    this.#server = connect({ host, port, ...SOCKET_OPTIONS });
    const peer = nameOfPeer(client);
    this.#record({ type: "open", text: `${peer} connected`, peer });
    this.closed = this.#watchBoth();
    this.#server.setTimeout(CONNECT_TIMEOUT, () => {
      this.#server.destroy(new Error(`No connection within ${CONNECT_TIMEOUT / 1000} s`));
    });
    this.#opened = new Promise((resolve) => this.#server.on("connect", resolve));
    this.#server.on("connect", () => {
      this.#isOpen = true;
      this.#server.setTimeout(0);
    });
    this.#pass(client, this.#server, "client", "server");
    if (options.stall) this.#record({ type: "note", text: "the server is never read (--stall)" });
    else this.#pass(this.#server, client, "server", "client");
  }

  #record(event: NewEvent) {
    if (this.#isClosed) return; // it came too late
    this.#options.publish({
      connection: this.#number,
      time: performance.now() - this.#accepted,
      ...event,
    });
  }

  async #watchBoth(): Promise<void> {
    await Promise.all([this.#watch(this.#client, "client"), this.#watch(this.#server, "server")]);
    this.#record({ type: "close", text: "closed" });
    this.#isClosed = true;
  }

  /** Reports the errors of a side, and returns when it is closed. */
  #watch(socket: Socket, side: "client" | "server"): Promise<void> {
    socket.on("error", (error) => {
      const { code } = error as { code?: string };
      const reason = code === "ECONNRESET" || code === "EPIPE" ? "" : `: ${error.message}`;
      const isUnreachable = side === "server" && !this.#isOpen;
      const what = isUnreachable ? "the server cannot be reached" : `${side} reset (RST)`;
      this.#reset(side, escapeText(`${what}${reason}`));
    });
    return new Promise((resolve) => socket.on("close", () => resolve()));
  }

  /** Ends both sides with a reset, as far as they have not ended yet. */
  #reset(from: Side, text: string) {
    if (this.#isReset) return;
    this.#isReset = true;
    this.#record({ type: "reset", from, text });
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  /** Passes on one direction. It is read no further before the other side has taken what came. */
  #pass(source: Socket, target: Socket, from: "client" | "server", to: "client" | "server") {
    const annotator = new Annotator(this.#options.protocol, this.#options);
    const direction: Direction = { target, from, to, annotator };
    let passing: Promise<unknown> = this.#opened;
    source.on("data", (chunk: Uint8Array) => {
      const start = performance.now();
      const writing = this.#isReshaped
        ? this.#reshape(direction, chunk)
        : this.#write(direction, chunk);
      const pause = chunk.length < MUCH ? undefined : pauseAfter(performance.now() - start);
      if (!writing && !pause) return;
      const taken = Promise.all([writing, pause]);
      passing = taken;
      source.pause();
      taken.then(() => source.resume());
    });
    source.pause();
    this.#opened.then(() => source.resume());
    source.on("end", async () => {
      await passing; // a pause does not hold back the end
      const missing = annotator.end();
      const text = `${from} half-closed (FIN)${missing ? `. ${missing}` : ""}`;
      this.#record({ type: "end", from, text });
      target.end();
      if (this.#options.stall) this.#endStall();
    });
  }

  /** Shows bytes and passes them on. Returns a promise to wait for if they are not taken at once. */
  #write({ target, from, to, annotator }: Direction, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#options.isWatched) {
      const text = `${from} → ${to}  ${countBytes(bytes.length)}`;
      const parts = show(bytes, annotator.push(bytes));
      this.#record({ type: "chunk", from, text, size: bytes.length, parts });
    }
    if (this.#isReshaped) return this.#taken((done) => target.write(bytes, done), from, to);
    if (target.write(bytes)) return undefined;
    return this.#taken((done) => target.once("drain", done), from, to);
  }

  /** The client has ended, and will get nothing. Nobody else would ever close the two connections. */
  #endStall() {
    Deno.unrefTimer(setTimeout(() => {
      this.#reset("relay", "the client has ended, and gets nothing (--stall)");
    }, STALL_TIMEOUT));
  }

  /** Waits until a side has taken the bytes. If it goes away meanwhile, this never ends. */
  async #taken(wait: (done: () => void) => void, from: Side, to: Side): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      if (this.#isReset) return;
      isLate = true;
      this.#record({ type: "note", text: `${to} takes no more, so ${from} is not read` });
    }, NOTED_WAIT);
    await new Promise<void>(wait);
    clearTimeout(timer);
    if (isLate) this.#record({ type: "note", text: `${to} takes bytes again` });
  }

  /** Passes on a chunk in pieces, late, or not to its end: as the options say. */
  async #reshape(direction: Direction, chunk: Uint8Array): Promise<void> {
    const { delay, cut } = this.#options;
    const length = this.#options.chunk || chunk.length;
    const begin = performance.now();
    for (let start = 0; start < chunk.length; start += length) {
      if (delay > 0) await pause(delay);
      else await pauseForOthers(begin, MAX_WORK);
      if (this.#isReset) return;
      const end = Math.min(start + length, chunk.length, start + cut - this.#passed);
      const piece = chunk.subarray(start, end);
      this.#passed += piece.length;
      if (piece.length > 0) await this.#write(direction, piece);
      if (this.#passed >= cut) {
        return this.#reset("relay", `the relay resets both sides (--cut ${cut})`);
      }
    }
  }
}

let work = 0; // milliseconds since the last pause, for all sides from which much comes

/**
 * Counts work, and returns a promise to wait for before there is more, if all others come first. Here
 * a read that does not fill its buffer is no sign that Deno has asked the system for news: node:net reads a
 * socket until nothing is left, and while the relay labels a chunk, the next one comes.
 */
function pauseAfter(milliseconds: number): Promise<void> | undefined {
  work += milliseconds;
  const pause = pauseForOthers(performance.now() - work, MAX_WORK);
  if (pause) work = 0;
  return pause;
}

/** The name of a client; its address is not known if it has gone already. */
function nameOfPeer({ remoteAddress: hostname, remotePort: port }: Socket): string {
  if (hostname === undefined || port === undefined) return "a client";
  return formatAddress({ hostname, port });
}
