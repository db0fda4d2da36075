// What the benchmarks measure, against what it must be.

/** A measured figure and its target. */
export interface Figure {
  what: string;
  value: number;
  unit: "x" | "KiB" | "µs" | "ns" | "ms";
  /** What stands beside it: absolute times or rates, which say less. */
  detail?: string;
  /** What the value must be. Without a target it is printed only. */
  atLeast?: number;
  atMost?: number;
}

/** Whether a figure meets its target. */
export function isMet({ value, atLeast = -Infinity, atMost = Infinity }: Figure): boolean {
  return value >= atLeast && value <= atMost;
}

/** Whether a figure misses its target by more than noise explains: a tenth of it. */
export function isFarOff({ value, atLeast = -Infinity, atMost = Infinity }: Figure): boolean {
  return value < atLeast * 0.9 || value > atMost * 1.1;
}

/** Prints figures as a table, one on a line. */
export function printFigures(title: string, figures: Figure[]): void {
  const rows = figures.map((figure) => [
    figure.what,
    `${round(figure.value)} ${figure.unit}`,
    figure.atLeast !== undefined
      ? `at least ${figure.atLeast}`
      : figure.atMost !== undefined
      ? `at most ${figure.atMost}`
      : "",
    figure.atLeast === undefined && figure.atMost === undefined
      ? ""
      : isMet(figure)
      ? "PASS"
      : "MISSED",
    figure.detail ?? "",
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  console.log(`\n${title}`);
  for (const [what, value, target, verdict, detail] of rows) {
    const cells = [
      what!.padEnd(widths[0]!),
      value!.padStart(widths[1]!),
      target!.padEnd(widths[2]!),
      verdict!.padEnd(widths[3]!),
      detail!,
    ];
    console.log(`  ${cells.join("  ")}`.trimEnd());
  }
}

/** A time in milliseconds, in the unit that suits it. */
export function formatTime(milliseconds: number): string {
  if (milliseconds < 0.001) return `${(milliseconds * 1e6).toFixed(1)} ns`;
  if (milliseconds < 1) return `${(milliseconds * 1000).toFixed(2)} µs`;
  return `${milliseconds.toFixed(2)} ms`;
}

/** How many times as fast as a peer: times in milliseconds, of `items` things each. */
export function timesAsFast(
  what: string,
  { ours, peer }: { ours: number; peer: number },
  { items = 1, atLeast }: { items?: number; atLeast?: number } = {},
): Figure {
  const detail = `${formatTime(ours / items)}, peer ${formatTime(peer / items)}`;
  return { what, value: peer / ours, unit: "x", detail, ...(atLeast !== undefined && { atLeast }) };
}

/** The middle one of the values. */
export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}
