// TLS for servers. `Deno.listenTls` alone would be enough if closing a connection always closed it. But
// while a handshake or a write waits for the client, `Deno.TlsConn.close()` leaves the socket open as
// long as the client likes. A plain connection can always be closed. So the connection to the client is
// a plain one here. Its bytes go through a tunnel inside this machine, and Deno speaks TLS at its end:
//
//   client <-- encrypted --> this program's tunnel <-- encrypted --> Deno.TlsConn <-- plain --> server

import { fairTurns } from "./fair_turns.ts";

const BUFFER_LENGTH = 16 * 1024; // bytes; in each direction

/** The certificate with which a server proves who it is, and its private key, as PEM. */
export interface Certificate {
  cert: string;
  key: string;
}

/** Listens for clients that use TLS. */
export class TlsListener {
  readonly #listener: Deno.TcpListener;
  readonly #certificate: Certificate;

  /** @throws {Deno.errors.InvalidData} If the certificate or the key is not valid. */
  constructor(address: Deno.TcpListenOptions, certificate: Certificate) {
    checkPermission();
    listenForTunnel(certificate).close(); // fails now if the certificate is not valid
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

/** The server's end of a TLS connection. It closes at once, whatever the client does. */
export class TlsServerConn {
  readonly #socket: Deno.TcpConn; // to the client
  readonly #certificate: Certificate;
  #tunnel: Tunnel | undefined; // from the handshake on
  #sent: Promise<void> = Promise.resolve(); // resolves when everything written has gone to the client's socket
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

  /** Half-closes, and waits until the operating system has taken everything. */
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

  /** Runs something at the plain end. If the client's socket has failed, its error is thrown. */
  async #do<T>(act: (plain: Deno.TlsConn) => Promise<T>): Promise<T> {
    try {
      return await act(this.#tunnel!.plain);
    } catch (error) {
      throw this.#error ?? error;
    }
  }

  /** Passes on all bytes and then the end. Each direction takes its turns among all reads. */
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
    this.#tunnel.encrypted.close(); // first, because then everything that the other end waits for fails
    this.#tunnel.plain.close();
  }
}

/** A connection of this program to itself, with TLS at one end. */
interface Tunnel {
  encrypted: Deno.TcpConn;
  plain: Deno.TlsConn;
  isClosed: boolean;
}

/** Opens a tunnel. Its listener exists only for a moment, so that others cannot find it. */
async function openTunnel(certificate: Certificate): Promise<Tunnel> {
  using listener = listenForTunnel(certificate);
  const { hostname, port } = listener.addr;
  const accepting = listener.accept();
  accepting.catch(() => {}); // it may fail before it is awaited
  let encrypted: Deno.TcpConn;
  try {
    encrypted = await Deno.connect({ hostname, port });
  } catch (error) {
    accepting.then((conn) => conn.close(), () => {}); // the end of this scope ends it
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
    throw new Deno.errors.PermissionDenied("Another program has connected to the TLS tunnel");
  }
  encrypted.setNoDelay();
  return { encrypted, plain, isClosed: false };
}

/** Throws if not all ports are allowed, because the tunnel of each client has another port. */
function checkPermission(): void {
  const { state } = Deno.permissions.querySync({ name: "net", host: "127.0.0.1" });
  if (state !== "granted") throw new Error("TLS needs --allow-net=127.0.0.1, with all its ports");
}

function listenForTunnel(certificate: Certificate): Deno.TlsListener {
  return Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...certificate });
}
