// A client under check: how each check of it went.
import { CannotCheck, type Check, Failure, tryFairly, tryRun } from "./check.ts";
import { type ClientCommand, ClientRun } from "./client_run.ts";
import { Family } from "./program.ts";
import { resultOf, skipped } from "./result.ts";
import { buildsOn, type Graded, type Target, type Watch } from "./runner.ts";

/** A client under check, which is started anew for each check. */
export class ClientTarget implements Target<ClientRun> {
  readonly #command: ClientCommand;
  readonly #watch: Watch;
  readonly #family = new Family();
  #isFirst = true;

  constructor(command: ClientCommand, watch: Watch) {
    this.#command = command;
    this.#watch = watch;
  }

  async grade(check: Check<ClientRun>): Promise<Graded> {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const start = performance.now();
    const outcome = await tryFairly(async () => {
      const run = new ClientRun(this.#command, this.#family);
      using _ = this.#watch(check.name, run);
      return await tryRun(run, check.run);
    });
    if (outcome instanceof CannotCheck) {
      return { result: skipped(check, outcome.message), stop: outcome.message };
    }
    const result = resultOf(check, outcome, performance.now() - start);
    return isFirst && outcome instanceof Failure ? { result, stop: buildsOn(check) } : { result };
  }

  takeLines(): string[] {
    return []; // what a client prints is in the failures
  }

  end(): Promise<string[]> {
    return Promise.resolve(this.#family.notes(this.#command.words[0]));
  }

  [Symbol.dispose](): void {} // each run ends its own client
}
