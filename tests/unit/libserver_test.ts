import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { actions, createErrorResponse, createResponse } from "../../app/libserver.ts";
import { decodeContent, type Message, MessageDecoder } from "../../mod.ts";

Deno.test("createResponse() answers the tutorial's searches", () => {
  const answers: [value: unknown, result: string][] = [
    ["morpheus", "Follow the white rabbit. 🐰"],
    ["ring", "In the caves beneath the Misty Mountains. 💍"],
    ["🐶", "🐾 Playing ball! 🏐"],
    ["needle", "No match for 'needle'."],
    ["", "No match for ''."],
    ["toString", "No match for 'toString'."],
    [7, "Error: the value is not a text."],
  ];
  for (const [value, result] of answers) {
    assertEquals(ask({ action: "search", value }), { result });
  }
});

Deno.test("createResponse() calls the actions that are plugged in", () => {
  actions.set("upper", ({ value }) => String(value).toUpperCase());
  actions.set("none", () => null);
  try {
    assertEquals(ask({ action: "upper", value: "hello" }), { result: "HELLO" });
    assertEquals(ask({ action: "none" }), { result: null });
  } finally {
    actions.delete("upper");
    actions.delete("none");
  }
  assertEquals(ask({ action: "upper", value: 1 }), { result: "Error: invalid action 'upper'." });
});

Deno.test("createResponse() waits for what an action promises, and tells it when it is late", async () => {
  const { signal } = new AbortController();
  actions.set("later", ({ value }) => Promise.resolve(value));
  actions.set("then", () => ({ then: (resolve: (value: number) => void) => resolve(42) }));
  actions.set("signal", (_, given) => given === signal);
  try {
    for (const [action, result] of [["later", "x"], ["then", 42], ["signal", true]]) {
      const response = await createResponse({ action, value: "x" }, { signal });
      assertEquals(decodeContent(decode(response)), { result });
    }
  } finally {
    for (const action of ["later", "then", "signal"]) actions.delete(action);
  }
});

Deno.test("createResponse() refuses results that JSON cannot say, or that are too long", async () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const results = [undefined, () => {}, Symbol(), 1n, cycle, "\ud800", "x".repeat(100)];
  try {
    for (const result of results) {
      actions.set("now", () => result);
      actions.set("later", () => Promise.resolve(result));
      assertThrows(() => createResponse({ action: "now" }, { maxContentLength: 100 }));
      await assertRejects(async () =>
        await createResponse({ action: "later" }, { maxContentLength: 100 })
      );
    }
    actions.set("now", () => "x".repeat(100 - '{"result":""}'.length));
    createResponse({ action: "now" }, { maxContentLength: 100 });
  } finally {
    actions.delete("now");
    actions.delete("later");
  }
});

Deno.test("createResponse() returns the first 10 bytes of any other request", () => {
  for (const length of [0, 9, 10, 11, 1000]) {
    const content = new Uint8Array(length).map((_, i) => i);
    const response = decode(createResponse(content) as Uint8Array);
    assertEquals(response.header["content-type"], "binary/custom-server-binary-type");
    assertEquals(response.header["content-encoding"], "binary");
    const greeting = "First 10 bytes of request: ";
    assertEquals(new TextDecoder().decode(response.content.subarray(0, 27)), greeting);
    assertEquals(response.content.subarray(27), content.subarray(0, 10));
  }
});

Deno.test("createErrorResponse() keeps the form of a response", () => {
  const response = decode(createErrorResponse("no"));
  assertEquals(decodeContent(response), { result: "Error: no." });
});

function ask(request: unknown): unknown {
  return decodeContent(decode(createResponse(request) as Uint8Array));
}

function decode(bytes: Uint8Array): Message {
  const decoder = new MessageDecoder();
  decoder.push(bytes);
  const message = decoder.take();
  assert(message);
  return message;
}
