/** A user namespace that exists only for its maps: an idmapped mount takes them from there (mount_setattr(2)). */

import { CLONE_NEWUSER } from "../linux/clone-flags.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync, openSync, writeFileSync } from "../native/files.ts";
import { installedFile, native } from "../native/native.ts";
import { forget, ready } from "../native/waiter.ts";
import { encodePlan } from "../plan/encode.ts";
import { init } from "../plan/step.ts";

/** Returns a descriptor of the namespace, which keeps it in existence. */
export async function openIdmap({ uid, gid }: { readonly uid: string; readonly gid: string }): Promise<number> {
  const opened: number[] = [];
  try {
    const program = native().sealedCopy("tsrun-init", installedFile("tsrun-init"));
    opened.push(program);
    // A process to hold the namespace: it waits at a gate, and ends when it is let go.
    const plan = native().sealedMemfd("plan", encodePlan(init([{ op: "gate", name: "idmap", count: 0 }]), []));
    opened.push(plan);
    const [ours, theirs] = native().socketpair();
    opened.push(ours, theirs);
    const fds = [-1, -1, -1, plan, theirs];
    const { pid, pidfd } = native().spawn({ executable: program, argv: ["tsrun-init", "3"], env: [], fds, flags: CLONE_NEWUSER });
    try {
      writeFileSync(`/proc/${pid}/uid_map`, uid);
      writeFileSync(`/proc/${pid}/gid_map`, gid);
      return openSync(`/proc/${pid}/ns/user`);
    } finally {
      native().pidfdSendSignal(pidfd, SIGKILL);
      await ready(pidfd);
      native().waitPidfd(pidfd);
      forget(pidfd);
      closeSync(pidfd);
    }
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
