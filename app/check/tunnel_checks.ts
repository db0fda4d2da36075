// The checks of a tunnel, which is an exercise. For its clients it is an echo server. But from its entry to
// its exit, and back, bytes travel in frames.
import { equals } from "jsr:@std/bytes@^1.0.6/equals";
import { formatAddress } from "../core/address.ts";
import { escapeBytes } from "../wire/escape.ts";
import { CannotCheck, type Check, Failure } from "./check.ts";
import { echoChecks } from "./echo_checks.ts";
import { RunningServer } from "./server.ts";
import { ServerRun } from "./server_run.ts";

const FROM_ENTRY_TO_EXIT = 2; // the exercise has the entry on port 65431, and the exit on port 65433
const NO_FRAME = new TextEncoder().encode("Hello, exit");

/** What a tunnel promises. */
export const tunnelChecks: Check<ServerRun>[] = [
  ...echoChecks,
  {
    name: "frames",
    what:
      "Bytes that are in no frame do not pass the exit, which listens two ports above the entry",
    hint:
      "The exit passes on bytes that are in no frame, and sends back what is in none: it unpacks nothing.",
    read: "bytes",
    async run({ address, timeout }) {
      const port = address.port + FROM_ENTRY_TO_EXIT;
      const exit = new RunningServer({ ...address, port });
      await using exitRun = new ServerRun(exit, timeout);
      const answer = await exitRun.exchange(NO_FRAME);
      if (exitRun.connections === 0) {
        const name = formatAddress(exit.address);
        throw new CannotCheck(`nobody listens on ${name}, where the exit must listen`);
      }
      if (equals(answer, NO_FRAME)) {
        throw new Failure("no answer to bytes that are in no frame", escapeBytes(answer));
      }
    },
  },
];
