// What Linux tells about a running process.

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

/** The processor time that it has used so far, in seconds. */
export function processorTime(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function status(pid: number, name: string): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)![1]);
}
