// Shows the states that a connection goes through, as `ss` sees them. Linux only.
//
//   deno run --allow-net --allow-run=ss app/examples/socket_states.ts
import { connect } from "node:net"; // whose sockets can be reset

const USAGE = "Usage: deno run --allow-net --allow-run=ss app/examples/socket_states.ts [port]";

const [port = "65432", unexpected] = Deno.args;
const clients = new Set<number>(); // ports; connections of earlier programs are not shown

if (port === "--help") {
  console.log(USAGE);
} else if (!/^\d{1,5}$/.test(port) || unexpected !== undefined) {
  console.error(USAGE);
  Deno.exit(2);
} else {
  try {
    await showStates(Number(port));
  } catch (error) {
    console.error(`Cannot show the states: ${(error as Error).message}`);
    Deno.exit(1);
  }
}

async function showStates(port: number): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  show("The server listens", port);

  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  clients.add(client.localAddr.port);
  show("The client has connected, and accept has not been called yet", port);

  const server = await listener.accept();
  await client.closeWrite();
  await server.read(new Uint8Array(1)); // null: the FIN is here
  show("The client has half-closed, the server has not", port);

  server.close();
  await client.read(new Uint8Array(1)); // null again
  client.close();
  show("Both have closed, the client first", port);

  const resetting = connect(port, "127.0.0.1");
  await new Promise((connected) => resetting.on("connect", connected));
  clients.add(resetting.localPort!);
  const other = await listener.accept();
  listener.close();
  resetting.resetAndDestroy();
  await other.read(new Uint8Array(1)).catch(() => {}); // ConnectionReset
  other.close();
  show("After a reset of another connection, without the listener", port);
}

function show(what: string, port: number): void {
  const args = ["-tanH", `( sport = :${port} or dport = :${port} )`];
  let lines: string[];
  do { // until what was sent is acknowledged
    const text = new TextDecoder().decode(new Deno.Command("ss", { args }).outputSync().stdout);
    lines = text.trim().split("\n")
      .map((line) => line.trim().split(/\s+/).join(" "))
      .filter((line) => line.startsWith("LISTEN") || ports(line).some((port) => clients.has(port)));
  } while (lines.some((line) => /^(SYN-RECV|FIN-WAIT-1|LAST-ACK|CLOSING)/.test(line)));
  console.log(`${what}:`);
  lines.sort((a, b) => key(a, port).localeCompare(key(b, port)));
  for (const line of lines) console.log(`  ${line}`);
}

function ports(line: string): number[] {
  return line.split(" ").slice(3).map((address) => Number(address.split(":").at(-1)));
}

/** First by state, then the client's end before the server's. */
function key(line: string, port: number): string {
  const [state, , , local] = line.split(" ");
  return `${state} ${local?.endsWith(`:${port}`)}`;
}
