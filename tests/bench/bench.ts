// Runs the benchmarks, and compares what they measure with what it must be.
//
//   deno task bench [--only NAME,...]
import { parseArgs } from "@std/cli/parse-args";
import { type Figure, isFarOff, isMet, printFigures } from "./figures.ts";

const BENCHES: Record<string, () => Promise<Figure[]>> = {
  struct: async () => (await import("./struct_bench.ts")).measureStruct(),
  framing: async () => (await import("./framing_bench.ts")).measureFraming(),
  decoder: async () => (await import("./decoder_bench.ts")).measureDecoder(),
  app: async () => (await import("./app_bench.ts")).measureApp(),
  chat: async () => (await import("./chat_bench.ts")).measureChat(),
  relay: async () => (await import("./relay_bench.ts")).measureRelay(),
  servers: async () => (await import("./servers_bench.ts")).measureServers(),
  echo: async () => (await import("./echo_bench.ts")).measureEcho(),
};

const { only } = parseArgs(Deno.args, { string: ["only"] });
const names = only === undefined ? Object.keys(BENCHES) : only.split(",");
const all: Figure[] = [];
for (const name of names) {
  const measure = BENCHES[name];
  if (measure === undefined) {
    console.error(`Unknown benchmark ${name}; there are ${Object.keys(BENCHES).join(", ")}`);
    Deno.exit(2);
  }
  all.push(...await measure());
}
printFigures("Summary", all);
const missed = all.filter((figure) => !isMet(figure));
console.log(`\n${all.length - missed.length} of ${all.length} targets met`);
Deno.exit(missed.some(isFarOff) ? 1 : 0);
