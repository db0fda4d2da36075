import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { MAX_OUTBOX_LENGTH } from "../wire/limits.ts";
import type { MessageConnection } from "./message_connection.ts";
import { withTimeout } from "./timeout.ts";

const LOOK_INTERVAL = 100; // milliseconds; if no queue gets empty in it, only those are left who do not read
const MAX_WAIT = 1_000; // milliseconds; then those who read slowly are left behind as well

/**
 * The queue of messages for one connection, and its only writer. With two writers, the bytes of one
 * message could land inside another.
 */
export class Outbox {
  /** Resolves when the queue is empty. Never rejects. `undefined` while nothing is being written. */
  written: Promise<void> | undefined;
  readonly #connection: Pick<MessageConnection, "send">;
  readonly #onDrop: (reason: string) => void;
  #queue: Uint8Array[] = [];
  #length = 0; // bytes, of the queue and of the write in progress
  #isDropped = false;

  /**
   * @param connection The connection to write to.
   * @param onDrop Is called once, with the reason, when nothing more can be written to it.
   */
  constructor(
    connection: Pick<MessageConnection, "send">,
    onDrop: (reason: string) => void,
  ) {
    this.#connection = connection;
    this.#onDrop = onDrop;
  }

  /** Queues a message. Never waits and never throws: a client that falls behind is dropped. */
  push(message: Uint8Array): void {
    if (this.#isDropped) return;
    this.#length += message.length;
    if (this.#length > MAX_OUTBOX_LENGTH) {
      return this.drop(
        `Reads too slowly: ${this.#length} bytes wait, the limit is ${MAX_OUTBOX_LENGTH}`,
      );
    }
    this.#queue.push(message);
    this.written ??= this.#write();
  }

  /** Gives up the connection, and forgets what waits for it. Only the first reason counts. */
  drop(reason: string): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#queue = [];
    this.#onDrop(reason);
  }

  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        await endOfTurn(); // one write for all messages of this turn
        const bytes = concat(this.#queue);
        this.#queue = [];
        await this.#connection.send(bytes);
        this.#length -= bytes.length;
      }
    } catch (error) {
      this.drop((error as Error).message);
    }
    this.written = undefined;
  }
}

/** Waits until everybody who reads has got everything. Whoever does not read is not waited for. */
export async function untilWritten(outboxes: Iterable<Outbox>): Promise<void> {
  const end = performance.now() + MAX_WAIT;
  let waiting = [...outboxes];
  while (waiting.length > 0 && performance.now() < end) {
    await withTimeout(Promise.all(waiting.map(({ written }) => written)), LOOK_INTERVAL);
    await endOfTurn(); // after a time in which this program did not run, nobody else is late
    const others = waiting.filter(({ written }) => written !== undefined);
    if (others.length === waiting.length) return;
    waiting = others;
  }
}

let turn: Promise<void> | undefined;

/** Waits until the event loop has dealt with everything that has arrived by now. */
export function endOfTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}
