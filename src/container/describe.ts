/** What `state` and `list` say about a container: the specification's fields, and runc's. */

import { stateDocument } from "../spec/state.ts";
import type { State } from "../spec/state.ts";
import { statusOf, statusOfSummary } from "./status.ts";
import type { Status } from "./status.ts";
import { parseState, parseSummary } from "./state.ts";
import type { StoredState, Summary } from "./state.ts";
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
  return description(state, statusOf(store, state));
}

/** The same for one of many: most of a state file is of no use for it. Undefined where there is no such container. */
export function describeBriefly(store: Store, id: string): Description | undefined {
  const text = store.tryRead(id);
  if (text === undefined) return undefined;
  const summary = parseSummary(text, id);
  const status = summary === undefined ? undefined : statusOfSummary(store, summary, text);
  if (summary !== undefined && status !== undefined) return description(summary, status);
  return describeContainer(store, parseState(text, id));
}

function description({ id, bundle, rootfs, created, owner, annotations, pid: stored }: Summary, status: Status): Description {
  const pid = status === "stopped" ? 0 : stored;
  const document = stateDocument({ id, status, pid, bundle });
  const more = annotations === undefined ? {} : { annotations };
  return { ociVersion: document.ociVersion, id, pid, status, bundle, rootfs, created, ...more, owner };
}
