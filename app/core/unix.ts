// Unix sockets for servers. `Deno.listen` alone would be enough if closing it did not remove the file at
// its path. By then this may be the socket of another server, or not a socket at all.

/** Listens on a Unix socket. At the end it removes this socket, and no other file. */
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

  /** Removes the socket, so that clients no longer find it. The listener itself ends with the program. */
  close(): void {
    if (this.#isOurs()) Deno.removeSync(this.addr.path);
    this.#isClosed = true;
    if (!this.#isAccepting) this.#turnAway();
    this.#endAccept(new Deno.errors.BadResource("The listener has been closed"));
  }

  /** Closes the connections of clients that connected before the socket was removed. */
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
      return false; // it was removed
    }
  }
}
