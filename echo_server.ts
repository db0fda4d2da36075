// Sends back every byte a client sends, one client at a time.
const USAGE = "Usage: deno run --allow-net echo_server.ts [host] [port]";

const [hostname = "127.0.0.1", port = "65432"] = Deno.args;
const asksForHelp = hostname === "--help";
if (asksForHelp || hostname.startsWith("-") || !/^\d{1,5}$/.test(port)) {
  (asksForHelp ? print : console.error)(USAGE);
  Deno.exit(asksForHelp ? 0 : 2);
}
const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

try {
  const listener = Deno.listen({ hostname, port: Number(port) });
  for (const signal of signals) Deno.addSignalListener(signal, () => Deno.exit(0));
  const [zone = ""] = /%[^\]]+/.exec(hostname) ?? []; // of an address such as fe80::1%eth0
  print(`Listening on ${formatAddress(listener.addr, zone)}`);

  while (true) { // `for await (const conn of listener)` would end at the first accept that fails
    try {
      using conn = await listener.accept();
      print(`Connected by ${formatAddress(conn.remoteAddr)}`);
      await echo(conn);
    } catch (error) { // this client was reset, or none could be accepted: go on
      console.error(`Connection lost: ${(error as Error).message}`);
      await new Promise((resume) => setTimeout(resume, 5)); // milliseconds; accept may fail again
    }
  }
} catch (error) {
  fail(`Cannot listen on ${hostname}:${port}: ${(error as Error).message}`);
}

async function echo(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break; // the client will send no more
    for (let sent = 0; sent < n;) sent += await conn.write(buffer.subarray(sent, n));
  }
}

function formatAddress({ hostname, port }: Deno.NetAddr, zone = ""): string {
  return `${hostname.includes(":") ? `[${hostname}${zone}]` : hostname}:${port}`;
}

function print(line: string): void {
  try {
    console.log(line);
  } catch (error) { // the disk is full, or the program behind the pipe has ended
    fail(`Cannot write to standard output: ${(error as Error).message}`);
  }
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
