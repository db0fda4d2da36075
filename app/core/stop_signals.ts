// Ctrl-C, and the other signals that end a program.
import { printError } from "./output.ts";

const STOP_SIGNALS: Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Calls a function at each Ctrl-C, SIGTERM and closed terminal.
 *
 * A closed terminal sends SIGHUP. `nohup` has the system ignore that, and Deno undoes it as soon as a
 * program listens for any signal. The program cannot know, but `nohup` leaves it no terminal to write
 * to. So without one, SIGHUP is ignored here.
 */
export function onStopSignal(act: () => void): void {
  const hasTerminal = Deno.stdout.isTerminal() || Deno.stderr.isTerminal();
  for (const signal of STOP_SIGNALS) {
    const isIgnored = signal === "SIGHUP" && !hasTerminal;
    Deno.addSignalListener(signal, isIgnored ? () => {} : act);
  }
}

/** The signals that end a server: `stop` asks, `kill` forces. */
export interface StopSignals {
  stop: AbortSignal;
  kill: AbortSignal;
}

/**
 * Listens for Ctrl-C, SIGTERM and a closed terminal. The first of them asks the program to stop. The
 * second forces it, and so does `drainTimeout`, in milliseconds after the first.
 */
export function listenForStop(drainTimeout: number): StopSignals {
  const stop = new AbortController();
  const kill = new AbortController();
  onStopSignal(() => {
    if (Deno.stderr.isTerminal()) printError(""); // ends the line with the ^C that the terminal shows
    if (stop.signal.aborted) return kill.abort();
    stop.abort();
    Deno.unrefTimer(setTimeout(() => kill.abort(), drainTimeout));
  });
  return { stop: stop.signal, kill: kill.signal };
}
