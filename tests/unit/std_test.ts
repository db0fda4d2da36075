// What this package relies on in the @std packages. It runs against the stand-ins in std/ and, with the links in
// deno.json removed, against the real packages: both must pass, unchanged.
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import { parseArgs } from "@std/cli/parse-args";

Deno.test("assertEquals() compares what the tests hand to it as deep values", () => {
  const same: [unknown, unknown][] = [
    [NaN, NaN],
    [0, 0],
    ["a", "a"],
    [1n, 1n],
    [undefined, undefined],
    [[1, [2]], [1, [2]]],
    [{ a: 1, b: { c: [2] } }, { b: { c: [2] }, a: 1 }],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [new Uint8Array([0, 1, 2]).subarray(1), new Uint8Array([1, 2])],
  ];
  for (const [a, b] of same) {
    assertEquals(a, b);
    assertThrows(() => assertNotEquals(a, b), Error);
  }
  const different: [unknown, unknown][] = [
    [1, "1"],
    [1, 1n],
    [null, undefined],
    [{ a: undefined }, {}],
    [[1, 2], [2, 1]],
    [[], {}],
    [new Uint8Array([1]), [1]],
    [new Uint8Array([1]), new Uint8Array([1, 0])],
  ];
  for (const [a, b] of different) {
    assertNotEquals(a, b);
    assertThrows(() => assertEquals(a, b), Error);
  }
});

Deno.test("the other assertions throw when they do not hold", () => {
  assert(1);
  assertThrows(() => assert(0, "Must hold"), Error, "Must hold");
  assertGreaterOrEqual(2, 2);
  assertThrows(() => assertGreaterOrEqual(1, 2), Error);
  assertLessOrEqual(2n, 2n);
  assertThrows(() => assertLessOrEqual(3n, 2n), Error);
  assertStringIncludes("abc", "b");
  assertThrows(() => assertStringIncludes("abc", "x"), Error);
  assertMatch("abc", /^a/);
  assertThrows(() => assertMatch("abc", /^b/), Error);
  assertInstanceOf(new RangeError(), Error);
  assertThrows(() => assertInstanceOf(new Error(), RangeError), Error);
});

Deno.test("assertThrows() and assertRejects() check class and message, and return the error", async () => {
  const error = new RangeError("Out of range");
  const fail = () => {
    throw error;
  };
  assert(assertThrows(fail) === error);
  assert(assertThrows(fail, RangeError, "Out of") === error);
  assertThrows(() => assertThrows(fail, TypeError), Error);
  assertThrows(() => assertThrows(fail, RangeError, "Within"), Error);
  assertThrows(() => assertThrows(() => {}), Error, "Expected function to throw");
  assert(await assertRejects(() => Promise.reject(error)) === error);
  assert(await assertRejects(() => Promise.reject(error), Error, "Out") === error);
  await assertRejects(() => assertRejects(() => Promise.reject(error), TypeError), Error);
  await assertRejects(() => assertRejects(() => Promise.resolve()), Error, "to reject");
  await assertRejects(() => assertRejects(fail), Error, "Function throws when expected to reject");
});

Deno.test("concat() and equals() join and compare bytes", () => {
  const joined = concat([new Uint8Array([1]), new Uint8Array(0), new Uint8Array([2, 3])]);
  assertEquals(joined, new Uint8Array([1, 2, 3]));
  assert(Object.getPrototypeOf(joined) === Uint8Array.prototype);
  assert(equals(joined, new Uint8Array([1, 2, 3])));
  assert(!equals(joined, new Uint8Array([1, 2])));
  assert(!equals(joined, new Uint8Array([1, 2, 4])));
  assert(equals(new Uint8Array(0), new Uint8Array(0)));
});

Deno.test("parseArgs() reads options and positional arguments", () => {
  const parse = (...args: string[]) =>
    parseArgs(args, { boolean: ["help", "quiet", "h"], string: ["_", "port"] });
  const plain = { _: [], help: false, quiet: false, h: false };
  assertEquals(parse() as unknown, plain);
  assertEquals(parse("a", "1", "007", "1e3", "", "-") as unknown, {
    ...plain,
    _: ["a", "1", "007", "1e3", "", "-"],
  });
  assertEquals(parse("--port", "1", "x") as unknown, { ...plain, port: "1", _: ["x"] });
  assertEquals(parse("--port=1=2") as unknown, { ...plain, port: "1=2" });
  assertEquals(parse("--port=") as unknown, { ...plain, port: "" });
  assertEquals(parse("--port") as unknown, { ...plain, port: "" });
  assertEquals(parse("--port", "--quiet") as unknown, { ...plain, port: "", quiet: true });
  assertEquals(parse("--port", "1", "--port", "2").port, "2");
  assertEquals(parse("--quiet", "x", "-h") as unknown, {
    ...plain,
    quiet: true,
    h: true,
    _: ["x"],
  });
  assertEquals(parse("--quiet", "false").quiet, false);
  assertEquals(parse("--quiet=true").quiet, true);
  assertEquals(parse("a", "--", "--quiet", "-x", "2") as unknown, {
    ...plain,
    _: ["a", "--quiet", "-x", "2"],
  });
});

const STAND_IN = new URL("../../std/cli/parse_args.ts", import.meta.url);

Deno.test({
  name: "The stand-in for parseArgs() refuses what is not declared, instead of guessing",
  ignore: !isHere(STAND_IN), // where the real packages are tried
  async fn() {
    const standIn: typeof import("@std/cli/parse-args") = await import(STAND_IN.href);
    const options = { boolean: ["help", "h"], string: ["_", "port"] };
    for (const arg of ["--nope", "--nope=1", "--no-help", "-x", "-1", "-12", "-hx", "-h=1"]) {
      assertThrows(() => standIn.parseArgs([arg], options), TypeError, arg);
    }
  },
});

function isHere(file: URL): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}
