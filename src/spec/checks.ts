/** The checks that no schema can express, in the order of the specification. */

import type { Problem } from "../errors.ts";
import { checkAnnotations } from "./checks/annotations.ts";
import { checkDevices } from "./checks/devices.ts";
import { checkHooks } from "./checks/hooks.ts";
import { checkIntelRdt } from "./checks/intel-rdt.ts";
import { checkMemoryPolicy } from "./checks/memory-policy.ts";
import { checkMounts } from "./checks/mounts.ts";
import { checkNamespaces } from "./checks/namespaces.ts";
import { checkNetDevices } from "./checks/net-devices.ts";
import { checkPaths, checkPersonality } from "./checks/paths.ts";
import { checkProcessFields } from "./checks/process.ts";
import type { Check, Report } from "./checks/report.ts";
import { checkResources } from "./checks/resources.ts";
import { checkRlimits } from "./checks/rlimits.ts";
import { checkRoot } from "./checks/root.ts";
import { checkHooksUnderDeadline, checkScheduling } from "./checks/scheduling.ts";
import { checkSeccomp } from "./checks/seccomp.ts";
import { checkSysctl } from "./checks/sysctl.ts";
import { checkVersion } from "./checks/version.ts";
import type { Config, Process } from "./config.ts";
import { type Path, pointerOf } from "./pointer.ts";

const CHECKS: readonly Check<Config>[] = [
  checkVersion,
  checkRoot,
  checkMounts,
  checkProcessOf,
  checkHooks,
  checkHooksUnderDeadline,
  checkAnnotations,
  checkNamespaces,
  checkDevices,
  checkNetDevices,
  checkResources,
  checkIntelRdt,
  checkMemoryPolicy,
  checkSysctl,
  checkSeccomp,
  checkPaths,
  checkPersonality,
];

/** A config without a process can be created, though not started (runtime.md#start). */
function checkProcessOf({ process }: Config, report: Report): void {
  if (process !== undefined) checkProcessAt(process, ["process"], report);
}

function checkProcessAt(process: Process, path: Path, report: Report): void {
  checkProcessFields(process, path, report);
  checkRlimits(process, path, report);
  checkScheduling(process, path, report);
}

/** Returns all problems of a config that the schema has accepted, without their lines. */
export function checkConfig(config: Config): Problem[] {
  const problems: Problem[] = [];
  const report = reportTo(problems);
  for (const check of CHECKS) check(config, report);
  return problems;
}

/** As `checkConfig` for a process alone; its pointers begin at the process. */
export function checkProcess(process: Process): Problem[] {
  const problems: Problem[] = [];
  checkProcessAt(process, [], reportTo(problems));
  return problems;
}

/** A hostile config can have millions of problems; only the first ones are kept. */
export const MAX_PROBLEMS = 1000;

function reportTo(problems: Problem[]): Report {
  return (path, message, given) => {
    if (problems.length >= MAX_PROBLEMS) return;
    const pointer = pointerOf(path);
    const hint = typeof given === "function" ? given() : given;
    problems.push(hint === undefined ? { pointer, message } : { pointer, message, hint });
  };
}
