// The words of a command that stands in a file, on one line, as a shell would see them.

const WORD = /#.*|(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs;
const PART = /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs;

/**
 * Splits a line at blanks, but for those in quotes or after a backslash. What follows a `#` at the beginning
 * of a word is a comment.
 *
 * @throws {SyntaxError} If a quote is not closed.
 */
export function splitWords(line: string): string[] {
  const words = (line.match(WORD) ?? []).filter((word) => !word.startsWith("#"));
  if (line.replace(WORD, "").trim() !== "") throw new SyntaxError("A quote is not closed");
  return words.map((word) =>
    word.replace(
      PART,
      (_, escaped, double, single) => escaped ?? single ?? double.replace(/\\(.)/gs, "$1"),
    )
  );
}
