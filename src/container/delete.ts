/** `delete`: undoes what `create` did, then runs the poststop hooks (runtime.md#delete). */

import { StateError } from "../errors.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { destroyCgroup } from "../cgroup/destroy.ts";
import { killAll } from "../cgroup/kill.ts";
import { stateDocument } from "../spec/state.ts";
import { endProcesses, killPid, waitForExit } from "./processes.ts";
import type { Inherited } from "./hooks.ts";
import type { StoredState } from "./state.ts";
import { isAlive, isOfThisBoot, requireStatus, statusOf } from "./status.ts";
import { BusyError } from "./store.ts";
import type { Lock, Store } from "./store.ts";

export interface DeleteOptions {
  readonly store: Store;
  readonly id: string;
  /** Kill what runs, and be content when there is nothing. */
  readonly force?: boolean;
  readonly environment: readonly string[];
  /** For hooks, too. */
  readonly inherited?: Inherited;
  readonly warn: (message: string) => void;
}

export async function deleteContainer(options: DeleteOptions): Promise<void> {
  const { store, id, force = false } = options;
  if (force && !store.exists(id)) return;
  const lock = await lockFor(options);
  if (lock === undefined) return;
  try {
    const state = loadOrWarn(options);
    if (state === undefined) {
      // Its creator died before it wrote anything, or nobody can read it: the directory is all that can be removed.
      store.remove(id);
      return;
    }
    if (force) await endProcesses(state);
    else requireStatus("delete", id, statusOf(store, state));
    await destroy(state, { ...options, waits: !force });
  } finally {
    lock.release();
  }
}

/** The state; `force` takes one that cannot be read for none, and tells. */
function loadOrWarn({ store, id, force = false, warn }: Pick<DeleteOptions, "store" | "id" | "force" | "warn">): StoredState | undefined {
  try {
    return store.tryLoad(id);
  } catch (error) {
    if (!force || !(error instanceof StateError)) throw error;
    warn(`removing only the directory of container "${id}", because its state cannot be read`);
    return undefined;
  }
}

/**
 * A create that is under way ends by itself, and cleans up, when its init is killed; so does what waits for the container
 * under its lock: a start for a hook in there, a mount for a file system that one of its programs serves.
 */
async function lockFor({ store, id, force = false }: DeleteOptions): Promise<Lock | undefined> {
  if (!force) {
    // Another command's work is a status: who creates a container holds its lock.
    try {
      return store.lock(id, "delete", { wait: false });
    } catch (error) {
      const state = error instanceof BusyError ? store.tryLoad(id) : undefined;
      if (state?.phase === "creating") requireStatus("delete", id, "creating");
      if (!(error instanceof BusyError)) throw error;
      return store.lock(id, "delete");
    }
  }
  const state = loadOrWarn({ store, id, force, warn: () => {} });
  if (state !== undefined && isHeldUp(store, state)) await endProcesses(state);
  try {
    return store.lock(id, "delete");
  } catch (error) {
    if (store.exists(id)) throw error;
    return undefined;
  }
}

/** While init is there, the cgroup of that name is this container's, and not that of another which came after it. */
function isHeldUp(store: Store, state: StoredState): boolean {
  if (state.phase === "creating") return state.cgroup !== undefined;
  return store.isLocked(state.id) && isAlive(state);
}

/** Removes all that a stopped container still has, and runs its poststop hooks; `waits` for processes in its cgroup, and kills none. */
export async function destroy(
  state: StoredState,
  options: Pick<DeleteOptions, "store" | "environment" | "inherited" | "warn"> & { readonly waits?: boolean },
): Promise<void> {
  if (state.cgroup !== undefined && isOfThisBoot(state)) {
    // Processes that init left behind in a pid namespace that is not its own: the container is over, and so are they.
    if (!state.ownPidNamespace) killAll(state.cgroup.directories, killPid);
    await destroyCgroup(state.cgroup.directories, options.waits === true ? waitForExit : killing(state.cgroup.directories));
  }
  if (isOfThisBoot(state)) await forgetUnit(state, options);
  if (state.rootMount !== undefined && isOfThisBoot(state)) {
    const { detachRoot } = await import("./root-mount.ts");
    detachRoot(state.rootMount);
  }
  if (state.resctrl !== undefined && isOfThisBoot(state)) {
    const { removeResctrl } = await import("./resctrl.ts");
    removeResctrl(state.resctrl);
  }
  options.store.remove(state.id);
  await runPoststop(state, options);
}

/** systemd sees by itself that it is empty; but one in which the kernel has killed for memory it keeps as failed. */
async function forgetUnit({ cgroup }: StoredState, { environment, warn }: Pick<DeleteOptions, "environment" | "warn">): Promise<void> {
  if (cgroup?.unit === undefined) return;
  const { stopUnit } = await import("../cgroup/systemd/unit.ts");
  try {
    await stopUnit(cgroup.unit, environment);
  } catch (error) {
    warn(`cannot have systemd forget the unit "${cgroup.unit.name}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Ends who is still there: an exec that had not come into the container's pid namespace yet, and cannot now. */
function killing(directories: readonly CgroupDirectory[]): typeof waitForExit {
  return (pids) => {
    killAll(directories, killPid);
    return waitForExit(pids);
  };
}

/** A poststop hook that fails is a warning, and the next one runs (config.md#poststop). */
export async function runPoststop(
  { id, bundle, annotations, hooks }: StoredState,
  { environment, inherited, warn }: Pick<DeleteOptions, "environment" | "warn"> & { readonly inherited?: Inherited | undefined },
): Promise<void> {
  const poststop = hooks.poststop ?? [];
  if (poststop.length === 0) return;
  const { runHook } = await import("./hooks.ts");
  const state = stateDocument({ id, status: "stopped", bundle, annotations });
  for (const [index, hook] of poststop.entries()) {
    try {
      await runHook({ point: "poststop", index, hook, state, cwd: bundle, environment, inherited });
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
    }
  }
}
