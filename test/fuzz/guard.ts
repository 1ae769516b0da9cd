/**
 * Takes from a config what could reach the machine in spite of the sandbox (enter.sh): what the kernel has only once.
 *
 * - Hooks run as root outside of the container, so their programs are from a fixed set.
 * - A sysctl that is not a namespace's is given the value that it has, so that it does no harm should tsrun write it.
 * - A file system of which all mounts are one (devtmpfs is the host's own /dev) is replaced by a tmpfs.
 */

import * as fs from "node:fs";
import { basename } from "node:path";
import { isObject, objectsIn } from "./tree.ts";
import type { Json } from "./tree.ts";

const HOOKS: ReadonlySet<string> = new Set([...["true", "false", "cat", "sleep", "touch", "script", "lost", "text", "none"].map((name) => `/hooks/${name}`), "/hooks", "", "true", "hooks/true"]);
const POINTS: readonly string[] = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/** Each mount of these is a file system of its own, or belongs to a namespace; the rest of what the kernel has does not. */
const OWN_FILE_SYSTEMS: ReadonlySet<string> = new Set(["tmpfs", "ramfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay"]);
const OWN_SYSCTLS = /^(net\/|fs\/mqueue\/|kernel\/(shm\w+|msg\w+|sem|sem_next_id|auto_msgmni|hostname|domainname)$)/;

/** Changes a config in place; returns whether it had to. */
export function guard(config: Json): boolean {
  if (!isObject(config)) return false;
  const before = JSON.stringify(config);
  guardHooks(config["hooks"]);
  guardMounts(config);
  const linux = config["linux"];
  if (isObject(linux)) guardSysctls(linux["sysctl"]);
  return JSON.stringify(config) !== before;
}

function guardHooks(hooks: Json | undefined): void {
  for (const point of POINTS) {
    for (const hook of objectsIn(hooks, point)) {
      const { path, args } = hook;
      // Busybox does what its name says, and the name is the first argument.
      if (typeof path === "string" && !HOOKS.has(path)) hook["path"] = "/hooks/true";
      const name = basename(String(hook["path"]));
      if (Array.isArray(args) && args.length > 0 && typeof args[0] === "string") args[0] = name;
      if (name === "sleep") Object.assign(hook, { args: ["sleep", "30"], timeout: 1 });
    }
  }
}

function guardMounts(config: Json): void {
  const known = fs.readFileSync("/proc/filesystems", "utf8").split("\n").map((line) => line.split("\t")[1] ?? "");
  for (const mount of objectsIn(config, "mounts")) {
    const type = mount["type"];
    if (typeof type !== "string") continue;
    // With a subtype after a dot, it is the part before it that the kernel looks for.
    const [main = ""] = type.split(/[.\0]/);
    if (known.includes(main) && !OWN_FILE_SYSTEMS.has(main)) mount["type"] = "tmpfs";
  }
}

function guardSysctls(sysctl: Json | undefined): void {
  if (!isObject(sysctl)) return;
  for (const key of Object.keys(sysctl)) {
    for (const path of new Set([key, key.replaceAll(".", "/"), key.replace(/[./]/g, (c) => (c === "." ? "/" : "."))])) {
      const current = currentValue(path);
      if (current !== undefined) sysctl[key] = current;
    }
  }
}

/** The value of what is the machine's own; undefined for a namespace's, and for what is not there. */
function currentValue(path: string): string | undefined {
  if (path.includes("\0")) return undefined;
  try {
    const real = fs.realpathSync(`/proc/sys/${path}`);
    if (!real.startsWith("/proc/sys/") || OWN_SYSCTLS.test(real.slice("/proc/sys/".length))) return undefined;
    return fs.readFileSync(real, "utf8").trim();
  } catch {
    return undefined;
  }
}
