/** The facts that planners ask for about the runtime itself. */

import type { ProcessHost } from "../host.ts";
import { isInitialUidMap } from "../linux/uid-map.ts";
import { readFileSync } from "../native/files.ts";

export function probeProcessHost(): ProcessHost {
  return {
    arch: process.arch,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    capabilities: once(readCapabilities),
    inUserNamespace: once(() => !isInitialUidMap(readFileSync("/proc/self/uid_map", "utf8"))),
  };
}

/** A fact that is found out when it is asked for, and once. */
export function once<T>(probe: () => T): () => T {
  let value: { readonly known: T } | undefined;
  return () => (value ??= { known: probe() }).known;
}

const BOUNDING = "\nCapBnd:\t";

/** What init may hold: the bounding set limits what an exec can gain, and the permitted set what is there now. */
function readCapabilities(): bigint {
  const status = readFileSync("/proc/self/status", "utf8");
  const found = status.indexOf(BOUNDING);
  if (found < 0) return 0n;
  const at = found + BOUNDING.length;
  return BigInt(`0x${status.slice(at, status.indexOf("\n", at))}`);
}
