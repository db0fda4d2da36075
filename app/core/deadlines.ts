// One clock for all deadlines: a timer for each read would cost more than the read itself.

const TICK = 50; // milliseconds between two looks at the clock
const MAX_STEP = 2 * TICK; // milliseconds by which the clock goes on at one look

/** What is waited for. Nothing has begun while a connection is `"idle"`. */
export type Phase = "handshake" | "idle" | "header" | "content" | "action" | "write";

const PROBLEMS: Record<Phase, string> = {
  handshake: "The TLS handshake was not complete",
  idle: "Nothing came",
  header: "The header did not arrive",
  content: "The content did not arrive",
  action: "The action did not end",
  write: "The peer did not read",
};

/** The error for a peer that took too long. */
export class DeadlineError extends Error {
  override readonly name: string = "DeadlineError";
  /** What was waited for. */
  readonly phase: Phase;

  /** `timeout` is how long it was waited for, in milliseconds. */
  constructor(phase: Phase, timeout: number) {
    super(`${PROBLEMS[phase]} within ${timeout / 1000} s`);
    this.phase = phase;
  }
}

/**
 * A clock that shows the time, in milliseconds, to all who have a deadline. It does so 20 times a
 * second: a deadline may be noticed a tenth of a second late, and never early.
 *
 * The clock counts only the time in which this program runs. A program that was stopped for a while
 * (Ctrl-Z, a closed laptop) or that was busy must not blame its peers: what they have sent meanwhile
 * lies in the sockets, and is read before the clock goes on.
 */
export class DeadlineClock {
  readonly #watchers = new Set<(now: number) => void>();
  #now = 0;
  #wasAway = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Calls `watcher` with the time, again and again. */
  watch(watcher: (now: number) => void): void {
    this.#watchers.add(watcher);
    this.#timer ??= this.#start();
  }

  /** Ends what `watch` has begun. With the last watcher, the timer ends. */
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

  /** Lets the clock go on, and shows the time. */
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
