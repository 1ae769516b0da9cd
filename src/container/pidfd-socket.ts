/** `--pidfd-socket`: a process's pidfd for who called, whatever becomes of its number. */

import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { inWords } from "./store.ts";

/** The message that the descriptor comes with, as runc has it: of a container's own process, or of a further one. */
export type PidfdMessage = "standard" | "setns";

export function sendPidfd(path: string, pidfd: number, message: PidfdMessage): void {
  let socket: number | undefined;
  try {
    socket = native().connectUnix(path);
    native().send(socket, new TextEncoder().encode(message), [pidfd]);
  } catch (error) {
    throw inWords(`send the pidfd to "${path}"`, error);
  } finally {
    if (socket !== undefined) closeSync(socket);
  }
}
