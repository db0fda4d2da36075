// A precompiled Struct against npm:python-struct, and the time to read an integer.
import { Buffer } from "node:buffer";
import pythonStruct from "npm:python-struct@1.1.3";
import { readUint32, Struct } from "../../mod.ts";
import { type Figure, timesAsFast } from "./figures.ts";
import { compare, fastest } from "./measure.ts";

const CALLS = 1000; // in one measured run, as a single call is too short

// Their strings and 64-bit integers are of other types than ours, so those are left out.
const single = new Struct(">I");
const pair = new Struct(">HI");
const header = new Struct("!BBHI");
const mixed = new Struct("<HhIi?fd");
const many = new Struct("<16H");
const bytes = Uint8Array.from({ length: 64 }, (_, i) => i);
const sixteen = Array.from({ length: 16 }, (_, i) => i * 4000);

const memory = new Uint8Array(16);

export async function measureStruct(): Promise<Figure[]> {
  // A program uses more formats than one: neither side may be compiled for the first of them alone.
  for (const struct of [single, pair, header, mixed, many]) {
    for (let i = 0; i < CALLS; i++) {
      struct.unpack(bytes.subarray(0, struct.size));
      pythonStruct.unpack(struct.format, Buffer.from(bytes));
    }
  }
  console.error("struct: unpacking");
  const unpacking = [
    await compareUnpack("one field, >I", single, 2),
    await compareUnpack("two fields, >HI", pair, 3),
    await compareUnpack("four fields, !BBHI", header, 3),
    await compareUnpack("seven fields, <HhIi?fd", mixed, 3),
    await compareUnpack("one array, <16H", many, 3),
  ];
  console.error("struct: packing");
  const values = sixteen as Parameters<typeof many.pack>;
  const packing = [
    await comparePack("pack, one field, >I", {
      ours: (i) => single.pack(70_000 + i),
      peer: (i) => pythonStruct.pack(">I", [70_000 + i]),
    }),
    await comparePack("pack, two fields, >HI", {
      ours: (i) => pair.pack(i, 70_000),
      peer: (i) => pythonStruct.pack(">HI", [i, 70_000]),
    }),
    await comparePack("pack, four fields, !BBHI", {
      ours: (i) => header.pack(1, 2, i, 70_000),
      peer: (i) => pythonStruct.pack("!BBHI", [1, 2, i, 70_000]),
    }),
    await comparePack("pack, seven fields, <HhIi?fd", {
      ours: (i) => mixed.pack(i, -3, 70_000, -70_000, true, 1.5, 0.1),
      peer: (i) => pythonStruct.pack("<HhIi?fd", [i, -3, 70_000, -70_000, true, 1.5, 0.1]),
    }),
    await comparePack("pack, one array, <16H", {
      ours: () => many.pack(...values),
      peer: () => pythonStruct.pack("<16H", sixteen),
    }),
    await comparePack("packInto, four fields, !BBHI", {
      ours: (i) => (header.packInto(memory, 0, 1, 2, i, 70_000), memory),
      peer: (i) => pythonStruct.pack("!BBHI", [1, 2, i, 70_000]),
    }),
  ];
  console.error("struct: reading integers");
  return [...unpacking, ...packing, readFigure("big", readBig), readFigure("little", readLittle)];
}

async function compareUnpack(
  what: string,
  struct: { format: string; size: number; unpack(bytes: Uint8Array): unknown[] },
  atLeast: number,
): Promise<Figure> {
  const ours = bytes.slice(0, struct.size);
  const theirs = Buffer.from(ours); // the only kind they take
  const times = await compare({
    ours: () => repeat(() => struct.unpack(ours).length),
    peer: () => repeat(() => pythonStruct.unpack(struct.format, theirs).length),
  });
  return timesAsFast(`unpack, ${what}, python-struct`, times, { items: CALLS, atLeast });
}

async function comparePack(
  what: string,
  { ours, peer }: Record<"ours" | "peer", (i: number) => Uint8Array>,
): Promise<Figure> {
  const times = await compare({
    ours: () => repeat((i) => ours(i).length),
    peer: () => repeat((i) => peer(i).length),
  });
  return timesAsFast(`${what}, python-struct`, times, { items: CALLS, atLeast: 1.15 });
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

function readFigure(byteOrder: string, read: () => number): Figure {
  const nanoseconds = fastest(read) / CALLS * 1e6;
  return { what: `readUint32, ${byteOrder}-endian`, value: nanoseconds, unit: "ns", atMost: 3 };
}

function repeat(call: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += call(i);
  return sum;
}
