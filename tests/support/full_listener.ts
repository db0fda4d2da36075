/** A listener whose backlog is full: whoever connects now gets no answer. */
export async function fullListener(): Promise<{ addr: Deno.NetAddr } & Disposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const clients: Deno.Conn[] = [];
  while (true) {
    const { hostname, port } = listener.addr;
    try {
      clients.push(await Deno.connect({ hostname, port, signal: AbortSignal.timeout(200) }));
    } catch {
      break; // no room is left
    }
  }
  return {
    addr: listener.addr,
    [Symbol.dispose]() {
      for (const resource of [...clients, listener]) resource.close();
    },
  };
}
