import { assertEquals } from "@std/assert";
import { endOfTurn, MAX_QUEUE_LENGTH, Outbox } from "../../../app/core/outbox.ts";
import { Pace } from "../../../app/core/pace.ts";

/** Stands in for a connection: its writes end when the test says so. */
class StuckConnection implements Disposable {
  readonly written: Uint8Array[] = [];
  closed = 0;
  finish = () => {};

  send(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes);
    return new Promise((resolve) => this.finish = resolve);
  }

  [Symbol.dispose]() {
    this.closed++;
    this.finish();
  }
}

/** Waits until an outbox has written what it has: in the turn that has begun, or in the next one. */
async function nextTurn(): Promise<void> {
  for (let i = 0; i < 2; i++) await endOfTurn();
}

Deno.test("Outbox writes one thing at a time, in order, and what waits in one write", async () => {
  const connection = new StuckConnection();
  const outbox = new Outbox(connection, () => {});
  for (const byte of [1, 2]) outbox.push(new Uint8Array([byte]));
  await nextTurn();
  for (const byte of [3, 4]) outbox.push(new Uint8Array([byte]));
  await nextTurn();
  assertEquals(connection.written, [new Uint8Array([1, 2])]);
  connection.finish();
  await nextTurn();
  assertEquals(connection.written, [new Uint8Array([1, 2]), new Uint8Array([3, 4])]);
  connection.finish();
  await outbox.written;
});

Deno.test("Outbox drops whom more than 256 KiB wait for, and not a byte earlier", async () => {
  const connection = new StuckConnection();
  const reasons: string[] = [];
  const outbox = new Outbox(connection, (reason) => reasons.push(reason));
  outbox.push(new Uint8Array(MAX_QUEUE_LENGTH - 1));
  await nextTurn(); // being written counts as well
  outbox.push(new Uint8Array(1));
  assertEquals([connection.closed, reasons], [0, []]);
  outbox.push(new Uint8Array(1));
  outbox.push(new Uint8Array(1));
  assertEquals(connection.closed, 1);
  assertEquals(reasons, ["Reads too slowly: 262145 bytes wait, the limit is 262144"]);
  await outbox.written;
  assertEquals(connection.written.length, 1);
});

Deno.test("Outbox frees its room when bytes are written", async () => {
  const connection = new StuckConnection();
  const outbox = new Outbox(connection, () => {});
  for (let i = 0; i < 3; i++) {
    outbox.push(new Uint8Array(MAX_QUEUE_LENGTH));
    await nextTurn();
    connection.finish();
    await outbox.written;
  }
  assertEquals(connection.closed, 0);
});

const BATCH = new Uint8Array(64 * 1024 + 1);

Deno.test("Pace takes in 64 KiB, and no more before everybody has got it", async () => {
  const pace = new Pace();
  const connections = [new StuckConnection(), new StuckConnection()];
  const outboxes = connections.map((connection) => new Outbox(connection, () => {}, pace));
  pace.take(BATCH.length - 1);
  assertEquals(pace.isFull, false);
  pace.take(1);
  assertEquals(pace.isFull, true);
  for (const outbox of outboxes) outbox.push(BATCH);
  const settled = pace.settle();
  await nextTurn();
  connections[0]!.finish();
  await nextTurn();
  assertEquals(pace.isFull, true);
  connections[1]!.finish();
  await settled;
  assertEquals(pace.isFull, false);
});

Deno.test("Pace waits once for somebody who does not read, and then only for the others", async () => {
  const pace = new Pace();
  const [stuck, reading] = [new StuckConnection(), new StuckConnection()];
  const outboxes = [stuck, reading].map((connection) => new Outbox(connection, () => {}, pace));
  for (const isWaitedFor of [true, false, false]) {
    pace.take(BATCH.length);
    for (const outbox of outboxes) outbox.push(BATCH);
    await nextTurn();
    let isSettled = false;
    const settled = pace.settle().then(() => isSettled = true);
    reading.finish();
    await nextTurn();
    assertEquals(isSettled, !isWaitedFor);
    await settled;
  }
  outboxes[0]!.drop("enough");
  await outboxes[0]!.written;
});
