/** Reads the keys of `linux.sysctl`, which may have dots or slashes between their parts (sysctl(8)). */

/**
 * Returns the parts of the file's path below /proc/sys, undefined for a key that is none.
 *
 * The first separator decides: after it, the other one stands for itself, as in `net.ipv4.conf.eth0/100.forwarding`.
 * No part can climb: the key comes from a config and is written to the host's /proc.
 */
export function sysctlParts(key: string): string[] | undefined {
  const dot = key.indexOf(".");
  const slash = key.indexOf("/");
  if (dot === -1 && slash === -1) return undefined;
  const dotsFirst = slash === -1 || (dot !== -1 && dot < slash);
  const parts = key.split(dotsFirst ? "." : "/");
  for (let i = 0; i < parts.length; i++) {
    const part = dotsFirst && slash !== -1 ? (parts[i] ?? "").replaceAll("/", ".") : (parts[i] ?? "");
    if (part === "" || part === "." || part === "..") return undefined;
    parts[i] = part;
  }
  return parts;
}
