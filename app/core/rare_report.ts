const INTERVAL = 1_000; // milliseconds between two lines

/** Reports events that may happen thousands of times a second: one line a second, and a count of the rest. */
export class RareReport implements Disposable {
  readonly #report: (line: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #more = 0;

  /** @param report Gets the lines. */
  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  /** Reports a line, or counts it if one was reported within the last second. */
  report(line: string): void {
    if (this.#timer !== undefined) {
      this.#more++;
      return;
    }
    this.#report(line);
    this.#timer = setTimeout(() => this.#endInterval(), INTERVAL);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#reportMore();
  }

  #endInterval(): void {
    this.#timer = undefined;
    this.#reportMore();
  }

  #reportMore(): void {
    if (this.#more > 0) this.#report(`… and ${this.#more} more like this`);
    this.#more = 0;
  }
}
