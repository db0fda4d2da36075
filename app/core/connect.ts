/** The address to connect to, and how. */
export interface ConnectOptions {
  /** A host name or address, and a port; or the path of a Unix socket. */
  address: { hostname: string; port: number } | { path: string };
  /** Maximum time to establish the connection, in milliseconds. The default is 5 s. */
  timeout?: number;
}

/**
 * Connects to a server.
 *
 * @throws {Error} If this takes longer than the timeout, or fails.
 */
export async function connect(
  { address, timeout = 5_000 }: ConnectOptions,
): Promise<Deno.Conn> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeout);
  try {
    if ("path" in address) return await Deno.connect({ transport: "unix", ...address });
    return await Deno.connect({ ...address, signal: late.signal });
  } catch (error) {
    throw late.signal.aborted ? new Error(`No connection within ${timeout / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
  }
}
