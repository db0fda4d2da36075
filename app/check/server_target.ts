// A server under check, whoever has started it: how each check of it went, and whether it still serves after that.
import { formatAddress } from "../core/address.ts";
import { escapeText } from "../wire/escape.ts";
import {
  CannotCheck,
  type Cause,
  type Check,
  Failure,
  LostConnection,
  type Outcome,
  tryFairly,
  tryRun,
} from "./check.ts";
import { describeEnd, type End } from "./program.ts";
import { causeOf, resultOf, skipped } from "./result.ts";
import { buildsOn, type Graded, type Target, type Watch } from "./runner.ts";
import type { Server } from "./server.ts";
import { isRefusal, ONE_AT_A_TIME, ServerRun } from "./server_run.ts";

const MAX_PROBES = 3; // until a server that may have been busy counts as stuck
const SERVES_OTHERS = "a server that goes on serving others";
const BROKEN_PIPE_CODE = 141; // exit code of a shell whose program was ended by SIGPIPE
const BROKEN_PIPE =
  "it wrote to a connection that was closed, and did not ignore the signal for that";
const FINISHED =
  "It has come to its own end, without an error: accepting needs a loop that nothing ends.";
const MAY_WAIT =
  "It accepts no other client, or still waits for one that has left: the end of one is a read of no " +
  "bytes, or null.";

/** What a good server does at any time. */
export type Probe = (run: ServerRun) => Promise<void>;

/**
 * A server under check. After each check it must still do what a good server does at any time. A check
 * whose server has ended, or hangs, is not blamed on what the check is about.
 */
export class ServerTarget implements Target<ServerRun> {
  readonly #server: Server;
  readonly #name: string; // its address
  readonly #timeout: number;
  readonly #probe: Probe;
  readonly #watch: Watch;
  #servesOneAtATime: boolean | undefined; // not known yet
  #lastGood: string | undefined; // the check after which the server was last seen to serve

  constructor(server: Server, timeout: number, probe: Probe, watch: Watch) {
    this.#server = server;
    this.#name = formatAddress(server.address);
    this.#timeout = timeout;
    this.#probe = probe;
    this.#watch = watch;
  }

