// Clients of all kinds, right and wrong, each with the checks that must notice it, and the cause.
import { assertGrades, type Case } from "../../support/checking.ts";
import { tryAll } from "../../support/sampling.ts";
import { PYTHON } from "../../support/python.ts";

const PATIENCE = "3"; // seconds, as all of these clients have
const SUCCEEDED = /^exit code 0 after "/;
// Its exit may be noticed before its end of the connection.
const ONE_READ =
  /^(it closed the connection before|exit code [1-9]).*\nThe client takes .*(first|one) read /;
const HANGS = /^it still runs after \d+ s\nThe client waits forever/;

/** A client, by its command, to which the address is added if it has none. */
function client(
  kind: Case["kind"],
  words: string[],
  fails: Case["fails"] = {},
  stopped?: RegExp,
  patience = PATIENCE,
): Case {
  if (!words.includes("{port}")) words = [...words, "{host}", "{port}"];
  return {
    kind,
    name: words.join(" "),
    start: () =>
      Promise.resolve({
        args: ["--patience", patience, "--", ...words],
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    fails,
    stopped,
  };
}

const ours = (client: Case): Case => ({ ...client, isOurs: true });
const deno = (script: string, ...args: string[]) => [
  Deno.execPath(),
  "run",
  "--no-prompt",
  "--allow-net",
  script,
  ...args,
];
const python = (script: string, ...args: string[]) => [PYTHON ?? "python3", script, ...args];

/** A client in tests/support/wrong_clients/, by its mistake. */
const wrong = (kind: "echo-client" | "app-client", language: "ts" | "py") =>
(
  mistake: string,
  fails: Case["fails"] = {},
  stopped?: RegExp,
): Case => {
  const script = `tests/support/wrong_clients/${kind.replace("-", "_")}.${language}`;
  const words = language === "ts" ? deno(script, mistake) : python(script, mistake);
  return client(kind, words, fails, stopped);
};

Deno.test("app/check.ts fails nothing for the clients here, and finds the mistake of each wrong one", async () => {
  const address = ["--timeout=3", "{host}", "{port}"];
  const echo = wrong("echo-client", "ts");
  const app = wrong("app-client", "ts");
  await assertGrades([
    ours(client("echo-client", deno("echo_client.ts"), {}, undefined, "30")),
    ours(client("app-client", [...deno("app/client.ts"), ...address, "search", "morpheus"])),
    echo("counts-bytes", { "differs": SUCCEEDED }),
    client("app-client", [...deno("app/client.ts"), ...address, "search", "ring", "binary", "😃"]),
    client("echo-client", [...deno("app/multiconn_client.ts"), ...address, "3"]),
    echo("none"),
    echo("reads-once", { "single-bytes": ONE_READ, "pause": ONE_READ, "split": ONE_READ }),
    echo("counts-reads", {
      "single-bytes": /^it closed the connection before; exit code 1 .*\n.* counts reads instead/,
    }),
    echo("compares-nothing", {
      "cut-short": SUCCEEDED,
      "no-echo": SUCCEEDED,
      "too-much": SUCCEEDED,
      "differs": /^exit code 0 .*\nThe client does not compare the echo/,
    }),
    echo("ignores-no-echo", {
      "no-echo": /^exit code 0\nThe client takes the end .* for an echo/,
    }),
    echo("ignores-a-reset", { "reset": /^exit code 0\nThe client ignores the error/ }),
    echo("ignores-refused", { "refused": /^exit code 0\nThe client ignores that it could not/ }),
    echo("prints-raw", { "escapes": /\\x1b\[2J[^]*prints what a server sends as it is/ }),
    echo("prints-nothing", { "prints": /does not show its user/ }),
    echo("hangs", { "silence": HANGS }),
    echo("never-reads", { "echo": /^its end\nThe client does not wait/ }, /^Every other .* echo$/),
    echo(
      "waits-for-the-end",
      { "echo": /^exit code 1 after "No echo: Silent"\n/ },
      /^Every other .* echo$/,
    ),
    app("none"),
    app("reads-once", {
      "single-bytes": /^it closed the connection before; exit code 1 .*\n.*one read returns/,
      "split": /one read returns/,
      "pause": /^it closed the connection before/,
    }),
    app("counts-characters", {
      "bytes": /^exit code 1 .*\nThe client takes content-length for a number of characters/,
      "split": /^exit code 1/,
    }),
    app("knows-four-keys", { "key-order": /minds keys that it does not know/ }),
    app("takes-all", { "glued": /takes all that a read returns for one message/ }),
    app("takes-the-end", { "cut-short": SUCCEEDED, "garbage": SUCCEEDED }),
    app("misses-no-key", {
      "bad-header": /^exit code 0 .*\n.* does not look whether the header/,
    }),
    app("takes-any-length", { "bad-length": SUCCEEDED }),
    app("sends-no-header", { "answer": /./ }, /^Every other check builds on answer$/),
  ]);
});

Deno.test({
  name: "app/check.ts finds the mistake of each wrong Python client, and no other",
  ignore: !tryAll || PYTHON === undefined,
  async fn() {
    const echo = wrong("echo-client", "py");
    const app = wrong("app-client", "py");
    await assertGrades([
      echo("none"),
      echo("half-closes"),
      echo("reads-once", { "single-bytes": ONE_READ, "pause": ONE_READ, "split": ONE_READ }),
      echo("prints-raw", { "escapes": /prints what a server sends/ }),
      echo("hangs", { "silence": HANGS }),
      echo("succeeds-always", {
        "cut-short": SUCCEEDED,
        "no-echo": SUCCEEDED,
        "too-much": SUCCEEDED,
        "differs": SUCCEEDED,
        "reset": SUCCEEDED,
        "refused": SUCCEEDED,
        "silence": SUCCEEDED,
      }),
      app("none"),
      app("reads-once", { "single-bytes": /./, "split": /./, "pause": /./ }),
      app("counts-characters", { "bytes": /number of characters/, "split": /./ }),
      app("has-no-limit", { "huge-length": /^it still runs .*\nThe client waits for all of it/ }),
      app("prints-raw", { "escapes": /\\x1b\[2J/ }),
      app("hangs", { "silence": HANGS }),
      app(
        "says-one-too-many",
        { "answer": /^the end in the middle of it; exit code 1 after "No response: Timeout/ },
        /^Every other check builds on answer$/,
      ),
      app("succeeds-always", {
        "cut-short": SUCCEEDED,
        "no-answer": SUCCEEDED,
        "reset": SUCCEEDED,
        "bad-header": SUCCEEDED,
        "bad-length": SUCCEEDED,
        "huge-length": SUCCEEDED,
        "garbage": SUCCEEDED,
        "refused": SUCCEEDED,
        "silence": SUCCEEDED,
      }),
    ]);
  },
});
