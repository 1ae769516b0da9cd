/** newuidmap(1) and newgidmap(1): they write maps that an ordinary user may have by /etc/subuid and /etc/subgid. */

import { SystemError, UnsupportedError } from "../errors.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { closeSync, existsSync, openSync, readSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { forget, ready } from "../native/waiter.ts";

/** Where a set-user-ID program is looked for: not where the caller's PATH leads. */
const FOLDERS: readonly string[] = ["/usr/bin", "/bin", "/usr/local/bin"];
const MOST_WORDS = 4096;

/** `uid` and `gid` are maps as in /proc/PID/uid_map, a line for each range. */
export async function callIdmapHelpers(pid: number, { uid, gid }: { readonly uid: string; readonly gid: string }): Promise<void> {
  await call("newuidmap", pid, { map: uid, grants: "/etc/subuid" });
  await call("newgidmap", pid, { map: gid, grants: "/etc/subgid" });
}

async function call(name: string, pid: number, { map, grants }: { readonly map: string; readonly grants: string }): Promise<void> {
  const file = FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
  if (file === undefined) {
    throw new UnsupportedError(`cannot map the container's ids: ${name} is not installed (Debian's package: uidmap), and without it an ordinary user can map his own id alone`);
  }
  const nothing = openSync("/dev/null", O_RDWR);
  const [output, theirs] = native().pipe();
  try {
    const argv = [name, `${pid}`, ...map.split(/\s+/).filter((word) => word !== "")];
    const { pidfd } = native().spawn({ file, argv, env: [], fds: [nothing, theirs, theirs] });
    await ready(pidfd);
    const end = native().waitPidfd(pidfd);
    forget(pidfd);
    closeSync(pidfd);
    if (end?.code === 0 && end.signal === 0) return;
    native().setNonblocking(output, true);
    throw new SystemError("map the container's ids", "EPERM", `${name}: ${wordsOf(output)}; ${grants} says which ids a user may map`);
  } finally {
    for (const fd of [nothing, output, theirs]) closeSync(fd);
  }
}

function wordsOf(fd: number): string {
  const buffer = new Uint8Array(MOST_WORDS);
  try {
    const words = new TextDecoder().decode(buffer.subarray(0, readSync(fd, buffer))).trim();
    return words.startsWith("new") ? words.slice(words.indexOf(":") + 1).trim() : words;
  } catch {
    return "it failed without a word";
  }
}
