import { escapeText } from "../wire/escape.ts";
import { FIRST_RETRY_DELAY, MAX_CONNECTIONS, MAX_RETRY_DELAY } from "../wire/limits.ts";
import { formatAddress } from "./address.ts";
import { DeadlineError } from "./deadlines.ts";
import { printError } from "./output.ts";
import { RateLimitedLog } from "./rate_limited_log.ts";
import { type Conn, DeadlineConn, type DeadlineConnOptions } from "./deadline_conn.ts";

/** Accepts connections. A `Deno.Listener` does. */
export interface Listener {
  readonly addr: Deno.Addr;
  accept(): Promise<Conn>;
  close(): void;
}

/** How a server treats its connections. */
export interface ServeOptions extends DeadlineConnOptions {
  /** When this aborts, no more connections are accepted, and idle ones are closed soon. */
  stop: AbortSignal;
  /** When this aborts, all connections are closed. */
  kill: AbortSignal;
  /** Maximum number of open connections. Further ones are accepted and closed. The default is 1000. */
  maxConnections?: number;
  /** Gets the lines about each connection. By default they are not printed. */
  log?: (line: string) => void;
  /** Gets the lines about failures. By default they are printed on standard error. */
  report?: (line: string) => void;
}

/**
 * Accepts connections until `stop` aborts, whatever clients do. Then it waits until all connections
 * have ended, or until `kill` aborts.
 *
 * @param listener The listener that accepts. It is closed when `stop` aborts.
 * @param handle Serves one connection, which is closed when this returns or throws.
 */
export async function serve(
  listener: Listener,
  handle: (conn: DeadlineConn) => Promise<void>,
  options: ServeOptions,
): Promise<void> {
  const { stop, kill, maxConnections = MAX_CONNECTIONS, log = () => {}, report = printError } =
    options;
  const open = new Map<DeadlineConn, Promise<void>>(); // each with a promise that resolves at its end
  using turnedAway = new RateLimitedLog(report);
  const beginToStop = () => {
    listener.close(); // ends the accept that waits
    if (open.size > 0) report(waitingFor(open.size));
    for (const conn of open.keys()) conn.stop();
  };
  const closeAll = () => {
    for (const conn of open.keys()) conn.close();
  };
  if (stop.aborted) beginToStop();
  stop.addEventListener("abort", beginToStop);
  kill.addEventListener("abort", closeAll);

  while (true) {
    const accepted = await acceptNext(listener, stop, report);
    if (accepted === undefined) break; // told to stop
    if (open.size >= maxConnections) {
      const address = formatAddress(accepted.remoteAddr);
      turnedAway.log(`Turned away ${address}: ${maxConnections} connections are open`);
      accepted.close();
      continue;
    }
    const conn = new DeadlineConn(accepted, options);
    // Not awaited (`run` stands below): the next client need not wait for this one. What `finally` does
    // comes later, when `set` is done.
    open.set(conn, run(conn).finally(() => open.delete(conn)));
    // A signal that came while this one was accepted has not found it among the open ones.
    if (stop.aborted) conn.stop();
    if (kill.aborted) conn.close();
  }
  await Promise.race([Promise.all(open.values()), aborted(kill)]); // all have ended, or none may stay
  stop.removeEventListener("abort", beginToStop);
  kill.removeEventListener("abort", closeAll);

  /** Serves one client to its end. All its errors are caught here. */
  async function run(conn: DeadlineConn): Promise<void> {
    using _ = conn;
    log(`Accepted connection from ${conn.peerAddress}`);
    let problem: unknown;
    try {
      await handle(conn);
    } catch (error) {
      const isIdle = error instanceof DeadlineError && error.phase === "idle";
      if (!isIdle && !kill.aborted) problem = error;
    }
    if (problem === undefined) log(`Closing connection to ${conn.peerAddress}`);
    else report(`Lost connection to ${conn.peerAddress}: ${messageOf(problem)}`);
  }
}

/** Accepts the next connection, however often that fails. Returns `undefined` when `stop` aborts. */
async function acceptNext(
  listener: Listener,
  stop: AbortSignal,
  report: (line: string) => void,
): Promise<Conn | undefined> {
  let delay = FIRST_RETRY_DELAY;
  while (!stop.aborted) {
    try {
      return await listener.accept();
    } catch (error) {
      if (stop.aborted) break;
      if (error instanceof Deno.errors.NotConnected) continue; // this client is gone already
      // Usually no file descriptor is left. Trying again at once would fail again and again.
      report(`Cannot accept, trying again in ${delay} ms: ${messageOf(error)}`);
      await pause(delay, stop);
      delay = Math.min(2 * delay, MAX_RETRY_DELAY);
    }
  }
  return undefined;
}

function waitingFor(count: number): string {
  const connections = count === 1 ? "1 open connection" : `${count} open connections`;
  return `Waiting for ${connections}; press Ctrl-C again to stop now`;
}

function messageOf(error: unknown): string {
  return escapeText(error instanceof Error ? error.message : String(error));
}

/** Waits until a signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
