/** Tells what a profile does to the calls that init itself still makes once the filter is loaded. */

import { ACT_ALLOW, ACT_LOG, ACT_NOTIFY, actionName } from "./names.ts";
import type { SeccompRules } from "./rules.ts";

/** What init calls from the loading of the filter until the listener has the descriptor: the gate "seccomp". */
export const CALLS_BEFORE_LISTENER: readonly string[] = ["sendmsg", "recvmsg"];

export interface BlockedCall {
  readonly name: string;
  /** What may happen to it instead of being done: `SCMP_ACT_NOTIFY`. */
  readonly action: string;
  /** It depends on the call's arguments. */
  readonly conditional: boolean;
  /** The profile cannot be used. */
  readonly refuse: boolean;
}

/**
 * Returns those of the calls that the profile may not let through; several rows for one that may meet several actions.
 *
 * A call that is notified must be refused (`refuse`) if init makes it before the listener has its descriptor: it would
 * wait for an answer that nobody can give, and create would hang. That is true whatever its arguments, for a profile
 * says nothing about those of init. It is not true of calls after that, which the listener answers like any other of the
 * container's: so `calls` must be only those up to the gate at which the descriptor is handed over.
 *
 * Calls that fail or kill are no reason to refuse: the specification allows a profile under which nothing can run
 * ("KILL" and no rules kills at the first call), and what a filter does with an errno is the profile's business. They are
 * told so that the error of an init that ended without a word can name the profile as the likely cause.
 */
export function blockedByFilter(rules: SeccompRules, calls: readonly string[]): BlockedCall[] {
  return calls.flatMap((name) => outcomes(rules, name));
}

function outcomes(rules: SeccompRules, name: string): BlockedCall[] {
  const found = new Map<number, boolean>();
  const own = rules.rules.filter((rule) => rule.names.includes(name));
  for (const { action, conditions } of own) {
    const conditional = conditions.length > 0 && found.get(action) !== false;
    found.set(action, conditional);
  }
  const always = own.some((rule) => rule.conditions.length === 0);
  if (!always) found.set(rules.defaultAction, own.length > 0);
  return [...found]
    .filter(([action]) => action !== ACT_ALLOW && action !== ACT_LOG)
    .map(([action, conditional]) => ({ name, action: actionName(action), conditional, refuse: action === ACT_NOTIFY }));
}
