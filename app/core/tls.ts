// TLS for servers. `Deno.listenTls` alone would do, if closing a connection always closed it. But while a
// handshake or a write waits for the client, `Deno.TlsConn.close()` leaves the socket open for as long
// as the client likes. A plain connection can always be closed. So the client's is a plain one here,
// and its bytes go through a tunnel inside this machine, at whose other end Deno speaks TLS:
//
//   client <-- encrypted --> this program's tunnel <-- encrypted --> Deno.TlsConn <-- plain --> server

import { fairTurns } from "./fair_turns.ts";

const BUFFER_LENGTH = 16 * 1024; // bytes; in each direction

/** What a server proves who it is with, as PEM. */
export interface Certificate {
  cert: string;
  key: string;
}

/** Listens for clients who speak TLS. */
export class TlsListener {
  readonly #listener: Deno.TcpListener;
  readonly #certificate: Certificate;

  /** @throws {Deno.errors.InvalidData} If the certificate or its key is none. */
  constructor(address: Deno.TcpListenOptions, certificate: Certificate) {
    checkPermission();
    listenForTunnel(certificate).close(); // to know now whether the certificate is one
    this.#listener = Deno.listen(address);
    this.#certificate = certificate;
  }

  get addr(): Deno.NetAddr {
    return this.#listener.addr;
  }

  async accept(): Promise<TlsServerConn> {
    return new TlsServerConn(await this.#listener.accept(), this.#certificate);
  }

  close(): void {
    this.#listener.close();
  }
}

/** The server's end of a TLS connection. Closing it closes it at once, whatever the client does. */
export class TlsServerConn {
  readonly #socket: Deno.TcpConn; // to the client
  readonly #certificate: Certificate;
  #tunnel: Tunnel | undefined; // from the handshake on
  #sent: Promise<void> = Promise.resolve(); // when all that was written is with the client
  #error: Error | undefined; // of the client's socket
  #isClosed = false;

  constructor(socket: Deno.TcpConn, certificate: Certificate) {
    this.#socket = socket;
    this.#certificate = certificate;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#socket.remoteAddr;
  }

  setNoDelay(): void {
    this.#socket.setNoDelay();
  }

  /** Completes the handshake. Before that, nothing can be read or written. */
  async handshake(): Promise<void> {
    const tunnel = await openTunnel(this.#certificate);
    this.#tunnel = tunnel;
    if (this.#isClosed) return this.#closeTunnel();
    this.#sent = this.#pass(tunnel.encrypted, this.#socket);
    this.#pass(this.#socket, tunnel.encrypted);
    await this.#do((plain) => plain.handshake());
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#do((plain) => plain.read(buffer));
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#do((plain) => plain.write(bytes));
  }

  /** Says that nothing more will be sent, and waits until all of it is with the operating system. */
  async closeWrite(): Promise<void> {
    await this.#do((plain) => plain.closeWrite());
    await this.#sent;
    if (this.#error) throw this.#error;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.close();
    this.#closeTunnel();
  }

  /** Does something at the plain end. If it fails because of the client's socket, that is what is told. */
  async #do<T>(act: (plain: Deno.TlsConn) => Promise<T>): Promise<T> {
    try {
      return await act(this.#tunnel!.plain);
    } catch (error) {
      throw this.#error ?? error;
    }
  }

  /** Passes on all bytes, and the end. Each of the two directions takes its turn among all reads. */
  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(BUFFER_LENGTH);
    const turn = fairTurns.join();
    try {
      while (true) {
        await turn.next();
        const n = await from.read(buffer);
        if (n === null) break;
        for (let sent = 0; sent < n;) sent += await to.write(buffer.subarray(sent, n));
      }
      await to.closeWrite();
    } catch (error) {
      this.#error ??= error as Error;
      this.#closeTunnel();
    } finally {
      turn.leave();
    }
  }

  #closeTunnel(): void {
    if (!this.#tunnel || this.#tunnel.isClosed) return;
    this.#tunnel.isClosed = true;
    this.#tunnel.encrypted.close(); // first: with it, all that the other end waits for fails
    this.#tunnel.plain.close();
  }
}

/** A connection of this program to itself, with TLS at one end. */
interface Tunnel {
  encrypted: Deno.TcpConn;
  plain: Deno.TlsConn;
  isClosed: boolean;
}

/** Each tunnel has a listener of its own, for a moment: one that stays could be found by others. */
async function openTunnel(certificate: Certificate): Promise<Tunnel> {
  using listener = listenForTunnel(certificate);
  const { hostname, port } = listener.addr;
  const accepting = listener.accept();
  accepting.catch(() => {}); // it may fail while nobody waits for it yet
  let encrypted: Deno.TcpConn;
  try {
    encrypted = await Deno.connect({ hostname, port });
  } catch (error) {
    accepting.then((conn) => conn.close(), () => {}); // which the end of this scope, too, ends
    throw error;
  }
  let plain: Deno.TlsConn;
  try {
    plain = await accepting;
  } catch (error) {
    encrypted.close();
    throw error;
  }
  if (plain.remoteAddr.port !== encrypted.localAddr.port) {
    encrypted.close();
    plain.close();
    throw new Deno.errors.PermissionDenied("Somebody else has connected to the TLS tunnel");
  }
  encrypted.setNoDelay();
  return { encrypted, plain, isClosed: false };
}

/** Every client's tunnel has another port. */
function checkPermission(): void {
  const { state } = Deno.permissions.querySync({ name: "net", host: "127.0.0.1" });
  if (state !== "granted") throw new Error("TLS needs --allow-net=127.0.0.1, with all its ports");
}

function listenForTunnel(certificate: Certificate): Deno.TlsListener {
  return Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...certificate });
}
