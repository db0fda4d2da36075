// Actions that somebody plugs into app/server.ts: whatever they do, the server outlives it.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DeadlineConn } from "../../app/core/deadline_conn.ts";
import { MessageConnection } from "../../app/core/message_connection.ts";
import { decodeContent, encodeMessage } from "../../mod.ts";
import { startServerWithActions, startServerWithOneOutput } from "../support/programs.ts";

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
    connection.reply(encodeMessage({ action, value: "hello" })); // all at once
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
  ignore: Deno.build.os === "windows", // a POSIX shell
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
  return new MessageConnection(
    new DeadlineConn(await Deno.connect({ hostname: "127.0.0.1", port })),
  );
}

async function request(connection: MessageConnection, action: string): Promise<unknown> {
  await connection.send(encodeMessage({ action }));
  return (decodeContent((await connection.receive())!) as { result: unknown }).result;
}
