import { assert, assertEquals } from "@std/assert";
import { pauseForOthers } from "../../../app/core/fair_work.ts";

/** Keeps the processor busy, as work for one peer does. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

Deno.test("pauseForOthers() lets work go on for 20 ms, and then asks for a pause", async () => {
  const start = performance.now();
  assertEquals(pauseForOthers(start), undefined);
  work(20);
  const pause = pauseForOthers(start);
  assert(pause);
  await pause;
  assertEquals(pauseForOthers(start), undefined); // there was one since it began
  work(20);
  await pauseForOthers(start)!;
});

Deno.test("pauseForOthers() takes another limit", async () => {
  const start = performance.now();
  work(5);
  assertEquals(pauseForOthers(start), undefined);
  await pauseForOthers(start, 5)!;
});

Deno.test("pauseForOthers() has all who are busy wait for one pause", async () => {
  const start = performance.now();
  work(20);
  const pause = pauseForOthers(start);
  assert(pause);
  assert(pauseForOthers(performance.now()) === pause); // who has just begun as well
  await pause;
});
