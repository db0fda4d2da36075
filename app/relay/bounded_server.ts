// A server of node:net that holds so many clients and no more. When it is full, it stops listening until
// one has gone. It must not accept a client just to turn it away: each takes a file descriptor, and a
// server of node:net that has once run out of them accepts nobody any more in Deno, without a word.
import { once } from "node:events";
import { createServer, type ServerOpts, type Socket } from "node:net";
import { formatAddress } from "../core/address.ts";
import { printError } from "../core/output.ts";
import { RateLimitedLog } from "../core/rate_limited_log.ts";

const RETRY_DELAY = 1_000; // milliseconds, when the port cannot be listened on again

/** Listens while there is room for another client. */
export class BoundedServer {
  readonly #server;
  readonly #maxConnections: number;
  readonly #handle: (client: Socket) => Promise<void>;
  readonly #refusing = new RateLimitedLog(printError);
  #address: Deno.NetAddr;
  #open = 0; // clients

  /**
   * @param address Where to listen.
   * @param maxConnections How many clients it holds at once.
   * @param handle Takes a client, and returns when all its file descriptors are closed.
   * @param options The options of the clients' sockets.
   */
  constructor(
    address: Deno.NetAddr,
    maxConnections: number,
    handle: (client: Socket) => Promise<void>,
    options: ServerOpts = {},
  ) {
    this.#address = address;
    this.#maxConnections = maxConnections;
    this.#handle = handle;
    this.#server = createServer(options, (client) => void this.#serve(client));
    this.#server.on("error", () => {}); // `listen` throws it
  }

  /**
   * Begins to listen, and returns where.
   *
   * @throws {Error} If the address is taken or does not exist, or without permission.
   */
  async listen(): Promise<Deno.NetAddr> {
    const { hostname, port } = this.#address;
    Deno.listen({ hostname, port }).close(); // if this is not permitted, nobody can catch what node:net throws
    const listening = once(this.#server, "listening"); // it throws what comes as "error"
    this.#server.listen(port, hostname);
    await listening;
    const bound = this.#server.address() as { address: string; port: number };
    return this.#address = { transport: "tcp", hostname: bound.address, port: bound.port };
  }

  async #serve(client: Socket): Promise<void> {
    if (++this.#open === this.#maxConnections) this.#stopListening();
    await this.#handle(client);
    if (this.#open-- === this.#maxConnections) await this.#listenAgain();
  }

  #stopListening(): void {
    this.#server.close();
    const where = formatAddress(this.#address);
    const count = this.#maxConnections;
    this.#refusing.log(`Taking no more clients on ${where}: ${count} connections are open`);
  }

  async #listenAgain(): Promise<void> {
    try {
      await this.listen();
    } catch (error) {
      const reason = (error as Error).message;
      printError(`Cannot listen on ${formatAddress(this.#address)} again: ${reason}`);
      setTimeout(() => this.#listenAgain(), RETRY_DELAY);
    }
  }
}
