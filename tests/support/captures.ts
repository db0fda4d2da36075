// What the Python programs of the tutorial sent each other, and what the relay prints of it.

const DATA = new URL("data/", import.meta.url);

/** The names of the captured exchanges. */
export const CAPTURES: string[] = [
  "morpheus",
  "ring",
  "dog",
  "unknown",
  "binary",
  "binary-long",
  "binary-split",
];

/** The bytes of a captured message. */
export function capture(name: string, kind: "request" | "response"): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`wire/${name}.${kind}.bin`, DATA));
}

/** What the relay prints of an exchange. */
export function golden(name: string): string {
  return Deno.readTextFileSync(new URL(`relay_${name}.txt`, DATA)).replaceAll("\r\n", "\n");
}
