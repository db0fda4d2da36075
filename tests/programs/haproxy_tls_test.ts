// HAProxy as it stands in app/README.md, ending TLS in front of app/server.ts. Whatever clients do, no
// descriptor stays open in either of them, and others are served.
import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { createRequest } from "../../app/libclient.ts";
import { OtherMachine } from "../support/other_machine.ts";
import { tryAll } from "../support/sampling.ts";
import { descriptors, processorTime, settled } from "../support/resource_usage.ts";
import {
  CLOSE_CANCELS_WRITES,
  findFreePort,
  Program,
  readToEnd,
  startServer,
  works,
  writeAll,
} from "../support/programs.ts";
import { PYTHON } from "../support/python.ts";

const CONFIG = "app/examples/haproxy_tls.cfg";
const PAGE = await Deno.readTextFile(new URL("../../app/README.md", import.meta.url));
const REQUEST = createRequest("search", "morpheus");
const CLIENT_HELLO = new Uint8Array([22, 3, 1, 2, 0, 1]); // the first bytes of one

const HANDSHAKE_TIMEOUT = 5000; // milliseconds
const IDLE_TIMEOUT = 6000;
const FIN_TIMEOUT = 1000;
const SLACK = 2000; // milliseconds after a deadline, until all is closed
const SOON = 100; // milliseconds in which a good client is served
const PATIENCE = 30_000; // milliseconds to wait for what must come
const QUIET = 0.02; // seconds of processor time in 200 ms, for clocks
const MAX_QUEUE = 256 * 1024; // bytes for a client that never reads; without a limit, there are some MB

const canRun = Deno.build.os === "linux" &&
  [["haproxy", "-v"], ["openssl", "version"], ["ss", "-V"]].every(([command, ...args]) =>
    works(command!, ...args)
  );

/** Clients who begin a handshake and do not end it. A third goes on byte by byte, and a third is silent. */
const STALL = `
  const [hostname, port] = Deno.args;
  const connect = () => Deno.connect({ hostname, port: Number(port) });
  const conns = await Promise.all(Array.from({ length: 300 }, connect));
  await Promise.all(conns.slice(100).map((conn) => conn.write(new Uint8Array([${CLIENT_HELLO}]))));
  console.log("ready");
  while (true) {
    for (const conn of conns.slice(200)) conn.write(new Uint8Array(1)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
  }`;

/** Clients who ask and never read. Python can keep their own buffers short, so that these fill soon. */
const NEVER_READ = `
import json, socket, ssl, struct, sys, time
from concurrent.futures import ThreadPoolExecutor

content = json.dumps({"action": "search", "value": "x" * 60_000}).encode()  # the answer quotes it
header = json.dumps({
    "byteorder": "big",
    "content-type": "text/json",
    "content-encoding": "utf-8",
    "content-length": len(content),
}).encode()
request = struct.pack(">H", len(header)) + header + content
context = ssl.create_default_context(cafile=sys.argv[3])

def connect(_):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    conn = context.wrap_socket(sock, server_hostname="localhost")
    conn.setblocking(False)
    return conn

conns = {}  # and what each has still to send
with ThreadPoolExecutor(60) as pool:
    for conn in pool.map(connect, range(60)):
        conns[conn] = request
print("ready", flush=True)
while True:
    for conn, rest in conns.items():
        try:
            conns[conn] = rest[conn.send(rest):] or request
        except OSError:  # it must wait, or the connection is gone
            pass
    time.sleep(0.01)
`;

/** Clients who are about to vanish: silent ones, some in the handshake, and some who ask and never read. */
const VANISH = `
  const [hostname, port, trusted] = Deno.args;
  const options = { hostname: "localhost", caCerts: [await Deno.readTextFile(trusted)] };
  const connect = () => Deno.connect({ hostname, port: Number(port) });
  const request = new Uint8Array([${REQUEST}]);
  const conns = await Promise.all(Array.from({ length: 20 }, async () => {
    await connect();
    await (await connect()).write(new Uint8Array([${CLIENT_HELLO}]));
    return await Deno.startTls(await connect(), options);
  }));
  await Promise.all(conns.map((conn) => conn.write(request)));
  for (const conn of conns) sendForEver(conn).catch(() => {});
  console.log("ready");
  setInterval(() => {}, 1000);

  async function sendForEver(conn) {
    for (let at = 0;; at %= request.length) at += await conn.write(request.subarray(at));
  }`;

Deno.test("app/README.md shows the configuration that is tested", async () => {
  const config = await Deno.readTextFile(new URL(`../../${CONFIG}`, import.meta.url));
  assert(PAGE.includes(`\n\`\`\`text\n${config}\`\`\`\n`));
});

