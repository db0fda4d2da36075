import { assertEquals, assertRejects } from "@std/assert";
import { deadlineClock, DeadlineError } from "../../../app/core/deadlines.ts";
import { DeadlineConn } from "../../../app/core/deadline_conn.ts";
import { FakeConn } from "../../support/fake_conn.ts";

const HELLO = new TextEncoder().encode("Hello");
const SHORT = { idleTimeout: 100, writeTimeout: 100, lingerTimeout: 100 };

/** A promise that must fail at a deadline. */
async function assertLate(promise: Promise<unknown>, message: string): Promise<void> {
  const error = await assertRejects(() => promise, DeadlineError);
  assertEquals(error.message, message);
}

Deno.test("DeadlineConn reads what arrives, and then the end", async () => {
  const fake = new FakeConn();
  using conn = new DeadlineConn(fake);
  const first = conn.read();
  fake.arrive(HELLO);
  assertEquals(await first, HELLO);
  const second = conn.read();
  fake.arrive(null);
  assertEquals(await second, null);
});

Deno.test("DeadlineConn gets a larger buffer when a read has filled the one it has", async () => {
  const endless = Object.assign(new FakeConn(), {
    read: (buffer: Uint8Array) => Promise.resolve(buffer.fill(buffer.length % 251).length),
  });
  using conn = new DeadlineConn(endless);
  for (const length of [1024, 4096, 16_384, 65_536, 65_536]) {
    assertEquals(await conn.read(), new Uint8Array(length).fill(length % 251));
  }
});

Deno.test("DeadlineConn writes all the bytes, however few a write takes", async () => {
  const fake = new FakeConn();
  fake.writeLength = 2;
  using conn = new DeadlineConn(fake);
  await conn.writeAll(HELLO);
  assertEquals(fake.written.map((bytes) => bytes.length), [2, 2, 1]);
  assertEquals(fake.written.flatMap((bytes) => [...bytes]), [...HELLO]);
});

Deno.test("DeadlineConn fails when nothing comes in time, and can still write and linger", async () => {
  const fake = new FakeConn();
  using conn = new DeadlineConn(fake, SHORT);
  await assertLate(conn.read(), "Nothing came within 0.1 s");
  assertEquals(fake.closed, 0);
  await conn.writeAll(HELLO);
  const lingering = conn.linger();
  await Promise.resolve();
  fake.arrive(HELLO); // for the read that the deadline has left behind: there is no second one
  await lingering; // 0.1 s
  assertEquals([fake.reads, fake.closed], [2, 0]);
});

Deno.test("DeadlineConn keeps what comes after a deadline for the next read", async () => {
  const fake = new FakeConn();
  using conn = new DeadlineConn(fake, SHORT);
  await assertLate(conn.read(), "Nothing came within 0.1 s");
  fake.arrive(HELLO); // nobody waits
  assertEquals(await conn.read(), HELLO);
  assertEquals(fake.reads, 1);
  await assertLate(conn.read(), "Nothing came within 0.1 s");
  const reading = conn.read();
  fake.arrive(HELLO); // somebody else waits
  assertEquals(await reading, HELLO);
});

Deno.test("DeadlineConn keeps an absolute deadline, which bytes that trickle in do not move", async () => {
  const fake = new FakeConn();
  using conn = new DeadlineConn(fake);
  const wait = { phase: "header" as const, due: deadlineClock.after(150), timeout: 150 };
  const trickle = setInterval(() => fake.arrive(HELLO.subarray(0, 1)), 20);
  await assertLate(
    (async () => {
      while (true) await conn.read(wait);
    })(),
    "The header did not arrive within 0.15 s",
  );
  clearInterval(trickle);
});

Deno.test("DeadlineConn closes when a write or a half-close takes too long", async () => {
  const steps: [begin: (conn: DeadlineConn) => Promise<void>, message: string][] = [
    [(conn) => conn.writeAll(HELLO), "The peer did not read within 0.1 s"],
    [(conn) => conn.closeWrite(), "The peer did not read within 0.1 s"],
  ];
  for (const [begin, message] of steps) {
    const fake = new FakeConn();
    fake.writeLength = 0;
    fake.closeWriteEnds = false;
    using conn = new DeadlineConn(fake, SHORT);
    await assertLate(begin(conn), message);
    assertEquals(fake.closed, 1);
  }
});

Deno.test("DeadlineConn says why a read fails that a late write has ended", async () => {
  const fake = new FakeConn();
  fake.writeLength = 0;
  using conn = new DeadlineConn(fake, { ...SHORT, idleTimeout: 60_000 });
  const reading = assertLate(conn.read(), "The peer did not read within 0.1 s");
  await assertLate(conn.writeAll(HELLO), "The peer did not read within 0.1 s");
  await reading;
});

Deno.test("DeadlineConn lingers no longer than its time, also when the half-close is stuck", async () => {
  const fake = new FakeConn();
  fake.closeWriteEnds = false;
  using conn = new DeadlineConn(fake, SHORT);
  await conn.linger();
  assertEquals(fake.closed, 1);
});

Deno.test("DeadlineConn goes on writing as long as the peer takes some of the bytes", async () => {
  const fake = new FakeConn();
  const slow = Object.assign(fake, {
    write: (bytes: Uint8Array) =>
      new Promise<number>((resolve) => setTimeout(() => resolve(Math.min(1, bytes.length)), 50)),
  });
  using conn = new DeadlineConn(slow, SHORT);
  await conn.writeAll(HELLO); // 0.25 s in all, of which no wait is longer than 0.1 s
});

Deno.test("DeadlineConn, asked to stop, ends a read for which nothing has begun", async () => {
  const fake = new FakeConn();
  using conn = new DeadlineConn(fake);
  const waiting = conn.read();
  conn.stop();
  assertEquals(await waiting, null);
  assertEquals(await conn.read(), null);
  assertEquals(fake.closed, 0);
});

Deno.test("DeadlineConn, asked to stop, still reads what has arrived, and what has begun", async () => {
  const fake = new FakeConn();
  using conn = new DeadlineConn(fake);
  const waiting = conn.read();
  conn.stop();
  fake.arrive(HELLO);
  assertEquals(await waiting, HELLO);
  const rest = conn.read({ phase: "content", due: deadlineClock.after(5000), timeout: 5000 });
  const timer = setTimeout(() => fake.arrive(HELLO), 1500); // long after the grace
  assertEquals(await rest, HELLO);
  clearTimeout(timer);
});

Deno.test("DeadlineConn closes once, which ends what waits, and leaves no timer", async () => {
  const fake = new FakeConn();
  fake.writeLength = 0;
  const conn = new DeadlineConn(fake);
  const waiting = [conn.read(), conn.writeAll(HELLO)];
  const ended = Promise.all(
    waiting.map((promise) => assertRejects(() => promise, Deno.errors.Interrupted)),
  );
  for (let i = 0; i < 3; i++) conn.close();
  await ended;
  assertEquals(fake.closed, 1);
  await assertRejects(() => conn.writeAll(HELLO), Deno.errors.BadResource);
});
