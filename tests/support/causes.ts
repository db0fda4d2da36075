// Programs with a mistake, and right ones, each with what the checker must say about it, and what it must not.
// It is one table: cause_test.ts runs it. What is said of a program is true, or a learner loses an evening.
import type { KindName } from "../../app/check/kinds.ts";
import { type Case, command, running, type Started } from "./checking.ts";
import { CLOSE_CANCELS_WRITES, startServer, works } from "./programs.ts";
import { PYTHON } from "./python.ts";
import { createChat, wrongChatServers } from "./wrong_chat_servers.ts";
import { wrongWebServers } from "./wrong_web_servers.ts";
import {
  rightEchoServers,
  type Wrong,
  wrongAppServers,
  wrongEchoServers,
  WrongServer,
} from "./wrong_servers.ts";

const FIRST = /^Every other check builds on/;
const SUCCEEDED = /^exit code 0 after "/;
// Its exit may be noticed before its end of the connection.
const ONE_READ =
  /^(it closed the connection before|exit code [1-9]).*\nThe client takes .*(first|one) read /;
const PIECES = /^exit code 1 .*\nThe client takes .* does not put the pieces together/;
const HANGS = /^it still runs after \d+ s\nThe client waits forever/;
const NOTICED = /has noticed that something went wrong.* but ends with exit code 0/;
const IGNORES = /, or ignores the error/;
const NO_REFUSAL = /neither answers nor closes.* has failed and left it open/;
const SHARED = /clients share a buffer|sends a whole buffer/;
const ADDRESS = ["--timeout=3", "{host}", "{port}"];
const NEED_LARGE = ["backpressure", "half-close", "never-reads", "no-mixing", "reset"];
const MIXED = /has come back to another: the clients share a buffer/;
const ENDS_ONE = /ends the connection of a client while another one is connected/;
const REFUSES = /^'busy\\x0a'\n.* words of the server itself/;
const ONE_AT_A_TIME = /serves one client at a time/;
/** All checks of several clients. */
const WAIT_FOR_ONE = {
  "five-clients": ONE_AT_A_TIME,
  "slow-client": ONE_AT_A_TIME,
  "idle-client": ONE_AT_A_TIME,
  "never-reads": ONE_AT_A_TIME,
  "no-mixing": ONE_AT_A_TIME,
  "500-clients": ONE_AT_A_TIME,
};
const MORE_TIME = 5000; // milliseconds, where connections wait until they are tried again

/** What else a case has. */
type More = Partial<Case>;

/** A server of this process. */
function here(kind: KindName, more: More = {}) {
  return ({ mistake, fails, stopped, skips, handle, ...accepting }: Wrong): Case => ({
    kind,
    name: mistake,
    start: () => running(new WrongServer(handle, accepting)),
    fails,
    stopped,
    skips,
    lacks: CLOSE_CANCELS_WRITES ? undefined : "a close that cancels writes", // of the checker, too
    ...more,
  });
}

/** A server of the package. */
function ours(kind: KindName, script: string, fails: Case["fails"] = {}, more: More = {}): Case {
  const start = async () => running(await startServer(script));
  return { kind, name: script, start, fails, ...more };
}

/** A program in Python, by its path in tests/support/python/ and the arguments before its address. */
function python(
  kind: KindName,
  [file, ...args]: [string, ...string[]],
  fails: Case["fails"] = {},
  more: More = {},
): Case {
  const address = kind.endsWith("client") || kind === "bot" ? ["{host}", "{port}"] : ["{port}"];
  const name = [file, ...args].join(" ");
  const words = [`tests/support/python/${file}`, ...args, ...address];
  const start = () => command(PYTHON!, ...words);
  return { kind, name, start, fails, lacks: PYTHON ? undefined : "Python", ...more };
}

/** A server in Python whose mistake is its first argument. */
function server(
  kind: KindName,
  words: [string, string],
  fails: Case["fails"] = {},
  stopped?: RegExp,
): Case {
  return python(kind, words, fails, { stopped, timeout: MORE_TIME });
}

/** A case in tests/support/python/cases/ whose address comes before its arguments. */
function old(
  kind: KindName,
  [file, ...args]: [string, ...string[]],
  fails: Case["fails"] = {},
  more: More = {},
): Case {
  const address = kind.endsWith("client") ? ["{host}", "{port}"] : ["{port}"];
  const words = [`tests/support/python/cases/${file}`, ...address, ...args];
  const lacks = PYTHON ? undefined : "Python";
  return {
    kind,
    name: [file, ...args].join(" "),
    start: () => command(PYTHON!, ...words),
    fails,
    lacks,
    ...more,
  };
}

/** A client, by its command, to which the address is added if it has none. */
function client(
  kind: KindName,
  words: [string, ...string[]],
  fails: Case["fails"] = {},
  stopped?: RegExp,
): Case {
  const all: [string, ...string[]] = words.includes("{port}")
    ? words
    : [...words, "{host}", "{port}"];
  const isCostly = words[0] === Deno.execPath();
  return { kind, name: words.join(" "), start: () => command(...all), fails, stopped, isCostly };
}

function deno(script: string, ...args: string[]): [string, ...string[]] {
  return [Deno.execPath(), "run", "--no-prompt", "--allow-net", script, ...args];
}

