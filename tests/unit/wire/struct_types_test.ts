// What does not compile here fails the test: `deno test` checks types, and an unneeded
// `@ts-expect-error` is an error too.
import { assertEquals } from "@std/assert";
import {
  calcSize,
  type OwnBytes,
  pack,
  Struct,
  type StructArguments,
  type StructFormat,
  type StructValue,
  type StructValues,
  unpack,
  unpackFrom,
} from "../../../mod.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

const bytes: Uint8Array = new Uint8Array([0, 1, 0, 0, 0, 2]);
const text = ">HI" as string;

Deno.test("unpack's result is typed after the format", () => {
  const values = unpack(">HI", bytes);
  holds<Same<typeof values, [number, number]>>();
  const more = unpackFrom("<xH", bytes, 0);
  holds<Same<typeof more, [number]>>();
  const own = new Struct("!Hi").unpack(bytes);
  holds<Same<typeof own, [number, number]>>();
  assertEquals([values, more, own], [[1, 2], [1], [1, 2]]);
});

Deno.test("StructValues has a type for each code, and counts as Python does", () => {
  holds<Same<StructValues<">bBhHiIlL">, Repeat8<number>>>();
  holds<Same<StructValues<"<qQefd?x">, [bigint, bigint, number, number, number, boolean]>>();
  holds<Same<StructValues<"!csp">, [OwnBytes, OwnBytes, OwnBytes]>>();
  holds<Same<StructValues<"=2q3?">, [bigint, bigint, boolean, boolean, boolean]>>();
  holds<Same<StructValues<">10s0s300p">, [OwnBytes, OwnBytes, OwnBytes]>>();
  holds<Same<StructValues<">2c0H12x">, [OwnBytes, OwnBytes]>>();
  holds<Same<StructValues<"> H\t\n2H\v\f\r ">, [number, number, number]>>();
  holds<Same<StructValues<">">, []>>();
  holds<Same<StructValues<">012B007B">["length"], 19>>();
  holds<Same<StructValues<">999B">["length"], 999>>();
  holds<Same<StructValues<">H" | "<q">, [number] | [bigint]>>();
});

Deno.test("StructArguments takes bytes from any memory, also shared", () => {
  holds<Same<StructArguments<">H2s">, [number, Uint8Array]>>();
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  assertEquals(new Struct(">H2s").pack(1, shared), new Uint8Array([0, 1, 0, 0]));
});

Deno.test("StructValues is general where the format or a count is too long or not known", () => {
  holds<Same<StructValues<string>, StructValue[]>>();
  holds<Same<StructValues<`>${string}`>, StructValue[]>>();
  holds<Same<StructValues<`>${number}s`>, StructValue[]>>();
  holds<Same<StructValues<">I1000Bq">, [number, ...number[], bigint]>>();
  holds<Same<StructValues<">99999999999999999999B">, number[]>>();
  type Long = StructValues<">999B999B999B999B999B999B999B999B999B999B999B999B999B1000B999B999B">;
  holds<Same<Long[number], number>>();
  const values = unpack(text, bytes);
  holds<Same<typeof values, StructValue[]>>();
  assertEquals(pack(text, ...values), bytes);
  assertEquals(unpack(`>${bytes.length}s`, bytes), [bytes]);
});

Deno.test("a format that is not valid does not compile", () => {
  holds<Same<StructFormat<">HI">, ">HI">>();
  holds<Same<StructFormat<string>, string>>();
  holds<Same<StructFormat<">3 H">, '" " is not a code of a format'>>();
  compilesNot(() => {
    // @ts-expect-error No byte order
    unpack("HI", bytes);
    // @ts-expect-error No native order
    pack("@H", 1);
    // @ts-expect-error Whitespace before the byte order
    unpackFrom(" >H", bytes);
    // @ts-expect-error Whitespace after a count
    calcSize(">3 H");
    // @ts-expect-error A count with no code
    new Struct(">H3");
    // @ts-expect-error A code that Python has for native formats only
    unpack(">n", bytes);
    // @ts-expect-error No code
    unpack(">H-", bytes);
    // @ts-expect-error Empty
    unpack("", bytes);
  });
});

Deno.test("values of another number or type than the format's do not compile", () => {
  const struct = new Struct(">HQ");
  compilesNot(() => {
    // @ts-expect-error Too few
    pack(">HI", 1);
    // @ts-expect-error Too many
    pack(">HI", 1, 2, 3);
    // @ts-expect-error Two of a count of three
    pack(">3H", 1, 2);
    // @ts-expect-error A number for a bigint
    pack(">Q", 1);
    // @ts-expect-error A bigint for a number
    pack(">I", 1n);
    // @ts-expect-error A number for a boolean
    pack(">?", 1);
    // @ts-expect-error A string for bytes
    pack(">5s", "hello");
    // @ts-expect-error A wrong type in a count that is not spelled out
    pack(">1000B", "1");
    // @ts-expect-error A wrong type for a general format
    pack(text, "1");
    // @ts-expect-error The order of the two
    struct.pack(1n, 2);
    // @ts-expect-error Too few
    struct.packInto(bytes, 0, 1);
  });
});

Deno.test("values of another number or type than the result's do not compile", () => {
  compilesNot(() => {
    // @ts-expect-error There is no third value
    const [_a, _b, _c] = unpack(">HI", bytes);
    // @ts-expect-error It is a bigint
    const _d: number = unpack(">q", bytes)[0];
    // @ts-expect-error It is bytes
    const _e: string = unpack(">5s", bytes)[0];
    // @ts-expect-error It is bytes, not an array buffer
    unpack(">H", bytes.buffer);
  });
});

type Repeat8<T> = [T, T, T, T, T, T, T, T];

/** Compiles only for a type that is true. */
function holds<_ extends true>() {}

/** Takes calls that must not compile, so must not run either. */
function compilesNot(_calls: () => void) {}
