// Stands in for a connection, so that a test decides when a read or a write ends.

/** A `Deno.Conn` whose reads and writes wait until the test says what happens. */
export class FakeConn implements Deno.Conn {
  readonly localAddr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 65432 };
  readonly remoteAddr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 50_000 };
  /** What was written, in pieces. */
  readonly written: Uint8Array[] = [];
  /** The most that a write takes, in bytes; with 0 it waits forever. */
  writeLength = Infinity;
  closeWriteEnds = true;
  /** How often it was closed. A real connection throws the second time. */
  closed = 0;
  /** How many reads have begun. */
  reads = 0;
  #buffer = new Uint8Array();
  #read: PromiseWithResolvers<number | null> | undefined;
  readonly #stuck: PromiseWithResolvers<never>[] = [];

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#read) throw new Error("Two reads at once");
    this.reads++;
    this.#buffer = buffer as Uint8Array<ArrayBuffer>;
    this.#read = Promise.withResolvers();
    return this.#read.promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closed > 0) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    if (this.writeLength === 0) return this.#wait();
    const piece = bytes.slice(0, this.writeLength);
    this.written.push(piece);
    return Promise.resolve(piece.length);
  }

  closeWrite(): Promise<void> {
    return this.closeWriteEnds ? Promise.resolve() : this.#wait();
  }

  close(): void {
    this.closed++;
    const interrupted = new Deno.errors.Interrupted("operation canceled");
    this.#read?.reject(interrupted);
    this.#read = undefined;
    for (const { reject } of this.#stuck.splice(0)) reject(interrupted);
  }

  /** Ends the read that waits with these bytes, or with the end. */
  arrive(bytes: Uint8Array | null): void {
    if (bytes) this.#buffer.set(bytes);
    this.#read!.resolve(bytes && bytes.length);
    this.#read = undefined;
  }

  ref(): void {}
  unref(): void {}
  get readable(): never {
    throw new Error("Not used");
  }
  get writable(): never {
    throw new Error("Not used");
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #wait(): Promise<never> {
    const stuck = Promise.withResolvers<never>();
    this.#stuck.push(stuck);
    return stuck.promise;
  }
}
