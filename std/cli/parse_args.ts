/** The options of the real `parseArgs` that this stand-in knows. */
export interface ParseOptions<B extends string, S extends string> {
  /** Names of options without a value; `false` when absent. */
  boolean?: readonly B[];
  /** Names of options with a text value; `"_"` keeps the positional arguments text too. */
  string?: readonly S[];
}

/** What `parseArgs` returns. */
export type Args<B extends string, S extends string> =
  & { [K in B]: boolean }
  & { [K in Exclude<S, "_">]?: string }
  & { _: (string | number)[] };

/** Parses command line arguments. */
export function parseArgs<B extends string = never, S extends string = never>(
  args: readonly string[],
  options: ParseOptions<B, S> = {},
): Args<B, S> {
  const { boolean = [], string = [], ...others } = options;
  if (Object.keys(others).length > 0) refuse(`the options ${Object.keys(others)}`);
  const booleans = new Set<string>(boolean);
  const strings = new Set<string>(string);

  const result: Record<string, unknown> = {};
  const positional: (string | number)[] = [];
  for (const name of booleans) result[name] = false;

  const end = args.includes("--") ? args.indexOf("--") : args.length;
  for (let i = 0; i < end; i++) {
    const arg = args[i]!;
    const [, dashes, name, inlineValue] = /^(--?)([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (dashes === undefined || name === undefined) {
      if (/^-./.test(arg)) refuse(arg);
      const number = !strings.has("_") && arg.trim() !== "" && Number.isFinite(Number(arg));
      positional.push(number ? Number(arg) : arg);
      continue;
    }
    const isShort = dashes === "-" && (name.length > 1 || inlineValue !== undefined);
    if (isShort || (!booleans.has(name) && !strings.has(name))) refuse(arg);

    const next = i + 1 < end ? args[i + 1]! : "";
    if (inlineValue !== undefined) {
      result[name] = booleans.has(name) ? inlineValue !== "false" : inlineValue;
    } else if (booleans.has(name)) {
      result[name] = next === "false" ? false : true;
      if (next === "true" || next === "false") i++;
    } else if (next !== "" && !next.startsWith("-")) {
      result[name] = args[++i]!;
    } else {
      result[name] = "";
    }
  }
  return { ...result, _: [...positional, ...args.slice(end + 1)] } as Args<B, S>;
}

function refuse(what: string): never {
  throw new TypeError(`Stand-in parseArgs does not know ${what}`);
}
