/** Configs with much in them, for tests that want as many kinds of steps as can be. */

import { execFileSync } from "node:child_process";
import type { Bundle, BundleConfig } from "./bundle.ts";
import type { Ground } from "./harness.ts";

const HOOK = { path: "/bin/sh", args: ["sh", "-c", "cat > /dev/null"] };

/** As many kinds of steps as one container can have without somebody to talk to. */
export function everything(config: BundleConfig): void {
  config["domainname"] = "example.org";
  config.process.cwd = "/new/place";
  Object.assign(config.process, {
    user: { uid: 1000, gid: 1000, additionalGids: [5], umask: 0o77 },
    rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }],
    oomScoreAdj: 500,
    scheduler: { policy: "SCHED_BATCH", nice: 3, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
    ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
  });
  config.process["capabilities"] = Object.fromEntries(
    ["bounding", "permitted", "effective", "inheritable", "ambient"].map((set) => [set, ["CAP_KILL", "CAP_CHOWN"]]),
  );
  config.root.readonly = false;
  config.mounts.push(
    { destination: "/etc", type: "tmpfs", options: ["tmpcopyup", "rro"] },
    { destination: "/mnt/bound", source: "/usr/share", options: ["rbind", "ro", "rprivate"] },
    { destination: "/mnt/file", source: "/etc/hostname", options: ["bind"] },
    { destination: "/mnt/file", source: "/etc/hostname", options: ["bind", "remount", "nosuid"] },
    { destination: "/mnt/old", type: "tmpfs", options: [`size=1k,mode=${"0".repeat(300)}755`] },
  );
  config.hooks = Object.fromEntries(["createRuntime", "createContainer", "poststart"].map((point) => [point, [HOOK]]));
  config.hooks["startContainer"] = [{ path: "/bin/true" }];
  config.linux["devices"] = [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }, { path: "/run/fifo", type: "p" }];
  config.linux["memoryPolicy"] = { mode: "MPOL_PREFERRED", nodes: "0" };
  config.linux["personality"] = { domain: "LINUX32" };
  config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
  config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["chroot"], action: "SCMP_ACT_ERRNO" }] };
}

/** A bundle whose container has a user namespace, in which the root file system's owner is root. */
export function withUserNamespace(t: Ground, change?: (config: BundleConfig) => void): Bundle {
  const bundle = t.bundle((config) => {
    change?.(config);
    config.linux.namespaces.push({ type: "user" });
    const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    Object.assign(config.linux, { uidMappings: map, gidMappings: map });
  });
  execFileSync("chown", ["-R", "100000:100000", bundle.rootfs]);
  return bundle;
}
