import { formatAddress } from "../core/address.ts";
import { escapeText } from "../wire/escape.ts";
import {
  CannotCheck,
  type Check,
  Failure,
  LostConnection,
  type Outcome,
  tryFairly,
  tryRun,
} from "./check_run.ts";
import { buildsOn, type Graded, type Grader, resultOf, skipped, type Watch } from "./grade.ts";
import { hasEnded, isRefusal, type ServerAddress, ServerRun } from "./server_run.ts";

const MAX_PROBES = 3; // until a server that may have been busy counts as stuck
const SERVES_OTHERS = "a server that goes on serving others";

/** What a good server does at any time. */
export type Probe = (run: ServerRun) => Promise<void>;

/**
 * Grades a server. After each check it must still do what a good server does at any time. A check
 * whose server has ended, or hangs, is not blamed on what the check is about.
 */
export class ServerGrader implements Grader<ServerRun> {
  readonly #address: ServerAddress;
  readonly #timeout: number;
  readonly #probe: Probe;
  readonly #watch: Watch;
  #lastGood: string | undefined; // the check after which the server was last seen to serve

  constructor(address: ServerAddress, timeout: number, probe: Probe, watch: Watch) {
    this.#address = address;
    this.#timeout = timeout;
    this.#probe = probe;
    this.#watch = watch;
  }

  async grade(check: Check<ServerRun>): Promise<Graded> {
    const start = performance.now();
    let connections = 0;
    const outcome = await tryFairly(async () => {
      const run = new ServerRun(this.#address, this.#timeout, check.extraTime);
      const outcome = await this.#try(check.name, run, check.run);
      connections = run.connections;
      return outcome;
    });
    const ms = performance.now() - start;
    if (connections === 0 && outcome instanceof LostConnection) {
      const stop = await this.#whyAbsent(outcome);
      if (stop !== undefined) return { result: skipped(check), stop };
    }
    if (this.#lastGood === undefined && outcome instanceof CannotCheck) {
      const stop = `Cannot connect to ${this.#name}: ${escapeText(outcome.message)}`;
      return { result: skipped(check), stop };
    }

    if (this.#lastGood === undefined && outcome instanceof Failure) {
      if (await this.#hasEnded()) return this.#gradeEnded(check, outcome, ms);
      return { result: resultOf(check, outcome, ms), stop: buildsOn(check) };
    }
    const probed = await this.#probeWhileBusy(check.name);
    if (!(probed instanceof Failure)) {
      this.#lastGood = check.name;
      return { result: resultOf(check, outcome, ms) };
    }
    return await this.#hasEnded()
      ? this.#gradeEnded(check, outcome, ms)
      : this.#gradeStuck(check, outcome, probed, ms);
  }

  /** A lost connection is not what the check is about. But what it has found before that is true. */
  #gradeEnded(check: Check<ServerRun>, outcome: Outcome, ms: number): Graded {
    const stop = `The server ended during ${check.name}; look at its terminal`;
    const isFinding = outcome instanceof Failure && !(outcome instanceof LostConnection);
    const gone = new Failure(SERVES_OTHERS, `nobody listens on ${this.#name} any more`);
    const ending: Check<ServerRun> = { ...check, hint: `${stop}.`, read: "robustServer" };
    return { result: resultOf(ending, isFinding ? outcome : gone, ms), stop };
  }

  /** A check that has failed by itself is what the server hangs at. */
  #gradeStuck(check: Check<ServerRun>, outcome: Outcome, probed: Failure, ms: number): Graded {
    const stop = `The server stopped answering during ${check.name}; look at its terminal`;
    if (outcome instanceof Failure) return { result: resultOf(check, outcome, ms), stop };
    const hanging: Check<ServerRun> = { ...check, hint: `${stop}.`, read: "robustServer" };
    return { result: resultOf(hanging, new Failure(SERVES_OTHERS, probed.actual), ms), stop };
  }

  #hasEnded(): Promise<boolean> {
    return hasEnded(this.#address, this.#timeout);
  }

  get #name(): string {
    return formatAddress({ transport: "tcp", ...this.#address });
  }

  /** Says why there was no connection, if it is not the check that has ended the server. */
  async #whyAbsent({ actual }: LostConnection): Promise<string | undefined> {
    const isGone = await this.#hasEnded();
    if (this.#lastGood !== undefined) {
      return isGone ? `The server ended after ${this.#lastGood}; look at its terminal` : undefined;
    }
    return isGone
      ? `No server is listening on ${this.#name}; start it first`
      : `Cannot connect to ${this.#name}: ${escapeText(actual)}`;
  }

  /** Looks whether the server does what a good one does. After some checks it has much to clear up. */
  async #probeWhileBusy(name: string): Promise<Outcome> {
    for (let probes = 1;; probes++) {
      const outcome = await tryFairly(() => {
        const run = new ServerRun(this.#address, this.#timeout);
        return this.#try(name, run, this.#probe);
      });
      const mayBeBusy = outcome instanceof LostConnection && !isRefusal(outcome);
      if (!mayBeBusy || this.#lastGood === undefined || probes === MAX_PROBES) return outcome;
    }
  }

  async #try(name: string, run: ServerRun, check: Check<ServerRun>["run"]): Promise<Outcome> {
    using _ = this.#watch(name, run);
    return await tryRun(run, check);
  }
}
