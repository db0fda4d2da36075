import { AssertionError, deepStrictEqual, match, notDeepStrictEqual } from "node:assert/strict";
import { inspect } from "node:util";

// deno-lint-ignore no-explicit-any
type Constructor<T> = abstract new (...args: any[]) => T;

/** Asserts that a value is truthy. */
export function assert(value: unknown, message = ""): asserts value {
  if (!value) throw new AssertionError({ message });
}

/** Asserts that two values are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  refuseIncomparable(actual);
  refuseIncomparable(expected);
  deepStrictEqual(actual, expected, message);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  refuseIncomparable(actual);
  refuseIncomparable(expected);
  notDeepStrictEqual(actual, expected, message);
}

/** Asserts that a number, bigint or string is at least as large as another. */
export function assertGreaterOrEqual<T>(actual: T, low: T, message?: string): void {
  assert(actual >= low, message ?? `Expected ${inspect(actual)} >= ${inspect(low)}`);
}

/** Asserts that a number, bigint or string is at most as large as another. */
export function assertLessOrEqual<T>(actual: T, high: T, message?: string): void {
  assert(actual <= high, message ?? `Expected ${inspect(actual)} <= ${inspect(high)}`);
}

/** Asserts that a text contains another. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assert(
    actual.includes(expected),
    message ?? `Expected actual: ${inspect(actual)} to contain: ${inspect(expected)}`,
  );
}

/** Asserts that a text matches a regular expression. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  match(actual, expected, message);
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expected: Constructor<T>,
  message?: string,
): asserts actual is T {
  assert(
    actual instanceof expected,
    message ?? `Expected ${inspect(actual)} to be an instance of ${expected.name}`,
  );
}

/** Asserts that a function throws, and returns what it threw. */
export function assertThrows(fn: () => unknown): unknown;
/** Asserts that a function throws an error of a class, and returns it. */
export function assertThrows<E extends Error>(
  fn: () => unknown,
  errorClass: Constructor<E>,
  messageIncludes?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  errorClass?: Constructor<E>,
  messageIncludes?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    return checkError(error, errorClass, messageIncludes);
  }
  throw new AssertionError({ message: "Expected function to throw." });
}

/** Asserts that a promise is rejected, and resolves to what it was rejected with. */
export function assertRejects(fn: () => PromiseLike<unknown>): Promise<unknown>;
/** Asserts that a promise is rejected with an error of a class, and resolves to it. */
export function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: Constructor<E>,
  messageIncludes?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: Constructor<E>,
  messageIncludes?: string,
): Promise<unknown> {
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
    await promise;
  } catch (error) {
    if (promise !== undefined) return checkError(error, errorClass, messageIncludes);
    throw new AssertionError({ message: "Function throws when expected to reject." });
  }
  throw new AssertionError({ message: "Expected function to reject." });
}

function checkError<E extends Error>(
  error: unknown,
  errorClass?: Constructor<E>,
  messageIncludes = "",
): unknown {
  if (errorClass === undefined) return error;
  assertInstanceOf(error, errorClass);
  assertStringIncludes(error.message, messageIncludes);
  return error;
}

/** Throws for the values that `node:assert` and `@std/assert` compare by different rules. */
function refuseIncomparable(value: unknown, seen = new Set<unknown>()): void {
  if (Object.is(value, -0) || typeof value === "function") refuse(value);
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Uint8Array) return;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) refuse(value);
  for (const member of Object.values(value)) refuseIncomparable(member, seen);
}

function refuse(value: unknown): never {
  throw new TypeError(`Stand-in assertEquals does not compare ${inspect(value)}`);
}
