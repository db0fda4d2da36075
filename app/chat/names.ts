import { escapeText } from "../wire/escape.ts";

const MAX_LENGTH = 32; // characters
const SEPARATORS = /[:,]/; // they end a name where it is printed
const SHOWS = /[\p{L}\p{N}\p{P}\p{S}]/u; // visible by itself, unlike an accent without a letter
const MARKS = /^[*/]/; // they begin a line of the chat itself, and a command

/** The rule for names, for messages. */
export const NAME_RULE =
  `a name has 1 to ${MAX_LENGTH} visible characters, no colon, no comma and ` +
  "no space at its ends, and it does not begin with * or /";

/** Returns whether a name may be used. Names that look like parts of the chat's own lines may not. */
export function isName(name: unknown): name is string {
  if (typeof name !== "string" || escapeText(name) !== name || name.trim() !== name) return false;
  const length = [...name].length;
  const plain = name.normalize("NFKC"); // where other forms of these characters are the plain ones
  return length <= MAX_LENGTH && SHOWS.test(keyOf(name)) && !SEPARATORS.test(plain) &&
    !MARKS.test(plain.trim());
}

/** Returns a key that names share if they differ only in case, in width or in invisible characters. */
export function keyOf(name: string): string {
  const visible = name.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  return visible.toUpperCase().toLowerCase().replace(/\s+/g, " ").normalize("NFKC");
}
