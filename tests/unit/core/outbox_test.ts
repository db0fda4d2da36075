import { assertEquals } from "@std/assert";
import { endOfTurn, Outbox, untilWritten } from "../../../app/core/outbox.ts";
import { MAX_OUTBOX_LENGTH } from "../../../app/wire/limits.ts";

/** Stands in for a connection: its writes end when the test says so. */
class StuckConnection {
  readonly written: Uint8Array[] = [];
  closed = 0;
  finish = () => {};

  send(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes);
    return new Promise((resolve) => this.finish = resolve);
  }

  close() {
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
  const outbox = new Outbox(connection, () => connection.close());
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
  const outbox = new Outbox(connection, (reason) => {
    connection.close();
    reasons.push(reason);
  });
  outbox.push(new Uint8Array(MAX_OUTBOX_LENGTH - 1));
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
  const outbox = new Outbox(connection, () => connection.close());
  for (let i = 0; i < 3; i++) {
    outbox.push(new Uint8Array(MAX_OUTBOX_LENGTH));
    await nextTurn();
    connection.finish();
    await outbox.written;
  }
  assertEquals(connection.closed, 0);
});

/** Outboxes that are writing, and their connections. */
function writing(count: number): { outboxes: Outbox[]; connections: StuckConnection[] } {
  const connections = Array.from({ length: count }, () => new StuckConnection());
  const outboxes = connections.map((connection) =>
    new Outbox(connection, () => connection.close())
  );
  for (const outbox of outboxes) outbox.push(new Uint8Array(1));
  return { outboxes, connections };
}

Deno.test("untilWritten() waits until everybody has got everything", async () => {
  const { outboxes, connections } = writing(2);
  let isOver = false;
  await nextTurn(); // before the time of the first look begins, which a busy machine may use up
  const over = untilWritten(outboxes).then(() => isOver = true);
  connections[0]!.finish();
  await nextTurn();
  assertEquals(isOver, false);
  connections[1]!.finish();
  await over;
  assertEquals(outboxes.map(({ written }) => written), [undefined, undefined]);
  await untilWritten(outboxes); // at once
});

Deno.test("untilWritten() does not wait for somebody who does not read", async () => {
  const { outboxes, connections: [reading, stuck] } = writing(2);
  const over = untilWritten(outboxes);
  await nextTurn();
  reading!.finish();
  await over;
  stuck!.finish();
  await outboxes[1]!.written;
});

Deno.test("untilWritten() waits for those who read slowly, as long as one has got everything in a while", async () => {
  const { outboxes, connections } = writing(2);
  const over = untilWritten(outboxes);
  let finished = 0;
  const timer = setInterval(() => connections[finished++]?.finish(), 80); // milliseconds; 160 in all, of at most 1000
  await over;
  clearInterval(timer);
  assertEquals(finished, 2);
});
