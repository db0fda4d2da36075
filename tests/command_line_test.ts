import { assertRefuses, programs, wrongCommandLines } from "./command_lines.ts";

for (const program of programs) {
  Deno.test(`${program} refuses wrong command lines in one line`, async () => {
    const lines = wrongCommandLines(program);
    const some = lines.filter((_, i) => i < 8 || i % 5 === 0); // tests/long.ts has all
    for (let i = 0; i < some.length; i += 4) {
      await Promise.all(some.slice(i, i + 4).map((args) => assertRefuses(program, args)));
    }
  });
}
