// Takes the place of app/core/fair_turns.ts, to measure what the turns cost, and what they are for.

/** The part of a connection in turns that never end. */
export interface Turn {
  next(): undefined;
  leave(): void;
}

export const fairTurns = {
  join(): Turn {
    return { next: () => undefined, leave() {} };
  },
};
