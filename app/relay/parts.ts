import type { Part } from "./events.ts";

const MAX_PARTS = 60; // of a chunk are told one by one

/** The parts of a chunk. The first ones are told, and the rest is counted: a flood has thousands. */
export class Parts {
  readonly #told: Part[] = [];
  readonly #untold = { count: 0, start: 0, end: 0, frame: 0, lastFrame: 0 };
  readonly #problems: Part[] = [];

  /** Adds a part, and returns whether it is told; if not, nobody needs its label. */
  add(part: Part): boolean {
    if (part.kind === "error" || part.kind === "guess") {
      (this.#untold.count > 0 ? this.#problems : this.#told).push(part);
      return true;
    }
    if (this.#told.length < MAX_PARTS) {
      this.#told.push(part);
      return true;
    }
    const untold = this.#untold;
    if (untold.count++ === 0) {
      untold.start = part.start;
      untold.frame = part.frame;
    }
    untold.end = part.end;
    untold.lastFrame = Math.max(untold.lastFrame, part.frame);
    return false;
  }

  /** All of them: those that are told, one that stands for the others, and what is wrong. */
  list(): Part[] {
    const { count, ...untold } = this.#untold;
    if (count === 0) return this.#told;
    const label = `… ${count} more part${count === 1 ? "" : "s"}, up to number ${untold.lastFrame}`;
    return [...this.#told, { kind: "more", ...untold, label }, ...this.#problems];
  }
}