/** A client in tests/support/wrong_clients/, by its mistake. */
function wrongClient(kind: "echo-client" | "app-client", language: "ts" | "py") {
  const script = `tests/support/wrong_clients/${kind.replace("-", "_")}.${language}`;
  return (
    mistake: string,
    fails: Case["fails"] = {},
    stopped?: RegExp,
    skips: Case["skips"] = [],
  ): Case => {
    if (language === "ts") return { ...client(kind, deno(script, mistake), fails, stopped), skips };
    const lacks = PYTHON ? undefined : "Python";
    return { ...client(kind, [PYTHON ?? "", script, mistake], fails, stopped), skips, lacks };
  };
}

const echoTs = wrongClient("echo-client", "ts");
const appTs = wrongClient("app-client", "ts");
const echoPy = wrongClient("echo-client", "py");
const appPy = wrongClient("app-client", "py");

/** A compiler, if it is installed, and how it makes a program of a file. */
interface Compiler {
  name: string;
  command: string;
  version: string;
  args: (source: string, target: string) => string[];
}

const C: Compiler = {
  name: "a C compiler",
  command: "cc",
  version: "--version",
  args: (source, target) => ["-pthread", "-o", target, source],
};
const GO: Compiler = {
  name: "Go",
  command: "go",
  version: "version",
  args: (source, target) => ["build", "-o", target, source],
};

