import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { escapeBytes, escapeJson, escapeText } from "../../../app/wire/escape.ts";
import { runs } from "../../support/sampling.ts";

// Of all code points; the unit "binary" of fast-check takes a second to be set up.
const anyCharacter = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code));

// What must never reach a terminal.
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

Deno.test("escapeText() keeps what shows, and escapes control and format characters", () => {
  assertEquals(escapeText("Hello, wörld 🐶 \\"), "Hello, wörld 🐶 \\");
  assertEquals(escapeText("\x1b[31m\r\n\x7f\x9b\u2028"), "\\x1b[31m\\x0d\\x0a\\x7f\\x9b\\u{2028}");
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (text) => {
      assert(!UNSAFE.test(escapeText(text)));
    }),
    { numRuns: runs(2000) },
  );
  const hidden = [
    0x34f,
    0x115f,
    0x1160,
    0x2800,
    0x3164,
    0xffa0,
    0xad,
    0x61c,
    0x200b,
    0x200e,
    0x200f,
    0x2060,
    0xfeff,
    0xe0001,
    0xe007f,
  ];
  const ranges: [number, number][] = [[0x202a, 0x202e], [0x2060, 0x2064], [0x2066, 0x206f], [
    0xfff9,
    0xfffb,
  ]];
  for (const [first, last] of ranges) for (let i = first; i <= last; i++) hidden.push(i);
  for (const code of hidden) {
    const escaped = code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16)}`;
    assertEquals(escapeText(`a${String.fromCodePoint(code)}b`), `a${escaped}b`);
  }
  assertEquals(escapeText("\ud83d"), "\\u{d83d}");
});

Deno.test("escapeText() keeps a joiner where people write one, and escapes it elsewhere", () => {
  for (const text of ["👩‍💻", "👩🏽‍🚀", "🏳️‍🌈", "क्‍ष", "نمی‌خواهم"]) assertEquals(escapeText(text), text);
  assertEquals(escapeText("\u200da \u200c, \u200d"), "\\u{200d}a \\u{200c}, \\u{200d}");
  assertEquals(escapeText("ad\u200da 1\u200d2"), "ad\\u{200d}a 1\\u{200d}2");
});

Deno.test("escapeText() and escapeBytes() cut what is long, and say how long it is", () => {
  assertEquals(escapeText("x".repeat(200)), "x".repeat(200));
  assertEquals(escapeText("x".repeat(201)), "x".repeat(200) + "… (201 characters)");
  assertEquals(escapeText("🐶🐶", 3).isWellFormed(), true);
  assertEquals(escapeBytes(new Uint8Array(300), 2), "'\\x00\\x00'… (300 bytes)");
});

Deno.test("escapeBytes() writes every byte so that it can be told from the others", () => {
  assertEquals(
    escapeBytes(new TextEncoder().encode("it's \\ 🐶\n")),
    String.raw`'it\'s \\ \xf0\x9f\x90\xb6\x0a'`,
  );
  const all = Array.from({ length: 256 }, (_, i) => escapeBytes(new Uint8Array([i])));
  assertEquals(new Set(all).size, 256);
  for (const text of all) assert(/^'[ -~]+'$/.test(text));
});

Deno.test("escapeJson() shows any JSON value on one safe line", () => {
  assertEquals(escapeJson({ a: ["\x1b", 1, null] }), '{"a":["\\u001b",1,null]}');
  assertEquals(escapeJson("\x9b"), '"\\x9b"');
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const shown = escapeJson(value);
    assert(!UNSAFE.test(shown));
    const json = JSON.stringify(value);
    if (json.length > 200) assert(shown.endsWith("…"));
    else assertEquals(shown, escapeText(json));
  }));
});

Deno.test("escapeJson() looks no further than it shows, however deep and long a value is", () => {
  let looks = 0;
  const endless: object = new Proxy([], {
    get: (target, key) => {
      looks++;
      if (key === "length") return Infinity;
      return typeof key === "string" && /^\d+$/.test(key) ? endless : Reflect.get(target, key);
    },
  });
  assertEquals(escapeJson(endless), "[".repeat(200) + "…");
  assert(looks < 1000);
  assertEquals(escapeJson("x".repeat(1e6)).length, 201);
});
