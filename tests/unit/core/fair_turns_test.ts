import { assert, assertEquals } from "@std/assert";
import { FairTurns, type Turn } from "../../../app/core/fair_turns.ts";

const CROWD = 1000; // members
const BUDGET = 128; // operations that Deno completes in one turn of its event loop
const TURNS = 400;

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Plays Deno with a crowd that is always ready: in each turn it serves those that became ready last
 * first. Returns how often each member was served.
 */
async function play(next: (turn: Turn) => Promise<void> | undefined): Promise<number[]> {
  const turns = new FairTurns();
  const members = Array.from({ length: CROWD }, () => turns.join());
  const served = members.map(() => 0);
  const ready = [...members.keys()];
  const stillWaiting = new Set<Promise<void>>();
  for (let turn = 0; turn < TURNS; turn++) {
    for (let i = 0; i < BUDGET && ready.length > 0; i++) {
      const member = ready.pop()!;
      served[member]!++;
      const wait = next(members[member]!);
      if (wait === undefined) {
        queueMicrotask(() => ready.push(member));
      } else {
        const waiting = wait.then(() => {
          ready.push(member);
          stillWaiting.delete(waiting);
        });
        stillWaiting.add(waiting);
      }
    }
    await nextTurn();
  }
  for (const member of members) member.leave();
  await Promise.all(stillWaiting); // nobody is forgotten
  return served;
}

Deno.test("FairTurns serves each of 1000 busy members about as often", async () => {
  const served = (await play((turn) => turn.next())).sort((a, b) => a - b);
  const median = served[CROWD / 2]!;
  assert(median > 10, `${median}`);
  assert(served[0]! >= median / 2, `the least ${served[0]}, the median ${median}`);
});

Deno.test("Without FairTurns, most of 1000 busy members are never served", async () => {
  const served = (await play(() => undefined)).sort((a, b) => a - b);
  assertEquals(served[CROWD / 2], 0); // or the test above could not fail
});

Deno.test("FairTurns lets nobody wait while there are at most 120 members", () => {
  const turns = new FairTurns();
  const members = Array.from({ length: 120 }, () => turns.join());
  for (let i = 0; i < 10; i++) {
    for (const member of members) assertEquals(member.next(), undefined);
  }
});

Deno.test("FairTurns lets those who wait go on when all others are idle, gone or waiting", async () => {
  const turns = new FairTurns();
  const members = Array.from({ length: 300 }, () => turns.join());
  const waits: Promise<void>[] = [];
  for (const member of members.slice(0, 200)) { // a full turn, and 100 idle members
    for (let i = 0; i < 4; i++) {
      const wait = member.next();
      if (wait) waits.push(wait);
    }
  }
  assertEquals(waits.length, 200);
  for (const member of members.slice(0, 50)) member.leave();
  await Promise.all(waits);
});
