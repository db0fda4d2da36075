// Decoder against parsers that are written by hand for one protocol, each fed the same chunks of 64 KiB.
import { Buffer } from "node:buffer";
import { Parser as PostgresParser } from "npm:pg-protocol@1.16.1/dist/parser.js";
import RedisParser from "npm:redis-parser@3.0.0";
import {
  Decoder,
  DecoderStream,
  encodeFrame,
  type ParserInput,
  type ParserStep,
} from "../../mod.ts";
import { cutIntoBytes } from "../support/parsers.ts";
import { importParserBlock } from "../support/pages.ts";
import { type Figure, formatTime, timesAsFast } from "./figures.ts";
import { compare } from "./measure.ts";

const CHUNK = 64 * 1024; // bytes
const COUNT = 20_000; // items
const MIB = 1024 * 1024;
const encoder = new TextEncoder();

type Item = NonNullable<unknown> | null;
type Parse = (bytes: ParserInput) => ParserStep<Item>;

/** What the streams of the standard library make of lines, or `undefined` where it cannot be had. */
type LineStream = new () => TransformStream<string, string>;

export async function measureDecoder(): Promise<Figure[]> {
  const { reply } = await importParserBlock<{ reply: Parse }>("reply");
  const { message } = await importParserBlock<{ message: Parse }>("message");

  console.error("decoder: Redis replies of 64 B");
  const replies = chunked(encoder.encode(`$64\r\n${"x".repeat(64)}\r\n`.repeat(COUNT)));
  const resp = await compare({
    ours: () => count(reply, replies),
    peer: () => {
      let items = 0;
      const parser = new RedisParser({
        returnReply: () => void items++,
        returnError: () => {},
      });
      for (const chunk of replies) parser.execute(Buffer.from(chunk.buffer));
      return items;
    },
  });

  console.error("decoder: PostgreSQL rows of four columns");
  const rows = chunked(
    repeat(encodeRow("12345", "Alice in Wonderland", "true", "2026-01-01"), COUNT),
  );
  const postgres = await compare({
    ours: () => count(message, rows),
    peer: () => {
      let items = 0;
      const parser = new PostgresParser();
      for (const chunk of rows) parser.parse(Buffer.from(chunk.buffer), () => void items++);
      return items;
    },
  });

  console.error("decoder: lines");
  const lines = chunked(encoder.encode(`${"x".repeat(63)}\n`.repeat(COUNT)));
  const line: Parse = (bytes) => bytes.takeLine({ maxLength: 65_536 });
  const split = await compare({ ours: () => count(line, lines), peer: () => splitLines(lines) });
  const TextLineStream = await importTextLineStream();
  const streams = TextLineStream && await compare({
    ours: () => drain(streamOf(lines).pipeThrough(new DecoderStream(line))),
    peer: () =>
      drain(
        streamOf(lines).pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()),
      ),
  });

  console.error("decoder: a reply of 64 MiB, and 100,000 replies byte by byte");
  const large = chunked(encoder.encode(`$${64 * MIB}\r\n${"x".repeat(64 * MIB)}\r\n`));
  const quarter = chunked(encoder.encode(`$${16 * MIB}\r\n${"x".repeat(16 * MIB)}\r\n`));
  const sizes = await compare({
    large: () => count(reply, large),
    quarter: () => count(reply, quarter),
  }, { rounds: 5 });
  const [many, few] = [100_000, 25_000].map((count) =>
    encoder.encode(`*${count}\r\n${":1\r\n".repeat(count)}`)
  );
  const trickles = await compare({
    many: () => count(reply, cutIntoBytes(many!)),
    few: () => count(reply, cutIntoBytes(few!)),
  }, { rounds: 5 });
  return [
    timesAsFast("Decoder, Redis replies of 64 B, redis-parser", resp, {
      items: COUNT,
      atLeast: 0.3,
    }),
    timesAsFast("Decoder, PostgreSQL rows, pg-protocol", postgres, { items: COUNT, atLeast: 0.3 }),
    ...streams
      ? [timesAsFast("DecoderStream, lines of 64 B, TextLineStream", streams, {
        items: COUNT,
        atLeast: 1,
      })]
      : [],
    timesAsFast("Decoder, lines of 64 B, splitting by hand", split, { items: COUNT }),
    {
      what: "Decoder, a reply of 64 MiB / of 16 MiB",
      value: sizes.large / sizes.quarter,
      unit: "x",
      atMost: 6,
      detail: `${formatTime(sizes.large)} / ${formatTime(sizes.quarter)}`,
    },
    {
      what: "Decoder, an array of 100,000 replies byte by byte / of 25,000",
      value: trickles.many / trickles.few,
      unit: "x",
      atMost: 6,
      detail: `${formatTime(trickles.many)} / ${formatTime(trickles.few)}`,
    },
  ];
}

/** A message of PostgreSQL: the values of a row, as texts. */
function encodeRow(...values: string[]): Uint8Array {
  const columns = values.map((value) => encodeFrame(encoder.encode(value)));
  const body = Uint8Array.of(0, values.length, ...columns.flatMap((column) => [...column]));
  return Uint8Array.of(0x44, ...encodeFrame(body, { lengthIncludesPrefix: true }));
}

/** The standard library is not everywhere where this runs: a checkout has stand-ins for a part of it. */
async function importTextLineStream(): Promise<LineStream | undefined> {
  try {
    const specifier = "jsr:@std/streams@1/text-line-stream";
    return (await import(specifier)).TextLineStream;
  } catch {
    return undefined;
  }
}

function streamOf(chunks: Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(chunks);
}

async function drain(stream: ReadableStream<unknown>): Promise<number> {
  let items = 0;
  for await (const _ of stream) items++;
  return items;
}

function count(parser: Parse, chunks: Iterable<Uint8Array>): number {
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

function repeat(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(count * bytes.length);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return all;
}

function chunked(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const chunks = [];
  for (let i = 0; i < bytes.length; i += CHUNK) {
    chunks.push(new Uint8Array(bytes.slice(i, i + CHUNK)));
  }
  return chunks;
}
