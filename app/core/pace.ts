const MAX_BATCH_LENGTH = 64 * 1024; // bytes; a quarter of what may wait for one slow reader
const LOOK_INTERVAL = 50; // milliseconds; if no write ends in it, only clients that do not read are left
const MAX_LOOKS = 4; // then clients that read slowly are left behind as well

/**
 * Keeps the messages that come in from running ahead of those that go out. In a large chat, it takes
 * many turns of the event loop to write a message to all. If the server accepted more messages in the
 * meantime, queues would overflow although everybody reads.
 */
export class Pace {
  readonly #writing = new Set<object>(); // outboxes that `settle` waits for
  #writes = 0; // that have ended
  #length = 0; // bytes that came in since everything was written
  #settling: Promise<void> | undefined;
  #endSettling: () => void = () => {};

  /** Counts the bytes of a message that will be written. */
  take(length: number): void {
    this.#length += length;
  }

  /** Whether so much has come in that it must be written before more comes in. */
  get isFull(): boolean {
    return this.#length > MAX_BATCH_LENGTH;
  }

  /** Waits until everybody who reads has got what has come in. */
  settle(): Promise<void> {
    return this.#settling ??= this.#settle().finally(() => this.#settling = undefined);
  }

  /** Notes that an outbox has something to write. */
  beginWriting(outbox: object): void {
    this.#writing.add(outbox);
  }

  /** Notes that an outbox has written something. */
  noteWrite(): void {
    this.#writes++;
  }

  /** Notes that an outbox has nothing more to write. */
  endWriting(outbox: object): void {
    this.#writing.delete(outbox);
    if (this.#writing.size === 0) this.#endSettling();
  }

  async #settle(): Promise<void> {
    let writes = this.#writes;
    let looks = 0;
    const timer = setInterval(() => {
      looks++;
      if (this.#writes > writes && looks < MAX_LOOKS) {
        writes = this.#writes;
        return;
      }
      this.#writing.clear(); // a client that stops reading delays the others once, and not again
      this.#endSettling();
    }, LOOK_INTERVAL);
    if (this.#writing.size > 0) await new Promise<void>((resolve) => this.#endSettling = resolve);
    clearInterval(timer);
    this.#length = 0;
  }
}
