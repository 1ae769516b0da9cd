/** What `state` and `list` say about a container: the specification's fields, and runc's. */

import { stateDocument } from "../spec/state.ts";
import type { State } from "../spec/state.ts";
import { statusOf } from "./status.ts";
import type { StoredState } from "./state.ts";
import type { Store } from "./store.ts";

export interface Description extends State {
  /** 0 when stopped. */
  readonly pid: number;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly owner: string;
}

export function describeContainer(store: Store, state: StoredState): Description {
  const { id, bundle, rootfs, created, owner, annotations } = state;
  const status = statusOf(store, state);
  const pid = status === "stopped" ? 0 : state.pid;
  const document = stateDocument({ id, status, pid, bundle });
  const more = annotations === undefined ? {} : { annotations };
  return { ociVersion: document.ociVersion, id, pid, status, bundle, rootfs, created, ...more, owner };
}
