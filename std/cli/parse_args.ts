/** The options of the real `parseArgs` that this stand-in knows. */
export interface ParseOptions<B extends string, S extends string, C extends string> {
  /** Names of options without a value; `false` when absent. */
  boolean?: readonly B[];
  /** Names of options with a text value; `"_"` keeps the positional arguments text too. */
  string?: readonly S[];
  /** Names of options that may be given several times. */
  collect?: readonly C[];
  /** Called for each positional argument, and with a key for each undeclared option. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What `parseArgs` returns. */
export type Args<B extends string, S extends string, C extends string> =
  & { [K in B]: boolean }
  & { [K in Exclude<S, C | "_">]?: string }
  & { [K in S & C]: string[] }
  & { _: (string | number)[] };

/** Parses command line arguments. */
export function parseArgs<
  B extends string = never,
  S extends string = never,
  C extends string = never,
>(args: readonly string[], options: ParseOptions<B, S, C> = {}): Args<B, S, C> {
  const { boolean = [], string = [], collect = [], unknown, ...others } = options;
  if (Object.keys(others).length > 0) refuse(`the options ${Object.keys(others)}`);
  const booleans = new Set<string>(boolean);
  const strings = new Set<string>(string);
  const lists = new Set<string>(collect);
  for (const name of lists) if (!strings.has(name)) refuse(`"${name}" in collect only`);

  const result: Record<string, unknown> = {};
  const positional: (string | number)[] = [];
  for (const name of booleans) result[name] = false;
  for (const name of lists) result[name] = [];

  const end = args.includes("--") ? args.indexOf("--") : args.length;
  for (let i = 0; i < end; i++) {
    const arg = args[i]!;
    const [, dashes, name, inlineValue] = /^(--?)([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (dashes === undefined || name === undefined) {
      if (/^-./.test(arg)) refuse(arg);
      if (unknown?.(arg) === false) continue;
      const number = !strings.has("_") && arg.trim() !== "" && Number.isFinite(Number(arg));
      positional.push(number ? Number(arg) : arg);
      continue;
    }
    if (dashes === "-" && (name.length > 1 || inlineValue !== undefined)) {
      const letter = [...name].find((letter) => !booleans.has(letter) && !strings.has(letter));
      refuseUnless(letter !== undefined && unknown?.(arg, letter, true) === false, arg);
      continue;
    }

    const next = i + 1 < end ? args[i + 1]! : "";
    let value: string | boolean;
    if (inlineValue !== undefined) {
      value = booleans.has(name) ? inlineValue !== "false" : inlineValue;
    } else if (booleans.has(name) && (next === "true" || next === "false")) {
      value = args[++i] === "true";
    } else if (!booleans.has(name) && next !== "" && !next.startsWith("-")) {
      value = args[++i]!;
    } else {
      value = strings.has(name) ? "" : true;
    }

    if (!booleans.has(name) && !strings.has(name)) {
      refuseUnless(unknown?.(arg, name, value) === false, arg);
    } else if (lists.has(name)) {
      (result[name] as unknown[]).push(value);
    } else {
      result[name] = value;
    }
  }
  return { ...result, _: [...positional, ...args.slice(end + 1)] } as Args<B, S, C>;
}

function refuseUnless(handled: boolean, arg: string): void {
  if (!handled) refuse(`${arg}, which is neither declared nor refused by "unknown"`);
}

function refuse(what: string): never {
  throw new TypeError(`Stand-in parseArgs does not know ${what}`);
}
