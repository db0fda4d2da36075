// The time in which the checker runs. A checker that was stopped for a while, or that got no processor,
// must not blame the program that it checks for its own slowness.
import { deadlineClock } from "../core/deadlines.ts";
import { TIMED_OUT } from "../core/timeout.ts";

const MAX_LOST = 1000; // milliseconds
const MAX_LOST_PART = 0.05; // of the whole time: timers are late now and then on any machine

/** Waits for a promise, but not longer than this many milliseconds in which the checker runs. */
export async function inTime<T>(
  promise: Promise<T>,
  timeout: number,
): Promise<T | typeof TIMED_OUT> {
  let watcher: (now: number) => void = () => {};
  const late = new Promise<typeof TIMED_OUT>((resolve) => {
    const due = deadlineClock.after(timeout);
    watcher = (now) => {
      if (now >= due) resolve(TIMED_OUT);
    };
  });
  deadlineClock.watch(watcher);
  try {
    return await Promise.race([promise, late]);
  } finally {
    deadlineClock.unwatch(watcher);
  }
}

/** Measures the time in which the checker runs, until it is disposed. */
export class Stopwatch implements Disposable {
  readonly #begin = performance.now();
  readonly #start = deadlineClock.after(0);
  readonly #onTime = (now: number) => this.#now = now;
  #now = this.#start;

  constructor() {
    deadlineClock.watch(this.#onTime);
  }

  /** How long the checker has run, in milliseconds. */
  get elapsed(): number {
    return Math.max(0, this.#now - this.#start);
  }

  /** Whether so much time has passed in which the checker did not run that others may have given up. */
  get hasLostTime(): boolean {
    const passed = performance.now() - this.#begin;
    return passed - this.elapsed > MAX_LOST + MAX_LOST_PART * passed;
  }

  [Symbol.dispose](): void {
    deadlineClock.unwatch(this.#onTime);
  }
}
