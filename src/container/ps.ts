/** `ps`: the processes of a container. */

import { pidsOf } from "../cgroup/processes.ts";
import { statusOf } from "./status.ts";
import type { Store } from "./store.ts";

/** Pids as the host has them; none when the container has stopped. */
export function processesOf(store: Store, id: string): number[] {
  const state = store.load(id, "list the processes of");
  return statusOf(store, state) === "stopped" ? [] : pidsOf(state.cgroup?.directories ?? []);
}
