const MAX_SHOWN = 200; // characters; longer values are cut, so that one message is one line

const JOINED = String.raw`[[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}]` +
  String.raw`--[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]]`; // these have no joiners
const UNSAFE = String.raw`\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}`;
const BLANKS = String.raw`\u034f\u115f\u1160\u2065\u2800\u3164\uffa0`; // letters by class, and empty

/**
 * Characters that are invisible, or change how others look: control characters, format characters (they
 * reverse a line, or hide in it), lone surrogates, noncharacters (XML refuses two of them), and line
 * ends. A joiner between two parts of a letter or an emoji is allowed, because people write it.
 */
const UNPRINTABLE = new RegExp(
  String.raw`(?!(?<=${JOINED})[\u200c\u200d]${JOINED})[${UNSAFE}${BLANKS}]`,
  "gv",
);

/** Makes text from a peer safe to print: all of it is visible, on one line that is not too long. */
export function escapeText(text: string, max: number = MAX_SHOWN): string {
  const cut = text.length > max ? text.slice(0, max).replace(/[\ud800-\udbff]$/, "") : text;
  const escaped = cut.replace(UNPRINTABLE, escapeCharacter);
  return cut === text ? escaped : `${escaped}… (${text.length} characters)`;
}

/** Writes a JSON value from a peer on one line that is safe to print. It reads only what it shows. */
export function escapeJson(value: unknown): string {
  let text = "";
  for (const piece of jsonPieces(value)) {
    text += piece;
    if (text.length > MAX_SHOWN) return `${escapeText(text.slice(0, MAX_SHOWN))}…`;
  }
  return escapeText(text);
}

function* jsonPieces(value: unknown): Generator<string> {
  if (typeof value === "string") {
    yield JSON.stringify(value.slice(0, MAX_SHOWN));
  } else if (typeof value !== "object" || value === null) {
    yield String(value);
  } else if (Array.isArray(value)) {
    yield "[";
    for (let i = 0; i < value.length; i++) {
      if (i > 0) yield ",";
      yield* jsonPieces(value[i]);
    }
    yield "]";
  } else {
    let before = "{";
    for (const key in value) {
      yield before;
      yield* jsonPieces(key);
      yield ":";
      yield* jsonPieces((value as Record<string, unknown>)[key]);
      before = ",";
    }
    yield before === "{" ? "{}" : "}";
  }
}

/** Writes bytes from a peer as Python does: printable ASCII as it is, other bytes as `\xff`. */
export function escapeBytes(bytes: Uint8Array, max: number = MAX_SHOWN): string {
  let text = "";
  for (const byte of bytes.subarray(0, max)) {
    if (byte === 0x27 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return bytes.length > max ? `'${text}'… (${bytes.length} bytes)` : `'${text}'`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, "0")}`;
}
