// Says what the bytes of one direction of a connection are.
import type { Part } from "./events.ts";
import { Parts } from "./parts.ts";
import { DEFAULT_LIMITS, type Limits, UnitReader } from "./unit_reader.ts";

/** How to read the bytes: as messages, as frames with a 4-byte length, or not at all. */
export type Protocol = "app" | "frames" | "raw";

/** Labels the bytes of one direction, in chunks of any size, with the decoders that everybody uses. */
export class Annotator {
  #reader: UnitReader | undefined; // none: the bytes are not understood

  constructor(protocol: Protocol, limits: Partial<Limits> = {}) {
    if (protocol === "raw") return;
    const unit = protocol === "app" ? "message" : "frame";
    this.#reader = new UnitReader(unit, { ...DEFAULT_LIMITS, ...limits });
  }

  /** Takes the next chunk, and tells its parts. */
  push(chunk: Uint8Array): Part[] {
    const parts = new Parts();
    let start = 0;
    while (this.#reader && start < chunk.length) {
      start = this.#reader.take(chunk, start, parts);
      if (this.#reader.problem === undefined) continue;
      const label = `${this.#reader.problem}; the rest of this direction is shown raw`;
      parts.add({ kind: "error", frame: 0, start, end: start, label });
      this.#reader = undefined;
    }
    const rest = chunk.length - start;
    if (rest > 0) {
      const label = `raw, ${rest} byte${rest === 1 ? "" : "s"}`;
      parts.add({ kind: "raw", frame: 0, start, end: chunk.length, label });
    }
    return parts.list();
  }

  /** Tells what is missing if the direction ends here. */
  end(): string | undefined {
    return this.#reader?.end();
  }
}
