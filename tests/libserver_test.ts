import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { MessageConnection } from "../app/core/connection.ts";
import { TimedConn } from "../app/core/timed_conn.ts";
import { actions, createErrorResponse, createResponse } from "../app/libserver.ts";
import { decodeContent, encodeMessage, type Message, MessageDecoder } from "../mod.ts";
import { Program } from "./processes.ts";

const JSON_FORMAT = { contentType: "text/json", contentEncoding: "utf-8" };

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

Deno.test("createResponse() returns the first 10 bytes of any other request", () => {
  for (const length of [0, 9, 10, 11, 1000]) {
    const content = new Uint8Array(length).map((_, i) => i);
    const request = decode(encodeMessage(content, { contentType: "a/b", contentEncoding: "c" }));
    const response = decode(createResponse(request));
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

Deno.test("app/server.ts runs with actions of one's own, and outlives one that fails", async () => {
  await using server = new Program([
    "eval",
    `import { actions } from "./app/libserver.ts";
     actions.set("upper", ({ value }) => String(value).toUpperCase());
     actions.set("fail", () => { throw new Error("broken"); });
     await import("./app/server.ts");`,
    "127.0.0.1",
    "0",
  ]);
  const [, port] = await server.prints(/Listening on .*:(\d+)\n/);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  using connection = new MessageConnection(new TimedConn(conn));
  const answers: [action: string, result: string][] = [
    ["upper", "HELLO"],
    ["fail", "Error: the action failed."],
    ["upper", "HELLO"],
  ];
  for (const [action, result] of answers) {
    await connection.send(encodeMessage({ action, value: "hello" }, JSON_FORMAT));
    assertEquals(decodeContent((await connection.receive())!), { result });
  }
  assertStringIncludes(server.stderr, "An action failed: Error: broken");
});

function ask(request: unknown): unknown {
  return decodeContent(decode(createResponse(decode(encodeMessage(request, JSON_FORMAT)))));
}

function decode(bytes: Uint8Array): Message {
  const decoder = new MessageDecoder();
  decoder.push(bytes);
  const message = decoder.next();
  assert(message);
  return message;
}
