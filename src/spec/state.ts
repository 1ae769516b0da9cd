/** The state of a container as the specification has it: what hooks read, and the core of the `state` verb's answer. */

import { OCI_VERSION } from "./default-config.ts";

/** The specification's four, and `paused`, which all runtimes know (runtime.md#state). */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: Status;
  /** Absent where there is no process. */
  readonly pid?: number;
  /** An absolute path. */
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface StateFacts {
  readonly id: string;
  readonly status: Status;
  readonly pid?: number | undefined;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Returns the document with its keys in the order of runtime.md, without those that say nothing. */
export function stateDocument({ id, status, pid = 0, bundle, annotations = {} }: StateFacts): State {
  return {
    ociVersion: OCI_VERSION,
    id,
    status,
    ...(pid > 0 ? { pid } : {}),
    bundle,
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}
