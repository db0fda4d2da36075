const MAX_BATCH_LENGTH = 64 * 1024; // bytes; a quarter of what may wait for one reader
const LOOK_INTERVAL = 50; // milliseconds; if no write ends in it, only those are left who do not read
const MAX_LOOKS = 4; // then those who read slowly are no longer waited for either

/**
 * Keeps what comes in from running ahead of what goes out. In a crowd, a message takes many turns of
 * the event loop to be written to all; if others were taken in meanwhile, queues would overflow
 * although everybody reads.
 */
export class Pace {
  readonly #writing = new Set<object>(); // those that are waited for
  #writes = 0; // that have ended
  #length = 0; // bytes that were taken in since everything was written
  #settling: Promise<void> | undefined;
  #endSettling: () => void = () => {};

  /** Counts bytes that will be written to everybody. */
  take(length: number): void {
    this.#length += length;
  }

  /** Whether so much was taken in that it must be written before there is more. */
  get isFull(): boolean {
    return this.#length > MAX_BATCH_LENGTH;
  }

  /** Waits until everybody who reads has got what was taken in. */
  settle(): Promise<void> {
    return this.#settling ??= this.#settle().finally(() => this.#settling = undefined);
  }

  /** Notes that an outbox has something to write. */
  beginWriting(outbox: object): void {
    this.#writing.add(outbox);
  }

  /** Notes that one of them has written something. */
  noteWrite(): void {
    this.#writes++;
  }

  /** Notes that an outbox has nothing to write any more. */
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
      this.#writing.clear(); // somebody who stops reading holds up the others once, and not again
      this.#endSettling();
    }, LOOK_INTERVAL);
    if (this.#writing.size > 0) await new Promise<void>((resolve) => this.#endSettling = resolve);
    clearInterval(timer);
    this.#length = 0;
  }
}
