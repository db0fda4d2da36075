// Command lines that are wrong, for every program.
import { assertEquals, assertMatch } from "@std/assert";
import { noise, Program } from "./programs.ts";

/** The options of each program, by the kind of their values. */
const options: Record<string, { seconds?: string[]; integers?: string[]; flags?: string[] }> = {
  "echo_server.ts": {},
  "echo_client.ts": {},
  "app/multiconn_server.ts": {
    seconds: ["idle-timeout", "write-timeout", "drain-timeout"],
    integers: ["max-connections"],
    flags: ["quiet"],
  },
  "app/multiconn_client.ts": { seconds: ["timeout"], flags: ["quiet"] },
  "app/server.ts": {
    seconds: ["header-timeout", "message-timeout", "action-timeout", "linger-timeout"],
    integers: ["max-header-length", "max-connections", "tcp-backlog"],
    flags: ["quiet"],
  },
  "app/client.ts": { seconds: ["timeout"], integers: ["max-header-length"] },
  "app/chat_server.ts": { seconds: ["ping-interval"], integers: ["max-connections"] },
  "app/chat_client.ts": { seconds: ["timeout"] },
  "app/check.ts": { seconds: ["timeout", "patience"], flags: ["list", "json", "remote"] },
  "app/relay.ts": { integers: ["max-connections", "max-header-length"], flags: ["stall", "quiet"] },
  "app/netcat.ts": {},
  "app/bad_client.ts": { integers: ["clients"] },
  "app/examples/lines_server.ts": {},
  "app/examples/minecraft.ts": {},
  "app/examples/netstrings.ts": {},
  "app/examples/postgresql.ts": {},
  "app/examples/redis.ts": {},
  "app/examples/socket_states.ts": {},
  "app/examples/tls_echo_client.ts": {},
  "app/examples/tls_echo_server.ts": {},
  "app/examples/udp_echo_client.ts": {},
  "app/examples/udp_echo_server.ts": {},
  "app/examples/web_server.ts": {
    seconds: ["request-timeout"],
    integers: ["max-connections"],
    flags: ["quiet"],
  },
  "tests/bench/soak.ts": { seconds: ["seconds"] },
};

const UNKNOWN = ["-hh", "-h=1", "-x", "--nonsense", "--__proto__=1", "--no-quiet", "--=1", "---"];
const NO_INTEGERS = [
  "",
  "0",
  "-1",
  "1.5",
  "0x10",
  "1e3",
  "NaN",
  "Infinity",
  "99999999999",
  " 1",
  "x",
];
const NO_SECONDS = [
  "",
  "0",
  "-1",
  "0x10",
  "1e3",
  "NaN",
  "Infinity",
  "2000000",
  " 1",
  "1 s",
  "0.0001",
];

const NO_PORTS = ["", "0x50", "1e3", "-1", "65536x", " 80", "8080808"];
const WITHOUT_PORT = [
  "app/relay.ts",
  "app/check.ts",
  "app/examples/postgresql.ts",
  "app/examples/redis.ts",
  "app/examples/socket_states.ts",
  "app/examples/web_server.ts", // whose folder comes first
];

/** Sixty options that nobody has, of all kinds of characters. */
const ODD = Array.from({ length: 60 }, (_, i) => {
  const characters = Array.from(
    noise(120).subarray(i, i + 5),
    (byte) => String.fromCharCode(byte || 1),
  );
  return `${i % 2 === 0 ? "-" : "--"}z${characters.join("")}`;
});

/** The programs. */
export const programs: string[] = Object.keys(options);

/** Command lines that are wrong, whatever else there is on them. */
export function wrongCommandLines(program: string): string[][] {
  const { seconds = [], integers = [], flags = [] } = options[program]!;
  return [
    ...[...UNKNOWN, ...ODD].map((arg) => [arg]),
    ...seconds.flatMap((name) => NO_SECONDS.map((value) => [`--${name}=${value}`])),
    ...integers.flatMap((name) => NO_INTEGERS.map((value) => [`--${name}=${value}`])),
    ...seconds.concat(integers).map((name) => [`--${name}`]),
    ...flags.flatMap((name) => [[`--${name}=1`], [`--${name}=`], [`--no-${name}`]]),
    ...(WITHOUT_PORT.includes(program) ? [] : NO_PORTS.map((port) => ["127.0.0.1", port])),
  ];
}

/** Runs a program with a command line that is wrong. */
export async function assertRefuses(program: string, args: string[]): Promise<void> {
  await using process = new Program(["run", "--no-prompt", "--allow-net", program, ...args]);
  const { code } = await process.ended;
  const what = [program, ...args].map((word) => JSON.stringify(word)).join(" ");
  assertEquals(code, 2, `${what}: ${process.stdout}${process.stderr}`);
  assertMatch(process.stderr, /^[^\n]+\n$/, what);
}
