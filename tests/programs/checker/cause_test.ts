// The causes that app/check.ts names: words that must be in them, and words that must not. The programs in
// tests/support/python/cases/ are mistakes of learners, and right servers of which others were said to be wrong.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { KindName } from "../../../app/check/kinds.ts";
import { check, failures } from "../../support/checking.ts";
import { some, tryAll } from "../../support/sampling.ts";
import { PYTHON } from "../../support/python.ts";

/** A program, and what must be said of it. */
interface Case {
  kind: KindName;
  /** The file in tests/support/python/cases/, and its arguments after the address. */
  program: string[];
  /** The checks that must fail, with words that their cause must have. */
  fails: Record<string, RegExp>;
  /** Words that no cause may have. */
  never?: RegExp;
  /** Checks that are not looked at: what this program does there has another cause. */
  beside?: string[];
  /** Whether this takes so long that it is tried only where all is tried. */
  isLong?: boolean;
}

const NOTICED = /has noticed that something went wrong.* but ends with exit code 0/;
const NO_REFUSAL = /neither answers nor closes.* has failed and left it open/;
const SHARED = /clients share a buffer|sends a whole buffer/;

const CASES: Case[] = [
  {
    kind: "echo",
    program: ["reads_to_the_end.py"],
    fails: { "echo": /only when the client has half-closed/ },
    never: /line|read only once/,
  },
  {
    kind: "echo",
    program: ["greets_first.py"],
    fails: { "echo": /sends 'welcome.* before the client has sent anything/ },
    never: /line end|once/,
  },
  {
    kind: "echo",
    program: ["stops_at_zero.py"],
    fails: { "binary": /zero byte for the end/ },
    never: /UTF-8|text/,
  },
  {
    kind: "echo",
    program: ["stale_buffer.py"],
    fails: { "single-bytes": SHARED },
    never: /waits|wait for/,
    beside: ["five-clients", "slow-client", "no-mixing"], // where it depends on who is read first
  },
  {
    kind: "echo",
    program: ["stuck_pair.py"],
    fails: { "large": /wait for each other/ },
    never: /once|lost|forgets/,
  },
  { kind: "echo", program: ["small_backlog_server.py", "5"], fails: {} },
  {
    kind: "echo",
    program: ["dies_on_reset.py"],
    fails: { "reset": /exit code 1/, "100-resets": /exit code 1/ },
    never: /terminal/,
    beside: ["half-close"], // if it has bytes left that it could not send yet
    isLong: true,
  },
  {
    kind: "echo",
    program: ["ends_after_one.py"],
    fails: { "echo": /ended during echo with exit code 0/ },
    never: /line|once/,
  },
  {
    kind: "app",
    program: ["app_servers.py"], // right, one client at a time, but it checks few of its headers
    fails: {
      "missing-key": /all four keys/,
      "negative-length": /calculates with the length/,
      "unknown-encoding": /ignores content-encoding/,
    },
    never: /one read returns|beyond the first|one client at a time/,
    beside: ["huge-length"], // which ends it, as far as memory goes
  },
  {
    kind: "app",
    program: ["app_servers.py", "swapped"],
    fails: { "search": /wrong byte order/ },
    never: /does not speak|lacks/,
  },
  {
    kind: "app",
    program: ["app_servers.py", "characters"],
    fails: { "search": /announces 40 bytes of content, and sends 43: it counts characters/ },
    never: /does not speak|lacks/,
  },
  {
    kind: "app",
    program: ["app_servers.py", "silent"],
    fails: {
      "empty-header": NO_REFUSAL,
      "invalid-utf8": NO_REFUSAL,
      "not-an-object": NO_REFUSAL,
      "missing-key": /four keys/,
      "negative-length": NO_REFUSAL,
      "falsy-content": NO_REFUSAL,
      "unknown-encoding": /ignores content-encoding/,
      "truncated": NO_REFUSAL,
      "garbage": NO_REFUSAL,
    },
    never: /waits forever|keep it in memory|replaces what/,
    beside: ["huge-length"],
  },
  {
    kind: "chat",
    program: ["chat_whole_reads.py"],
    isLong: true,
    fails: {
      "split": /one read returns for a message/,
      "glued": /all that a read returns/,
      "name-taken": /look like/,
      "bad-name": /any text for a name/,
      "ping": /silent guest/,
    },
    never: /waits for one reader|takes a pong|one client after the other/,
    beside: ["crowd"], // for which it may be too slow
  },
  {
    kind: "count",
    program: ["count_of_characters.py"],
    fails: { "bytes": /characters instead of bytes/ },
  },
  {
    kind: "echo-client",
    program: ["quits_with_0.py"],
    fails: {
      "cut-short": NOTICED,
      "no-echo": NOTICED,
      "too-much": NOTICED,
      "differs": NOTICED,
      "reset": NOTICED,
      "refused": NOTICED,
      "silence": NOTICED,
    },
    never: /deadline|ignores|does not compare/,
  },
  {
    kind: "echo-client",
    program: ["prints_on_stderr.py"],
    fails: { "prints": /standard error/ },
    never: /does not show/,
  },
  {
    kind: "echo-client",
    program: ["sends_its_input.py"],
    fails: { "echo": /standard input, which is empty here/ },
    never: /does not wait/,
  },
];

for (const { kind, program, fails, never, beside = [], isLong = false } of some(CASES, 6)) {
  Deno.test({
    name: `app/check.ts names no false cause for ${program.join(" ")}`,
    ignore: PYTHON === undefined || (isLong && !tryAll),
    async fn() {
      const [file, ...args] = program;
      const address = kind.endsWith("client") ? ["{host}", "{port}"] : ["{port}"];
      const command = [PYTHON!, `tests/support/python/cases/${file}`, ...address, ...args];
      const report = await check(kind, "--timeout", "4", "--patience", "4", "--", ...command);
      for (const { name, hint } of failures(report)) {
        assert(never === undefined || !never.test(hint), `${name}: ${hint}`);
      }
      const seen = failures(report).filter(({ name }) => !beside.includes(name));
      const details = JSON.stringify(seen, null, 1);
      assertEquals(seen.map(({ name }) => name), Object.keys(fails), details);
      for (const { name, hint } of seen) assertMatch(hint, fails[name]!);
    },
  });
}
