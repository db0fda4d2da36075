import { assertEquals, assertMatch } from "@std/assert";
import { serve, type ServeOptions } from "../../../app/core/serve.ts";
import type { DeadlineConn } from "../../../app/core/deadline_conn.ts";
import { FakeConn } from "../../support/fake_conn.ts";

/** A listener whose clients come when a test says so, and a server on it. */
class FakeServer implements Deno.Listener {
  readonly addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 65432 };
  readonly logged: string[] = [];
  readonly reported: string[] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  #accept: PromiseWithResolvers<Deno.Conn> | undefined;
  #onAccept: () => void = () => {};
  #isClosed = false;

  constructor(handle: (conn: DeadlineConn) => Promise<void>, options: Partial<ServeOptions> = {}) {
    this.ended = serve(this, handle, {
      stop: this.#stop.signal,
      kill: this.#kill.signal,
      ...options,
      log: (line) => this.logged.push(line),
      report: (line) => this.reported.push(line),
    });
  }

  accept(): Promise<Deno.Conn> {
    if (this.#isClosed) {
      return Promise.reject(new Deno.errors.BadResource("Listener has been closed"));
    }
    this.#accept = Promise.withResolvers();
    this.#onAccept();
    return this.#accept.promise;
  }

  /** Lets a client come, or an accept fail, and waits until the server accepts again. */
  async come<T extends Deno.Conn | Error>(next: T): Promise<T> {
    const again = new Promise<void>((resolve) => this.#onAccept = resolve);
    if (next instanceof Error) this.#accept!.reject(next);
    else this.#accept!.resolve(next);
    await again;
    return next;
  }

  stop() {
    this.#stop.abort();
  }

  kill() {
    this.#kill.abort();
  }

  close() {
    this.#isClosed = true;
    this.#accept?.reject(new Deno.errors.BadResource("Listener has been closed"));
  }

  ref() {}
  unref() {}
  [Symbol.dispose]() {
    this.close();
  }
  [Symbol.asyncIterator](): never {
    throw new Error("Not used");
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** Lets everything happen that needs no turn of the event loop, and so no timer. */
const withoutTime = async () => {
  for (let i = 0; i < 100; i++) await Promise.resolve();
};
const readToEnd = async (conn: DeadlineConn) => {
  while (await conn.read() !== null);
};

Deno.test("serve() closes a connection when its handler ends, and when it throws", async () => {
  const server = new FakeServer((conn) =>
    readToEnd(conn).then(() => Promise.reject(Error("a\nb")))
  );
  const polite = await server.come(new FakeConn());
  polite.arrive(null);
  server.stop();
  await server.ended;
  assertEquals(polite.closed, 1);
  assertEquals(server.reported, [
    "Waiting for 1 open connection; press Ctrl-C again to stop now",
    "Lost connection to 127.0.0.1:50000: a\\x0ab",
  ]);
  assertEquals(server.logged, ["Accepted connection from 127.0.0.1:50000"]);
});

Deno.test("serve() says in one line how a connection has ended: closed, or lost and why", async () => {
  const fails = Promise.withResolvers<void>();
  const handlers = [() => Promise.resolve(), () => fails.promise];
  const server = new FakeServer(() => handlers.shift()!());
  await server.come(new FakeConn());
  await nextTurn();
  assertEquals(server.logged.splice(0), [
    "Accepted connection from 127.0.0.1:50000",
    "Closing connection to 127.0.0.1:50000",
  ]);
  await server.come(new FakeConn());
  fails.reject(new Error("why"));
  await nextTurn();
  assertEquals(server.logged, ["Accepted connection from 127.0.0.1:50000"]);
  assertEquals(server.reported, ["Lost connection to 127.0.0.1:50000: why"]);
  server.stop();
  await server.ended;
});

Deno.test("serve() goes on after a client that was reset before it was accepted, without a pause", async () => {
  const server = new FakeServer(readToEnd);
  for (let i = 0; i < 500; i++) await server.come(new Deno.errors.NotConnected("reset"));
  server.stop();
  await server.ended;
  assertEquals(server.reported, []);
});

Deno.test("serve() tries again when it cannot accept, more and more rarely", async () => {
  const server = new FakeServer(readToEnd);
  const outOfDescriptors = Object.assign(new Error("Too many open files"), { code: "EMFILE" });
  for (let i = 0; i < 4; i++) await server.come(outOfDescriptors);
  const conn = await server.come(new FakeConn());
  conn.arrive(null);
  await server.come(outOfDescriptors); // from the beginning
  server.stop();
  await server.ended;
  assertEquals(
    server.reported,
    [5, 10, 20, 40, 5].map((ms) => `Cannot accept, trying again in ${ms} ms: Too many open files`),
  );
});

Deno.test("serve() stops at once while it waits for the next try", async () => {
  const server = new FakeServer(readToEnd);
  for (let i = 0; i < 4; i++) await server.come(new Error("Too many open files"));
  server.come(new Error("Too many open files")); // after which it waits for 80 ms
  await withoutTime();
  let hasEnded = false;
  server.ended.then(() => hasEnded = true);
  server.stop();
  await withoutTime();
  assertEquals([server.reported.length, hasEnded], [5, true]);
});

Deno.test("serve() closes a connection that is accepted in the moment when it stops", async () => {
  const ends: unknown[] = [];
  const handle = (conn: DeadlineConn) => conn.read().then((end) => void ends.push(end));
  const server = new FakeServer(handle, { idleTimeout: 5000 }); // longer than a stop takes
  const conn = new FakeConn();
  server.come(conn);
  server.stop();
  await server.ended;
  assertEquals([ends, server.reported, conn.closed], [[null], [], 1]);
});

Deno.test("serve() leaves nothing open that is accepted in the moment when it is killed", async () => {
  const server = new FakeServer(readToEnd);
  const conn = new FakeConn();
  server.come(conn);
  server.stop();
  server.kill();
  await server.ended;
  assertEquals(conn.closed, 1);
});

Deno.test("serve() turns away one connection too many, and takes the next when one has ended", async () => {
  const server = new FakeServer(readToEnd, { maxConnections: 2 });
  const [first, second] = [await server.come(new FakeConn()), await server.come(new FakeConn())];
  const third = await server.come(new FakeConn());
  assertEquals([first.closed, second.closed, third.closed], [0, 0, 1]);
  assertEquals(server.reported, ["Turned away 127.0.0.1:50000: 2 connections are open"]);
  first.arrive(null);
  await nextTurn();
  const fourth = await server.come(new FakeConn());
  assertEquals(fourth.closed, 0);
  for (const conn of [second, fourth]) conn.arrive(null);
  server.stop();
  await server.ended;
});

Deno.test("serve() counts no connection whose handler has thrown at once", async () => {
  const server = new FakeServer(() => {
    throw new Error("broken");
  }, { maxConnections: 1 });
  for (let i = 0; i < 2; i++) await server.come(new FakeConn());
  server.stop();
  await server.ended;
  assertEquals(server.reported.length, 2);
  for (const line of server.reported) assertMatch(line, /^Lost connection to .*: broken$/);
});

Deno.test("serve() says nothing of a client that was idle for too long", async () => {
  const stop = new AbortController();
  const reported: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ended = serve(listener, readToEnd, {
    stop: stop.signal,
    kill: stop.signal,
    idleTimeout: 100,
    report: (line) => reported.push(line),
  });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  assertEquals(await conn.read(new Uint8Array(1)), null);
  stop.abort();
  await ended;
  assertEquals(reported, []);
});

Deno.test("serve(), told to stop, waits for what has begun; told to kill, it closes everything", async () => {
  const server = new FakeServer(async (conn) => {
    await conn.writeAll(new Uint8Array(1));
  });
  const fake = new FakeConn();
  fake.writeLength = 0;
  const stuck = await server.come(fake);
  server.stop();
  let isOver = false;
  const over = server.ended.then(() => isOver = true);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than an idle one would take
  assertEquals([isOver, stuck.closed], [false, 0]);
  server.kill();
  await over;
  assertEquals(stuck.closed, 1);
  assertEquals(server.reported.length, 1);
  assertMatch(server.reported[0]!, /^Waiting for 1 open connection;/);
});

Deno.test("serve(), told to kill, does not wait for a handler that waits for something else", async () => {
  const server = new FakeServer(() => new Promise(() => {}));
  const conn = await server.come(new FakeConn());
  server.stop();
  server.kill();
  await server.ended;
  assertEquals(conn.closed, 1);
});

Deno.test("serve() serves a client whose socket refuses options, because it has gone already", async () => {
  const server = new FakeServer(readToEnd);
  const gone = Object.assign(new FakeConn(), {
    setNoDelay() {
      throw new Error("Invalid argument");
    },
  });
  await server.come(gone);
  gone.arrive(null);
  server.stop();
  await server.ended;
  assertEquals(gone.closed, 1);
});
