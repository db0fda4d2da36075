// Takes the place of app/core/fair_work.ts, to measure what the pauses cost.

/** Never asks for a pause. */
export function pauseForOthers(): undefined {}
