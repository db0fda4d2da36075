// How much a test tries. `deno task test` tries a part of what there is to try, so that people run it
// often. `deno task test:long`, which CI runs as well, tries all of it.

/** Whether all is tried. */
export const tryAll: boolean = Deno.env.get("TRY_ALL") === "1";

/** How often to try a property: a tenth of the number, if not all is tried. */
export function runs(all: number): number {
  return tryAll ? all : Math.ceil(all / 10);
}

/** Every nth of the cases from the first on, if not all are tried. */
export function some<T>(cases: T[], nth: number): T[] {
  return tryAll ? cases : cases.filter((_, i) => i % nth === 0);
}
