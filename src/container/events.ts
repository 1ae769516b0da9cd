/** `events`: a container's statistics again and again, and when the kernel kills for want of memory. */

import { closeSync } from "../native/files.ts";
import { EPOLLIN, forget, ready } from "../native/waiter.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { OomWatch } from "../cgroup/oom.ts";
import { StatusError } from "../errors.ts";
import { openInit } from "./processes.ts";
import { statisticsOf } from "./statistics.ts";
import { isAlive } from "./status.ts";
import type { Store } from "./store.ts";

/** As runc prints them, one in each line. */
export interface Event {
  readonly type: "stats" | "oom";
  readonly id: string;
  readonly data?: unknown;
}

export interface EventsOptions {
  readonly store: Store;
  readonly id: string;
}

/** The statistics of this moment. */
export function statsEvent({ store, id }: EventsOptions): Event {
  const state = store.load(id, "show the events of");
  if (!isAlive(state)) throw new StatusError(id, "stopped", `cannot show the events of container "${id}": container with id ${id} is not running`);
  return { type: "stats", id, data: statisticsOf(state.cgroup?.directories ?? []) };
}

/** Tells statistics every so often, and each kill at once with the cgroup that it hit; resolves when the container ends. */
export async function followEvents(
  { store, id, intervalMilliseconds }: EventsOptions & { readonly intervalMilliseconds: number },
  tell: (event: Event) => void,
): Promise<void> {
  const state = store.load(id, "show the events of");
  const init = openInit(state);
  if (init === undefined) throw new StatusError(id, "stopped", `cannot show the events of container "${id}": container with id ${id} is not running`);
  const directories = state.cgroup?.directories ?? [];
  const cgroup = pathOf(directories);
  const watch = new OomWatch(directories, () => tell({ type: "oom", id, ...(cgroup === undefined ? {} : { data: { cgroup } }) }));
  const timer = setInterval(() => tell({ type: "stats", id, data: statisticsOf(directories) }), intervalMilliseconds);
  try {
    await ready(init, EPOLLIN);
    watch.check();
  } finally {
    clearInterval(timer);
    watch.close();
    forget(init);
    closeSync(init);
  }
}

function pathOf(directories: readonly CgroupDirectory[]): string | undefined {
  return directories.find(({ version, controllers }) => version === 2 || controllers.includes("memory"))?.path;
}
