// FrameDecoder against npm packages, and against copying the same bytes once.
//
// Every contestant gets chunks of 64 KiB, with the prefixes it knows, and has to deliver each payload as
// one Uint8Array.
import { decode } from "npm:it-length-prefixed@11.0.1";
import lengthPrefixedStream from "npm:length-prefixed-stream@2.0.0";
import { encodeFrame, FrameDecoder } from "../../mod.ts";
import { type Figure, formatTime, timesAsFast } from "./figures.ts";
import { compare } from "./measure.ts";

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
    for (let frame; (frame = decoder.take()) !== undefined;) sum += frame[0]!;
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

/** What cannot be avoided: the pages of fresh memory come one fault at a time. */
function copyOnce(chunks: Uint8Array[], length: number): number {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes[0]!;
}

export async function measureFraming(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (
    const { what, length, count, peer, least } of [
      { what: "64 B", length: 64, count: 100_000, peer: 4, least: 1 },
      { what: "16 KiB", length: 16 * KIB, count: 10_000, peer: 1, least: 1 },
    ]
  ) {
    console.error(`framing: frames of ${what}`);
    const chunks = framed(length, count);
    const times = await compare({
      ours: () => ours(chunks),
      peer: () => itLengthPrefixed(chunks),
    });
    const options = { items: count, atLeast: peer };
    figures.push(timesAsFast(`frames of ${what}, it-length-prefixed`, times, options));
    const varint = framed(length, count, varintPrefixed);
    const streamed = await compare({ ours: () => ours(chunks), peer: () => stream(varint) });
    figures.push(timesAsFast(`frames of ${what}, length-prefixed-stream`, streamed, {
      items: count,
      atLeast: least,
    }));
  }
  console.error("framing: a frame of 64 MiB");
  const length = 64 * MIB;
  const chunks = framed(length, 1);
  const { frame, copy } = await compare({
    frame: () => ours(chunks),
    copy: () => copyOnce(chunks, length + 4),
  });
  figures.push({
    what: "a frame of 64 MiB, copying its bytes once",
    value: frame / copy,
    unit: "x",
    atMost: 2.2,
    detail: `${formatTime(frame)}, the copy ${formatTime(copy)}`,
  });
  return figures;
}
