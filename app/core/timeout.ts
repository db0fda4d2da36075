/** Says that a promise has not settled in time. */
export const TIMED_OUT: unique symbol = Symbol("timed out");

/** Waits for a promise, but not longer than this many milliseconds. */
export async function withTimeout<T>(
  promise: Promise<T>,
  timeout: number,
): Promise<T | typeof TIMED_OUT> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), timeout);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Does nothing for this many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
