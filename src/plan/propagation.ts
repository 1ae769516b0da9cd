/** linux.rootfsPropagation: what becomes of the mounts that the container begins with (config-linux.md#rootfs-mount-propagation). */

import { MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "../linux/mount-flags.ts";
import type { PlanContext } from "./context.ts";

/** The specification's words, and the recursive forms that runc accepts. */
export const PROPAGATION: Readonly<Record<string, number>> = {
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
};

export function isShared({ config }: PlanContext): boolean {
  return ((PROPAGATION[config.linux?.rootfsPropagation ?? ""] ?? 0) & MS_SHARED) !== 0;
}

/** What all mounts become in the container's namespace; its own must never reach the host unless they are asked to. */
export function cutOffPropagation({ config }: PlanContext): number {
  const asked = PROPAGATION[config.linux?.rootfsPropagation ?? ""] ?? MS_SLAVE;
  // What is unbindable cannot be copied: the root becomes so when it is the root.
  return (asked & MS_UNBINDABLE) !== 0 ? MS_PRIVATE : asked & ~MS_REC;
}

/**
 * The same for a mount that was copied in the host's namespace, one after the other: it would stay a peer of the host's, and
 * what root of a user namespace mounts below it would appear there. As with a namespace that is made for such a user, it
 * is made a slave at least (mount_namespaces(7)).
 */
export function sourcePropagation(context: PlanContext): readonly number[] {
  const propagation = cutOffPropagation(context);
  return propagation === MS_SHARED && context.hasUserNamespace ? [MS_SLAVE, MS_SHARED] : [propagation];
}
