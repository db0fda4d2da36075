// One clock for all deadlines: a timer for each read would cost more than the read itself.

const TICK = 50; // milliseconds between two looks at the clock
const MAX_STEP = 2 * TICK; // milliseconds by which the clock goes on at one look

/** What a connection waits for. While it is `"idle"`, nothing has begun. */
export type Phase = "idle" | "header" | "content" | "action" | "write";

const PROBLEMS: Record<Phase, string> = {
  idle: "Nothing came",
  header: "The header did not arrive",
  content: "The content did not arrive",
  action: "The action did not end",
  write: "The peer did not read",
};

/** What is waited for, and by when it must have come. */
export interface Deadline {
  phase: Phase;
  /** The time, on the clock for deadlines. */
  due: number;
  /** The whole time until then, in milliseconds, for the error. */
  timeout: number;
}

/** The error for a peer that takes too long. */
export class DeadlineError extends Error {
  override readonly name: string = "DeadlineError";
  /** What the connection waited for. */
  readonly phase: Phase;

  /** @param timeout How long the connection waited, in milliseconds. */
  constructor(phase: Phase, timeout: number) {
    super(`${PROBLEMS[phase]} within ${timeout / 1000} s`);
    this.phase = phase;
  }
}

/**
 * A clock that reports the time, in milliseconds, to all connections with a deadline. It does so 20
 * times a second. A deadline may be noticed a tenth of a second late, and never early.
 *
 * The clock counts only the time in which this program runs. If the program was busy, or was stopped
 * for a while (Ctrl-Z, a closed laptop), its peers are not late: their bytes wait in the sockets. They
 * are read before the clock goes on.
 */
export class DeadlineClock {
  readonly #watchers = new Set<(now: number) => void>();
  #now = 0;
  #wasAway = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Calls `watcher` with the time, 20 times a second. */
  watch(watcher: (now: number) => void): void {
    this.#watchers.add(watcher);
    this.#timer ??= this.#start();
  }

  /** Stops calling `watcher`. The timer ends with the last one. */
  unwatch(watcher: (now: number) => void): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The time at which `timeout` milliseconds will have passed. */
  after(timeout: number): number {
    return this.#now + TICK + timeout; // up to a tick has passed since the last look
  }

  /** A deadline that has passed when `timeout` milliseconds have. */
  deadline(phase: Phase, timeout: number): Deadline {
    return { phase, due: this.after(timeout), timeout };
  }

  /** Moves the clock on, and reports the time. */
  pass(milliseconds: number): void {
    const isAway = milliseconds > 2 * MAX_STEP;
    if (isAway && !this.#wasAway) {
      this.#wasAway = true;
      return;
    }
    this.#wasAway = false;
    this.#now += Math.min(milliseconds, MAX_STEP);
    for (const watcher of this.#watchers) watcher(this.#now);
  }

  #start() {
    let last = performance.now();
    return setInterval(() => {
      const now = performance.now();
      this.pass(now - last);
      last = now;
    }, TICK);
  }
}

/** The clock of this program. */
export const deadlineClock: DeadlineClock = new DeadlineClock();
