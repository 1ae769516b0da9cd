/** The order of everything. This file only calls, and says why each part stands where it stands. */

import type { Host } from "../host.ts";
import type { Config } from "../spec/config.ts";
import { wholeAffinity } from "./affinity.ts";
import { ignoredAnnotations } from "./annotations.ts";
import { planCapabilities } from "./capabilities.ts";
import { cgroupEntry, cgroupMembership, lastLimits, lateLimits } from "./cgroup.ts";
import { planContext } from "./context.ts";
import type { PlanOptions } from "./context.ts";
import { devices } from "./devices.ts";
import { containerHooks, runtimeHooks, startHooks } from "./hooks.ts";
import { openIdmaps } from "./idmap.ts";
import { dropIdentity } from "./identity.ts";
import { ignoredOptions } from "./ignored-options.ts";
import { enterIntelRdt, intelRdt } from "./intel-rdt.ts";
import { keyLabel, labelWarnings, programLabels } from "./labels.ts";
import { maskedPaths, readonlyPaths } from "./masks.ts";
import { bindSources, finishDev, mounts, relativeDestinations } from "./mounts.ts";
import { enterNamespaces, finishNamespaces, openNamespaces, spawnInit } from "./namespaces.ts";
import { earlyProcess, keyring, ownProc, program, waitForStart } from "./process.ts";
import { netDevices } from "./net-devices.ts";
import { enterRootfs, finishRootfs, ownRootMount, prepareRootfs } from "./rootfs.ts";
import { seccompPlan } from "./seccomp.ts";
import type { Plan, Step } from "./step.ts";
import { sysctls } from "./sysctl.ts";
import { terminal } from "./terminal.ts";
import { openTimeOffsets } from "./time-offsets.ts";

/** Plans a container. Pure: the same config, host and options give the same plan. */
export function plan(config: Config, host: Host, options: PlanOptions): Plan {
  const context = planContext(config, host, options);
  const capabilities = planCapabilities(context);
  const seccomp = seccompPlan(context);
  const cgroup = cgroupMembership(context);
  const rdt = intelRdt(context);
  const namespaces = openNamespaces(context);
  const idmaps = openIdmaps(context);

  const steps: Step[] = [
    // What the runtime can refuse, it refuses before anything exists.
    ...namespaces.steps,
    ...idmaps.steps,
    ...cgroup.steps,
    ...rdt.steps,
    ...ownRootMount(context),
    // From here on there is a process; it begins with nothing but the descriptors that are named here.
    ...spawnInit(context, { cgroup, rdt, namespaces, idmaps }),

    // First of all, while init is alone and small: all that it uses from now on counts as the container's.
    ...cgroupEntry(cgroup),
    ...enterIntelRdt(rdt),
    ...wholeAffinity(),
    // What needs the host's privileges comes before the user namespace takes them away.
    ...earlyProcess(context),
    ...openTimeOffsets(context),
    ...keyLabel(context),
    ...bindSources(context),
    // Two-stage containers clone in here, and all that follows happens in the container's own namespaces.
    ...enterNamespaces(context, namespaces),
    ...lateLimits(cgroup),
    ...finishNamespaces(context),
    // Before the hooks, which may want to set the devices up, and before the sysctls, which may be theirs.
    ...netDevices(context),
    ...keyring(context),
    ...ownProc(context),

    ...prepareRootfs(context),
    ...mounts(context, cgroup),
    // After the mounts, because they may bring /dev and /dev/pts.
    ...devices(context),
    // Both kinds of hook may still add mounts; none may see a root that is half switched.
    ...runtimeHooks(context),
    ...containerHooks(context),
    // Sysctls are written through a procfs of our own, so before or after the masks makes no difference to them; the
    // masks come last of the mounts, because a mount above a mask would undo it.
    ...sysctls(context),
    ...terminal(context),
    ...finishDev(context),
    ...readonlyPaths(context),
    ...maskedPaths(context),
    ...finishRootfs(context),
    // After the hooks of the runtime's side, which are not the container's program; an unknown profile fails create.
    ...programLabels(context, "proc"),
    // The last that leads out of the container; it is closed then.
    ...lastLimits(cgroup),
    ...enterRootfs(context),

    // Nothing that needs root is left but the way to not being root.
    ...dropIdentity(context, { capabilities, seccomp }),
    ...waitForStart(context),
    ...startHooks(context),
    ...program(context),
  ];
  return { steps, warnings: [...capabilities.warnings, ...labelWarnings(context), ...relativeDestinations(context), ...ignoredOptions(context), ...ignoredAnnotations(context)] };
}
