import { assertEquals } from "@std/assert";
import { MAX_QUEUE_LENGTH, Outbox } from "../app/core/outbox.ts";

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

const nextTurn = () => new Promise((resolve) => setTimeout(resolve));

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
