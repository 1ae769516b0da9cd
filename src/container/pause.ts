/** `pause`: stops all processes of a container where they are. */

import { freeze } from "../cgroup/freeze.ts";
import { requireStatus, statusOf } from "./status.ts";
import type { Store } from "./store.ts";

export interface PauseOptions {
  readonly store: Store;
  readonly id: string;
}

/** Resolves when all of them stand; a container whose processes cannot all be stopped goes on. */
export async function pause({ store, id }: PauseOptions): Promise<void> {
  const before = store.load(id, "pause");
  if (before.phase === "creating") requireStatus("pause", id, statusOf(store, before));
  const lock = store.lock(id, "pause");
  try {
    const state = store.load(id, "pause");
    requireStatus("pause", id, statusOf(store, state));
    await freeze(state.cgroup?.directories ?? []);
  } finally {
    lock.release();
  }
}
