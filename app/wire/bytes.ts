/**
 * Bytes in memory that no other thread shares: `Uint8Array<ArrayBuffer>` from TypeScript 5.7 on, which
 * distinguishes them from views of a `SharedArrayBuffer`, and `Uint8Array` before.
 */
export type OwnBytes = ReturnType<Uint8Array["slice"]>;

/** Returns whether a value is a `Uint8Array`, also of another realm, such as an iframe's or jsdom's. */
export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || nameOfType(value) === "Uint8Array";
}

/** Returns the name of a value's type for an error: `ArrayBuffer`, `Array`, `string`, `undefined`. */
export function nameOfType(value: unknown): string {
  if (typeof value !== "object" || value === null) {
    return String(value === null ? value : typeof value);
  }
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}
