// A solution of the exercise "Backwards": an action of app/server.ts.
//
//   deno run --allow-net tests/solutions/reverse.ts [host] [port]
import { actions } from "../../app/libserver.ts";

const characters = new Intl.Segmenter(); // as people see them: 👩‍🚀 is one, and so is é with two parts

actions.set("reverse", ({ value }) => {
  if (typeof value !== "string") return "Error: the value is not a text.";
  return Array.from(characters.segment(value), ({ segment }) => segment).reverse().join("");
});

await import("../../app/server.ts"); // starts the server