  async grade(check: Check<ServerRun>): Promise<Graded> {
    const start = performance.now();
    let run!: ServerRun; // of the last try
    const outcome = await tryFairly(() => {
      run = new ServerRun(this.#server, this.#timeout, check.extraTime);
      return this.#try(check.name, run, check.run);
    });
    if (run.mostOpen > 1) await this.#blameOneAtATime(outcome);
    const ms = performance.now() - start;
    if (run.connections === 0 && outcome instanceof LostConnection) {
      const stop = await this.#whyAbsent(outcome);
      if (stop !== undefined) return await this.#gradeAbsent(check, stop, ms);
    }
    if (this.#lastGood === undefined && outcome instanceof CannotCheck) {
      const stop = `Cannot connect to ${this.#name}: ${escapeText(outcome.message)}`;
      return { result: skipped(check, stop), stop };
    }
    if (this.#lastGood === undefined && outcome instanceof Failure) {
      return await this.#hasEnded()
        ? this.#gradeEnded(check, outcome, ms)
        : { result: this.#resultOf(check, outcome, ms), stop: buildsOn(check) };
    }
    const probed = await this.#probeWhileBusy(check.name);
    if (!(probed instanceof Failure)) {
      this.#lastGood = check.name;
      return { result: this.#resultOf(check, outcome, ms) };
    }
    const graded = await this.#hasEnded()
      ? this.#gradeEnded(check, outcome, ms)
      : this.#gradeStuck(check, outcome, probed, ms);
    return await this.#startAgain(check.name) ? { result: graded.result } : graded;
  }

  takeLines(): string[] {
    return this.#server.takeLines();
  }

  end(): Promise<string[]> {
    return this.#server.end();
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]();
  }

  /** If a server serves one client at a time, silence beside other connections is due to that. */
  async #blameOneAtATime(outcome: Outcome): Promise<void> {
    if (!(outcome instanceof Failure) || !outcome.isSilence) return;
    if (this.#lastGood === undefined) return;
    this.#servesOneAtATime ??= await this.#looksForOneAtATime();
    if (this.#servesOneAtATime) outcome.because(ONE_AT_A_TIME);
  }

  /**
   * Looks whether a client waits for as long as another one is connected, and no longer. A server that is
   * only slow, or has much to clear up, is silent to a client that is alone as well.
   */
  async #looksForOneAtATime(): Promise<boolean> {
    const serves = async (timeout: number) =>
      !(await tryRun(new ServerRun(this.#server, timeout), this.#probe) instanceof Failure);
    if (!await serves(this.#timeout)) return false;
    const other = new ServerRun(this.#server, this.#timeout);
    try {
      await other.connect();
      const beside = new ServerRun(this.#server, this.#timeout / 4);
      const outcome = await tryRun(beside, this.#probe);
      if (await other.hasStrayBytes()) return false; // it serves both, and mixes them
      other.abort();
      if (!(outcome instanceof Failure) || outcome.seen !== "silence") return false;
      return await serves(this.#timeout / 4);
    } catch {
      return false;
    } finally {
      other.abort();
    }
  }

  /** A server to which the check could not connect is started again, if it was there before. */
  async #gradeAbsent(check: Check<ServerRun>, stop: string, ms: number): Promise<Graded> {
    const absent = { result: skipped(check, stop), stop };
    if (this.#lastGood === undefined) return absent;
    const result = this.#resultOf(check, this.#gone(check, stop), ms);
    return await this.#startAgain(check.name) ? { result } : absent;
  }

  /** A server that ends loses its connections, which is not what the check is about. What else it found is. */
  #gradeEnded(check: Check<ServerRun>, outcome: Outcome, ms: number): Graded {
    const how = this.#howEnded();
    const stop = `The server ended during ${check.name}${how}`;
    if (!(outcome instanceof Failure) || mayComeFromEnd(outcome)) {
      return { result: this.#resultOf(check, this.#gone(check, stop), ms), stop };
    }
    const { hint, read } = causeOf(check, outcome);
    outcome.because({ hint: `${hint} Then the server ended${how}.`, read });
    return { result: this.#resultOf(check, outcome, ms), stop };
  }

  /** A check that has failed by itself is what the server hangs at. */
  #gradeStuck(check: Check<ServerRun>, outcome: Outcome, probed: Failure, ms: number): Graded {
    const stop = this.#howStuck(check.name, probed);
    const isOther = outcome instanceof Failure && !(isRefusal(probed) && mayComeFromEnd(outcome));
    if (isOther) return { result: this.#resultOf(check, outcome, ms), stop };
    if (!(probed instanceof LostConnection)) {
      return { result: this.#resultOf(check, probed.because(`${stop}.`), ms), stop };
    }
    const mayWait = probed.seen === "silence" && check.read !== "resets";
    const hanging = new Failure(SERVES_OTHERS, probed.actual).because(
      mayWait ? { hint: `${stop}. ${MAY_WAIT}`, read: "echo" } : this.#causeOfEnd(check, stop),
    );
    return { result: this.#resultOf(check, hanging, ms), stop };
  }

  /** The failure of a server that has ended. */
  #gone(check: Check<ServerRun>, stop: string): Failure {
    return new Failure(SERVES_OTHERS, `nobody listens on ${this.#name} any more`)
      .because(this.#causeOfEnd(check, stop));
  }

  /** What it means that a server serves nobody any more. */
  #causeOfEnd({ read }: Check<ServerRun>, stop: string): Cause {
    const { ending } = this.#server;
    if (ending?.code === 0 && ending.signal === undefined) {
      return { hint: `${stop}. ${FINISHED}`, read: "echo" };
    }
    if (ending !== undefined && isBrokenPipe(ending)) {
      return { hint: `${stop}.`, read: "brokenPipe" };
    }
    return { hint: `${stop}.`, read: read === "robustServer" ? read : "resets" };
  }

  /** How the server has ended, or where that can be seen, after "The server ended during …". */
  #howEnded(): string {
    const { ending, whereToLook } = this.#server;
    if (ending === undefined) return whereToLook;
    return ` with ${describeEnd(ending)}${isBrokenPipe(ending) ? `: ${BROKEN_PIPE}` : ""}`;
  }

  /** What a server does to its next client that has not ended. */
  #howStuck(name: string, probed: Failure): string {
    if (isRefusal(probed)) return `The server no longer listens since ${name}, but still runs`;
    if (!(probed instanceof LostConnection)) {
      return `The server answers the next client wrongly since ${name}`;
    }
    return probed.isEnd
      ? `The server ends the connection of the next client since ${name}${this.#server.whereToLook}`
      : `The server stopped answering during ${name}${this.#server.whereToLook}`;
  }

  #resultOf(check: Check<ServerRun>, outcome: Outcome, ms: number) {
    return resultOf(check, outcome, ms, this.takeLines());
  }

  #hasEnded(): Promise<boolean> {
    return this.#server.hasEnded(this.#timeout);
  }

  /** Starts a server again that has ended, or hangs, so that the other checks can be run. */
  async #startAgain(name: string): Promise<boolean> {
    if (this.#lastGood === undefined || !await this.#server.restart()) return false;
    return !(await this.#probeWhileBusy(name) instanceof Failure);
  }

  /** Says why there was no connection, if it is not the check that has ended the server. */
  async #whyAbsent(failure: LostConnection): Promise<string | undefined> {
    const isGone = await this.#hasEnded();
    if (this.#lastGood !== undefined) {
      if (isGone) return `The server ended after ${this.#lastGood}${this.#howEnded()}`;
      return isRefusal(failure)
        ? `The server no longer listens after ${this.#lastGood}, but still runs`
        : undefined;
    }
    return isGone || isRefusal(failure)
      ? this.#server.whyAbsent()
      : `Cannot connect to ${this.#name}: ${escapeText(failure.actual)}`;
  }

  /** Looks whether the server does what a good one does. After some checks it has much to clear up. */
  async #probeWhileBusy(name: string): Promise<Outcome> {
    for (let probes = 1;; probes++) {
      const outcome = await tryFairly(() => {
        const run = new ServerRun(this.#server, this.#timeout);
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

/** Whether a program has ended because it wrote to a connection that was closed. */
function isBrokenPipe({ code, signal }: End): boolean {
  return signal === "SIGPIPE" || code === BROKEN_PIPE_CODE;
}

/** Whether a server, or a listener, that ends in the middle of a check explains its failure. */
function mayComeFromEnd(failure: Failure): boolean {
  const wasOpen = failure.isSilence || failure.seen === "slow";
  return failure instanceof LostConnection && !wasOpen;
}
