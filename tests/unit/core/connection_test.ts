import { assertEquals, assertRejects } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { MessageConnection, type MessageConnectionOptions } from "../../../app/core/connection.ts";
import { DeadlineError } from "../../../app/core/deadlines.ts";
import { TimedConn } from "../../../app/core/timed_conn.ts";
import { encodeMessage, MessageHeaderError, TruncatedFrameError } from "../../../mod.ts";
import { FakeConn } from "../../support/fake_conn.ts";

const FORMAT = { contentType: "a/b", contentEncoding: "binary" };
const MESSAGE = message(1);
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

function message(...content: number[]): Uint8Array {
  return encodeMessage(new Uint8Array(content), FORMAT);
}

function connect(options: MessageConnectionOptions = {}): [FakeConn, MessageConnection] {
  const fake = new FakeConn();
  return [fake, new MessageConnection(new TimedConn(fake), options)];
}

Deno.test("MessageConnection receives messages, wherever the stream is cut, and the end", async () => {
  const [fake, connection] = connect();
  using _ = connection;
  for (let at = 0; at <= MESSAGE.length; at++) {
    const received = connection.receive();
    for (const piece of [MESSAGE.subarray(0, at), MESSAGE.subarray(at)]) {
      if (piece.length === 0) continue;
      await nextTurn();
      fake.arrive(piece);
    }
    assertEquals((await received)!.content, new Uint8Array([1]));
  }
  const last = connection.receive();
  await nextTurn();
  fake.arrive(null);
  assertEquals(await last, undefined);
});

Deno.test("MessageConnection sends the replies to pipelined messages in one write, in order", async () => {
  const [fake, connection] = connect();
  using _ = connection;
  const first = connection.receive();
  fake.arrive(concat([message(1), message(2), message(3)]));
  connection.reply((await first)!.content);
  for (let i = 0; i < 2; i++) connection.reply((await connection.receive())!.content);
  assertEquals(fake.written, []);
  const next = connection.receive(); // no more is here, so the replies go out before it waits
  await nextTurn();
  assertEquals(fake.written, [new Uint8Array([1, 2, 3])]);
  fake.arrive(null);
  await next;
});

Deno.test("MessageConnection receives no more while 64 KiB of replies wait for the peer", async () => {
  const [fake, connection] = connect();
  fake.writeLength = 0;
  const first = connection.receive();
  fake.arrive(concat([message(1), message(2)]));
  await first;
  connection.reply(new Uint8Array(64 * 1024));
  const second = connection.receive();
  let isReceived = false;
  const settled = second.then(() => isReceived = true, () => {});
  await nextTurn();
  assertEquals(isReceived, false);
  connection[Symbol.dispose]();
  await settled;
  assertEquals(isReceived, false);
});

Deno.test("MessageConnection sends what is urgent behind the replies that are queued", async () => {
  const [fake, connection] = connect();
  using _ = connection;
  connection.reply(new Uint8Array([1]));
  await connection.send(new Uint8Array([2]));
  assertEquals(fake.written, [new Uint8Array([1, 2])]);
});

Deno.test("MessageConnection has a deadline for the header and one for the whole message", async () => {
  const cases: [length: number, phase: string][] = [
    [0, "idle"],
    [1, "header"],
    [MESSAGE.length - 1, "content"],
  ];
  for (const [length, phase] of cases) {
    const [fake, connection] = connect({ headerTimeout: 100, messageTimeout: 200 });
    using _ = connection;
    const received = connection.receive();
    if (length > 0) fake.arrive(MESSAGE.subarray(0, length));
    const error = await assertRejects(() => received, DeadlineError);
    assertEquals(error.phase, phase);
  }
});

Deno.test("MessageConnection fails where the bytes are no message, and where they end inside one", async () => {
  const [fake, connection] = connect();
  using _ = connection;
  const received = connection.receive();
  fake.arrive(new Uint8Array(2));
  await assertRejects(() => received, MessageHeaderError);

  const [cut, other] = connect();
  using _other = other;
  const truncated = other.receive();
  cut.arrive(MESSAGE.subarray(0, 5));
  await nextTurn();
  cut.arrive(null);
  await assertRejects(() => truncated, TruncatedFrameError);
});
