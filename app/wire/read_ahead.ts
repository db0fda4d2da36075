/** The items that a decoder decodes when the input ends, before they are asked for. Internal. */
export class ReadAhead<T> {
  #items: { item: T; length: number }[] = []; // the next one last
  #length = 0; // bytes
  #ended = false;

  /** The number of bytes of the items that are not taken yet. */
  get length(): number {
    return this.#length;
  }

  /** Whether all items are taken. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Throws if the input has ended: then no more bytes may come. */
  checkOpen(): void {
    if (this.#ended) throw new TypeError("Cannot push a chunk: the input has ended");
  }

  /** Takes the next item, if there is one. */
  take(): T | undefined {
    const next = this.#items.pop();
    this.#length -= next?.length ?? 0;
    return next?.item;
  }

  /**
   * Decodes all items that are complete. Those before an error can be taken all the same.
   *
   * @param decode Returns the next item, or `undefined` if it is not complete.
   * @param left Returns the number of bytes that are not decoded yet.
   */
  fill(decode: () => T | undefined, left: () => number): void {
    this.#ended = true;
    const items: { item: T; length: number }[] = [];
    try {
      let before = left();
      for (let item; (item = decode()) !== undefined;) {
        const after = left();
        items.push({ item, length: before - after });
        this.#length += before - after;
        before = after;
      }
    } finally {
      this.#items = items.reverse().concat(this.#items);
    }
  }
}
