import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import type { MessageConnection } from "./connection.ts";
import { Pace } from "./pace.ts";

/** How much may wait for one slow reader, in bytes. */
export const MAX_QUEUE_LENGTH = 256 * 1024;

/**
 * What is to be written to one connection, and its only writer: with two, the bytes of one message
 * could end up inside another.
 */
export class Outbox {
  /** Resolves when nothing waits any more. Never rejects. */
  written: Promise<void> | undefined;
  readonly #connection: Pick<MessageConnection, "send"> & Disposable;
  readonly #report: (reason: string) => void;
  readonly #pace: Pace;
  #queue: Uint8Array[] = [];
  #length = 0; // bytes in the queue and being written
  #dropped = false;

  /**
   * Writes to the connection, and reports why it is dropped if it must be. Outboxes that get the same
   * messages share a pace.
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

  /** Queues a message. Never waits and never throws: who falls behind is dropped. */
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

  /** Closes the connection, which ends the read and the write that wait. Only the first reason counts. */
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
        await endOfTurn(); // one write for all that is said in this turn
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

/** Waits until all that has arrived by now is dealt with. */
export function endOfTurn(): Promise<void> {
  return turn ??= new Promise((resolve) =>
    setImmediate(() => {
      turn = undefined;
      resolve();
    })
  );
}
