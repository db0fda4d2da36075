// The checks of the action `reverse` of an application server, which is an exercise.
import { escapeJson } from "../wire/escape.ts";
import { encodeMessage } from "../wire/message.ts";
import { ask, expectResult, probeApp, resultOf } from "./app_checks.ts";
import { type Check, Failure } from "./check.ts";
import type { ServerRun } from "./server_run.ts";

function createRequest(value: unknown): Uint8Array {
  return encodeMessage({ action: "reverse", value });
}

function expectReversed(serverRun: ServerRun, text: string, reversed: string): Promise<void> {
  return expectResult(serverRun, [createRequest(text)], reversed);
}

/** What a good server does at any time. */
export function probeReverse(serverRun: ServerRun): Promise<void> {
  return expectReversed(serverRun, "abc", "cba");
}

/** What the action promises. */
export const reverseChecks: Check<ServerRun>[] = [
  {
    name: "reverse",
    what: "abc becomes cba",
    hint: "The server does not have the action, or returns something else.",
    read: "action",
    run: probeReverse,
  },
  {
    name: "empty",
    what: "The empty text stays empty",
    hint: "The action takes an empty text for none.",
    read: "action",
    run: (serverRun) => expectReversed(serverRun, "", ""),
  },
  {
    name: "emoji",
    what: "🐶🐰 becomes 🐰🐶",
    hint: "The action reverses the two halves of a character.",
    read: "byteOrder",
    run: (serverRun) => expectReversed(serverRun, "🐶🐰", "🐰🐶"),
  },
  {
    name: "accents",
    what: "An accent stays with its letter, and a flag stays whole",
    hint: "The action reverses code points, of which some characters have several.",
    read: "appExercises",
    async run(serverRun) {
      await expectReversed(serverRun, "ae\u0301o", "oe\u0301a");
      await expectReversed(serverRun, "🇩🇪🇫🇷", "🇫🇷🇩🇪");
    },
  },
  {
    name: "no-text",
    what: "A number, a list or null as the value gets an error as its result",
    hint: "The action fails, or returns something, where it should say what is wrong.",
    read: "action",
    async run(serverRun) {
      for (const value of [12, ["a", "b"], null]) {
        const expected = 'a result that begins with "Error"';
        const result = resultOf(await ask(serverRun, [createRequest(value)], expected), expected);
        if (typeof result === "string" && result.startsWith("Error")) continue;
        throw new Failure(expected, escapeJson({ result }));
      }
    },
  },
  {
    name: "search",
    what: "The search for morpheus still gets its answer",
    hint: "The new action has taken the place of the old one.",
    read: "action",
    run: probeApp,
  },
];