/** Compiles the echo server of a language once, for all of its mistakes. */
function compiled(compiler: Compiler, source: string) {
  const lacks = works(compiler.command, compiler.version) ? undefined : compiler.name;
  let users = 0;
  let folder: Promise<string> | undefined;
  const build = async () => {
    const folder = await Deno.makeTempDir();
    const args = compiler.args(source, `${folder}/program`);
    const { success, stderr } = await new Deno.Command(compiler.command, { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return folder;
  };
  return (mistake: string, fails: Case["fails"] = {}, more: More = {}): Case => ({
    kind: "echo",
    name: `${source} ${mistake}`,
    async start(): Promise<Started> {
      users++;
      folder ??= build();
      const path = await folder;
      return {
        ...command(`${path}/program`, mistake, "{port}"),
        async [Symbol.asyncDispose]() {
          if (--users > 0) return;
          folder = undefined;
          await Deno.remove(path, { recursive: true });
        },
      };
    },
    fails,
    lacks,
    ...more,
  });
}

const inC = compiled(C, "tests/support/c/echo_server.c");
const inGo = compiled(GO, "tests/support/go/echo_server.go");

/** A client that is a line of the shell. */
function shell(kind: KindName, line: string, fails: Case["fails"], more: More = {}): Case {
  const lacks = works("sh", "-c", "nc -h 2>&1 | grep -q -e -N")
    ? undefined
    : "an nc that half-closes";
  return { kind, name: line, start: () => command("sh", "-c", line), fails, lacks, ...more };
}

const echoCase = (mistake: string, fails: Case["fails"], more: More = {}) =>
  python("echo", ["cases/echo_servers.py", mistake], fails, more);
const messageServer = (kind: "app" | "chat") => (mistake: string, cause: RegExp, more: More = {}) =>
  python(kind, ["cases/message_servers.py", kind, mistake], {
    [kind === "app" ? "search" : "join"]: cause,
  }, { stopped: FIRST, ...more });
const appServer = messageServer("app");
const chatServer = messageServer("chat");
const appClient = (mistake: string, cause: RegExp, more: More = {}) =>
  python("app-client", ["cases/message_clients.py", "app", mistake], { "answer": cause }, {
    stopped: FIRST,
    ...more,
  });
const bot = (mistake: string, fails: Case["fails"], more: More = {}) =>
  python("bot", ["cases/message_clients.py", "bot", mistake], fails, more);

/** A web server that waits for the end of a header, whatever comes. */
const silentToAllButHttp = (kind: KindName, check: string): Case => ({
  kind,
  name: "tests/solutions/web_server.py",
  start: () => command(PYTHON!, "tests/solutions/web_server.py", "{port}"),
  fails: { [check]: /speaks HTTP/ },
  stopped: FIRST,
  lacks: PYTHON ? undefined : "Python",
});

/** Echo servers. */
const echoServers: Case[] = [
  ours("echo", "app/multiconn_server.ts"),
  ours("echo", "echo_server.ts", WAIT_FOR_ONE, {
    timeout: 2000,
    never: /wait for each other|cannot hold|in turn/,
  }),
  { // of the eight checks of the first exercise, it fails exactly these
    kind: "echo",
    name: "naive_echo_server.ts",
    start: () => command(...deno("tests/support/naive_echo_server.ts", "{port}")),
    fails: {
      "backpressure": /as if some were lost\n.*forgets what a write did not take/,
      "half-close": /forgets what a write did not take/,
      "reset": /ended during reset with exit code 1/,
      "100-resets": /ended during 100-resets with exit code 1/,
    },
    isCostly: true,
    isUsual: true,
  },
  ...rightEchoServers.map(here("echo", { timeout: MORE_TIME })),
  ...wrongEchoServers.map(here("echo")),
  server("echo", ["wrong_echo_server.py", "none"]),
  server("echo", ["threaded_echo_server.py", "0"]),
  server("echo", ["threaded_echo_server.py", "1"]),
  server("echo", ["wrong_echo_server.py", "sends-once"], {
    "backpressure": /a write did not take/,
    "half-close": /forgets what a write did not take/,
  }),
  server("echo", ["wrong_echo_server.py", "drops"], { "half-close": /closes with bytes unsent/ }),
  server(
    "echo",
    ["wrong_echo_server.py", "resets"],
    { "reset": /ended during reset/, "100-resets": /ended during 100-resets/ },
  ),
  server(
    "echo",
    ["wrong_echo_server.py", "keeps"],
    {
      "backpressure": /reads on without limit.* Then the server ended/,
      "reset": /ended during reset/,
      "100-resets": /ended during 100-resets/,
    },
  ),
  server("echo", ["wrong_echo_server.py", "ends"], {
    "echo": /^nobody listens on .*\nThe server ended during echo/,
  }, /ended during echo/),
  old("echo", ["reads_to_the_end.py"], { "echo": /only when the client has half-closed/ }, {
    never: /line|read only once/,
    stopped: /builds on|ended during/,
  }),
  old("echo", ["greets_first.py"], {
    "echo": /sends 'welcome.* before the client has sent anything/,
  }, { never: /line end|once/, stopped: /builds on|ended during/ }),
  old("echo", ["stops_at_zero.py"], { "binary": /zero byte for the end/ }, { never: /UTF-8|text/ }),
  old("echo", ["stale_buffer.py"], { "single-bytes": SHARED }, {
    never: /waits|wait for/,
    beside: ["five-clients", "slow-client", "idle-client", "never-reads", "no-mixing"],
  }),
  old("echo", ["stuck_pair.py"], { "large": /wait for each other/ }, {
    never: /once|lost|forgets/,
    skips: NEED_LARGE,
  }),
  old("echo", ["small_backlog_server.py", "5"], {}, {}),
  old("echo", ["dies_on_reset.py"], { "reset": /exit code 1/, "100-resets": /exit code 1/ }, {
    never: /terminal/,
    beside: ["half-close"],
  }),
  old("echo", ["ends_after_one.py"], {
    "echo": /ended during echo with exit code 0.*needs a loop/,
  }, {
    never: /line|once/,
    stopped: /builds on|ended during/,
  }),
  echoCase("none", {}),
  echoCase("leaves-out-a-byte", { "echo": /one byte fewer than it reads/ }, {
    stopped: FIRST,
    isUsual: true,
    never: /loop/,
  }),
  echoCase("adds-a-line-end", { "echo": /with .* after it/ }, {
    stopped: FIRST,
    never: /loop/,
  }),
  echoCase("adds-a-zero", { "echo": /with .* after it/ }, { stopped: FIRST }),
  echoCase("puts-words-before-it", { "echo": /'You said: ' before it/ }, {
    stopped: FIRST,
    never: /once/,
  }),
  echoCase("reverses", { "echo": /send back what it reads, unchanged/ }, { stopped: FIRST }),
  echoCase("strips", { "binary": /takes the bytes for text|Only some/ }, { never: /zero byte/ }),
  echoCase("is-slow", { "single-bytes": /all together take too long/ }, {
    isCostly: true,
    timeout: 1000,
    never: /loop|wait for each other/,
  }),
  echoCase("ends-at-a-q", { "binary": /ends the connection before all has come back/ }, {
    isCostly: true,
    never: /Only some|text/,
  }),
  echoCase("ends-long-messages", {
    "large": /ends the connection before all has come back/,
  }, { skips: NEED_LARGE, never: /harms others/ }),
  echoCase("gives-up-early", {
    "backpressure": /gives up on a client that does not read at once/,
    "half-close": /gives up on a client that does not read at once/,
  }, { never: /everybody waits|unsent/ }),
  echoCase("says-its-name", { "echo": /sends '220 echo ready.* before the client/ }, {
    stopped: FIRST,
  }),
  echoCase("closes-at-once", { "echo": /ends the connection instead/ }, {
    stopped: FIRST,
    never: /loop/,
  }),
  echoCase("never-answers", { "echo": /reads nothing, or sends nothing back/ }, { stopped: FIRST }),
  echoCase("is-a-web-server", { "echo": /speaks HTTP/ }, { stopped: FIRST, never: /unchanged/ }),
  silentToAllButHttp("echo", "echo"),
  echoCase("is-a-redis", { "echo": /protocol of Redis/ }, { stopped: FIRST, never: /unchanged/ }),
  echoCase("answers-once-and-waits", { "echo": /reads once for each client, where/ }, {
    stopped: FIRST,
  }),
  echoCase("answers-once-and-closes", { "echo": /reads once for each client, and then closes/ }, {
    stopped: FIRST,
  }),
  echoCase("ends-by-a-signal", { "large": /ended during large with signal SIGABRT/ }, {
    skips: NEED_LARGE,
    never: /wait for each other|loop/,
  }),
  echoCase("leaves-out-what-is-not-utf-8", { "binary": /for text and left out what is none/ }),
  echoCase("ends-lines-with-cr-lf", { "binary": /changes some: line ends/ }, { isUsual: true }),
  echoCase(
    "says-goodbye",
    { "half-close": /^'bye' more\nThe server sends more than it has read/ },
    {
      never: /unsent/,
    },
  ),
  echoCase("loses-the-last-of-its-buffer", { "large": /leaves bytes out itself/ }, {
    skips: NEED_LARGE,
  }),
  echoCase("sends-full-buffers-twice", { "large": /sends again what it has already sent/ }, {
    skips: NEED_LARGE,
    never: /forgets/,
    isUsual: true,
  }),
  echoCase("turns-away-the-second", {
    "five-clients": ENDS_ONE,
    "slow-client": ENDS_ONE,
    "idle-client": ENDS_ONE,
    "never-reads": ENDS_ONE,
    "no-mixing": ENDS_ONE,
    "500-clients": /cannot hold that many clients/,
  }, { never: /wait/ }),
  echoCase("says-that-it-is-busy", {
    "five-clients": REFUSES,
    "slow-client": REFUSES,
    "idle-client": REFUSES,
    "never-reads": REFUSES,
    "no-mixing": REFUSES,
    "500-clients": REFUSES,
  }, { never: /wait/ }),
  echoCase("ends-at-a-single-byte", {
    "single-bytes": /ends the connection before all has come back/,
    "slow-client": ENDS_ONE,
  }),
  echoCase(
    "falls-silent-at-long-messages",
    { "large": /has failed, and left the connection open/ },
    {
      skips: NEED_LARGE,
      never: /An error of one connection/,
    },
  ),
  echoCase("ends-full-buffers-with-a-zero", {
    "large": /sends back other bytes than it reads, once there are many/,
  }, { skips: NEED_LARGE }),
  echoCase("locks-while-it-reads", WAIT_FOR_ONE, { timeout: 2000 }),
  old("echo", ["one_outbox.py"], { "five-clients": MIXED, "slow-client": MIXED }, {
    never: /one client at a time|stopped answering/,
    beside: [
      ...["backpressure", "half-close", "idle-client", "never-reads", "no-mixing", "500-clients"],
      ...["reset", "100-resets"],
    ],
    isCostly: true,
  }),
  echoCase("takes-1-KiB-only", { "large": /one write did not|loop|forgets/ }, {
    skips: NEED_LARGE,
  }),
  python("echo", ["cases/message_servers.py", "app", "none"], { "echo": /try check.ts app/ }, {
    stopped: FIRST,
  }),
  python("echo", ["cases/message_servers.py", "chat", "none"], { "echo": /try check.ts chat/ }, {
    stopped: FIRST,
  }),
  old("echo", ["count_of_characters.py"], { "echo": /try check.ts count/ }, { stopped: FIRST }),
  inC("none", {}, { isUsual: true }),
  inC("uses-strlen", { "binary": /zero byte for the end/ }, { never: /UTF-8/ }),
  inC("sends-the-whole-buffer", { "echo": /after it/ }, { stopped: FIRST, never: /loop/ }),
  inC("serves-one-at-a-time", WAIT_FOR_ONE, { timeout: 2000 }),
  inC("dies-of-sigpipe", { "reset": /signal SIGPIPE: it wrote to a connection/ }, {
    beside: ["never-reads", "100-resets"],
  }),
  inC("crashes", { "large": /ended during large with signal SIGABRT/ }, {
    skips: NEED_LARGE,
  }),
  inC("writes-once", {
    "backpressure": /forgets what a write did not take/,
    "half-close": /forgets what a write did not take/,
  }, {
    beside: ["large", "no-mixing", "never-reads"],
    skips: [],
  }),
  inC("waits-for-all", { "echo": /only when many bytes have come/ }, {
    stopped: FIRST,
    never: /half-closed/,
  }),
  inGo("none"),
  inGo("shares-its-buffer", { "never-reads": MIXED }, { beside: ["no-mixing"] }),
  inGo("flushes-at-the-end", { "echo": /collects its answer in one \(flush\)/ }, {
    stopped: FIRST,
    never: /half-closed/,
  }),
  inGo("one-at-a-time", WAIT_FOR_ONE, { timeout: 2000 }),
  inGo("takes-bytes-for-runes", { "binary": /takes the bytes for text/ }),
  inGo("panics-at-a-reset", { "reset": /ended during reset with exit code 2/ }, {
    beside: ["never-reads", "100-resets", "half-close"],
  }),
];

/** What the messages of a server or client may have wrong, and what must be said of it. */
const MESSAGE_MISTAKES: Record<string, RegExp> = {
  "swapped": /wrong byte order/,
  "four-bytes": /four bytes|4 bytes, and not two/,
  "no-framing": /no length before it|takes a line for a message/,
};
/** Those that only the answers or requests can have. */
const SENDING_MISTAKES: Record<string, RegExp> = {
  ...MESSAGE_MISTAKES,
  "one-byte": /takes 1 byte, and not two/,
  "digits": /in digits/,
  "no-prefix": /begins with the header, without the two bytes/,
  "header-off-by-one": /announces a header of \d+ bytes, and sends \d+: it is off by one/,
  "counts-the-prefix": /counts the two bytes of the length as well/,
  "counts-the-content": /counts the content as well/,
  "counts-all": /counts the whole message/,
  "counts-characters": /counts characters instead of bytes/,
  "content-off-by-one": /of content, and sends \d+: it is off by one/,
  "length-is-a-text": /not a number, but "\d+"/,
  "lacks-a-key": /lacks the key byteorder/,
};

const appServers: Case[] = [
  ours("app", "app/server.ts"),
  ...wrongAppServers.map(here("app")),
  server("app", ["wrong_app_server.py", "none"]),
  server("app", ["wrong_app_server.py", "negative-length"], {
    "negative-length": /takes other bytes for the content/,
  }),
  server("app", ["wrong_app_server.py", "spins"], {
    "falsy-content": /neither answers nor closes/,
  }),
  old("app", ["app_servers.py"], {
    "missing-key": /all four keys/,
    "negative-length": /calculates with the length/,
    "unknown-encoding": /ignores content-encoding/,
  }, { never: /one read returns|beyond the first|one client at a time/, beside: ["huge-length"] }), // right, one client at a time, but it checks few of its headers
  old("app", ["app_servers.py", "swapped"], { "search": /wrong byte order/ }, {
    never: /does not speak|lacks/,
    stopped: /builds on|ended during/,
  }),
  old("app", ["app_servers.py", "characters"], {
    "search": /announces 40 bytes of content, and sends 43: it counts characters/,
  }, { never: /does not speak|lacks/, stopped: /builds on|ended during/ }),
  old("app", ["app_servers.py", "silent"], {
    "empty-header": NO_REFUSAL,
    "invalid-utf8": NO_REFUSAL,
    "not-an-object": NO_REFUSAL,
    "missing-key": /four keys/,
    "negative-length": NO_REFUSAL,
    "falsy-content": NO_REFUSAL,
    "unknown-encoding": /ignores content-encoding/,
    "truncated": NO_REFUSAL,
    "garbage": NO_REFUSAL,
  }, { never: /waits forever|keep it in memory|replaces what/, beside: ["huge-length"] }),
  ...Object.entries(MESSAGE_MISTAKES).map(([mistake, cause]) => appServer(mistake, cause)),
  ...Object.entries(SENDING_MISTAKES).map(([mistake, cause]) =>
    appServer(`answers-${mistake}`, cause, { never: /does not speak/ })
  ),
  appServer("answers-adds-a-line-end", /1 byte more than it announces/, {
    never: /another answer/,
  }),
  appServer("answers-ends-its-header-with-a-line", /followed by 1 byte that its length/),
  appServer("answers-pickled", /does not speak this protocol/),
  appServer("answers-no-result", /its response has no result/, { never: /does not speak/ }),
  appServer("answers-another-type", /content-type of the response is "text\/plain"/),
  appServer("answers-twice", /more than one response to a request/, { never: /another answer/ }),
  appServer("answers-again-at-the-end", /more than one response to a request/),
  appServer("reads-to-the-end", /only when the client has half-closed/),
  appServer("closes-at-once", /ends the connection instead of answering/, { never: /lacks/ }),
  appServer("knows-no-answer", /gives another answer/, { never: /does not speak/ }),
  python("app", ["cases/message_servers.py", "chat", "none"], { "search": /try check.ts chat/ }, {
    stopped: FIRST,
    isUsual: true,
  }),
  python("app", ["cases/echo_servers.py", "none"], { "search": /try check.ts echo/ }, {
    stopped: FIRST,
  }),
  python("app", ["cases/echo_servers.py", "is-a-web-server"], { "search": /speaks HTTP/ }, {
    stopped: FIRST,
  }),
  silentToAllButHttp("app", "search"),
  python("app", ["cases/echo_servers.py", "is-a-redis"], { "search": /protocol of Redis/ }, {
    stopped: FIRST,
  }),
  old("app", ["count_of_characters.py"], { "search": /try check.ts count/ }, { stopped: FIRST }),
];

const chatServers: Case[] = [
  { ...ours("chat", "app/chat_server.ts"), timeout: MORE_TIME }, // whose pings come after 15 s
  ...wrongChatServers.map((server) =>
    here("chat", { timeout: MORE_TIME })({ ...server, handle: createChat(server.mistake) })
  ),
  old("chat", ["chat_whole_reads.py"], {
    "split": /one read returns for a message/,
    "glued": /all that a read returns/,
    "name-taken": /differ only in width/,
    "bad-name": /takes .* for a name/,
    "nonsense": /without saying why/,
    "ping": /silent guest/,
  }, {
    never: /waits for one reader|takes a pong|one client after the other/,
    beside: ["crowd", "order"],
    skips: ["pong", "slow-reader"],
  }),
  ...Object.entries(MESSAGE_MISTAKES).map(([mistake, cause]) =>
    chatServer(mistake, cause, { never: /tells only|nobody/ })
  ),
  ...Object.entries(SENDING_MISTAKES).filter(([mistake]) => mistake !== "counts-characters").map(
    ([mistake, cause]) => chatServer(`answers-${mistake}`, cause, { never: /tells only|nobody/ }),
  ),
  chatServer("answers-pickled", /does not speak this protocol/),
  chatServer("answers-adds-a-line-end", /1 byte more than it announces/, { never: /tell/ }),
  ours("chat", "app/server.ts", { "join": /try check.ts app/ }, { stopped: FIRST }),
  chatServer("tells-only-others", /tells only the others/),
  chatServer("tells-only-the-one-who-joins", /tells only the one who joins/, { stopped: FIRST }),
  chatServer("one-at-a-time", ONE_AT_A_TIME, { never: /tells only/ }),
  chatServer("lets-nobody-in", /does not let the guest in\. It says: "join first"/),
  python("chat", ["cases/message_servers.py", "chat", "gives-no-reason"], {
    "name-taken": /without saying why/,
    "bad-name": /without saying why/,
    "first-message": /without saying why/,
    "nonsense": /without saying why/,
  }, { beside: ["slow-reader", "ping", "crowd"], isCostly: true }),
  python("chat", ["cases/message_servers.py", "chat", "stays-open-after-errors"], {
    "name-taken": /does not close the connection/,
    "first-message": /does not close the connection/,
    "nonsense": /does not close the connection/,
  }, { isCostly: true, beside: ["bad-name"] }),
  python("chat", ["cases/message_servers.py", "chat", "answers-pongs"], {
    "pong": /answers a pong/,
  }, { isCostly: true, isUsual: true }),
  python("chat", ["cases/message_servers.py", "chat", "pings-at-pongs"], {
    "pong": /a ping for each.*\n.*answers a pong/,
  }, { isCostly: true }),
  python("chat", ["cases/message_servers.py", "app", "none"], {
    "join": /try check.ts app|ends the connection/,
  }, { stopped: FIRST }),
  python("chat", ["cases/echo_servers.py", "never-answers"], {
    "join": /does not tell that somebody has joined/,
  }, { stopped: FIRST }),
  python("chat", ["cases/echo_servers.py", "closes-at-once"], {
    "join": /ends the connection instead of answering/,
  }, { stopped: FIRST }),
  python("chat", ["cases/echo_servers.py", "none"], { "join": /try check.ts echo/ }, {
    stopped: FIRST,
  }),
];

const MISSES_END = /^it still runs .*\n.* does not notice the end/;
const echoClients: Case[] = [
  { ...client("echo-client", deno("echo_client.ts")), patience: 30_000 },
  echoTs("counts-bytes", { "differs": SUCCEEDED }),
  client("echo-client", [...deno("app/multiconn_client.ts"), ...ADDRESS, "3"]),
  echoTs("none"),
  echoTs("reads-once", { "single-bytes": ONE_READ, "pause": ONE_READ, "split": ONE_READ }),
  echoTs("counts-reads", {
    "single-bytes": /^it closed the connection before; exit code 1 .*\n.* counts reads instead/,
  }),
  echoTs("compares-nothing", {
    "cut-short": SUCCEEDED,
    "no-echo": SUCCEEDED,
    "too-much": SUCCEEDED,
    "differs": /^exit code 0 .*\nThe client does not compare the echo/,
  }),
  echoTs("ignores-no-echo", {
    "no-echo": /^exit code 0\nThe client takes the end .* for an echo/,
  }),
  echoTs("ignores-a-reset", { "reset": /^exit code 0\nThe client ignores the error/ }),
  echoTs("ignores-refused", { "refused": /^exit code 0\nThe client ignores that it could not/ }),
  echoTs("prints-raw", { "escapes": /\\x1b\[2J[^]*prints what a server sends as it is/ }),
  echoTs("prints-nothing", { "prints": /does not show its user/ }),
  echoTs("hangs", { "silence": HANGS }),
  echoTs("never-reads", { "echo": /^its end\nThe client does not wait/ }, /^Every other .* echo$/),
  echoTs(
    "waits-for-the-end",
    { "echo": /^exit code 1 after "No echo: Silent"\n/ },
    /^Every other .* echo$/,
  ),
  echoPy("none"),
  echoPy("half-closes"),
  echoPy("reads-once", { "single-bytes": ONE_READ, "pause": ONE_READ, "split": ONE_READ }),
  echoPy("prints-raw", { "escapes": /prints what a server sends/ }),
  echoPy("hangs", { "silence": HANGS }),
  echoPy("keeps-the-last", { "single-bytes": PIECES, "pause": PIECES, "split": PIECES }),
  echoPy("reads-as-many", { "too-much": /does not notice that more has come/ }),
  echoPy("tries-forever", { "refused": /^it still runs .*\n.* tries again and again/ }),
  {
    ...echoPy("misses-the-end", {
      "cut-short": MISSES_END,
      "no-echo": MISSES_END,
      "too-much": MISSES_END,
      "differs": MISSES_END,
      "escapes": MISSES_END,
    }),
    isCostly: true,
  },
  echoPy("half-closes-first", { "echo": /sends nothing\. If it has printed an error/ }, FIRST),
  echoPy("fails-at-the-end", { "echo": /fails although its echo is right/ }, FIRST),
  echoPy("never-ends", { "echo": /has its whole echo, and does not end/ }, FIRST),
  echoPy("waits-for-one-more", { "echo": /waits for more bytes than it has sent/ }, FIRST),
  echoPy("sends-nothing", { "echo": /^nothing within .*\n.* connects and sends nothing/ }, FIRST),
  echoPy("succeeds-always", {
    "cut-short": SUCCEEDED,
    "no-echo": SUCCEEDED,
    "too-much": SUCCEEDED,
    "differs": SUCCEEDED,
    "reset": SUCCEEDED,
    "refused": SUCCEEDED,
    "silence": SUCCEEDED,
  }),
  old("echo-client", ["quits_with_0.py"], {
    "cut-short": NOTICED,
    "no-echo": NOTICED,
    "too-much": NOTICED,
    "differs": NOTICED,
    "reset": NOTICED,
    "refused": NOTICED,
    "silence": NOTICED,
  }, { never: /deadline|ignores|does not compare/ }),
  old("echo-client", ["prints_on_stderr.py"], { "prints": /standard error/ }, {
    never: /does not show/,
  }),
  old("echo-client", ["sends_its_input.py"], { "echo": /standard input, which is empty here/ }, {
    never: /does not wait/,
    stopped: /builds on|ended during/,
  }),
  shell("echo-client", "printf Hello | nc -N -w 3 {host} {port}", {
    "cut-short": SUCCEEDED,
    "no-echo": /^exit code 0/,
    "too-much": SUCCEEDED,
    "differs": SUCCEEDED,
    "escapes": /prints what a server sends/,
    "silence": /exit code 0|ends in time/,
  }, { beside: ["reset"], never: /standard input/ }),
  shell("echo-client", "nc -N -w 3 {host} {port}", { "echo": /standard input, which is empty/ }, {
    stopped: FIRST,
  }),
  shell("echo-client", "true", { "echo": /does not connect/ }, { stopped: FIRST }),
];

const appClients: Case[] = [
  client("app-client", [...deno("app/client.ts"), ...ADDRESS, "search", "morpheus"]),
  client("app-client", [...deno("app/client.ts"), ...ADDRESS, "search", "ring", "binary", "😃"]),
  appTs("none"),
  appTs("reads-once", {
    "single-bytes": /^it closed the connection before; exit code 1 .*\n.*one read returns/,
    "split": /one read returns/,
    "pause": /^it closed the connection before/,
  }),
  appTs(
    "counts-characters",
    {
      "bytes": /^exit code 1 .*\nThe client takes content-length for a number of characters/,
    },
    undefined,
    ["split", "glued"],
  ),
  appTs("knows-four-keys", { "key-order": /minds keys that it does not know/ }),
  appTs("takes-all", { "glued": /takes all that a read returns for one message/ }),
  appTs("takes-the-end", { "cut-short": SUCCEEDED, "garbage": SUCCEEDED }),
  appTs("misses-no-key", {
    "bad-header": /^exit code 0 .*\n.* does not look whether the header/,
  }),
  appTs("takes-any-length", { "bad-length": SUCCEEDED }),
  appTs("sends-no-header", { "answer": /./ }, /^Every other check builds on answer$/),
  appPy("none"),
  appPy("reads-once", { "single-bytes": /./, "split": /./, "pause": /./ }),
  appPy("counts-characters", { "bytes": /number of characters/ }, undefined, ["split", "glued"]),
  appPy("has-no-limit", { "huge-length": /^it still runs .*\nThe client waits for all of it/ }),
  appPy("prints-raw", { "escapes": /\\x1b\[2J/ }),
  appPy("hangs", { "silence": HANGS }),
  appPy("tries-forever", { "refused": /^it still runs .*\n.* tries again and again/ }),
  appPy(
    "says-one-too-many",
    { "answer": /^the end in the middle of it; exit code 1 after "No response: Timeout/ },
    /^Every other check builds on answer$/,
  ),
  appPy("succeeds-always", {
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
  appPy("succeeds-silently", {
    "cut-short": IGNORES,
    "no-answer": IGNORES,
    "reset": /ignores the error/,
    "bad-header": IGNORES,
    "bad-length": IGNORES,
    "huge-length": IGNORES,
    "garbage": IGNORES,
    "refused": /ignores that it could not connect/,
    "silence": /ends in time, but with exit code 0/,
  }),
  ...Object.entries(SENDING_MISTAKES).map(([mistake, cause]) => appClient(mistake, cause)),
  appClient("reads-to-the-end", /reads until the connection ends/, { isUsual: true }),
  appClient("reads-too-far", /forgets the rest/),
  appClient("receives-swapped", /reads the length of the header in the wrong byte order/),
  appClient("receives-waits-for-one-more", /waits for one byte more/, { isCostly: true }),
  appClient("pickled", /does not speak this protocol/),
  appClient("says-application-json", /not with the content-type text\/json/, { never: /right/ }),
  python("app-client", ["cases/message_clients.py", "app", "receives-takes-latin-1"], {
    "bytes": /each byte for a character/,
  }, { skips: ["split", "glued"], isUsual: true }),
  appClient("sends-nothing", /sends nothing/),
  appClient("speaks-http", /speaks HTTP/),
  appClient("prints-nothing", /does not print the result/, { never: /protocol/ }),
  appClient("prints-on-stderr", /on standard output/),
  appClient("never-ends", /does not end/),
  appClient("fails-at-the-end", /fails, although its answer is right/, { never: /protocol/ }),
  python("app-client", ["cases/message_clients.py", "app", "none"]),
];

const SOON = { timeout: 2000 }; // before the bot itself gives up
const NEED_GLUED = ["numbers", "others", "itself", "ping", "single-bytes"];

const bots: Case[] = [
  bot("none", {}),
  bot("skips-words", { "others": /answers what is no sum/ }),
  bot("adds-nothing", { "others": /answers what is no sum/ }),
  bot("finds-sum-anywhere", { "others": /answers what is no sum/ }, { never: /fails/ }),
  bot("fails-at-words", { "others": /^the end; exit code 1 .*\nThe bot fails/ }, {
    never: /answers/,
  }),
  bot("knows-no-minus", { "numbers": /takes this for no sum/ }, SOON),
  bot("drops-the-rest", { "glued": /all that a read returns/ }, {
    ...SOON,
    skips: NEED_GLUED,
    isUsual: true,
  }),
  bot("fails-at-minus", { "numbers": /ends instead of answering/ }),
  bot("falls-silent-at-words", { "others": /silent from what it does not understand on/ }, SOON),
  bot("fails-at-itself", {
    "numbers": /ends instead of answering/,
    "itself": /when it hears what it has said itself/,
  }),
  bot("succeeds-silently", {
    "error": /ignores messages of type error/,
    "refused": /ignores that it could not connect/,
    "silence": /ends in time, but with exit code 0/,
  }),
  bot("tries-forever", { "refused": /tries again and again/ }),
  bot("keeps-no-part", { "single-bytes": /takes what one read returns for a message/ }, SOON),
  bot("says-it-twice", { "glued": /answers twice/ }, { skips: NEED_GLUED }),
  bot("says-the-sum-alone", { "sum": /does not answer in this form/ }, {
    stopped: FIRST,
    never: /join/,
  }),
  bot("never-answers", { "sum": /joins, and does not answer/ }, { ...SOON, stopped: FIRST }),
  bot("never-ends", { "sum": /does not end when the chat ends/ }, { ...SOON, stopped: FIRST }),
  bot("waits-first", { "sum": /sends nothing\. It must join/ }, {
    ...SOON,
    stopped: FIRST,
    never: /form/,
  }),
  bot("talks-first", { "sum": /does not join first/ }, { stopped: FIRST, never: /form|end/ }),
  bot("swapped", { "sum": /wrong byte order/ }, { stopped: FIRST }),
  bot("no-prefix", { "sum": /without the two bytes/ }, { stopped: FIRST }),
  bot("no-framing", { "sum": /no length before it/ }, { stopped: FIRST }),
];

const counter = (mistake: string, fails: Case["fails"], more: More = {}) =>
  python("count", ["cases/count_servers.py", mistake], fails, more);

const counters: Case[] = [
  old("count", ["count_of_characters.py"], { "bytes": /characters instead of bytes/ }),
  python("count", ["cases/echo_servers.py", "none"], { "count": /try check.ts echo/ }, {
    stopped: FIRST,
  }),
  python("count", ["cases/echo_servers.py", "never-answers"], {
    "count": /^0 bytes, and then the end\n.* ends the connection without an answer/,
  }, { stopped: FIRST }),
  python("count", ["cases/echo_servers.py", "closes-at-once"], {
    "count": /ends the connection without an answer/,
  }, { stopped: FIRST }),
  counter("never-answers", {
    "count": /^nothing within .*\n.* does not answer when the client has finished/,
  }, { stopped: FIRST }),
  counter("none", {}),
  counter("swapped", { "count": /201326592 is 12 with its bytes swapped/ }, { stopped: FIRST }),
  counter("swaps-the-clients", { "count": /number of clients is in the wrong byte order/ }, {
    stopped: FIRST,
  }),
  counter("eight-bytes", { "count": /answer has 16 bytes, and not two/ }, { stopped: FIRST }),
  counter("two-bytes", { "count": /answer has 4 bytes, and not two/ }, { stopped: FIRST }),
  counter("native", { "count": /answer has 12 bytes, and not two/ }, { stopped: FIRST }),
  counter("text", { "count": /answers with text/ }, { stopped: FIRST }),
  counter("other-order", { "count": /bytes comes first/ }, { stopped: FIRST }),
  counter("stays-open", { "count": /does not close the connection after its answer/ }, {
    stopped: FIRST,
    isUsual: true,
  }),
  counter("adds-up", { "count": /adds up the bytes of all clients/ }, {
    stopped: FIRST,
    never: /stopped answering/,
  }),
  counter("leaves-one-out", { "count": /does not count each byte/ }, { stopped: FIRST }),
  counter("counts-the-end", { "count": /or the end as a byte/ }, { stopped: FIRST }),
  counter("reads-once", {
    "single-bytes": /answers after the first/,
    "large": /does not read to the end|before it has read all/,
    "not-early": /answers after its first read/,
  }, { skips: ["bytes", "apart"] }),
  counter("ends-at-much", { "large": /before it has read all, or has answered/ }),
  counter("has-one-counter", { "apart": /has one counter for all/ }),
  counter("one-at-a-time", { "apart": ONE_AT_A_TIME }),
  counter("has-a-limit", { "large": /look for a limit/ }, { never: /buffer/ }),
  counter("strips", { "bytes": /leaves out blanks/ }, { never: /characters/ }),
  counter("takes-a-pause-for-the-end", { "not-early": /takes a pause for the end/ }),
];

const tunnel = (mistake: string, fails: Case["fails"], more: More = {}) =>
  python("tunnel", ["cases/tunnels.py", mistake], fails, more);

const tunnels: Case[] = [
  tunnel("none", {}, { timeout: MORE_TIME }),
  tunnel("no-frames", { "frames": /^'Hello, exit'\n.* unpacks nothing/ }, { isUsual: true }),
  tunnel("reads-a-frame-once", { "large": /leaves bytes out itself/ }, { skips: NEED_LARGE }),
  tunnel("never-ends", { "half-close": /does not close the connection/ }),
  tunnel("wraps-the-length", { "large": /ends the connection before all/ }, {
    skips: NEED_LARGE,
  }),
];

const webServers: Case[] = [
  ...wrongWebServers.map(here("http")),
  python("http", ["cases/echo_servers.py", "closes-at-once"], {
    "page": /ends the connection instead of answering/,
  }, { stopped: FIRST }),
  ours("http", "app/server.ts", { "page": /try check.ts app/ }, { stopped: FIRST }),
  python("http", ["cases/echo_servers.py", "none"], { "page": /try check.ts echo/ }, {
    stopped: FIRST,
    isUsual: true,
  }),
];

/** The table. */
export const CASES: Case[] = [
  ...echoServers,
  ...appServers,
  ...chatServers,
  ...webServers,
  ...echoClients,
  ...appClients,
  ...bots,
  ...counters,
  ...tunnels,
];
