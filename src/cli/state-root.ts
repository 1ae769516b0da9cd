/** Where the states are when nobody says. */

import { isInitialUidMap } from "../linux/uid-map.ts";

/** Whoever is root has them there. */
export const SYSTEM_STATE_ROOT = "/run/tsrun";

/** Who asks. */
export interface Caller {
  /** The effective user id. */
  readonly uid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The content of /proc/self/uid_map, which is read only where it matters (user_namespaces(7)). */
  uidMap(): string;
}

/**
 * Below XDG_RUNTIME_DIR for an ordinary user, also when he is root of a user namespace of his own: so engines call us that
 * work without root's rights. Whoever became root in some other way mostly has USER=root, and takes part in /run.
 */
export function defaultStateRoot({ uid, environment, uidMap }: Caller): string {
  const directory = environment["XDG_RUNTIME_DIR"];
  if (directory === undefined || directory === "") return SYSTEM_STATE_ROOT;
  const isOrdinary = uid !== 0 || (environment["USER"] !== "root" && !isInitialUidMap(uidMap()));
  return isOrdinary ? `${directory}/tsrun` : SYSTEM_STATE_ROOT;
}
