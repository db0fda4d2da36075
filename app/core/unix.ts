// Unix sockets for servers. `Deno.listen` alone would do, if closing it did not remove the file at its
// path, whatever that is by then: a socket of another server that was started since, or no socket at all.

/** Listens on a Unix socket, and removes this socket at the end, and nothing else. */
export class UnixListener {
  readonly #listener: Deno.UnixListener;
  readonly #file: Deno.FileInfo;
  #isClosed = false;
  #isAccepting = false;
  #endAccept: (error: Error) => void = () => {};

  constructor(path: string) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#file = Deno.lstatSync(path);
  }

  get addr(): Deno.UnixAddr {
    return this.#listener.addr;
  }

  accept(): Promise<Deno.UnixConn> {
    return new Promise((resolve, reject) => {
      this.#endAccept = reject;
      this.#isAccepting = true;
      this.#listener.accept().finally(() => this.#isAccepting = false).then((conn) => {
        if (!this.#isClosed) return resolve(conn);
        conn.close();
        this.#turnAway();
      }, reject);
    });
  }

  /** Removes the socket, so that no client finds it any more. The listener itself ends with the program. */
  close(): void {
    if (this.#isOurs()) Deno.removeSync(this.addr.path);
    this.#isClosed = true;
    if (!this.#isAccepting) this.#turnAway();
    this.#endAccept(new Deno.errors.BadResource("The listener has been closed"));
  }

  /** Closes the connections of clients that came before the socket was removed, until the program ends. */
  async #turnAway(): Promise<void> {
    try {
      while (true) (await this.#listener.accept()).close();
    } catch { /* out of descriptors: the end of the program closes them */ }
  }

  #isOurs(): boolean {
    try {
      const { dev, ino } = Deno.lstatSync(this.addr.path);
      return dev === this.#file.dev && ino === this.#file.ino;
    } catch {
      return false; // somebody has removed it
    }
  }
}
