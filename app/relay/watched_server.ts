// A server of node:net, watched. Under Deno such a server accepts no more once it has met a lack of file
// descriptors, and does not say so. It meets one when many clients come at once, more than it may
// take: each needs a descriptor before it can be turned away.
import { connect, type Server, type Socket } from "node:net";
import { nameOf } from "../core/address.ts";
import { printError } from "../core/output.ts";
import { RareReport } from "../core/rare_report.ts";

const CHECK_DELAY = 1_000; // milliseconds after clients were turned away
const CHECK_TIMEOUT = 1_000; // milliseconds for a server to accept

const servers = new Set<WatchedServer>();

/** Listens, goes on listening whatever happens, and turns away clients beyond a limit. */
export class WatchedServer {
  readonly #server: Server;
  readonly #maxConnections: number;
  readonly #turnedAway = new RareReport(printError);
  #address: Deno.NetAddr;
  #open = 0; // connections
  #probePort: Promise<number> | undefined; // while the server is asked whether it accepts
  #endProbe: (isAccepted: boolean) => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param server The server, not yet listening.
   * @param address Where it is going to listen.
   * @param maxConnections How many clients it takes at once.
   * @param handle Takes each client.
   */
  constructor(
    server: Server,
    address: Deno.NetAddr,
    maxConnections: number,
    handle: (client: Socket) => void = () => {},
  ) {
    this.#server = server;
    this.#address = address;
    this.#maxConnections = maxConnections;
    server.on("connection", async (client) => {
      client.on("error", () => {}); // an error without a listener would end the program
      if (this.#probePort && await this.#probePort === client.remotePort) {
        client.destroy();
        this.#endProbe(true);
      } else if (client.destroyed) {
        return; // it has gone while it was not known whether it is the probe
      } else if (this.#open < maxConnections) {
        this.#open++;
        client.once("close", () => this.#open--);
        handle(client);
      } else {
        this.#turnAway(client);
      }
    });
  }

  /** Begins to listen, and returns where. */
  async listen(): Promise<Deno.NetAddr> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("listening", resolve);
    this.#server.once("error", reject);
    this.#server.listen(this.#address.port, this.#address.hostname);
    await promise;
    this.#server.off("error", reject);
    this.#server.on("error", (error) => {
      printError(`Cannot listen on ${nameOf(this.#address)}: ${error.message}`);
      this.#suspect();
    });
    const { address: hostname, port } = this.#server.address() as { address: string; port: number };
    this.#address = { transport: "tcp", hostname, port };
    servers.add(this);
    return this.#address;
  }

  /** Has all servers asked whether they still accept, because there was no descriptor left. */
  static suspectAll(): void {
    for (const server of servers) server.#suspect();
  }

  #turnAway(client: Socket): void {
    const reason = `${this.#maxConnections} connections are open`;
    this.#turnedAway.report(`Turned away ${nameOfPeer(client)}: ${reason}`);
    client.destroy();
    WatchedServer.suspectAll();
  }

  #suspect(): void {
    this.#timer ??= setTimeout(() => this.#check(), CHECK_DELAY);
  }

  async #check(): Promise<void> {
    const isAccepting = await this.#accepts();
    this.#timer = undefined;
    if (isAccepting) return;
    printError(`Cannot accept on ${nameOf(this.#address)}, listening again: Too many open files`);
    this.#server.close();
    this.#server.listen(this.#address.port, this.#address.hostname);
    this.#suspect();
  }

  async #accepts(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#endProbe = resolve;
    const timer = setTimeout(() => resolve(false), CHECK_TIMEOUT);
    const probe = connect(this.#address.port, this.#address.hostname);
    // The server may have accepted it before its port is known here.
    this.#probePort = new Promise((resolve) => {
      probe.once("connect", () => resolve(probe.localPort!));
      probe.once("close", () => resolve(NaN)); // no port
    });
    probe.on("error", () => resolve(false));
    const isAccepted = await promise;
    clearTimeout(timer);
    probe.destroy();
    this.#probePort = undefined;
    return isAccepted;
  }
}

/** The name of a client; its address is not known if it has gone already. */
export function nameOfPeer({ remoteAddress: hostname, remotePort: port }: Socket): string {
  if (hostname === undefined || port === undefined) return "a client";
  return nameOf({ transport: "tcp", hostname, port });
}
