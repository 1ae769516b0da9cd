/** To whom a container's cgroup belongs (config-linux.md#cgroup-ownership). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import { isV2, onlyOnV2, placesOf } from "./cgroups.ts";
import { Container, created, inside, read, silent } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("cgroup ownership");

const BASE = 100_000;
const LIST = "/sys/kernel/cgroup/delegate";

/** A container with a cgroup namespace and a cgroup file system that it may write to. */
function writable(config: BundleConfig): void {
  if (!config.linux.namespaces.some(({ type }) => type === "cgroup")) config.linux.namespaces.push({ type: "cgroup" });
  config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
  config.mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime"] });
}

function delegated(config: BundleConfig): void {
  writable(config);
  config.linux.namespaces.push({ type: "user" });
  config.linux["uidMappings"] = config.linux["gidMappings"] = [{ containerID: 0, hostID: BASE, size: 65_536 }];
}

/** The owners of the cgroup, which is "", and of its files. */
async function owners(container: Container): Promise<[name: string, uid: number][]> {
  const [place] = (await placesOf(container)).slice(-1);
  const folder = place?.folder ?? "nowhere";
  return ["", ...fs.readdirSync(folder)].map((name): [string, number] => [name, fs.statSync(join(folder, name)).uid]);
}

async function ownerStays(container: Container): Promise<void> {
  for (const [name, uid] of await owners(container)) assert.is(uid, 0, name);
}

test("CO-01 CO-05 CO-07 the user gets the cgroup, and the files that the kernel lists, no others", async (t) => {
  onlyOnV2();
  const listed = read(LIST).trim().split("\n");
  for (const [name, uid] of await owners(await created(t, delegated))) assert.is(uid, name === "" || listed.includes(name) ? BASE : 0, name);
});

test("CO-01 CO-04 the container can divide its cgroup", async (t) => {
  onlyOnV2();
  const text = "cd /sys/fs/cgroup && mkdir sub && echo 0 > sub/cgroup.procs && cat /proc/self/cgroup && echo 0 > cgroup.procs && rmdir sub";
  assert.is(await inside(t, text, delegated), "0::/sub\n");
});

test("CO-01 without a user namespace the cgroup is process.user's", async (t) => {
  onlyOnV2();
  const container = await created(t, (config) => {
    writable(config);
    config.process.user = { uid: 1234, gid: 1234 };
  });
  assert.is(new Map(await owners(container)).get("cgroup.procs"), 1234);
});

/** A shell that covers the kernel's list and becomes the runtime. */
const WITHOUT_LIST = 'mount -t tmpfs none /sys/kernel/cgroup && exec "$0" "$@"';

test("CO-06 where the kernel has no list the user gets three files", async (t) => {
  onlyOnV2();
  // With a user namespace the kernel wants to see all of a sysfs before it makes a new one.
  const bundle = t.bundle((config) => {
    writable(config);
    config.process.user = { uid: 1234, gid: 1234 };
  });
  const id = t.id();
  const command = ["/bin/sh", "-c", WITHOUT_LIST, RUNTIME, "--root", t.stateRoot, "create", "--bundle", bundle.path, id];
  silent(await runRuntime(["--mount", "--propagation", "private", ...command], { folder: t.folder, program: "unshare" }));
  const three = ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
  for (const [name, uid] of await owners(new Container(t, bundle, id))) assert.is(uid, three.includes(name) ? 1234 : 0, name);
});

test("CO-02 on cgroup v1 the owner stays", async (t) => {
  if (isV2()) skip("this host has cgroup v2");
  await ownerStays(await created(t, delegated));
});

test("CO-03 without a cgroup namespace of its own the owner stays", async (t) => {
  onlyOnV2();
  await ownerStays(await created(t, (config) => {
    delegated(config);
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
  }));
});

test("CO-04 with a cgroup file system that it may only read the owner stays", async (t) => {
  onlyOnV2();
  await ownerStays(await created(t, (config) => {
    delegated(config);
    for (const mount of config.mounts) if (mount.type === "cgroup") mount.options?.push("ro");
  }));
});

test.run();
