import type { RelayEvent } from "./events.ts";

const MAX_EVENTS = 2000;
const MAX_LENGTH = 16 * 1024 * 1024; // bytes of all events together

/** The last events, as Server-Sent Events: encoded once, for all who watch. */
export class EventLog {
  /** Tells a page that another relay has taken the port. */
  readonly run: string = crypto.randomUUID();
  readonly #encoder = new TextEncoder();
  readonly #events: Uint8Array[] = [];
  readonly #watchers = new Set<() => void>();
  #first = 1; // number of the first one that is kept
  #length = 0; // bytes

  /** The number that the next event will have. */
  get next(): number {
    return this.#first + this.#events.length;
  }

  add(event: RelayEvent): void {
    const text = `id: ${this.run} ${this.next}\ndata: ${JSON.stringify(event)}\n\n`;
    const bytes = this.#encoder.encode(text);
    this.#events.push(bytes);
    this.#length += bytes.length;
    while (this.#events.length > MAX_EVENTS || this.#length > MAX_LENGTH) {
      this.#length -= this.#events.shift()!.length;
      this.#first++;
    }
    for (const watcher of this.#watchers) watcher();
  }

  /** The event of this number; `undefined` if it is not kept any more. */
  at(number: number): Uint8Array | undefined {
    return this.#events[number - this.#first];
  }

  /** The number of the event that follows the one with this id: of the first one, if that is not known. */
  after(lastId: string | undefined): number {
    const [run, number] = (lastId ?? "").split(" ");
    const next = Number(number) + 1;
    return run === this.run && next >= this.#first && next <= this.next ? next : this.#first;
  }

  /** Calls `watcher` after each event. */
  watch(watcher: () => void): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: () => void): void {
    this.#watchers.delete(watcher);
  }
}
