// Whatever becomes of those who start programs, the programs do not stay behind.
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { isRunning } from "../support/resource_usage.ts";
import { Program } from "../support/programs.ts";

const PATIENCE = 30_000; // milliseconds to wait for an end that must come

Deno.test({
  name: "A program ends when the tests that have started it are killed",
  ignore: Deno.build.os === "windows", // where nobody watches
  async fn() {
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const module = JSON.stringify(import.meta.resolve("../support/programs.ts"));
      const script = `const { startServer } = await import(${module});
        const { pid, port } = await startServer("app/multiconn_server.ts", "--quiet");
        console.log(pid, port);
        setInterval(() => {}, 1000);`;
      await using tests = new Program(["eval", script]);
      const [, pid, port] = await tests.prints(/^(\d+) (\d+)\n/);
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      await conn.write(new Uint8Array(1));
      assertEquals(await conn.read(new Uint8Array(1)), 1); // it has accepted, or there could be a reset
      assert(isRunning(Number(pid)));
      tests.kill(signal);
      assertEquals(await conn.read(new Uint8Array(1)), null);
      const end = performance.now() + PATIENCE;
      while (isRunning(Number(pid))) {
        assertLessOrEqual(performance.now(), end, "It stays behind");
        await new Promise((resume) => setTimeout(resume, 10));
      }
    }
  },
});

Deno.test("A program that has ended leaves nobody behind who watches it", async () => {
  await using program = new Program(["eval", "console.log(Deno.pid)"]);
  await program.ended;
  assertEquals(program.stdout, `${program.pid}\n`); // and the sanitizers look for all others
});
