// Makes a checkout use the real @std packages instead of the stand-ins here, as CI does as well:
//   deno run --no-config --allow-read --allow-write std/use_real.ts
const file = new URL("../deno.json", import.meta.url);
const text = Deno.readTextFileSync(file).replaceAll(/^\s*\/\/.*$/gm, ""); // it is JSON with comments
const { links: _, ...config } = JSON.parse(text);
Deno.writeTextFileSync(file, JSON.stringify(config, undefined, 2) + "\n");
