// Compares a precompiled Struct with npm:python-struct, and times reading an integer.
//
//   deno task bench:struct
import { Buffer } from "node:buffer";
import pythonStruct from "npm:python-struct@1.1.3";
import { readUint32, Struct } from "../../mod.ts";
import { compare, fastest, printTable, type Row, row } from "./measure.ts";

const CALLS = 1000; // in one measured run, as a single call is too short

// Their strings and 64-bit integers are of other types than ours, so those are left out.
const single = new Struct(">I");
const pair = new Struct(">HI");
const header = new Struct("!BBHI");
const mixed = new Struct("<HhIi?fd");
const many = new Struct("<16H");
const bytes = Uint8Array.from({ length: 64 }, (_, i) => i);
const sixteen = Array.from({ length: 16 }, (_, i) => i * 4000);

// A program uses more formats than one: neither side may be compiled for the first of them alone.
for (const struct of [single, pair, header, mixed, many]) {
  for (let i = 0; i < CALLS; i++) {
    struct.unpack(bytes.subarray(0, struct.size));
    pythonStruct.unpack(struct.format, Buffer.from(bytes));
  }
}

const unpacking = [
  await unpackRow("one field, >I", single, 2),
  await unpackRow("two fields, >HI", pair, 3),
  await unpackRow("four fields, !BBHI", header, 3),
  await unpackRow("seven fields, <HhIi?fd", mixed, 3),
  await unpackRow("one array, <16H", many, 3),
];
const packing = [
  await packRow(
    "one field, >I",
    (i) => single.pack(70_000 + i),
    (i) => pythonStruct.pack(">I", [70_000 + i]),
  ),
  await packRow(
    "two fields, >HI",
    (i) => pair.pack(i, 70_000),
    (i) => pythonStruct.pack(">HI", [i, 70_000]),
  ),
  await packRow(
    "four fields, !BBHI",
    (i) => header.pack(1, 2, i, 70_000),
    (i) => pythonStruct.pack("!BBHI", [1, 2, i, 70_000]),
  ),
  await packRow(
    "seven fields, <HhIi?fd",
    (i) => mixed.pack(i, -3, 70_000, -70_000, true, 1.5, 0.1),
    (i) => pythonStruct.pack("<HhIi?fd", [i, -3, 70_000, -70_000, true, 1.5, 0.1]),
  ),
  await packRow(
    "one array, <16H",
    () => many.pack(...sixteen as Parameters<typeof many.pack>),
    () => pythonStruct.pack("<16H", sixteen),
  ),
];
const memory = new Uint8Array(16);
const packingInto = [
  await packRow(
    "one field, >I",
    (i) => (single.packInto(memory, 0, 70_000 + i), memory),
    (i) => pythonStruct.pack(">I", [70_000 + i]),
  ),
  await packRow(
    "four fields, !BBHI",
    (i) => (header.packInto(memory, 0, 1, 2, i, 70_000), memory),
    (i) => pythonStruct.pack("!BBHI", [1, 2, i, 70_000]),
  ),
];
const reading = [readRow("big-endian", readBig), readRow("little-endian", readLittle)];

const met = [
  printTable("Struct.unpack and python-struct, one call", unpacking),
  printTable("Struct.pack and python-struct, one call", packing),
  printTable("Struct.packInto and python-struct's pack, which has no such method", packingInto),
  printTable("readUint32 and the limit of 3 ns, one call", reading),
];
if (met.includes(false)) Deno.exitCode = 1;

async function unpackRow(
  what: string,
  struct: { format: string; size: number; unpack(bytes: Uint8Array): unknown[] },
  target: number,
): Promise<Row> {
  const ours = bytes.slice(0, struct.size);
  const theirs = Buffer.from(ours); // the only kind they take
  const times = await compare({
    ours: () => repeat(() => struct.unpack(ours).length),
    peer: () => repeat(() => pythonStruct.unpack(struct.format, theirs).length),
  });
  return row(what, times, { items: CALLS, target });
}

async function packRow(
  what: string,
  ours: (i: number) => Uint8Array,
  peer: (i: number) => Uint8Array,
): Promise<Row> {
  const times = await compare({
    ours: () => repeat((i) => ours(i).length),
    peer: () => repeat((i) => peer(i).length),
  });
  return row(what, times, { items: CALLS, target: 1.3 });
}

function readBig(): number {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += readUint32(bytes, i & 31);
  return sum;
}

function readLittle(): number {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += readUint32(bytes, i & 31, "little");
  return sum;
}

function readRow(what: string, read: () => number): Row {
  return row(what, { ours: fastest(read), peer: CALLS * 3e-6 }, { items: CALLS, target: 1 });
}

function repeat(call: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += call(i);
  return sum;
}
