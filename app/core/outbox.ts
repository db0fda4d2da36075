import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import type { MessageConnection } from "./connection.ts";
import { Pace } from "./pace.ts";

/** Maximum length of the messages that wait for one slow reader, in bytes. */
export const MAX_QUEUE_LENGTH = 256 * 1024;

/**
 * The queue of messages for one connection, and its only writer. With two writers, the bytes of one
 * message could land inside another.
 */
export class Outbox {
  /** Resolves when the queue is empty. Never rejects. `undefined` while nothing is being written. */
  written: Promise<void> | undefined;
  readonly #connection: Pick<MessageConnection, "send"> & Disposable;
  readonly #report: (reason: string) => void;
  readonly #pace: Pace;
  #queue: Uint8Array[] = [];
  #length = 0; // bytes, of the queue and of the write in progress
  #dropped = false;

  /**
   * @param connection The connection to write to. The outbox closes it if it drops it.
   * @param report Gets the reason when the connection is dropped.
   * @param pace The pace of all outboxes that get the same messages.
   */
  constructor(
    connection: Pick<MessageConnection, "send"> & Disposable,
    report: (reason: string) => void,
    pace: Pace = new Pace(),
  ) {
    this.#connection = connection;
    this.#report = report;
    this.#pace = pace;
  }

  /** Queues a message. Never waits and never throws: a client that falls behind is dropped. */
  push(message: Uint8Array): void {
    if (this.#dropped) return;
    this.#length += message.length;
    if (this.#length > MAX_QUEUE_LENGTH) {
      return this.drop(
        `Reads too slowly: ${this.#length} bytes wait, the limit is ${MAX_QUEUE_LENGTH}`,
      );
    }
    this.#queue.push(message);
    this.written ??= this.#write();
  }

  /** Closes the connection, which ends its read and its write. Only the first reason is reported. */
  drop(reason: string): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#queue = [];
    this.#connection[Symbol.dispose]();
    this.#report(reason);
  }

  async #write(): Promise<void> {
    this.#pace.beginWriting(this);
    try {
      while (this.#queue.length > 0) {
        await endOfTurn(); // one write for all messages of this turn
        const bytes = concat(this.#queue);
        this.#queue = [];
        await this.#connection.send(bytes);
        this.#length -= bytes.length;
        this.#pace.noteWrite();
      }
    } catch (error) {
      this.drop((error as Error).message);
    }
    this.written = undefined;
    this.#pace.endWriting(this);
  }
}

let turn: Promise<void> | undefined;

/** Waits until the event loop has dealt with everything that has arrived by now. */
export function endOfTurn(): Promise<void> {
  return turn ??= new Promise((resolve) =>
    setImmediate(() => {
      turn = undefined;
      resolve();
    })
  );
}
