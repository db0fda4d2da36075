import { Buffer } from "node:buffer";

/** Concatenates byte arrays into one new array. */
export function concat(arrays: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(arrays));
}
