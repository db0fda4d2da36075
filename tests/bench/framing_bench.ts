// Compares FrameDecoder with npm packages, and shows that its time grows with the size alone.
//
//   deno task bench:framing
//
// Every contestant gets chunks of 64 KiB, with the prefixes it knows, and has to deliver each payload as
// one Uint8Array.
// The task has glibc keep the memory of arrays for the next one, whatever their size. Left to itself it
// does so up to 32 MiB only: a larger array is new each time, its pages come one fault at a time, and
// filling 64 MiB takes up to 16 times as long as filling 16 MiB. No decoder could be linear there.

import { decode } from "npm:it-length-prefixed@11.0.1";
import lengthPrefixedStream from "npm:length-prefixed-stream@2.0.0";
import { encodeFrame, FrameDecoder } from "../../mod.ts";
import { compare, format, printTable, row } from "./measure.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const CHUNK = 64 * KIB; // bytes

const uint32 = Object.assign(
  (bytes: { getUint32(offset: number): number }) => bytes.getUint32(0),
  { bytes: 4 },
);

function framed(length: number, count: number, prefix = prefixed): Uint8Array[] {
  const frame = prefix(new Uint8Array(length).fill(length));
  const bytes = new Uint8Array(frame.length * count);
  for (let i = 0; i < count; i++) bytes.set(frame, i * frame.length);
  return chunked(bytes);
}

function prefixed(payload: Uint8Array): Uint8Array {
  return encodeFrame(payload, { maxFrameLength: 64 * MIB });
}

/** As npm:length-prefixed-stream has it: seven bits of the length in each byte, the lowest first. */
function varintPrefixed(payload: Uint8Array): Uint8Array {
  const prefix: number[] = [];
  let rest = payload.length;
  for (; rest > 0x7f; rest >>>= 7) prefix.push(rest & 0x7f | 0x80);
  return new Uint8Array([...prefix, rest, ...payload]);
}

function chunked(bytes: Uint8Array): Uint8Array[] {
  const chunks = [];
  for (let i = 0; i < bytes.length; i += CHUNK) chunks.push(bytes.slice(i, i + CHUNK));
  return chunks;
}

function ours(chunks: Uint8Array[]): number {
  const decoder = new FrameDecoder({ maxFrameLength: 64 * MIB });
  let sum = 0;
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame; (frame = decoder.next()) !== undefined;) sum += frame[0]!;
  }
  decoder.end();
  return sum;
}

function itLengthPrefixed(chunks: Uint8Array[]): number {
  let sum = 0;
  const options = { lengthDecoder: uint32, maxDataLength: 64 * MIB };
  for (const frame of decode(chunks, options)) sum += frame.subarray()[0]!; // one array, as ours
  return sum;
}

function stream(chunks: Uint8Array[]): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const decoder = lengthPrefixedStream.decode();
  let sum = 0;
  decoder.on("data", (frame: Uint8Array) => sum += frame[0]!);
  decoder.on("end", () => resolve(sum));
  for (const chunk of chunks) decoder.write(chunk);
  decoder.end();
  return promise;
}

/** What most programs do first: join what is left and what has come, and look again. */
function naive(chunks: Uint8Array[]): number {
  let buffer = new Uint8Array();
  let sum = 0;
  for (const chunk of chunks) {
    const joined = new Uint8Array(buffer.length + chunk.length);
    joined.set(buffer);
    joined.set(chunk, buffer.length);
    buffer = joined;
    while (buffer.length >= 4) {
      const length = new DataView(buffer.buffer, buffer.byteOffset).getUint32(0);
      if (buffer.length < 4 + length) break;
      sum += buffer[4]!;
      buffer = buffer.subarray(4 + length);
    }
  }
  return sum;
}

const against = (chunks: Uint8Array[]) => ({
  ours: () => ours(chunks),
  peer: () => itLengthPrefixed(chunks),
});
const small = framed(64, 100_000);
const medium = framed(16 * KIB, 10_000);
const large = framed(64 * MIB, 1);
const quarter = framed(16 * MIB, 1);

const rows = [
  row("64 B, each frame", await compare(against(small)), { items: 100_000, target: 8 }),
  row("16 KiB, each frame", await compare(against(medium)), { items: 10_000, target: 1.2 }),
  row("one frame of 64 MiB", await compare(against(large)), { target: 1 / 1.5 }),
];
const againstItLengthPrefixed = printTable("FrameDecoder, npm:it-length-prefixed", rows);

const streamRows = [];
for (
  const [what, length, count] of [["64 B", 64, 100_000], ["16 KiB", 16 * KIB, 10_000]] as const
) {
  const [chunks, varint] = [framed(length, count), framed(length, count, varintPrefixed)];
  const times = await compare({ ours: () => ours(chunks), peer: () => stream(varint) });
  streamRows.push(row(`${what}, each frame`, times, { items: count, target: 1 }));
}
const againstStream = printTable("FrameDecoder, npm:length-prefixed-stream", streamRows);

// Beside it stands how the time of filling an array of the same size grows, which no decoder can avoid.
const growth = await compare({
  large: () => ours(large),
  quarter: () => ours(quarter),
  largeFill: () => new Uint8Array(64 * MIB).fill(1),
  quarterFill: () => new Uint8Array(16 * MIB).fill(1),
});
const fill = { large: growth.largeFill, quarter: growth.quarterFill };
const naiveGrowth = await compare(
  { large: () => naive(large), quarter: () => naive(quarter) },
  { rounds: 1 },
);
const linear = growth.large / growth.quarter <= 5;
console.log(`
One frame of 64 MiB / one of 16 MiB
  FrameDecoder                    ${factor(growth)}  ${
  linear ? "at most 5x: met" : "at most 5x: MISSED"
}
  filling an array of that size   ${factor(fill)}
  buffer = concat(buffer, chunk)  ${factor(naiveGrowth)}`);
if (!(againstItLengthPrefixed && againstStream && linear)) Deno.exitCode = 1;

function factor({ large, quarter }: { large: number; quarter: number }): string {
  return `${format(large)} / ${format(quarter)} = ${(large / quarter).toFixed(2)}x`;
}
