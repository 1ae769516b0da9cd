/** `mounts add` and `mounts remove`: what is mounted in a container that is there. */

import { StepError } from "../errors.ts";
import type { Place } from "../errors.ts";
import { planAddedMounts, planRemovedMounts } from "../plan/later-mounts.ts";
import type { Changed } from "../plan/later-mounts.ts";
import type { Plan } from "../plan/step.ts";
import { parseAddedMounts, parseDestinations } from "../spec/mounts-document.ts";
import { parseConfigBytes } from "../spec/parse.ts";
import { placeOf } from "../spec/positions.ts";
import { Execution } from "./execution.ts";
import type { Inheritance, Runners } from "./execution.ts";
import { joinRunners } from "./join.ts";
import { probeHost } from "./probe.ts";
import type { StoredState } from "./state.ts";
import { requireStatus, statusOf } from "./status.ts";
import type { Store } from "./store.ts";
import { telling } from "./telling.ts";

export interface MountsOptions {
  readonly store: Store;
  readonly id: string;
  /** A JSON array like `mounts` of config.json. */
  readonly text: string;
  /** What it is from, for errors. */
  readonly file: string;
  readonly inheritance: Inheritance;
  readonly warn: (message: string) => void;
}

/** Mounts all of it in the container, or nothing. */
export async function addMounts(options: MountsOptions): Promise<void> {
  await changing(options, async (state, changed) => {
    const mounts = parseAddedMounts(options, changed.config);
    const plan = planAddedMounts(mounts, changed);
    try {
      await execute(plan, state, options);
    } catch (error) {
      const attached = error instanceof StepError ? attachedBefore(plan, error.step) : [];
      const destinations = attached.map((index) => mounts[index]?.destination ?? "").reverse();
      await takeBack(destinations, { state, changed, options });
      throw error;
    }
  });
}

/** Takes away what is mounted there, one after the other. */
export async function removeMounts(options: MountsOptions): Promise<void> {
  await changing(options, (state, changed) => execute(planRemovedMounts(parseDestinations(options), changed), state, options));
}

type Change = (state: StoredState, changed: Changed) => Promise<void>;

async function changing({ store, id }: MountsOptions, change: Change): Promise<void> {
  const before = store.load(id, "change the mounts of");
  if (before.phase === "creating") requireStatus("mounts", id, statusOf(store, before));
  const lock = store.lock(id, "change the mounts of");
  try {
    const state = store.load(id, "change the mounts of");
    requireStatus("mounts", id, statusOf(store, state));
    const config = parseConfigBytes(store.loadConfig(id));
    await change(state, { id, bundle: state.bundle, config, host: probeHost(store.root) });
  } finally {
    lock.release();
  }
}

async function execute(plan: Plan, state: StoredState, { id, text, file, inheritance, warn }: MountsOptions): Promise<void> {
  const action = `change the mounts of container "${id}"`;
  const place = (pointer: string): Place | undefined => {
    const inner = pointer.startsWith("/mounts") ? pointer.slice("/mounts".length) : undefined;
    return inner === undefined ? undefined : { ...placeOf(text, inner), file };
  };
  for (const { pointer, message, hint } of plan.warnings) warn(`${message}${hint === undefined ? "" : `; ${hint}`} (${file} ${pointer.slice("/mounts".length)})`);
  const runners: Runners = {
    ...joinRunners(state, { action, stopped: "container not running" }),
    open_idmap: async ({ uid, gid, to }, execution) => {
      const { openIdmap } = await import("./idmap.ts");
      execution.hold(to, await openIdmap({ uid, gid }));
    },
    spawn: (step, execution) => execution.spawn(step, []),
  };
  const told = telling({ purpose: action, plan, place, cgroup: () => [], warn });
  const execution = new Execution(plan, { inheritance, runners, telling: told });
  try {
    await execution.begin();
    await execution.untilCreated();
  } finally {
    await execution.cleanup.run();
    execution.close();
  }
}

/** The mounts that were attached when this step failed, by their places in the list. */
function attachedBefore({ steps }: Plan, failed: number): number[] {
  const attached = new Set<number>();
  for (const { op, at = "" } of steps.slice(0, failed)) {
    const isAttaching = op === "move_mount" || op === "mount_at";
    if (isAttaching && at.startsWith("/mounts/")) attached.add(Number(at.split("/")[2]));
  }
  return [...attached];
}

interface Attached {
  readonly state: StoredState;
  readonly changed: Changed;
  readonly options: MountsOptions;
}

/** What stands in the way of that is told besides the error that made it needed. */
async function takeBack(destinations: readonly string[], { state, changed, options }: Attached): Promise<void> {
  if (destinations.length === 0) return;
  try {
    await execute(planRemovedMounts(destinations, changed), state, options);
  } catch (error) {
    options.warn(error instanceof Error ? error.message : String(error));
  }
}
