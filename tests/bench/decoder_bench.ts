// Decoder against parsers that are written by hand for one protocol, each fed the same chunks of 64 KiB.
import { Buffer } from "node:buffer";
import RedisParser from "npm:redis-parser@3.0.0";
import { Decoder, type ParserInput, type ParserStep } from "../../mod.ts";
import { type Figure, formatTime, timesAsFast } from "./figures.ts";
import { compare } from "./measure.ts";

const CHUNK = 64 * 1024; // bytes
const COUNT = 20_000; // items
const MIB = 1024 * 1024;
const encoder = new TextEncoder();
const text = new TextDecoder();
const lineEnd = encoder.encode("\r\n");

type Reply = string | number | null | Reply[];

/** As in README.md. */
function* reply(bytes: ParserInput): ParserStep<Reply> {
  const line = text.decode(yield* bytes.takeUntil(lineEnd, { maxLength: 65_536 }));
  const rest = line.slice(1);
  if (line[0] === ":") return Number(rest);
  if (line[0] === "*") {
    const replies: Reply[] = [];
    for (let i = 0; i < Number(rest); i++) replies.push(yield* reply(bytes));
    return replies;
  }
  if (line[0] !== "$") return rest;
  if (rest === "-1") return null;
  const value = text.decode(yield* bytes.take(Number(rest)));
  yield* bytes.take(lineEnd.length);
  return value;
}

function* line(bytes: ParserInput): ParserStep<string> {
  return text.decode(yield* bytes.takeUntil(0x0a, { maxLength: 65_536 }));
}

export async function measureDecoder(): Promise<Figure[]> {
  console.error("decoder: Redis replies of 64 B");
  const replies = chunked(`$64\r\n${"x".repeat(64)}\r\n`.repeat(COUNT));
  const buffers = replies.map((chunk) => Buffer.from(chunk.buffer));
  const resp = await compare({
    ours: () => count(reply, replies),
    peer: () => {
      let items = 0;
      const parser = new RedisParser({
        returnReply: () => void items++,
        returnError: () => {},
      });
      for (const buffer of buffers) parser.execute(buffer);
      return items;
    },
  });

  console.error("decoder: lines");
  const lines = chunked(`${"x".repeat(63)}\n`.repeat(COUNT));
  const split = await compare({ ours: () => count(line, lines), peer: () => splitLines(lines) });

  console.error("decoder: a reply of 64 MiB, and 100,000 replies byte by byte");
  const large = chunked(`$${64 * MIB}\r\n${"x".repeat(64 * MIB)}\r\n`);
  const quarter = chunked(`$${16 * MIB}\r\n${"x".repeat(16 * MIB)}\r\n`);
  const sizes = await compare({
    large: () => count(bulk, large),
    quarter: () => count(bulk, quarter),
  }, { rounds: 5 });
  const [many, few] = [100_000, 25_000].map((count) => encoder.encode(":1\r\n".repeat(count)));
  const trickles = await compare({
    many: () => count(reply, bytewise(many!)),
    few: () => count(reply, bytewise(few!)),
  }, { rounds: 5 });
  return [
    timesAsFast("Decoder, Redis replies of 64 B, redis-parser", resp, { items: COUNT }),
    timesAsFast("Decoder, lines of 64 B, splitting by hand", split, { items: COUNT }),
    {
      what: "Decoder, a reply of 64 MiB / of 16 MiB",
      value: sizes.large / sizes.quarter,
      unit: "x",
      atMost: 6,
      detail: `${formatTime(sizes.large)} / ${formatTime(sizes.quarter)}`,
    },
    {
      what: "Decoder, 100,000 replies byte by byte / 25,000",
      value: trickles.many / trickles.few,
      unit: "x",
      atMost: 6,
      detail: `${formatTime(trickles.many)} / ${formatTime(trickles.few)}`,
    },
  ];
}

/** A reply whose text is too long for a string of every runtime. */
function* bulk(bytes: ParserInput): ParserStep<Uint8Array> {
  const line = text.decode(yield* bytes.takeUntil(lineEnd, { maxLength: 20 }));
  const value = yield* bytes.take(Number(line.slice(1)));
  yield* bytes.take(lineEnd.length);
  return value;
}

function count<T extends NonNullable<unknown> | null>(
  parser: (bytes: ParserInput) => ParserStep<T>,
  chunks: Iterable<Uint8Array>,
): number {
  const decoder = new Decoder(parser, { maxLength: 64 * MIB });
  let items = 0;
  for (const chunk of chunks) {
    decoder.push(chunk);
    while (decoder.take() !== undefined) items++;
  }
  decoder.end();
  return items;
}

function splitLines(chunks: Uint8Array[]): number {
  const decoder = new TextDecoder();
  let rest = "";
  let items = 0;
  for (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    items += lines.length;
  }
  return items;
}

function chunked(text: string): Uint8Array<ArrayBuffer>[] {
  const bytes = encoder.encode(text);
  const chunks = [];
  for (let i = 0; i < bytes.length; i += CHUNK) chunks.push(bytes.slice(i, i + CHUNK));
  return chunks;
}

function* bytewise(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1);
}
