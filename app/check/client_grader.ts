import { CannotCheck, type Check, Failure, tryFairly, tryRun } from "./check_run.ts";
import { type ClientCommand, ClientRun } from "./client_run.ts";
import { buildsOn, type Graded, type Grader, resultOf, skipped, type Watch } from "./grade.ts";

/** Grades a client, which is started anew for each check. */
export class ClientGrader implements Grader<ClientRun> {
  readonly #command: ClientCommand;
  readonly #watch: Watch;
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
      const run = new ClientRun(this.#command);
      using _ = this.#watch(check.name, run);
      return await tryRun(run, check.run);
    });
    if (outcome instanceof CannotCheck) return { result: skipped(check), stop: outcome.message };
    const result = resultOf(check, outcome, performance.now() - start);
    return isFirst && outcome instanceof Failure ? { result, stop: buildsOn(check) } : { result };
  }
}
