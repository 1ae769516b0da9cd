/** Checks the system call filter (config-linux.md#seccomp). */

import type { Config, SyscallRule } from "../config.ts";
import type { Path } from "../pointer.ts";
import type { Report } from "./report.ts";

/** The largest number that each action can carry: an errno (MAX_ERRNO of the kernel), 16 bits for the tracer. */
const RETURN_LIMITS: Readonly<Record<string, number>> = { SCMP_ACT_ERRNO: 4095, SCMP_ACT_TRACE: 65535 };

/** A system call has six arguments. */
const MAX_ARG_INDEX = 5;

export function checkSeccomp({ linux }: Config, report: Report): void {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return;
  const path = ["linux", "seccomp"];
  const { defaultAction, defaultErrnoRet, listenerPath = "", listenerMetadata = "", syscalls = [] } = seccomp;
  checkReturn(defaultAction, defaultErrnoRet, [...path, "defaultErrnoRet"], report);
  if (defaultAction === "SCMP_ACT_NOTIFY") {
    report([...path, "defaultAction"], "cannot be SCMP_ACT_NOTIFY: nobody could answer the runtime's own calls");
  }
  if (listenerMetadata !== "" && listenerPath === "") {
    report([...path, "listenerMetadata"], '"listenerMetadata" needs "listenerPath" beside it');
  }
  let needsListener = listenerPath === "";
  for (let i = 0; i < syscalls.length; i++) {
    const rule = syscalls[i];
    if (rule === undefined) continue;
    checkRule(rule, [...path, "syscalls", i], report);
    if (!needsListener || rule.action !== "SCMP_ACT_NOTIFY") continue;
    // Without a listener every notified call would fail with ENOSYS. Told once, not for each rule.
    needsListener = false;
    report([...path, "syscalls", i, "action"], 'the action "SCMP_ACT_NOTIFY" needs "linux.seccomp.listenerPath"');
  }
}

function checkReturn(action: string | undefined, value: number | undefined, path: Path, report: Report): void {
  if (action === undefined || value === undefined) return;
  const limit = RETURN_LIMITS[action];
  if (limit === undefined) report(path, `the action "${action}" takes no errno`);
  else if (value > limit) report(path, `must be at most ${limit} with the action "${action}", got ${value}`);
}

function checkRule({ names, action, errnoRet, args = [] }: SyscallRule, path: Path, report: Report): void {
  checkReturn(action, errnoRet, [...path, "errnoRet"], report);
  if (action === "SCMP_ACT_NOTIFY" && names.includes("write")) {
    report([...path, "names", names.indexOf("write")], 'cannot notify of "write": the runtime itself needs it to start');
  }
  for (let i = 0; i < args.length; i++) {
    const index = args[i]?.index ?? 0;
    if (index > MAX_ARG_INDEX) report([...path, "args", i, "index"], `must be between 0 and ${MAX_ARG_INDEX}, got ${index}`);
  }
}