Deno.test({
  name: "HAProxy with TLS: a client that half-closes gets all answers, and a clean end",
  ignore: !canRun,
  async fn() {
    await using proxy = await startProxy();
    using conn = await proxy.dial();
    const requests = 2000;
    const sending = (async () => {
      for (let i = 0; i < requests; i++) await writeAll(conn, REQUEST);
      await conn.closeWrite();
    })();
    const { length } = await readToEnd(conn); // throws where the end is not TLS's own
    await sending;
    assertEquals(length, requests * (await proxy.exchange()).length);
  },
});

Deno.test({
  name: "HAProxy with TLS: clients who stall in the handshake keep nobody waiting, and end in time",
  ignore: !canRun,
  fn: () =>
    upToThreeTimes(async () => {
      await using proxy = await startProxy();
      await using attackers = proxy.start(Deno.execPath(), "eval", STALL);
      await attackers.prints("ready");
      await proxy.hasMore(300);
      const begin = performance.now();
      const times: number[] = [];
      while (times.length < 10 && proxy.descriptors() >= 300) { // all of them are there
        const begin = performance.now();
        await proxy.exchange();
        times.push(performance.now() - begin);
      }
      times.sort((a, b) => a - b);
      assertLessOrEqual(times[times.length >> 1]!, SOON, `${times} ms`);
      await proxy.isFreeWithin(begin, HANDSHAKE_TIMEOUT + SLACK);
    }),
});

Deno.test({
  name: "HAProxy with TLS: clients who never read leave nothing open, and hold little until then",
  ignore: !tryAll || !canRun || PYTHON === undefined,
  fn: () =>
    upToThreeTimes(async () => {
      await using proxy = await startProxy();
      await using attackers = proxy.start(PYTHON!, "-c", NEVER_READ);
      await attackers.prints("ready");
      await proxy.hasMore(2 * 60);
      const queues = await proxy.isIdle(); // all buffers are full
      const begin = performance.now();
      assertLessOrEqual(Math.max(...queues), MAX_QUEUE);
      await proxy.isFreeWithin(begin, IDLE_TIMEOUT + SLACK);
    }),
});

Deno.test({
  name: "HAProxy with TLS: clients who vanish leave nothing open",
  ignore: !tryAll || !canRun || !OtherMachine.isPossible(),
  fn: () =>
    upToThreeTimes(async () => {
      using machine = new OtherMachine();
      await using proxy = await startProxy(machine.host);
      await using attackers = proxy.start(
        "ip",
        ...machine.runs(Deno.execPath(), "eval", VANISH),
      );
      await attackers.prints("ready");
      await proxy.hasMore(60);
      machine.cutOff();
      await proxy.isFreeWithin(performance.now(), IDLE_TIMEOUT + SLACK);
    }),
});

