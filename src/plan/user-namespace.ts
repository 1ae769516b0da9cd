/** Root of a user namespace: the host's root has no name there, and what he makes belongs to nobody. */

import { joinedPath } from "./context.ts";
import type { ProcessContext } from "./context.ts";
import { init } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

/** Nothing where there is no root, or no user namespace. */
export function becomeRoot(context: ProcessContext): Step[] {
  if (!context.hasUserNamespace) return [];
  const ops: InitOp[] = [];
  if (mapsRoot(context, "gidMappings")) ops.push({ op: "setresgid", gid: 0 });
  if (mapsRoot(context, "uidMappings")) ops.push({ op: "setresuid", uid: 0 });
  return init(ops, { at: "/linux/uidMappings", what: "become root of the user namespace" });
}

/** A joined user namespace has a root of its own making; that of a new one is known. */
export function mapsRoot(context: ProcessContext, field: "uidMappings" | "gidMappings"): boolean {
  if (joinedPath(context, "user") !== undefined) return true;
  return (context.config.linux?.[field] ?? []).some(({ containerID, size }) => containerID === 0 && size > 0);
}
