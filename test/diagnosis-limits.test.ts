/** Where a limit or a rule of the kernel stops a container from being made, the error names it, and whose it is. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "./bundle.ts";
import { needs, skip, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { withUserNamespace } from "./rich-configs.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("diagnosis of limits");

/** Creates a container, and returns the error without line and column. */
async function refusal(t: Ground, change: (config: BundleConfig) => void, id = t.id()): Promise<string> {
  const { status, stderr } = await t.runtime(["create", "--bundle", t.bundle(change).path, id]);
  assert.is(status, 1, stderr);
  assert.equal(t.leftovers(id), []);
  return stderr.replace(/config\.json:\d+:\d+/g, "config.json");
}

const HOOK = { createContainer: [{ path: "/bin/true" }] };

test("create names the memory limit that was too low for init", async (t) => {
  needs("root");
  const message = await refusal(t, ({ linux }) => (linux.resources = { memory: { limit: 65536 } }));
  assert.is(
    message,
    "tsrun: cannot create the container: its init is gone before it was done: it died of SIGKILL; " +
      "the memory limit of 65536 bytes was hit (config.json /linux/resources/memory/limit)\n",
  );
});

test("create names the memory limit that was too low for init, and does not wait for more, where the container is to be without the OOM killer", async (t) => {
  needs("root");
  if (!fs.existsSync("/sys/fs/cgroup/memory/tasks")) skip("it needs the memory controller of v1");
  const message = await refusal(t, ({ linux }) => (linux.resources = { memory: { limit: 65536, disableOOMKiller: true } }));
  assert.match(message, "it died of SIGKILL; the memory limit of 65536 bytes was hit (config.json /linux/resources/memory/limit)\n");
});

test("create names the limit of processes that leaves no room for a hook", async (t) => {
  needs("root");
  const message = await refusal(t, (config) => {
    config.hooks = HOOK;
    config.linux.resources = { pids: { limit: 1 } };
  });
  assert.match(message, "EAGAIN: resource temporarily unavailable (config.json /hooks/createContainer/0); the limit of 1 processes was hit (config.json /linux/resources/pids/limit)");
});

test("create names the cgroup above whose limit of processes it is", async (t) => {
  needs("root");
  const id = t.id();
  const parent = join("/sys/fs/cgroup/pids", `${id}-parent`);
  if (!fs.existsSync("/sys/fs/cgroup/pids/tasks")) skip("it needs the pids controller of v1");
  fs.mkdirSync(parent);
  try {
    fs.writeFileSync(join(parent, "pids.max"), "1");
    const change = (config: BundleConfig): void => {
      config.hooks = HOOK;
      config.linux.cgroupsPath = `/${id}-parent/below`;
    };
    const { status, stderr } = await t.runtime(["create", "--bundle", t.bundle(change).path, id]);
    assert.is(status, 1);
    assert.match(stderr, `; the limit of 1 processes of the cgroup above, "${parent}", was hit\n`);
  } finally {
    fs.rmdirSync(parent);
  }
});

test("run needs no memory of the container's own but its program's", async (t) => {
  needs("root");
  // No more than the program itself takes, and less than any JavaScript engine.
  const bundle = t.bundle(({ linux }) => (linux.resources = { memory: { limit: 2 * 1024 * 1024 } }));
  const { status, stderr } = await t.runtime(["run", "--bundle", bundle.path, t.id()]);
  assert.equal([status, stderr], [0, ""]);
});

test("run says beside the exit status that the memory limit was hit, and nothing where it was not", async (t) => {
  needs("root");
  const run = async (args: string[]): Promise<[number | undefined, string]> => {
    const bundle = t.bundle((config) => {
      config.process.args = args;
      config.linux.resources = { memory: { limit: 16 * 1024 * 1024 } };
    });
    const id = t.id();
    const { status, stderr } = await t.runtime(["run", "--bundle", bundle.path, id]);
    return [status, stderr.replaceAll(id, "ID")];
  };
  const greedy = ["/bin/dd", "if=/dev/zero", "of=/dev/shm/file", "bs=1M", "count=60"];
  assert.equal(await run(greedy), [137, 'tsrun: warning: container "ID" was killed: the memory limit of 16777216 bytes was hit\n']);
  assert.equal(await run(["/bin/sh", "-c", "exit 137"]), [137, ""]);
});

for (const [type, file] of [["network", "net"], ["user", "user"]] as const) {
  test(`create names the limit of ${type} namespaces`, (t) => {
    needs("root", "unshare");
    const bundle = t.bundle(({ linux }) => {
      // In a user namespace nobody may restrict devices.
      linux.resources = { devices: [{ allow: true, access: "rwm" }] };
      if (type === "user") linux.namespaces.push({ type });
      Object.assign(linux, type === "user" ? { uidMappings: [MAPPING], gidMappings: [MAPPING] } : {});
    });
    // The limits of a user namespace of its own, which leaves the machine's alone.
    const script = `if [ -e ${DEVICES} ]; then mount -t tmpfs none ${DEVICES}; fi; echo 0 > /proc/sys/user/max_${file}_namespaces && exec "$0" --root "$1" create --bundle "$2" "$3"`;
    const command = ["--mount", "--user", "--map-root-user", "sh", "-c", script, RUNTIME, t.stateRoot, bundle.path, t.id()];
    const { status, stderr } = spawnSync("unshare", command, { encoding: "utf8" });
    assert.is(status, 1, stderr);
    assert.match(stderr, new RegExp(`ENOSPC: no space left on device.*; there are as many namespaces as allowed: .*user\\.max_${file}_namespaces is 0`));
  });
}

test("create tells why a user namespace without a pid namespace gets no /proc", async (t) => {
  needs("root");
  const bundle = withUserNamespace(t, ({ linux }) => (linux.namespaces = linux.namespaces.filter(({ type }) => type !== "pid")));
  const { status, stderr } = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
  assert.is(status, 1);
  assert.match(stderr, /cannot mount "proc" on "\/proc": fsconfig_create: EPERM: .*; a user namespace gets a procfs only with a pid namespace of its own/);
});

test("create tells whose files the root file system's are where a place to mount on cannot be made", async (t) => {
  needs("root");
  const bundle = withUserNamespace(t, ({ mounts }) => void mounts.push({ destination: "/new/place", type: "tmpfs" }));
  spawnSync("chown", ["-R", "0:0", bundle.rootfs]);
  const { status, stderr } = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
  assert.is(status, 1);
  assert.match(stderr, /cannot mount "tmpfs" on "\/new\/place": open_target: EACCES: .*; .*does the root file system belong to the ids that it is mapped to\?/);
});

const DEVICES = "/sys/fs/cgroup/devices";
const MAPPING = { containerID: 0, hostID: 0, size: 1 };

test.run();
