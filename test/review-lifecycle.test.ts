/** What a container must survive: cgroups that are gone, and errors that must not hide one another. */

import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";
import type { BundleConfig } from "./bundle.ts";
import type { Ground } from "./harness.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("review/lifecycle");

async function pidOf(t: Ground, id: string): Promise<number> {
  return (JSON.parse((await t.runtime(["state", id])).stdout) as { pid: number }).pid;
}

/** Ends the container's process and waits until it is gone. */
async function kill(t: Ground, id: string): Promise<void> {
  const pid = await pidOf(t, id);
  await t.runtime(["kill", id, "KILL"]);
  while (fs.existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const ownPids of [true, false]) {
  test(`delete is content with cgroups that somebody removed, ${ownPids ? "with" : "without"} a pid namespace`, async (t) => {
    needs("root");
    const id = t.id();
    const bundle = t.bundle(({ linux }) => {
      if (!ownPids) linux.namespaces = linux.namespaces.filter(({ type }) => type !== "pid");
    });
    for (const options of [[], ["--force"]]) {
      assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
      await kill(t, id);
      const directories = execFileSync("find", ["/sys/fs/cgroup", "-depth", "-type", "d", "-name", id], { encoding: "utf8" });
      for (const directory of directories.trim().split("\n")) fs.rmdirSync(directory);
      const { status, stderr } = await t.runtime(["delete", ...options, id]);
      assert.equal([status, stderr], [0, ""]);
      assert.is((await t.runtime(["state", id])).status, 1);
    }
  });
}

test("delete --force of a state of another boot touches neither processes nor cgroups", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle(({ process }) => (process.args = ["/bin/sleep", "100"]));
  assert.is((await t.runtime(["run", "--detach", "--bundle", bundle.path, id])).status, 0);
  const path = join(t.stateRoot, id, "state.json");
  const now = fs.readFileSync(path, "utf8");
  const pid = await pidOf(t, id);
  // The same pid, start time and cgroup as a process and a container of this boot.
  const other = join(t.stateRoot, "other");
  fs.mkdirSync(other);
  fs.writeFileSync(join(other, "state.json"), JSON.stringify({ ...(JSON.parse(now) as object), id: "other", bootId: "another" }));
  assert.is((await t.runtime(["delete", "--force", "other"])).status, 0);
  assert.not.ok(fs.existsSync(other));
  assert.match(fs.readFileSync(`/proc/${pid}/status`, "utf8"), /^State:\s+S/m);
});

for (const [name, text] of Object.entries({
  empty: "",
  torn: '{"version":1,"id":"x',
  "no object": "null",
  "of another version": '{"version":2,"id":"damaged"}',
  "without most of it": '{"version":1,"id":"damaged"}',
})) {
  test(`a state file that is ${name} is an error in words, and delete --force removes it`, async (t) => {
    const folder = join(t.stateRoot, "damaged");
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(join(folder, "state.json"), text);
    for (const verb of ["state", "start", "kill", "delete"]) {
      const { status, stderr } = await t.runtime([verb, "damaged"]);
      assert.is(status, 1);
      assert.match(stderr, /^tsrun: cannot read the state of container "damaged": [^\n]+\n$/);
    }
    assert.match((await t.runtime(["list"])).stdout, /^ID /);
    assert.is((await t.runtime(["list", "--quiet"])).stdout, "damaged\n");
    assert.match((await t.runtime(["create", "--bundle", t.bundle().path, "damaged"])).stderr, /already exists/);
    assert.is((await t.runtime(["delete", "--force", "damaged"])).status, 0);
    assert.not.ok(fs.existsSync(folder));
  });
}

function mountsBelow(path: string): string[] {
  const points = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => point.startsWith(path));
}

/** The host's mount namespace: what is mounted in the root file system is mounted for all. */
function withoutMountNamespace({ linux, mounts, root }: BundleConfig): void {
  linux.namespaces = linux.namespaces.filter(({ type }) => type !== "mount");
  linux.maskedPaths = [];
  linux.readonlyPaths = [];
  root.readonly = true;
  mounts.push({ destination: "/tmp/mine", type: "tmpfs", source: "tmpfs" });
}

test("without a mount namespace the mounts of a container go with it", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    withoutMountNamespace(config);
    config.process.args = ["/bin/sh", "-c", "touch /bin/x 2>/dev/null || grep -c /tmp/mine /proc/mounts"];
  });
  const ran = await t.runtime(["run", "--bundle", bundle.path, id]);
  assert.equal([ran.status, ran.stdout.trim(), mountsBelow(bundle.path)], [0, "1", []]);
  for (const options of [[], ["--force"]]) {
    assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 0);
    assert.ok(mountsBelow(bundle.path).includes(`${bundle.rootfs}/proc`));
    if (options.length === 0) await kill(t, id);
    assert.is((await t.runtime(["delete", ...options, id])).status, 0);
    assert.equal(mountsBelow(bundle.path), []);
  }
});

