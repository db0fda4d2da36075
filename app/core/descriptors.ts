// File descriptors: the numbers that the operating system gives to open files and sockets.

/**
 * Counts how many descriptors this program can still open, by opening them.
 *
 * @returns The number, at most `max`. Without the permission to listen it is `max`.
 */
export function countFreeDescriptors(max: number): number {
  const { state } = Deno.permissions.querySync({ name: "net", host: "127.0.0.1:0" });
  if (state !== "granted") return max; // nobody should be asked for that
  const listeners: Deno.Listener[] = [];
  try {
    while (listeners.length < max) {
      listeners.push(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    }
  } catch { /* no descriptor is left */ }
  for (const listener of listeners) listener.close();
  return listeners.length;
}
