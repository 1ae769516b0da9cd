/** Reads the keys of `linux.sysctl`, which may have dots or slashes between their parts (sysctl(8)). */

/**
 * Returns the parts of the file's path below /proc/sys, undefined for a key that is none.
 *
 * The first separator decides: after it, the other one stands for itself, as in `net.ipv4.conf.eth0/100.forwarding`.
 * No part can climb: the key comes from a config and is written to the host's /proc.
 */
export function sysctlParts(key: string): string[] | undefined {
  const first = /[./]/.exec(key)?.[0];
  if (first === undefined) return undefined;
  const parts = first === "/" ? key.split("/") : key.split(".").map((part) => part.replaceAll("/", "."));
  return parts.every((part) => part !== "" && part !== "." && part !== "..") ? parts : undefined;
}
