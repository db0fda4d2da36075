import { CONNECT_TIMEOUT } from "../wire/limits.ts";
import type { ServerAddress } from "./address.ts";

/**
 * Connects to a server.
 *
 * @param timeout The maximum time to establish the connection, in milliseconds. The default is 5 s.
 * @throws {Error} If this takes longer than the timeout, or fails.
 */
export async function connect(
  address: ServerAddress,
  timeout: number = CONNECT_TIMEOUT,
): Promise<Deno.Conn> {
  if ("path" in address) { // which needs no deadline: it is accepted or refused at once
    return await Deno.connect({ transport: "unix", ...address });
  }
  const late = AbortSignal.timeout(timeout);
  try {
    return await Deno.connect({ ...address, signal: late });
  } catch (error) {
    throw late.aborted ? new Error(`No connection within ${timeout / 1000} s`) : error;
  }
}
