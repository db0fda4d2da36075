// Takes the place of app/core/fair_turns.ts, to measure what the turns cost, and what they are for.

/** One connection among those that never wait for a turn. */
export interface Member {
  next(): undefined;
  leave(): void;
}

export const fairTurns = {
  join(): Member {
    return { next: () => undefined, leave() {} };
  },
};
