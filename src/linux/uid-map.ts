/** /proc/PID/uid_map (user_namespaces(7)). */

/** Whether it is the map of the first user namespace, whose root is the host's: it maps all ids to themselves. */
export function isInitialUidMap(text: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(text);
}
