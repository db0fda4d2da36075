import { escapeText } from "../wire/escape.ts";

const MAX_LENGTH = 32; // characters
const SEPARATORS = /[:,]/; // end a name where it is printed
const SHOWS = /[\p{L}\p{N}\p{P}\p{S}]/u; // by itself; an accent needs a letter
const MARKS = /^[*/]/; // begin a line that nobody has said, and a command

/** What a name must be. */
export const NAME_RULE =
  `a name has 1 to ${MAX_LENGTH} characters that all show, no colon, no comma, ` +
  "no space at its ends, and does not begin with * or /";

/** Tells whether a name may be used. Names that look like parts of the chat's own lines may not. */
export function isName(name: unknown): name is string {
  if (typeof name !== "string" || escapeText(name) !== name || name.trim() !== name) return false;
  const length = [...name].length;
  const plain = name.normalize("NFKC"); // without look-alikes of the signs
  return length <= MAX_LENGTH && SHOWS.test(keyOf(name)) && !SEPARATORS.test(plain) &&
    !MARKS.test(plain.trim());
}

/** What names that look alike have in common: letters in two cases, wide and narrow ones, what hides. */
export function keyOf(name: string): string {
  const visible = name.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  return visible.toUpperCase().toLowerCase().replace(/\s+/g, " ").normalize("NFKC");
}
