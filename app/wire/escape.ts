const MAX_SHOWN = 200; // characters; longer values are cut, so that one message is one line

/** Makes text from a peer safe to print: no control characters, no line breaks, not too long. */
export function escapeText(text: string, max: number = MAX_SHOWN): string {
  const cut = text.length > max ? text.slice(0, max) : text;
  // deno-lint-ignore no-control-regex -- these are the ones to escape
  const escaped = cut.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, escapeCharacter);
  return cut === text ? escaped : `${escaped}… (${text.length} characters)`;
}

/** Writes a JSON value from a peer on one line that is safe to print. */
export function escapeJson(value: unknown): string {
  try {
    return escapeText(JSON.stringify(value));
  } catch { // nested more deeply than the stack allows
    return "[a value that is nested too deeply to show]";
  }
}

/** Writes bytes from a peer as Python does: what is not printable ASCII as `\xff`. */
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
  const code = character.charCodeAt(0);
  return code > 0xff
    ? `\\u${code.toString(16).padStart(4, "0")}`
    : `\\x${code.toString(16).padStart(2, "0")}`;
}
