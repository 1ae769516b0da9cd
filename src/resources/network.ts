/** The marks of a container's packets as files of cgroup v1; v2 has none (config-linux.md#network). */

import type { Network } from "../spec/config.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources/network";

/** The net_cls controller's file (cgroup-v1/net_cls.rst). A class of 0 is what a container has that gets none. */
export function netCls({ classID }: Network, version: 1 | 2): Limits {
  const limits = new Limits("net_cls", version, POINTER);
  if (classID === undefined) return limits;
  if (version === 1 && classID === 0) limits.writeOptional("classID", "net_cls.classid", "0");
  else if (version === 1) limits.write("classID", "net_cls.classid", `${classID}`);
  else if (classID !== 0) limits.refuseOnV2("classID");
  return limits;
}

/** The net_prio controller's file (cgroup-v1/net_prio.rst): interfaces of the writer's, the runtime's, namespace. */
export function netPrio({ priorities = [] }: Network, version: 1 | 2): Limits {
  const limits = new Limits("net_prio", version, POINTER);
  if (version === 2 && priorities.length > 0) limits.refuseOnV2("priorities");
  for (let i = 0; version === 1 && i < priorities.length; i++) {
    const entry = priorities[i];
    if (entry !== undefined) limits.write(`priorities/${i}`, "net_prio.ifpriomap", `${entry.name} ${entry.priority}`);
  }
  return limits;
}
