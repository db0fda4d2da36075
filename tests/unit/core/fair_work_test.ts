import { assert, assertEquals } from "@std/assert";
import { pauseForOthers } from "../../../app/core/fair_work.ts";

const HOUR = 3_600_000; // milliseconds; far from everything that a busy machine does to a test

Deno.test("pauseForOthers() lets work go on that has just begun", () => {
  assertEquals(pauseForOthers(performance.now() + HOUR), undefined);
});

Deno.test("pauseForOthers() asks for a pause after 25 ms, or another time", async () => {
  const start = performance.now() - 25;
  assertEquals(pauseForOthers(start, HOUR), undefined);
  const pause = pauseForOthers(start);
  assert(pause);
  await pause;
});

Deno.test("pauseForOthers() counts from the last pause, whoever had it", async () => {
  const start = performance.now() - 2 * HOUR;
  await pauseForOthers(start, HOUR)!;
  assertEquals(pauseForOthers(start, HOUR), undefined);
});

Deno.test("pauseForOthers() goes on until nobody has worked meanwhile", async () => {
  let isOver = false;
  const pause = pauseForOthers(performance.now(), 0)!.then(() => isOver = true);
  const start = performance.now();
  while (performance.now() < start + 5); // work of somebody else, after which the timer is late
  pauseForOthers(start);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(isOver, false);
  await pause;
});

Deno.test("pauseForOthers() has all who are busy wait for one pause", async () => {
  const pause = pauseForOthers(performance.now(), 0);
  assert(pause);
  assert(pauseForOthers(performance.now() + HOUR) === pause); // who has just begun as well
  await pause;
});
