// Holds the programs that a reader of README.md builds to what the page says of them, beside their grades,
// which transcripts_test.ts compares.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { blocksOf, CHANGE, nextTry, README, ROOT, TRIES, WHOLE } from "../support/pages.ts";
import { findFreePort, Program } from "../support/programs.ts";

/** The stages of all programs, in the order of the page. */
function stages(): string[] {
  let program = "";
  return blocksOf(README).filter(({ language }) => TRIES.includes(language)).map((block) =>
    program = nextTry(block, program)
  );
}

/** Runs the last stage that has this in it, on a port of its own. */
async function start(text: string): Promise<Program & { port: number }> {
  const port = findFreePort();
  const folder = await Deno.makeTempDir();
  try {
    const stage = stages().findLast((stage) => stage.includes(text))!;
    await Deno.writeTextFile(`${folder}/try.ts`, stage.replaceAll("65432", `${port}`));
    const args = ["run", "--allow-net", "--config", "deno.json", `${folder}/try.ts`];
    const program = new Program(args);
    await program.prints("Listening on");
    return Object.assign(program, { port });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function say(conn: Deno.Conn, text: string): Promise<string> {
  await conn.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(64);
  return new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
}

/** Waits until nobody listens on a port any more. */
async function refuses(port: number): Promise<void> {
  await assertRejects(async () => {
    while (true) (await Deno.connect({ port })).close();
  }, Deno.errors.ConnectionRefused);
}

Deno.test("The programs that README.md builds have no type errors", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const programs = stages();
    await Promise.all(
      programs.map((program, i) => Deno.writeTextFile(`${folder}/${i}.ts`, program)),
    );
    const args = ["check", "--config", "deno.json", folder];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
      .output();
    assert(programs.length > 10 && success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A change of a program must fit one place", () => {
  const block = { section: "", language: CHANGE, line: 1 };
  const change = (text: string) => nextTry({ ...block, text }, "one\ntwo\nthree\ntwo\nfour");
  assertEquals(change(" one\n-two\n+2\n+2\n three"), "one\n2\n2\nthree\ntwo\nfour");
  assertEquals(change("-one\n…\n-four\n+4"), "two\nthree\ntwo\n4");
  for (const text of [" two\n+new", "-on\n+1", " one\n three"]) {
    assertThrows(() => change(text), Error);
  }
  assertThrows(() => nextTry({ ...block, language: WHOLE, text: "one" }, "two"), Error);
});

Deno.test({
  name: "The server of step 2 lets those who are there finish after Ctrl-C, and accepts no more",
  ignore: Deno.build.os === "windows", // which ends a program that gets a signal
  async fn() {
    await using server = await start("MAX_CLIENTS");
    const { port } = server;
    using conn = await Deno.connect({ port });
    assertEquals(await say(conn, "one"), "one");
    server.kill("SIGINT");
    await refuses(port);
    assertEquals(await say(conn, "two"), "two");
    await conn.closeWrite();
    assertEquals((await server.ended).code, 0, server.stderr);
  },
});

Deno.test({
  name: "The server of step 2 ends at the second Ctrl-C, whoever is there",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await start("MAX_CLIENTS");
    using conn = await Deno.connect({ port: server.port });
    assertEquals(await say(conn, "one"), "one");
    server.kill("SIGINT");
    await refuses(server.port);
    server.kill("SIGINT");
    assertEquals((await server.ended).code, 1);
  },
});

Deno.test("The server of step 2 turns away one client too many, and serves the others", async () => {
  const stage = stages().findLast((stage) => stage.includes("MAX_CLIENTS"))!;
  assert(stage.includes("const MAX_CLIENTS = 1000;"));
  await using server = await start("MAX_CLIENTS");
  const conns = await Promise.all(
    Array.from({ length: 1000 }, () => Deno.connect({ port: server.port })),
  );
  try {
    assertEquals(await say(conns[0]!, "one"), "one");
    using late = await Deno.connect({ port: server.port });
    assertEquals(await late.read(new Uint8Array(1)), null);
    assertEquals(await say(conns[999]!, "two"), "two");
  } finally {
    for (const conn of conns) conn.close();
  }
});
