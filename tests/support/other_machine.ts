// Another machine, whose network can be cut off: a network of its own on this one. Needs Linux and root.
import { assert } from "@std/assert";
import { works } from "./programs.ts";

// Other test files may have one at the same time, in this process or in another: hence the numbers.
const NUMBER = crypto.getRandomValues(new Uint16Array(1))[0]!;
const ID = `${Deno.pid}-${NUMBER.toString(16)}`;
const NAME = `sockets-${ID}`;
const [HERE, THERE] = [`h${ID}`, `t${ID}`]; // the two ends of its cable
const SUBNET = `10.${64 + NUMBER % 64}.${NUMBER >> 8}`;
const ADD = [
  `ip netns add ${NAME}`,
  `ip link add ${HERE} type veth peer name ${THERE}`,
  `ip link set ${THERE} netns ${NAME}`,
  `ip addr add ${SUBNET}.1/24 dev ${HERE}`,
  `ip link set ${HERE} up`,
  `ip -n ${NAME} addr add ${SUBNET}.2/24 dev ${THERE}`,
  `ip -n ${NAME} link set ${THERE} up`,
].join(" && ");
const REMOVE = `ip link del ${HERE}; ip netns del ${NAME}`;
const CUT_OFF = `ip -n ${NAME} link set ${THERE} down`;

/** The other machine, until it is disposed. */
export class OtherMachine implements Disposable {
  /** The address at which it reaches this machine. */
  readonly host: string = `${SUBNET}.1`;

  constructor() {
    run(ADD);
  }

  /** Whether there can be one. */
  static isPossible(): boolean {
    return Deno.build.os === "linux" &&
      works("sh", "-c", `${ADD}; added=$?; ${REMOVE}; exit $added`);
  }

  /** The arguments for `ip` that run a program there. */
  runs(...words: string[]): string[] {
    return ["netns", "exec", NAME, ...words];
  }

  /** Drops all packets from now on, as if its cable were pulled. */
  cutOff(): void {
    run(CUT_OFF);
  }

  [Symbol.dispose](): void {
    run(REMOVE);
  }
}

function run(command: string): void {
  assert(works("sh", "-c", command), command);
}
