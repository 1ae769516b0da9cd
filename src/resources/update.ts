/** What an update of a container's limits writes: only what it asks for, and what follows from that. */

import { ConfigError } from "../errors.ts";
import type { Problem } from "../errors.ts";
import type { Resources } from "../spec/config.ts";
import { allowsAll, deviceProgram } from "./device-program.ts";
import { devicePolicy } from "./device-rules.ts";
import { deviceTransition } from "./devices.ts";
import { hierarchyOf } from "./layout.ts";
import type { CgroupLayout } from "./layout.ts";
import type { FileWrite, Note } from "./limits.ts";
import { mergeResources } from "./merge.ts";
import { planLimits } from "./resources.ts";

export interface PlannedUpdate {
  /** What holds afterwards. */
  readonly resources: Resources;
  readonly writes: readonly FileWrite[];
  /** Absent: the device rules stay. */
  readonly devices?: DeviceUpdate;
  readonly notes: readonly Note[];
}

export type DeviceUpdate =
  /** With a `gap` the processes must stand still; `undo` leads back. */
  | { readonly version: 1; readonly writes: readonly FileWrite[]; readonly undo: readonly FileWrite[]; readonly gap: boolean }
  /** Without a program everything is allowed. */
  | { readonly version: 2; readonly program: Uint8Array | undefined };

const BASE = "/linux/resources";

/** Plans an update; throws a ConfigError that holds all the problems, with their places in `file`. */
export function planUpdate(old: Resources, change: Resources, { layout, file }: { readonly layout: CgroupLayout; readonly file: string }): PlannedUpdate {
  const asked = new Set(planLimits(change, layout).writes.map(keyOf));
  const resources = mergeResources(withoutOverruled(old, change, layout), change);
  const before = new Set(planLimits(old, layout).writes.map(textOf));
  const after = planLimits(resources, layout);
  const writes = after.writes.filter((write) => asked.has(keyOf(write)) || !before.has(textOf(write)));
  // At create the default is not written: here it may be what is asked for.
  const oom = change.memory?.disableOOMKiller === false && hierarchyOf(layout, "memory")?.version === 1;
  if (oom) writes.push({ controller: "memory", version: 1, file: "memory.oom_control", value: "0", pointer: `${BASE}/memory/disableOOMKiller` });
  const problems = [...after.problems];
  const devices = planDevices(old, resources, { layout, problems });
  if (problems.length > 0) throw new ConfigError(file, problems.map(inFile));
  return { resources, writes, notes: after.notes, ...(devices === undefined ? {} : { devices }) };
}

/** A file that was given by its name must not undo what now sets the same limit by its field. */
function withoutOverruled(old: Resources, change: Resources, layout: CgroupLayout): Resources {
  if (old.unified === undefined) return old;
  const { unified: _, ...fields } = change;
  const files = new Set(planLimits(fields, layout).writes.map(({ file }) => file));
  return { ...old, unified: Object.fromEntries(Object.entries(old.unified).filter(([file]) => !files.has(file))) };
}

function planDevices(
  old: Resources,
  { devices }: Resources,
  { layout, problems }: { readonly layout: CgroupLayout; readonly problems: Problem[] },
): DeviceUpdate | undefined {
  // Some engines send all that they know with every update.
  if (JSON.stringify(devices) === JSON.stringify(old.devices)) return undefined;
  const [from, to] = [devicePolicy(old.devices), devicePolicy(devices)];
  const hierarchy = hierarchyOf(layout, "devices");
  if (hierarchy?.version === 1) {
    const { limits, gap } = deviceTransition(from, to);
    problems.push(...limits.problems);
    return { version: 1, writes: limits.writes, undo: deviceTransition(to, from).limits.writes, gap };
  }
  problems.push(...to.problems);
  if (hierarchy === undefined) {
    problems.push({ pointer: `${BASE}/devices`, message: "this host has no cgroups that decide about devices" });
  }
  return { version: 2, program: allowsAll(to) ? undefined : deviceProgram(to) };
}

/** What is judged there is not the container's config, but the limits alone. */
function inFile(problem: Problem): Problem {
  const { pointer } = problem;
  return { ...problem, pointer: pointer.startsWith(BASE) ? pointer.slice(BASE.length) : pointer };
}

function keyOf({ version, file }: FileWrite): string {
  return `${version} ${file}`;
}

function textOf({ version, file, value }: FileWrite): string {
  return `${version} ${file} ${value}`;
}
