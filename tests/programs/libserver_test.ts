import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { MessageConnection } from "../../app/core/connection.ts";
import { TimedConn } from "../../app/core/timed_conn.ts";
import { actions, createErrorResponse, createResponse } from "../../app/libserver.ts";
import { decodeContent, encodeMessage, type Message, MessageDecoder } from "../../mod.ts";
import { startServerWithActions, startServerWithOneOutput } from "../support/programs.ts";

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

Deno.test("app/server.ts answers in order whatever an action does, and outlives it", async () => {
  await using server = await startServerWithActions(`
    const { promise: released, resolve: release } = Promise.withResolvers();
    actions.set("upper", ({ value }) => String(value).toUpperCase());
    actions.set("later", async ({ value }) => await Promise.resolve(value));
    actions.set("held", () => released);
    actions.set("release", () => { release("free"); return "done"; });
    actions.set("throw", () => { throw new Error("broken"); });
    actions.set("reject", () => Promise.reject("no \\x1b error"));
    actions.set("null", () => Promise.reject(null));
    actions.set("bigint", () => 1n);
    actions.set("undefined", async () => {});
    actions.set("huge", () => "x".repeat(1024 ** 2));`);
  const failed = "Error: the action failed.";
  const answers: [action: string, result: string][] = [
    ["upper", "HELLO"],
    ["throw", failed],
    ["reject", failed],
    ["later", "hello"],
    ["null", failed],
    ["bigint", failed],
    ["undefined", failed],
    ["huge", failed],
    ["held", "free"],
    ["upper", "HELLO"],
  ];
  using connection = await connect(server.port);
  for (const [action] of answers) {
    connection.reply(encodeMessage({ action, value: "hello" }, JSON_FORMAT)); // all at once
  }
  await connection.flush();
  for (const [action, result] of answers) {
    if (action === "held") { // all answers before it are here, and another client is served
      using other = await connect(server.port);
      assertEquals(await request(other, "release"), "done");
    }
    assertEquals(decodeContent((await connection.receive())!), { result }, action);
  }
  await server.prints("An action failed: ", "stderr", 6);
  assertStringIncludes(server.stderr, "An action failed: Error: broken");
  assertStringIncludes(server.stderr, 'An action failed: "no \\x1b error"');
});

Deno.test({
  name: "app/server.ts tells of a failed action after the request that it was for",
  ignore: Deno.build.os === "windows", // bash
  async fn() {
    const code = `actions.set("throw", () => { throw new Error("broken"); });`;
    await using server = await startServerWithOneOutput(code);
    using connection = await connect(server.port);
    for (let i = 0; i < 20; i++) await request(connection, "throw");
    await server.prints("An action failed", "stdout", 20);
    let unreported = 0;
    for (const [line] of server.stdout.matchAll(/Received request|An action failed/g)) {
      unreported += line === "Received request" ? 1 : -1;
      assert(unreported >= 0);
    }
  },
});

Deno.test("app/server.ts gives up on an action that takes too long, and tells it", async () => {
  await using server = await startServerWithActions(
    `actions.set("hang", (_, signal) => new Promise((resolve, reject) => {
       signal.addEventListener("abort", () => {
         console.log("told:", signal.reason.message);
         reject(new Error("too late to matter"));
       });
     }));`,
    "--action-timeout",
    "0.1",
  );
  using connection = await connect(server.port);
  assertEquals(await request(connection, "hang"), "Error: the action failed.");
  assertEquals(await request(connection, "search"), "Error: the value is not a text.");
  await server.prints("told: The action did not end within 0.1 s");
  await server.prints("An action failed: DeadlineError: The action did not end", "stderr");
});

Deno.test("app/server.ts outlives an action that fails where nobody waits for it", async () => {
  await using server = await startServerWithActions(
    `actions.set("listener", (_, signal) => new Promise(() => {
       signal.addEventListener("abort", () => { throw new Error("broken listener"); });
     }));
     actions.set("forgotten", () => { Promise.reject(new Error("broken promise")); return 1; });`,
    "--action-timeout",
    "0.1",
  );
  using connection = await connect(server.port);
  assertEquals(await request(connection, "listener"), "Error: the action failed.");
  assertEquals(await request(connection, "forgotten"), 1);
  await server.prints("An action failed: Error: broken listener", "stderr");
  await server.prints("An action failed: Error: broken promise", "stderr");
  assertEquals(await request(connection, "search"), "Error: the value is not a text.");
});

async function connect(port: number): Promise<MessageConnection> {
  return new MessageConnection(new TimedConn(await Deno.connect({ hostname: "127.0.0.1", port })));
}

async function request(connection: MessageConnection, action: string): Promise<unknown> {
  await connection.send(encodeMessage({ action }, JSON_FORMAT));
  return (decodeContent((await connection.receive())!) as { result: unknown }).result;
}

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
