const INTERVAL = 1_000; // milliseconds between two lines

/** A log of events that may happen thousands of times a second: one line a second, and a count of the rest. */
export class RateLimitedLog implements Disposable {
  readonly #print: (line: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #more = 0;

  /** @param print Gets the lines. */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Prints a line, or counts it if one was printed within the last second. */
  log(line: string): void {
    if (this.#timer !== undefined) {
      this.#more++;
      return;
    }
    this.#print(line);
    this.#timer = setTimeout(() => this.#endInterval(), INTERVAL);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#printMore();
  }

  #endInterval(): void {
    this.#timer = undefined;
    this.#printMore();
  }

  #printMore(): void {
    if (this.#more > 0) this.#print(`… and ${this.#more} more like this`);
    this.#more = 0;
  }
}
