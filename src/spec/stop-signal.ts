/** The signal that a container's image wants to be ended with (config.md#annotations). */

import { parseSignal, SIGTERM } from "../linux/signals.ts";

export const STOP_SIGNAL = "org.opencontainers.image.stopSignal";

/** Returns SIGTERM where the annotations name no signal, or one that does not exist: they are no reason to let something live. */
export function stopSignal(annotations: Readonly<Record<string, string>> | undefined): number {
  const name = annotations?.[STOP_SIGNAL];
  if (name === undefined) return SIGTERM;
  try {
    // 0 would ask only whether the process exists.
    return parseSignal(name) || SIGTERM;
  } catch {
    return SIGTERM;
  }
}
