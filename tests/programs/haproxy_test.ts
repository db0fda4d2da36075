import { assert, assertEquals } from "@std/assert";
import { equals } from "@std/bytes/equals";
import {
  exchange,
  findFreePort,
  noise,
  Program,
  runScript,
  startServer,
  works,
} from "../support/programs.ts";

const SERVER = "app/multiconn_server.ts";
const hasHaproxy = works("haproxy", "-v");

Deno.test({
  name:
    "app/multiconn_server.ts twice behind HAProxy: both serve, and when one is killed clients go on",
  ignore: !hasHaproxy,
  async fn() {
    await using first = await startServer(SERVER);
    await using second = await startServer(SERVER);
    const port = findFreePort();
    await using haproxy = new Program(["-f", "tests/support/haproxy.cfg", "-db"], "haproxy", {
      LISTEN_PORT: String(port),
      FIRST_PORT: String(first.port),
      SECOND_PORT: String(second.port),
    });
    const client = () =>
      runScript("app/multiconn_client.ts", "127.0.0.1", String(port), "20", "--quiet");
    let running = true;
    haproxy.ended.then(() => running = false);
    while (!await listens(port)) assert(running, haproxy.stderr); // it does not say when it is ready

    assertEquals((await client()).code, 0, haproxy.stderr);
    await first.prints(/Echoing /);
    await second.prints(/Echoing /);

    first.kill("SIGKILL");
    await first.ended;
    for (let i = 0; i < 3; i++) {
      const { code, stderr } = await client();
      assertEquals([code, stderr], [0, ""], haproxy.stderr);
    }

    // Half-close and backpressure pass through the proxy as well.
    const bytes = noise(8 * 1024 * 1024);
    assert(equals(await exchange(port, bytes), bytes));
  },
});

function listens(port: number): Promise<boolean> {
  return Deno.connect({ hostname: "127.0.0.1", port })
    .then((conn) => (conn.close(), true), () => false);
}
