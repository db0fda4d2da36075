import { assert, assertEquals } from "@std/assert";
import { DeadlineClock, DeadlineError } from "../../../app/core/deadlines.ts";

/** A clock whose time passes when a test says so, and what it has shown. */
function fakeClock(): { clock: DeadlineClock; shown: number[]; [Symbol.dispose](): void } {
  const clock = new DeadlineClock();
  const shown: number[] = [];
  const watcher = (now: number) => void shown.push(now);
  clock.watch(watcher);
  return { clock, shown, [Symbol.dispose]: () => clock.unwatch(watcher) };
}

Deno.test("DeadlineClock shows the time that has passed", () => {
  using fake = fakeClock();
  for (let i = 0; i < 3; i++) fake.clock.pass(50);
  assertEquals(fake.shown, [50, 100, 150]);
});

Deno.test("DeadlineClock is never early, although it looks only now and then", () => {
  using fake = fakeClock();
  const due = fake.clock.after(100); // perhaps set just before the next look
  for (let i = 0; i < 2; i++) fake.clock.pass(50);
  assert(fake.shown.at(-1)! < due);
  fake.clock.pass(50);
  assert(fake.shown.at(-1)! >= due);
});

Deno.test("DeadlineClock does not count the time in which the program was stopped", () => {
  using fake = fakeClock();
  const due = fake.clock.after(1000);
  fake.clock.pass(60_000);
  assertEquals(fake.shown, []); // first, what has arrived meanwhile is read
  fake.clock.pass(50);
  assert(fake.shown.at(-1)! < due);
});

Deno.test("DeadlineClock goes on, though slowly, in a program that is always late", () => {
  using fake = fakeClock();
  const due = fake.clock.after(1000);
  let looks = 0;
  for (; (fake.shown.at(-1) ?? 0) < due; looks++) fake.clock.pass(5000);
  assertEquals(looks, 22);
});

Deno.test("DeadlineClock looks by itself while somebody watches, and has no timer otherwise", async () => {
  const clock = new DeadlineClock();
  const due = clock.after(10);
  const start = performance.now();
  await new Promise<void>((resolve) => {
    const watcher = (now: number) => {
      if (now < due) return;
      clock.unwatch(watcher); // or the sanitizer would find the timer
      resolve();
    };
    clock.watch(watcher);
  });
  assert(performance.now() - start >= 10);
});

Deno.test("DeadlineError says what was waited for, and how long", () => {
  const error = new DeadlineError("header", 1500);
  assertEquals(error.message, "The header did not arrive within 1.5 s");
  assertEquals([error.name, error.phase], ["DeadlineError", "header"]);
});
