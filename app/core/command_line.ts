// Command lines: what all programs here have in common.
import { parseArgs } from "jsr:@std/cli@^1.0.32/parse-args";
import { escapeText } from "../wire/escape.ts";
import { MAX_CONNECTIONS, MAX_CONTENT_LENGTH, MAX_HEADER_LENGTH } from "../wire/limits.ts";
import type { HostAndPort } from "./address.ts";
import { printSync } from "./output.ts";

const USAGE_ERROR = 2; // exit code
const MAX_PORT = 65_535;
const MAX_PROBLEM = 1000; // characters; it may quote a long word first, and then say what is wrong
const MIN_SECONDS = 0.001; // a timer counts milliseconds
const MAX_SECONDS = 500_000; // a timer of 2 ** 31 milliseconds fires at once, and some are multiplied

/** An option of a command line: how it is read, and what `--help` says about it. */
interface Option<T> {
  /** The word for its value in the help. A flag has none. */
  placeholder?: string;
  help: string;
  initial: T;
  /** Returns the value of a text, or throws if it has none. */
  read: (text: string) => T;
}

type CamelCase<Name> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

// deno-lint-ignore no-explicit-any -- of any type
type Options = Record<string, Option<any>>;
type Values<O extends Options> = {
  [Name in keyof O & string as CamelCase<Name>]: O[Name]["initial"];
};

/** An option without a value. */
export function flag(help: string): Option<boolean> {
  return { help, initial: false, read: () => true };
}

const HELP = flag("print this help");

/** An option whose value is any text. */
export function text(placeholder: string, help: string): Option<string | undefined> {
  return { placeholder, help, initial: undefined, read: (text) => text };
}

/** An option whose value is a time: milliseconds in the program, seconds with fractions for people. */
export function duration(initial: number, help: string): Option<number> {
  return {
    placeholder: "SECONDS",
    help: `${help} (default: ${initial / 1000})`,
    initial,
    read(text) {
      const seconds = Number(text);
      if (!/^(\d+\.?\d*|\.\d+)$/.test(text) || seconds < MIN_SECONDS || seconds > MAX_SECONDS) {
        throw new RangeError(
          `"${text}" is not a number of seconds from ${MIN_SECONDS} to ${MAX_SECONDS}`,
        );
      }
      return seconds * 1000;
    },
  };
}

/** An option whose value is an integer from `min` to `max`; without an initial value, it may be left out. */
export function integer<Initial extends number | undefined>(
  placeholder: string,
  initial: Initial,
  { min, max }: { min: number; max: number },
  help: string,
): Option<number | Initial> {
  return {
    placeholder,
    help: initial === undefined ? help : `${help} (default: ${initial})`,
    initial,
    read: (text) => parseInteger(text, min, max),
  };
}

/** The options of a program that receives messages: how long they may be. */
export const messageLimits = {
  "max-header-length": integer(
    "BYTES",
    MAX_HEADER_LENGTH,
    { min: 1, max: 65_535 },
    "maximum length of a header",
  ),
  "max-content-length": integer(
    "BYTES",
    MAX_CONTENT_LENGTH,
    { min: 0, max: 2 ** 30 },
    "maximum length of a content",
  ),
};

/** The option for how many clients a server takes at once. */
export function connectionLimit(initial: number = MAX_CONNECTIONS): Option<number> {
  return integer("COUNT", initial, { min: 1, max: 1e6 }, "maximum number of clients at once");
}

/** The error for words that a command line should not have. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** Reads an argument that is an integer from `min` to `max`, or ends the program. */
export function readInteger(what: string, text: string, min: number, max: number): number {
  try {
    return parseInteger(text, min, max);
  } catch (error) {
    return failUsage(`Wrong ${what}: ${(error as Error).message}`);
  }
}

/** Reads `<host> <port>`. If there are other arguments, or fewer, it ends the program. */
export function readAddress(args: string[]): HostAndPort {
  return orFailUsage(() => parseAddress(args));
}

/**
 * The address in the arguments `<host> <port>`.
 *
 * @throws {UsageError} If there are other arguments, or fewer.
 */
export function parseAddress(args: string[]): HostAndPort {
  const [hostname, port, unexpected] = args;
  if (hostname === undefined) throw new UsageError("Missing host and port");
  if (port === undefined) throw new UsageError("Missing port");
  if (unexpected !== undefined) throw new UsageError(`Unexpected argument ${unexpected}`);
  try {
    return { hostname: withoutBrackets(hostname), port: parsePort(port) };
  } catch (error) {
    throw new UsageError(`Wrong port: ${(error as Error).message}`);
  }
}

/**
 * The port number that a text says.
 *
 * @throws {RangeError} If it says none.
 */
