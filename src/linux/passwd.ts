/** Reads the text of /etc/passwd (passwd(5)); a container's is untrusted, so nothing in it may be more than text. */

/** Returns the home directory of the first entry with the user id, undefined if there is none or it is empty. */
export function findHome(passwd: string, uid: number): string | undefined {
  const wanted = String(uid);
  for (const line of passwd.split("\n")) {
    const [, , id, , , home] = line.split(":");
    if (id === wanted) return home === "" ? undefined : home;
  }
  return undefined;
}
