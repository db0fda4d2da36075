// Compares the speed of functions that do the same work, in one process.

import { median } from "./figures.ts";

/**
 * Runs each function in bursts, in turns and in alternating order, and returns the median time of
 * one run of each, in milliseconds. Ratios of these are to be believed, absolute times less so.
 *
 * @param contestants The functions by name. They return something, so that no work is optimised
 * away, or a promise, which is awaited.
 * @param options `rounds` (15): how many bursts of each. `burst` (30): milliseconds that one lasts
 * at least. A function that takes longer than that runs once in a burst.
 */
export async function compare<Name extends string>(
  contestants: Record<Name, () => unknown>,
  options: { rounds?: number; burst?: number } = {},
): Promise<Record<Name, number>> {
  const { rounds = 15, burst = 30 } = options;
  const names = Object.keys(contestants) as Name[];
  const runs = new Map<Name, number>();
  const times = new Map<Name, number[]>();
  for (const name of names) { // warms up as well
    let count = 0;
    const begin = performance.now();
    do {
      kept = contestants[name]();
      if (kept instanceof Promise) await kept;
      count++;
    } while (performance.now() - begin < burst * 2);
    runs.set(name, Math.max(1, Math.round(count / 2)));
    times.set(name, []);
  }
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const count = runs.get(name)!;
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        kept = contestants[name]();
        if (kept instanceof Promise) await kept;
      }
      times.get(name)!.push((performance.now() - begin) / count);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name)!)])) as Record<
    Name,
    number
  >;
}

/**
 * Returns the time of one run in the fastest of many bursts, in milliseconds. For an absolute time:
 * what else the machine does can only add to it.
 */
export function fastest(run: () => unknown): number {
  let best = Infinity;
  for (let burst = 0, runs = 1; burst < 2000; burst++) {
    const begin = performance.now();
    for (let i = 0; i < runs; i++) kept = run();
    best = Math.min(best, (performance.now() - begin) / runs);
    runs = Math.ceil(0.25 / best); // a quarter of a millisecond
  }
  return best;
}

/** What was returned last. Exported, so that the compiler cannot know that nobody looks. */
export let kept: unknown;
