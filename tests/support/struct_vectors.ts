// What Python's struct did with a format, as tests/support/python/struct_vectors.py prints it.
import { assert, assertEquals } from "@std/assert";
import { calcSize, pack, StructError, type StructValue, unpack } from "../../mod.ts";

/** A call of Python, with its result; `null` for an error. */
export interface Vector {
  format: string;
  values?: string[];
  packed?: string | null;
  bytes?: string;
  unpacked?: string[] | null;
  size?: number | null;
}

/** Does what Python did, and asserts the same result. */
export function agrees({ format, values, packed, bytes, unpacked, size }: Vector): void {
  const codes = valueCodes(format);
  const read = (texts: string[]) => texts.map((text, i) => readText(text, codes[i]));
  const name = `${format} ${values ?? bytes ?? ""}`;
  if (values) {
    const result = resultOf(() => pack(format, ...read(values)));
    assertEquals(result?.toHex() ?? null, packed, name);
  } else if (bytes !== undefined) {
    const result = resultOf(() => unpack(format, Uint8Array.fromHex(bytes)));
    assertEquals(result?.map(showZero), unpacked ? read(unpacked).map(showZero) : undefined, name);
  } else assertEquals(resultOf(() => calcSize(format)) ?? null, size, name);
}

function resultOf<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (error) {
    assert(error instanceof StructError, String(error));
    return undefined;
  }
}

function showZero(value: StructValue): StructValue | string {
  return Object.is(value, -0) ? "-0" : value;
}

/** One code for each value. */
function valueCodes(format: string): string {
  return format.replace(/(\d*)([a-z?])|\W/gi, (_, count, code = "") => {
    if (code === "s" || code === "p") return code;
    return code === "x" ? "" : code.repeat(Number(count || 1) % 10_000);
  });
}

function readText(text: string, code = ""): StructValue {
  const [type, value = ""] = text.split(" ");
  if (type === "bytes") return Uint8Array.fromHex(value);
  if (type === "boolean") return value === "true";
  return code.toLowerCase() === "q" ? BigInt(value) : Number(value);
}
