// The kinds of servers and clients that can be checked, each with its checks.
import { appChecks, probeApp } from "./app_checks.ts";
import { appClientChecks } from "./app_client_checks.ts";
import { botChecks } from "./bot_checks.ts";
import { chatChecks, probeChat } from "./chat_checks.ts";
import type { Check } from "./check.ts";
import type { ClientRun } from "./client_run.ts";
import { ClientTarget } from "./client_target.ts";
import { countChecks, probeCount } from "./count_checks.ts";
import { echoChecks, probeEcho } from "./echo_checks.ts";
import { echoClientChecks } from "./echo_client_checks.ts";
import { httpChecks, probeHttp } from "./http_checks.ts";
import type { Job, Report } from "./job.ts";
import { probeReverse, reverseChecks } from "./reverse_checks.ts";
import { runJob, type RunOptions } from "./runner.ts";
import { RunningServer, StartedServer } from "./server.ts";
import type { ServerRun } from "./server_run.ts";
import { type Probe, ServerTarget } from "./server_target.ts";
import { tunnelChecks } from "./tunnel_checks.ts";

/** A kind of server or client. */
export interface Kind {
  side: "server" | "client";
  /** All of its checks. */
  checks: Omit<Check<never>, "run">[];
  run: (job: Job, options: RunOptions) => Promise<Report>;
}

/** All kinds, by name. The last four are those of exercises only. */
export const kinds = {
  "echo": serverKind(echoChecks, probeEcho),
  "app": serverKind(appChecks, probeApp),
  "chat": serverKind(chatChecks, probeChat),
  "http": serverKind(httpChecks, probeHttp),
  "echo-client": clientKind(echoClientChecks),
  "app-client": clientKind(appClientChecks),
  "count": serverKind(countChecks, probeCount),
  "reverse": serverKind(reverseChecks, probeReverse),
  "tunnel": serverKind(tunnelChecks, probeEcho),
  "bot": clientKind(botChecks),
} satisfies Record<string, Kind>;

/** The name of a kind. */
export type KindName = keyof typeof kinds;

/** Whether this is the name of a kind. */
export function isKindName(name: string): name is KindName {
  return Object.hasOwn(kinds, name);
}

function serverKind(checks: Check<ServerRun>[], probe: Probe): Kind {
  return {
    side: "server",
    checks,
    run(job, options) {
      const { subject, folder, port, timeout } = job;
      const open = () => {
        const server = "address" in subject
          ? new RunningServer(subject.address)
          : new StartedServer({ words: subject.words, folder, port });
        return new ServerTarget(server, timeout, probe, options.watch);
      };
      return runJob(job, checks, open, options);
    },
  };
}

function clientKind(checks: Check<ClientRun>[]): Kind {
  return {
    side: "client",
    checks,
    run(job, options) {
      const { subject, folder, port, timeout, patience } = job;
      if (!("words" in subject)) throw new TypeError("A client has a command, and no address");
      const command = { words: subject.words, folder, port, timeout, patience };
      return runJob(job, checks, () => new ClientTarget(command, options.watch), options);
    },
  };
}
