// Runs the benchmarks, and compares what they measure with what it must be.
import { failUsage, readCommandLine, text } from "../../app/core/command_line.ts";
import { type Figure, isFarOff, isMet, printFigures } from "./figures.ts";

const BENCHES: Record<string, () => Promise<Figure[]>> = {
  struct: async () => (await import("./struct_bench.ts")).measureStruct(),
  framing: async () => (await import("./framing_bench.ts")).measureFraming(),
  decoder: async () => (await import("./decoder_bench.ts")).measureDecoder(),
  app: async () => (await import("./app_bench.ts")).measureApp(),
  chat: async () => (await import("./chat_bench.ts")).measureChat(),
  relay: async () => (await import("./relay_bench.ts")).measureRelay(),
  flood: async () => (await import("./flood_bench.ts")).measureFlood(),
  servers: async () => (await import("./servers_bench.ts")).measureServers(),
  echo: async () => (await import("./echo_bench.ts")).measureEcho(),
  web: async () => (await import("./web_bench.ts")).measureWeb(),
};

const { options, args } = readCommandLine(
  `deno task bench

Runs the benchmarks: ${Object.keys(BENCHES).join(", ")}.`,
  { only: text("NAME,...", "run these benchmarks only") },
);
if (args.length > 0) failUsage(`Unexpected argument ${args[0]}`);
const benches = (options.only?.split(",") ?? Object.keys(BENCHES)).map((name) =>
  Object.hasOwn(BENCHES, name) ? BENCHES[name]! : failUsage(`Unknown benchmark ${name}`)
);
const all: Figure[] = [];
for (const measure of benches) all.push(...await measure());
printFigures("Summary", all);
const missed = all.filter((figure) => !isMet(figure));
console.log(`\n${all.length - missed.length} of ${all.length} targets met`);
Deno.exit(missed.some(isFarOff) ? 1 : 0);