Deno.test({
  name: "Deno's own TLS has the limits that app/README.md tells, which is why there is a proxy",
  // Deno 2.9.6 has them; in older ones, no write is ever interrupted. Look here again when there is a newer one.
  ignore: !canRun || !CLOSE_CANCELS_WRITES ||
    Deno.version.deno.localeCompare("2.9.6", undefined, { numeric: true }) > 0,
  async fn() {
    const folder = await Deno.makeTempDir();
    await makeCertificate(folder);
    const [cert, key] = await Promise.all(
      ["cert.pem", "key.pem"].map((name) => Deno.readTextFile(`${folder}/${name}`)),
    );
    await Deno.remove(folder, { recursive: true });
    using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: cert!, key: key! });
    const { port } = listener.addr;
    const established = () => sendQueues(port).length;
    /** Closes a connection in which something waits, and asserts that its socket stays until the client goes. */
    const assertStaysOpen = async (
      conn: Deno.TlsConn,
      waiting: Promise<unknown>,
      client: Deno.Conn,
    ) => {
      const interrupted = assertRejects(() => waiting, Deno.errors.Interrupted);
      conn.close();
      await interrupted;
      for (let i = 0; i < 10; i++) {
        assertEquals(
          established(),
          1,
          "The socket is closed: app/README.md says that it stays open",
        );
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      client.close();
      const end = performance.now() + PATIENCE;
      while (established() > 0) {
        assertLessOrEqual(performance.now(), end, "The socket stays open after its client is gone");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };

    const silent = await Deno.connect({ hostname: "127.0.0.1", port });
    const first = await listener.accept();
    assertEquals("setNoDelay" in first || "setKeepAlive" in first, false);
    await assertStaysOpen(first, first.handshake(), silent);

    const options = { hostname: "localhost", caCerts: [cert!] };
    const deaf = await Deno.startTls(await Deno.connect({ hostname: "127.0.0.1", port }), options);
    const second = await listener.accept();
    await Promise.all([second.handshake(), deaf.handshake()]);
    const writing = (async () => {
      while (true) await second.write(new Uint8Array(65_536));
    })();
    let queue = -1; // until it grows no more
    while (queue !== sendQueues(port)[0]!) {
      queue = sendQueues(port)[0]!;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await assertStaysOpen(second, writing, deaf);
  },
});

/**
 * Tries again what must be done by a deadline: a busy machine may be late once, and what stays open stays
 * open each time.
 */
async function upToThreeTimes(test: () => Promise<void>): Promise<void> {
  for (let attempt = 1; true; attempt++) {
    try {
      return await test();
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** HAProxy in front of app/server.ts, with short times. */
async function startProxy(hostname = "127.0.0.1") {
  await using resources = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  resources.defer(() => Deno.remove(folder, { recursive: true }));
  await makeCertificate(folder);
  const caCerts = [await Deno.readTextFile(`${folder}/cert.pem`)];

  const server = resources.use(await startServer("app/server.ts", "--quiet"));
  const port = findFreePort();
  const proxy = resources.use(
    new Program(["-f", CONFIG, "-db"], "haproxy", {
      LISTEN: `${hostname}:${port}`,
      SERVER: `127.0.0.1:${server.port}`,
      CERTIFICATE: `${folder}/both.pem`,
      HANDSHAKE_TIMEOUT: `${HANDSHAKE_TIMEOUT}ms`,
      IDLE_TIMEOUT: `${IDLE_TIMEOUT}ms`,
      FIN_TIMEOUT: `${FIN_TIMEOUT}ms`,
    }),
  );
  const dial = async () =>
    await Deno.startTls(await Deno.connect({ hostname, port }), { hostname: "localhost", caCerts });
  /** What a good client does. */
  const exchange = async () => {
    using conn = await dial();
    await writeAll(conn, REQUEST);
    await conn.closeWrite();
    return await readToEnd(conn);
  };
  while (true) { // it does not say when it is ready
    try {
      await exchange();
      break;
    } catch (error) {
      assert(proxy.isRunning, `${error}\n${proxy.stderr}`);
    }
  }
  const before = new Map<number, number>();
  for (const { pid } of [proxy, server]) before.set(pid, await steadyDescriptors(pid));
  const more = () => descriptors(proxy.pid) - before.get(proxy.pid)!;
  const running = resources.move();
  return {
    dial,
    exchange,
    /** Starts a program of attackers, who get the address and the certificate. */
    start: (command: string, ...args: string[]) =>
      new Program([...args, hostname, `${port}`, `${folder}/cert.pem`], command),
    /** How many descriptors the proxy has for clients, and for their connections to the server. */
    descriptors: more,
    /** Waits until it has so many. */
    async hasMore(count: number) {
      const end = performance.now() + HANDSHAKE_TIMEOUT; // then the first ones are gone
      while (more() < count) {
        assertLessOrEqual(performance.now(), end, `${more()} descriptors`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    /**
     * Waits until neither the proxy nor the server has anything to do. Returns how many bytes waited for
     * each client whenever the system was asked.
     */
    async isIdle(): Promise<number[]> {
      const end = performance.now() + PATIENCE;
      const queues: number[] = [];
      const time = () => processorTime(proxy.pid) + processorTime(server.pid);
      for (let quiet = 0; quiet < 3;) { // one could be a pause of a busy machine
        const before = time();
        await new Promise((resolve) => setTimeout(resolve, 200));
        quiet = time() - before <= QUIET ? quiet + 1 : 0;
        queues.push(...sendQueues(port));
        assertLessOrEqual(performance.now(), end, "Busy for ever");
      }
      return queues;
    },
    /** Asserts that all descriptors are closed that clients had, and that others are served. */
    async isFreeWithin(begin: number, time: number) {
      for (const [pid, count] of before) assertLessOrEqual(await settled(pid, count), count);
      assertLessOrEqual(performance.now() - begin, time);
      await exchange();
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** How many descriptors a process has, as soon as the last connection is really closed. */
async function steadyDescriptors(pid: number): Promise<number> {
  let count = descriptors(pid);
  for (let same = 0; same < 10; same++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (descriptors(pid) === count) continue;
    count = descriptors(pid);
    same = 0;
  }
  return count;
}

/** How many bytes the system holds for each client of a port, since they have not been acknowledged. */
function sendQueues(port: number): number[] {
  const args = ["-tnH", "state", "established", `( sport = :${port} )`];
  const { stdout } = new Deno.Command("ss", { args }).outputSync();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  return lines.map((line) => Number(line.trim().split(/\s+/)[1]));
}

/** Makes a certificate as the page says, and the file that HAProxy wants. */
async function makeCertificate(folder: string): Promise<void> {
  const [, command] = /^\$ (openssl req .*CA:FALSE)$/m.exec(PAGE)!;
  const [join] = /^cat cert\.pem key\.pem > both\.pem$/m.exec(PAGE)!;
  const script = `cd "$1" && ${command} && ${join}`;
  const made = new Program(["-c", script, "sh", folder], "sh");
  assertEquals((await made.ended).code, 0, made.stderr);
}
