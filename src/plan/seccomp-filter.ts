/** The system call filter as init loads it, the last of its restrictions (config-linux.md#seccomp). */

import type { Listener } from "../seccomp/rules.ts";
import { init, runtime } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

export interface SeccompPlan {
  readonly filter: Uint8Array;
  readonly flags: number;
  readonly listener: Listener | undefined;
}

export function loadFilter({ filter, flags, listener }: SeccompPlan): Step[] {
  const reason = { at: "/linux/seccomp", what: "load the seccomp filter" };
  const load: InitOp = { op: "seccomp", filter, flags, ...(listener === undefined ? {} : { listener: "listener" }) };
  if (listener === undefined) return init([load], reason);
  const at = "/linux/seccomp/listenerPath";
  const what = `send the seccomp listener to "${listener.path}"`;
  return [
    ...init([load], reason),
    ...init([{ op: "gate", name: "seccomp", send: "listener", count: 0 }], { at, what }),
    runtime({ op: "seccomp_listener", at, what }),
  ];
}
