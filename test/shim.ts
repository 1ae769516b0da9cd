/** The ground of the tests of the shim: a containerd of the test's own, a task in it, and nothing left of it afterwards. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Containerd } from "./containerd.ts";
import { RELEASES } from "./engine.ts";
import type { Release } from "./engine.ts";
import { RUN_NAME, needs } from "./harness.ts";
import type { Ground, Suite } from "./harness.ts";
import type { Result } from "./runtime.ts";
import { findStrays, removeStray } from "./strays.ts";

/** A shim that was started for a container that never came ends after half a minute. */
const PATIENCE_MILLIS = 90_000;
const SOCKETS = "/run/containerd/s";
const MOST_IDS = 300;
const SHARED_GROUPS: readonly string[] = ["@shared", "@shared-1", "@shared-2"];

/** A task that may be begun. */
export interface Task {
  readonly containerd: Containerd;
  readonly rootfs: readonly string[];
  readonly id: string;
}

type Body = (t: Ground, task: Task) => Promise<void>;

interface Surroundings {
  /** The options of a tmpfs for what containerd and shims keep while they run. */
  readonly state?: string;
  /** Which containerd; all of them unless told. */
  readonly releases?: readonly Release[];
}

/** Adds tests with a containerd. */
export function underShim(suite: Suite): (title: string, body: Body, surroundings?: Surroundings) => void {
  return (title, body, { state, releases = RELEASES } = {}) => {
    for (const release of releases) {
      suite(`${release} containerd: ${title}`, async (t) => {
        needs("root");
        const folder = state === undefined ? undefined : mountTmpfs(join(t.folder, "tmpfs"), state);
        try {
          const { rootfs } = t.bundle();
          await Containerd.within(t, { state: folder, release }, async (containerd) => {
            await body(t, { containerd, rootfs: ["--rootfs", rootfs], id: t.id() });
            await until(() => containerd.leftovers().length === 0, () => `left: ${containerd.leftovers().join(" ")}`);
          });
        } finally {
          if (folder !== undefined) await unmount(folder);
        }
        await nothingStays(t);
      });
    }
  };
}

/** containerd's own cgroup, for its namespace, is no container's. */
async function nothingStays(t: Ground): Promise<void> {
  const remaining = (): string[] => {
    for (const stray of findStrays(RUN_NAME)) if (stray.kind === "cgroup" && stray.what.endsWith(RUN_NAME)) removeStray(stray);
    return left(t);
  };
  await until(() => remaining().length === 0, () => `left: ${remaining().join(", ")}`);
  await until(() => sockets(t).length === 0, () => `left: the socket of ${sockets(t).join(" and ")}`);
}

/** A file system of the test's own, which it unmounts again. */
export function mountTmpfs(folder: string, options: string): string {
  fs.mkdirSync(folder);
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { encoding: "utf8" });
  assert.is(status, 0, stderr);
  return folder;
}

/** A shim that ends has its log open there for a moment. */
export function unmount(folder: string): Promise<void> {
  let words = "";
  const tried = (): boolean => {
    const { status, stderr } = spawnSync("umount", [folder], { encoding: "utf8" });
    words = stderr;
    return status === 0;
  };
  return until(tried, () => words);
}

/** Whether a process sleeps. */
export function stopped(pid: number): boolean {
  return /^State:\s+S/m.test(readOr(`/proc/${pid}/status`));
}

/** The groups whose sockets are there; a socket bears the hash of its group's name. */
function sockets(t: Ground): string[] {
  const address = join(t.folder, "containerd/socket");
  const ids = Array.from({ length: MOST_IDS }, (_, n) => `${RUN_NAME}-${n}`);
  return [...ids, ...SHARED_GROUPS, `${RUN_NAME}-pod`].filter((group) => {
    const name = createHash("sha256").update(join(address, RUN_NAME, group)).digest("hex");
    return fs.existsSync(join(SOCKETS, name));
  });
}

/** What is left of this run outside of the test's folder. */
export function left(t: Pick<Ground, "folder">): string[] {
  return findStrays(RUN_NAME)
    .filter(({ kind, what }) => kind !== "file" || what !== t.folder)
    .map(({ kind, what }) => `${kind} ${what}`);
}

export async function until(condition: () => boolean | Promise<boolean>, words: () => string): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MILLIS; !(await condition()); ) {
    if (performance.now() > deadline) throw new Error(words());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** "RUNNING" and the like; empty where there is no task. */
export async function statusOf({ containerd, id }: Task): Promise<string> {
  const { stdout } = await containerd.ctr(["tasks", "ls"]);
  return new RegExp(`^${id} +\\d+ +(\\w+)`, "m").exec(stdout)?.[1] ?? "";
}

/** The pid of its init. */
export async function pidOf({ containerd, id }: Task): Promise<number> {
  const { stdout } = await containerd.ctr(["tasks", "ls"]);
  return Number(new RegExp(`^${id} +(\\d+)`, "m").exec(stdout)?.[1] ?? "0");
}

export async function begin(task: Task, args: readonly string[], options: readonly string[] = []): Promise<void> {
  const { status, stderr } = await task.containerd.run(["--detach", ...options, ...task.rootfs, task.id, ...args]);
  assert.is(status, 0, stderr);
}

/** Kills it, waits for its end, and removes it with its container. */
export async function remove(task: Task): Promise<void> {
  await task.containerd.ctr(["tasks", "kill", "--signal", "KILL", task.id]);
  await until(async () => (await statusOf(task)) !== "RUNNING", () => `${task.id} runs on`);
  await task.containerd.ctr(["tasks", "delete", task.id]);
  const { status, stderr } = await task.containerd.ctr(["containers", "rm", task.id]);
  assert.is(status, 0, stderr);
}

/** The pids of the shims of this run that were started for this container. */
export function shims(id: string): number[] {
  return fs.readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    const words = readOr(`/proc/${pid}/cmdline`).split("\0");
    return words.at(-2) === "start" && words.includes(RUN_NAME) && words.includes(id) ? [Number(pid)] : [];
  });
}

export function readOr(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export function exec(task: Task, name: string, command: readonly string[]): Promise<Result> {
  return task.containerd.ctr(["tasks", "exec", "--exec-id", name, task.id, ...command]);
}
