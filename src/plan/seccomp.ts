/** The system call filter, compiled by the runtime (config-linux.md#seccomp). */

import { ConfigError } from "../errors.ts";
import { CALLS_BEFORE_LISTENER, blockedByFilter } from "../seccomp/blocked.ts";
import { planSeccomp } from "../seccomp/rules.ts";
import type { SeccompRules } from "../seccomp/rules.ts";
import type { PlanContext } from "./context.ts";
import type { SeccompPlan } from "./seccomp-filter.ts";

export function seccompPlan({ config, host }: Pick<PlanContext, "config" | "host">): SeccompPlan | undefined {
  const seccomp = config.linux?.seccomp;
  // Without a process there is nothing to restrict, and nothing that could load a filter.
  if (seccomp === undefined || config.process === undefined) return undefined;
  const rules = planSeccomp(seccomp, { nativeArch: host.arch, libseccompVersion: host.libseccomp() });
  if (rules.listener !== undefined) refuseBlocked(rules);
  return { filter: host.compileSeccomp(rules), flags: rules.flags, listener: rules.listener };
}

/** A call that waits for the listener's owner while init still has to send the listener would wait for ever. */
function refuseBlocked(rules: SeccompRules): void {
  const blocked = blockedByFilter(rules, CALLS_BEFORE_LISTENER).filter(({ refuse }) => refuse);
  if (blocked.length === 0) return;
  const names = blocked.map(({ name }) => `"${name}"`).join(", ");
  const message = `must not give SCMP_ACT_NOTIFY to ${names}, which init needs to send the listener`;
  throw new ConfigError("config.json", [{ pointer: "/linux/seccomp/syscalls", message }]);
}
