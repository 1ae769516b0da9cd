/** Builds the message to the seccomp listener: the container process state (config-linux.md#containerprocessstate). */

import { OCI_VERSION } from "../spec/default-config.ts";
import type { State } from "../spec/state.ts";

export interface ContainerProcessState {
  readonly ociVersion: string;
  /** Names of the descriptors that come with the first message, in their order. */
  readonly fds: readonly string[];
  /** The process that the filter is on, as the runtime sees it. */
  readonly pid: number;
  /** `linux.seccomp.listenerMetadata`, as it is. */
  readonly metadata?: string;
  readonly state: State;
}

export interface ProcessFacts {
  readonly pid: number;
  readonly state: State;
  readonly metadata?: string | undefined;
}

/** Returns the state that goes with the notification descriptor, and with that alone. */
export function containerProcessState({ pid, state, metadata }: ProcessFacts): ContainerProcessState {
  return {
    ociVersion: OCI_VERSION,
    fds: ["seccompFd"],
    pid,
    ...(metadata === undefined || metadata === "" ? {} : { metadata }),
    state,
  };
}

/**
 * Returns the bytes for one connection, which is closed after them: that is the end of the document.
 *
 * The descriptor goes with the first sendmsg(2) only, however many the bytes need.
 */
export function listenerMessage(facts: ProcessFacts): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(containerProcessState(facts)));
}