test("without a mount namespace a create that fails leaves no mount", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    withoutMountNamespace(config);
    config.process.args = ["/no/such/program"];
  });
  assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 1);
  assert.equal([mountsBelow(bundle.path), t.leftovers(id)], [[], []]);
  fs.renameSync(bundle.rootfs, `${bundle.rootfs}-elsewhere`);
  assert.match((await t.runtime(["create", "--bundle", bundle.path, id])).stderr, /^tsrun: cannot open the root file system .*ENOENT/);
  assert.not.ok(fs.existsSync(join(t.stateRoot, id)));
});

test("without a mount namespace nothing is mounted on the host's own root", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    withoutMountNamespace(config);
    config.root.path = "/";
  });
  const before = mountsBelow("/");
  assert.match((await t.runtime(["create", "--bundle", bundle.path, id])).stderr, /it is the host's own root/);
  assert.equal(mountsBelow("/"), before);
});

test("a host without /proc is told in one line", (t) => {
  needs("root", "unshare");
  const script = `mount -t tmpfs none /proc && exec "$0" --root "$1" list`;
  const { status, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", script, RUNTIME, t.stateRoot], { encoding: "utf8" });
  assert.equal([status, stderr], [126, 'tsrun: cannot read "/proc/self/exe": procfs is not mounted on /proc\n']);
});

test("a state root without room is told in words, and keeps nothing", async (t) => {
  needs("root", "unshare");
  const bundle = t.bundle();
  fs.mkdirSync(t.stateRoot, { recursive: true });
  const script = `mount -t tmpfs -o nr_inodes=3 none "$1" && "$0" --root "$1" run --bundle "$2" "$3"; ls "$1"`;
  const command = ["--mount", "sh", "-c", script, RUNTIME, t.stateRoot, bundle.path, t.id()];
  const { stdout, stderr } = spawnSync("unshare", command, { encoding: "utf8" });
  assert.match(stderr, /^tsrun: cannot keep the config of container ".*": ENOSPC: /);
  assert.is(stdout, "");
});

test("run tells why the poststart hook failed, and leaves nothing", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    config.hooks = { poststart: [{ path: "/bin/sh", args: ["sh", "-c", "echo the reason; exit 9"] }] };
  });
  const { status, stderr } = await t.runtime(["run", "--bundle", bundle.path, id]);
  assert.is(status, 1);
  assert.is(stderr, 'tsrun: cannot run poststart hook #0 "/bin/sh": exit status 9: the reason\n');
  assert.equal(t.leftovers(id), []);
});

for (const [what, expected, change] of [
  ["of what cannot be executed", 255, ({ process }) => (process.args = ["/etc/passwd"])],
  ["whose poststart hook fails", 1, (config) => (config.hooks = { poststart: [{ path: "/bin/false" }] })],
] as [string, number, (config: BundleConfig) => unknown][]) {
  test(`run ${what} leaves no parents of its cgroup behind`, async (t) => {
    needs("root");
    const id = t.id();
    const bundle = t.bundle((config) => {
      config.linux.cgroupsPath = `/${id}-parent/below`;
      change(config);
    });
    fs.chmodSync(join(bundle.rootfs, "etc/passwd"), 0o755);
    const { status, stderr } = await t.runtime(["run", "--bundle", bundle.path, id]);
    assert.is(status, expected, stderr);
    assert.equal(t.leftovers(id), []);
  });
}

test("create that fails ends what its hooks have left in the container's cgroup, also without a pid namespace", async (t) => {
  needs("root");
  const id = t.id();
  const bundle = t.bundle((config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    config.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "sleep 100 >/dev/null 2>&1 & exit 1"] }] };
  });
  const { status, stderr } = await t.runtime(["create", "--bundle", bundle.path, id]);
  assert.is(status, 1);
  assert.match(stderr, /^tsrun: cannot run .*createContainer.* exit status 1 .*\n$/);
  assert.equal(t.leftovers(id), []);
});

for (const attempt of [1, 2, 3, 4, 5]) {
  test(`create that fails in init's second stage leaves no cgroup to the first one, ${attempt}`, async (t) => {
    needs("root");
    const id = t.id();
    const bundle = t.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.map((one) => (one.type === "pid" ? { type: "pid", path: "/proc/self/ns/pid" } : one));
      config.mounts.unshift({ destination: "/mnt", type: "nofs" });
    });
    assert.match((await t.runtime(["create", "--bundle", bundle.path, id])).stderr, "ENODEV");
    assert.equal(t.leftovers(id), []);
  });
}

test("create tells in words that the root file system is missing where its mount has to be found", async (t) => {
  needs("root");
  const bundle = t.bundle(({ root, linux }) => {
    root.path = "none";
    linux["rootfsPropagation"] = "shared";
  });
  const { status, stderr } = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
  assert.equal([status, stderr], [1, `tsrun: cannot open the root file system "${bundle.path}/none": ENOENT: no such file or directory\n`]);
});

test.run();
