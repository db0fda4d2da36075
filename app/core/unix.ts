// Unix sockets for servers. `Deno.listen` alone would do, if closing it did not remove the file at its
// path, whatever that is by then: a socket of another server that was started since, or no socket at all.

/** Listens on a Unix socket, and removes this socket at the end, and nothing else. */
export class UnixListener {
  readonly #listener: Deno.UnixListener;
  readonly #file: Deno.FileInfo;
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
      this.#listener.accept().then(resolve, reject);
    });
  }

  /** Removes the socket, so that no client finds it any more. The listener itself ends with the program. */
  close(): void {
    if (this.#isOurs()) Deno.removeSync(this.addr.path);
    this.#endAccept(new Deno.errors.BadResource("The listener has been closed"));
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
