/** `update`: changes the limits of a container that is there. */

import { enableControllers } from "../cgroup/controllers.ts";
import { replaceDevices } from "../cgroup/devices.ts";
import { freeze, thaw } from "../cgroup/freeze.ts";
import { probeLayout } from "../cgroup/layout.ts";
import { applyUpdate } from "../cgroup/update.ts";
import { applyWrites } from "../cgroup/write.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { UsageError } from "../errors.ts";
import { native } from "../native/native.ts";
import { unifiedHierarchy } from "../resources/layout.ts";
import type { CgroupLayout } from "../resources/layout.ts";
import type { FileWrite } from "../resources/limits.ts";
import { neededControllers } from "../resources/resources.ts";
import { planUpdate } from "../resources/update.ts";
import type { DeviceUpdate } from "../resources/update.ts";
import type { Resources } from "../spec/config.ts";
import { parseConfigBytes } from "../spec/parse.ts";
import { formatResources, parseResources } from "../spec/resources-document.ts";
import type { StoredState } from "./state.ts";
import { requireStatus, statusOf } from "./status.ts";
import type { Store } from "./store.ts";

export interface UpdateOptions {
  readonly store: Store;
  readonly id: string;
  /** As in config.json below `linux.resources`; what is not set stays as it is. */
  readonly resources: Resources;
  /** Lines for the schemata of the container's group of resctrl. */
  readonly schemata?: readonly string[];
  /** What the limits are from, for errors. */
  readonly file?: string;
  /** The caller's, which tells where his own systemd listens. */
  readonly environment?: readonly string[];
}

/** Sets all of the new limits, or none; the next update, and who reads the state directory, sees what holds. */
export async function update({ store, id, resources, schemata = [], file = "resources", environment = [] }: UpdateOptions): Promise<void> {
  const before = store.load(id, "update");
  if (before.phase === "creating") requireStatus("update", id, statusOf(store, before));
  const lock = store.lock(id, "update");
  try {
    const state = store.load(id, "update");
    const status = statusOf(store, state);
    requireStatus("update", id, status);
    if (schemata.length > 0 && state.resctrl === undefined) {
      throw new UsageError(`cannot update container "${id}": it has no "linux.intelRdt", and so no schemata`);
    }
    const layout = probeLayout();
    const old = currentResources(store, id);
    const planned = planUpdate(old, resources, { layout, file });
    const directories = state.cgroup?.directories ?? [];
    enable(layout, state, neededControllers(planned.writes));
    const applied = applyUpdate(directories, planned.writes);
    try {
      store.saveResources(id, formatResources(planned.resources));
      await tellUnit(state, planned.writes, environment);
      await updateDevices(directories, planned.devices, status === "paused");
      // Last, as the kernel takes all of them or none.
      if (schemata.length > 0 && state.resctrl !== undefined) {
        const { writeSchemata } = await import("./resctrl.ts");
        writeSchemata(state.resctrl.group, schemata);
      }
    } catch (error) {
      applied.undo();
      store.saveResources(id, formatResources(old));
      throw error;
    }
  } finally {
    lock.release();
  }
}

/** The limits that a container has now: those of its config, and what updates made of them. */
export function currentResources(store: Store, id: string): Resources {
  const text = store.tryLoadResources(id);
  if (text !== undefined) return parseResources(text);
  return parseConfigBytes(store.loadConfig(id)).linux?.resources ?? {};
}

/** A hybrid host's v2 gives a container only the controllers that its limits need. */
function enable(layout: CgroupLayout, { cgroup }: StoredState, needed: readonly string[]): void {
  const unified = unifiedHierarchy(layout);
  if (unified !== undefined && cgroup !== undefined) enableControllers(unified, cgroup.path, { needed, all: false });
}

/** systemd writes what it is told of, rounded as it keeps it; what was asked for is to hold. */
async function tellUnit({ cgroup }: StoredState, writes: readonly FileWrite[], environment: readonly string[]): Promise<void> {
  if (cgroup?.unit === undefined) return;
  const { updateUnit } = await import("../cgroup/systemd/unit.ts");
  await updateUnit(cgroup.unit, writes, environment);
  applyWrites(cgroup.directories, writes);
}

async function updateDevices(directories: readonly CgroupDirectory[], devices: DeviceUpdate | undefined, paused: boolean): Promise<void> {
  if (devices === undefined) return;
  if (devices.version === 2) {
    replaceDevices(directories, devices.program, native());
    return;
  }
  const stands = devices.gap && !paused;
  if (stands) await freeze(directories);
  try {
    applyWrites(directories, devices.writes);
  } catch (error) {
    applyUpdate(directories, devices.undo);
    throw error;
  } finally {
    if (stands) thaw(directories);
  }
}
