// What must hold for every parser: how the bytes are cut changes nothing, and every end is noticed.
import { assert, assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { Decoder, type DecoderOptions, type Parser, TruncatedInputError } from "../../mod.ts";
import { MemoryWatch } from "./memory.ts";

type Item = NonNullable<unknown> | null;

/** What a parser must read, and what it must make of that. */
export interface Sample<T extends Item> {
  name: string;
  parser: Parser<T>;
  input: Uint8Array;
  items: T[];
}

/** Decodes chunks, and takes items whenever there may be some. */
export function decode<T extends Item>(
  parser: Parser<T>,
  chunks: Iterable<Uint8Array>,
  options?: DecoderOptions,
): { items: T[]; error: Error | undefined } {
  const decoder = new Decoder(parser, options);
  const items: T[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (const item of decoder) items.push(item);
    }
    decoder.end();
    return { items, error: undefined };
  } catch (error) {
    return { items, error: error as Error };
  }
}

/** Items in which errors are texts, so that they can be compared. */
function comparable(item: unknown): unknown {
  if (item instanceof Error) return `${item}`;
  return Array.isArray(item) ? item.map(comparable) : item;
}

/** Cuts bytes into chunks of one byte. */
export function* cutIntoBytes(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1);
}

/** Registers the tests of a parser. */
export function testParser<T extends Item>({ name, parser, input, items }: Sample<T>): void {
  const assertDecodes = (chunks: Iterable<Uint8Array>) => {
    const decoded = decode(parser, chunks);
    assertEquals(decoded.error, undefined);
    assertEquals(comparable(decoded.items), comparable(items));
  };

  Deno.test(`Decoder reads ${name} the same at every split point, and byte by byte`, () => {
    for (let cut = 0; cut <= input.length; cut++) {
      assertDecodes([input.subarray(0, cut), input.subarray(cut)]);
    }
    assertDecodes(cutIntoBytes(input));
  });

  Deno.test(`Decoder notices that ${name} are cut short, wherever they end`, () => {
    let completeEnds = 1; // no bytes at all
    for (let end = 1; end <= input.length; end++) {
      const { error } = decode(parser, [input.subarray(0, end)]);
      if (error === undefined) completeEnds++;
      else assert(error instanceof TruncatedInputError, `${error}`);
    }
    assertEquals(completeEnds, items.length + 1);
  });

  Deno.test(`Decoder reads ${name} of random bytes the same however they are cut`, () => {
    const noise = fc.array(fc.oneof(fc.constantFrom(...input), fc.nat(255)), { maxLength: 60 });
    fc.assert(
      fc.property(noise, fc.nat(60), fc.array(fc.nat(120), { maxLength: 5 }), (noise, at, cuts) => {
        const start = Math.min(at, input.length); // so that some of it is right
        const bytes = new Uint8Array([...input.subarray(0, start), ...noise]);
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, i) => bytes.slice(places[i]!, end));
        const whole = decode(parser, [bytes]);
        for (const cut of [decode(parser, chunks), decode(parser, cutIntoBytes(bytes))]) {
          assertEquals(comparable(cut.items), comparable(whole.items));
          assertEquals(`${cut.error}`, `${whole.error}`);
        }
      }),
    );
  });

  Deno.test(`Decoder reads ${name} in time and memory that grow as the bytes do`, () => {
    const many = concat(Array<Uint8Array>(200).fill(input));
    for (const chunks of [[many], cutIntoBytes(many)]) {
      using watch = new MemoryWatch();
      const decoded = decode(parser, chunks);
      assertEquals(decoded.error, undefined);
      assertEquals(decoded.items.length, 200 * items.length);
      assert(watch.copied <= 3 * many.length, `${watch.copied} of ${many.length} bytes copied`);
      assert(watch.allocated <= 8 * many.length, `${watch.allocated} of ${many.length} allocated`);
    }
  });
}
