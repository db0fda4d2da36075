// Lets everybody else in while one peer keeps the program busy without a pause.
//
// Deno learns from the operating system who connects and who has sent something (epoll, kqueue). It asks
// when it has nothing else to do, and otherwise only at every 61st turn of its event loop. A socket
// whose reads fill whole buffers is ready again without being asked for. So one peer that sends without
// end can go on for 61 turns with up to 128 reads in each, and meanwhile nobody else is heard. `await`
// and `setImmediate` do not help, because then there is something to do. A timer does: while it runs,
// Deno has nothing to do, and asks. All who are busy share one, or each would keep Deno from the others'.

const MAX_WORK = 25; // milliseconds in a row; a pause takes about 2

let lastPause = -Infinity; // when it ended
let pause: Promise<void> | undefined;
let isDisturbed = false; // because somebody has worked since the pause began, and Deno may not have asked

/**
 * Returns a promise to wait for before work for one peer goes on, once it has lasted too long:
 *
 * ```ts ignore
 * const start = performance.now();
 * for (const message of messages) {
 *   handle(message);
 *   const pause = pauseForOthers(start);
 *   if (pause) await pause;
 * }
 * ```
 *
 * @param start When the work began, by `performance.now()`. Pauses since then are taken into account.
 * @param maxWork How long it may last without a pause, in milliseconds.
 * @returns A promise that resolves when the others had their turn, or `undefined` to go on at once.
 */
export function pauseForOthers(start: number, maxWork = MAX_WORK): Promise<void> | undefined {
  if (pause) {
    isDisturbed = true;
    return pause;
  }
  if (performance.now() - Math.max(start, lastPause) < maxWork) return undefined;
  return pause = takePause();
}

/** Waits until a timer has run while nobody worked. Who works during the pause joins it, so that it ends. */
async function takePause(): Promise<void> {
  do {
    isDisturbed = false;
    await new Promise((resolve) => setTimeout(resolve, 0));
  } while (isDisturbed);
  lastPause = performance.now();
  pause = undefined;
}
