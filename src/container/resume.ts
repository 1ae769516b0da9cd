/** `resume`: lets the processes of a paused container go on. */

import { thawed } from "../cgroup/freeze.ts";
import { requireStatus, statusOf } from "./status.ts";
import type { Store } from "./store.ts";

export interface ResumeOptions {
  readonly store: Store;
  readonly id: string;
}

/** Resolves when they run; where a cgroup above the container's is frozen they do not, which is an error. */
export async function resume({ store, id }: ResumeOptions): Promise<void> {
  const before = store.load(id, "resume");
  if (before.phase === "creating") requireStatus("resume", id, statusOf(store, before));
  const lock = store.lock(id, "resume");
  try {
    const state = store.load(id, "resume");
    requireStatus("resume", id, statusOf(store, state));
    await thawed(state.cgroup?.directories ?? []);
  } finally {
    lock.release();
  }
}
