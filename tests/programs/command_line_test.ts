import { assertRefuses, programs, wrongCommandLines } from "../support/command_lines.ts";
import { some } from "../support/sampling.ts";

for (const program of programs) {
  Deno.test(`${program} refuses wrong command lines in one line`, async () => {
    const lines = some(wrongCommandLines(program), 61);
    for (let i = 0; i < lines.length; i += 4) {
      await Promise.all(lines.slice(i, i + 4).map((args) => assertRefuses(program, args)));
    }
  });
}
