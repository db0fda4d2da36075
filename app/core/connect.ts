/** The address to connect to, and how. */
export interface ConnectOptions {
  /** A host name or address, and a port; or the path of a Unix socket. */
  address: { hostname: string; port: number } | { path: string };
  /** Whether to use TLS. */
  tls?: boolean;
  /** Certificates to trust in addition to those of the system, as PEM. */
  caCerts?: string[];
  /** Maximum time to establish the connection, in milliseconds. The default is 5 s. */
  timeout?: number;
}

/**
 * Connects to a server.
 *
 * @throws {Error} If this takes longer than the timeout, or fails.
 */
export async function connect(
  { address, tls = false, caCerts = [], timeout = 5_000 }: ConnectOptions,
): Promise<Deno.Conn> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeout);
  try {
    if ("path" in address) return await Deno.connect({ transport: "unix", ...address });
    const conn = await Deno.connect({ ...address, signal: late.signal });
    if (!tls) return conn;
    const secure = await Deno.startTls(conn, { hostname: address.hostname, caCerts });
    late.signal.addEventListener("abort", () => secure.close());
    try {
      await secure.handshake();
    } catch (error) {
      if (!late.signal.aborted) secure.close();
      throw error;
    }
    return secure;
  } catch (error) {
    throw late.signal.aborted ? new Error(`No connection within ${timeout / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
  }
}