export function parsePort(text: string): number {
  return parseInteger(text, 0, MAX_PORT);
}

/** Reads `[host] [port]`, by default 127.0.0.1 and 65432, or ends the program. */
export function readOptionalAddress(args: string[]): HostAndPort {
  const [hostname = "127.0.0.1", port = "65432", ...others] = args;
  return readAddress([hostname, port, ...others]);
}

/**
 * Reads the command line. `--help` prints the help and ends the program. A wrong command line prints
 * one line and ends the program with exit code 2.
 *
 * @param usage The first lines of the help: the command, and what it does.
 * @param options The options by name.
 * @param words The words of the command line, if they are not all that the program was given.
 * @returns The values of the options, by names in camel case, and the other arguments.
 */
export function readCommandLine<O extends Options>(
  usage: string,
  options: O,
  words: string[] = Deno.args,
): { options: Values<O>; args: string[] } {
  return orFailUsage(() => {
    const parsed = parse(words, { ...options, help: HELP });
    if (parsed.help || parsed.h) {
      printSync(help(usage, options));
      Deno.exit(0);
    }
    return valuesOf(parsed, options);
  });
}

/**
 * Reads words as a command line has them, but for `--help`.
 *
 * @param options The options by name.
 * @param defaults The values of those that are not among the words, if they are not the usual ones.
 * @returns The values of the options, by names in camel case, and the other arguments.
 * @throws {UsageError} If an option is unknown, or has a wrong value.
 */
export function parseWords<O extends Options>(
  words: string[],
  options: O,
  defaults: Partial<Values<O>> = {},
): { options: Values<O>; args: string[] } {
  return valuesOf(parse(words, options), options, defaults);
}

/** What `@std/cli` makes of words. */
type Parsed = Record<string, unknown>;

function parse(words: string[], options: Options): Parsed {
  checkOptions(words, options);
  const names = Object.keys(options);
  return parseArgs(words, {
    boolean: ["h", ...names.filter((name) => isFlag(options[name]!))],
    string: ["_", ...names.filter((name) => !isFlag(options[name]!))],
  });
}

/** Throws if an option is unknown, or if a flag has a value. */
function checkOptions(words: string[], options: Options): void {
  const end = words.indexOf("--");
  for (const word of end === -1 ? words : words.slice(0, end)) {
    if (!word.startsWith("-") || word === "-") continue;
    if (word === "-h" && options.help === HELP) continue;
    const [, name = "", value] = /^--([^=]+)(=.*)?$/s.exec(word) ?? [];
    if (!Object.hasOwn(options, name)) throw new UsageError(`Unknown option ${word}`);
    if (isFlag(options[name]!) && value !== undefined) {
      throw new UsageError(`--${name} takes no value`);
    }
  }
}

function valuesOf<O extends Options>(
  parsed: Parsed,
  options: O,
  defaults: Partial<Values<O>> = {},
): { options: Values<O>; args: string[] } {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const { [camelCase(name)]: initial = option.initial } = defaults as Record<string, unknown>;
    const value = parsed[name];
    try {
      if (value === "") throw new RangeError("it needs a value");
      values[camelCase(name)] = value === undefined || value === false
        ? initial
        : option.read(`${value}`);
    } catch (error) {
      throw new UsageError(`Wrong --${name}: ${(error as Error).message}`);
    }
  }
  return { options: values as Values<O>, args: parsed._ as string[] };
}

function isFlag({ placeholder }: { placeholder?: string }): boolean {
  return placeholder === undefined;
}

/** Returns what a function reads from the command line. If that is wrong, the program ends. */
export function orFailUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) return failUsage(error.message);
    throw error;
  }
}

/** Ends the program with one line on stderr, because its command line is wrong. */
export function failUsage(message: string): never {
  return fail(`${escapeText(message, MAX_PROBLEM)} (try --help)`, USAGE_ERROR);
}

/** Ends the program with one line on stderr. What stands in it may come from anywhere. */
export function fail(message: string, code = 1): never {
  console.error(escapeText(message, Infinity));
  Deno.exit(code);
}

/** Removes the brackets of an IPv6 address such as `[::1]`, as the programs print it. */
function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*:.*)\]$/, "$1");
}

function parseInteger(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new RangeError(`"${text}" is not an integer from ${min} to ${max}`);
  }
  return value;
}

function help(usage: string, options: Options): string {
  const rows = Object.entries(options).map(([name, { placeholder, help }]) =>
    [placeholder ? `--${name} ${placeholder}` : `--${name}`, help] as const
  );
  rows.push(["-h, --help", "print this help"]);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [usage, "", ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)].join(
    "\n",
  );
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}
