// Many busy connections take turns.
//
// In one turn of its event loop, Deno completes at most 128 operations that are ready. It begins with
// those that became ready last. With more busy connections than that, the same ones win again and
// again, and the others wait for seconds. So a connection that has had some reads waits for a turn
// with room. As long as turns are full, other connections have not been served yet.

const TURN_SIZE = 120; // reads; a turn with this many is full, and Deno still completes all of them
const READS_IN_A_ROW = 4;
const MAX_SILENCE = 1; // milliseconds after a full turn; then only those that wait are left

/** Lets busy connections take turns. With at most 120 members, idle ones included, nobody ever waits. */
export class FairTurns {
  #members = 0;
  #hasBegun = false; // the turn
  #served = 0; // reads in it
  #silence: ReturnType<typeof setTimeout> | undefined;
  readonly #waiting: (() => void)[] = [];
  readonly #endTurn = () => this.#end();

  /** Adds a member. */
  join(): Member {
    this.#members++;
    return new Member(this);
  }

  /** Removes a member. */
  leave(): void {
    this.#members--;
  }

  /** Counts a read. Returns whether there are so many members that some must wait. */
  count(): boolean {
    if (this.#members <= TURN_SIZE) return false;
    this.#beginTurn();
    this.#served++;
    return true;
  }

  /** Waits for a turn with room. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #beginTurn(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    setImmediate(this.#endTurn);
  }

  #end(): void {
    this.#hasBegun = false;
    const wasFull = this.#served >= TURN_SIZE;
    this.#served = 0;
    clearTimeout(this.#silence);
    if (wasFull && this.#waiting.length < this.#members) {
      // Others are not served yet, and come first if they have something to read.
      this.#silence = setTimeout(setImmediate, MAX_SILENCE, () => this.#endSilence());
      return;
    }
    for (const goOn of this.#waiting.splice(0, TURN_SIZE)) goOn();
    if (this.#waiting.length > 0) this.#beginTurn();
  }

  #endSilence(): void {
    if (this.#served === 0) this.#end();
  }
}

/** One connection among those that take turns. */
export class Member {
  readonly #turns: FairTurns;
  #reads = 0;

  constructor(turns: FairTurns) {
    this.#turns = turns;
  }

  /** Counts a read. Returns a promise to wait for before the next read, if others come first. */
  next(): Promise<void> | undefined {
    if (!this.#turns.count()) return undefined;
    this.#reads++;
    return this.#reads % READS_IN_A_ROW === 0 ? this.#turns.wait() : undefined;
  }

  leave(): void {
    this.#turns.leave();
  }
}

/** The turns of this program. There is one for all connections, because Deno has one event loop. */
export const fairTurns: FairTurns = new FairTurns();
