// What the system tells about a running process. All but `isRunning` and `commandLines` need Linux.

/** Tells whether a process runs. One that has ended, but was not waited for by its parent, does not. */
export function isRunning(pid: number): boolean {
  const state = Deno.build.os === "linux" ? stateInProc(pid) : stateInPs(pid);
  return state !== "" && state !== "Z"; // a zombie
}

/** The letter that stands for the state of a process, or nothing if there is no such process. */
function stateInProc(pid: number): string {
  try {
    return /\) (\w)/.exec(Deno.readTextFileSync(`/proc/${pid}/stat`))![1]!;
  } catch {
    return "";
  }
}

/** The same on systems without /proc, all of which have `ps`. */
function stateInPs(pid: number): string {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] }).outputSync();
  return new TextDecoder().decode(stdout).trim().slice(0, 1);
}

/** The command lines of all processes that this user may see. */
export function commandLines(): string[] {
  if (Deno.build.os !== "linux") {
    const { stdout } = new Deno.Command("ps", { args: ["-A", "-o", "args="] }).outputSync();
    return new TextDecoder().decode(stdout).split("\n");
  }
  return [...Deno.readDirSync("/proc")].map(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
    } catch {
      return ""; // no process, or one that has ended in the meantime
    }
  });
}

/** Its resident memory, in bytes. */
export function residentMemory(pid: number): number {
  return status(pid, "VmRSS") * 1024;
}

/** The most resident memory it has had so far, in bytes. */
export function peakMemory(pid: number): number {
  return status(pid, "VmHWM") * 1024;
}

/** How many file descriptors it has open. */
export function descriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** How many it has open, once they are no more than `atMost`, or after 30 s. */
export async function settled(pid: number, atMost: number): Promise<number> {
  const end = performance.now() + 30_000;
  while (descriptors(pid) > atMost && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return descriptors(pid);
}

/**
 * How long its main thread has run so far, and how long it could have run but had to wait for a processor
 * that others had, in milliseconds.
 */
export function turns(pid: number): { ran: number; waited: number } {
  const [ran, waited] = Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ").map(Number);
  return { ran: ran! / 1e6, waited: waited! / 1e6 };
}

/** The processor time that it has used so far, in seconds. */
export function processorTime(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function status(pid: number, name: string): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)![1]);
}
