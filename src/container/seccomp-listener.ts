/** Sends the seccomp listener to who asked for it (config-linux.md#seccomp, listenerPath). */

import { InitError } from "../errors.ts";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { listenerMessage } from "../seccomp/listener.ts";
import type { Seccomp } from "../spec/config.ts";
import type { State } from "../spec/state.ts";

/** One message on a connection of its own, which is closed afterwards. */
export async function sendListener(facts: {
  readonly listener: number;
  readonly pid: number;
  readonly state: State;
  readonly seccomp: Seccomp | undefined;
}): Promise<void> {
  const { listener, pid, state, seccomp } = facts;
  const path = seccomp?.listenerPath;
  if (path === undefined) throw new InitError("cannot send the seccomp listener: there is no listenerPath");
  const socket = native().connectUnix(path);
  try {
    const bytes = listenerMessage({ pid, state, metadata: seccomp?.listenerMetadata });
    // Descriptors go with the first call; what did not fit into it follows.
    for (let at = native().send(socket, bytes, [listener]); at < bytes.length; ) at += native().send(socket, bytes.subarray(at));
  } finally {
    closeSync(socket);
  }
}
