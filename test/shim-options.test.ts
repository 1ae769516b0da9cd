/** The runtime's options under containerd, as a file of TOML names them: each does what it says, or is refused. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { RUN_NAME, suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { begin, pidOf, readOr, remove, shims, underShim, until } from "./shim.ts";

const options = suite("shim-options");
const withShim = underShim(options);

/** What `ctr run` is to be given for these. */
function optionsFile(t: Ground, toml: string): string[] {
  const path = join(t.folder, "options.toml");
  fs.writeFileSync(path, toml);
  return ["--runtime-config-path", path];
}

/** The folders of a new cgroup, one where there is v2 and one of v1's memory hierarchy. */
function makeCgroup(name: string): string[] {
  const places = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory"].filter((place) => fs.existsSync(join(place, "cgroup.procs")));
  return places.map((place) => {
    const path = join(place, name);
    fs.mkdirSync(path);
    return path;
  });
}

withShim("ShimCgroup moves the shim, not the container; without such a cgroup nothing is started", async (t, task) => {
  const name = `${RUN_NAME}-shims`;
  const given = optionsFile(t, `ShimCgroup = "/${name}"\n`);
  const refused = await task.containerd.run(["--rm", ...given, ...task.rootfs, task.id, "/bin/true"]);
  assert.match(refused.stderr, `cannot enter cgroup "/${name}": there is none of this name`);
  await task.containerd.ctr(["containers", "rm", task.id]);
  const folders = makeCgroup(name);
  try {
    await begin(task, ["/bin/sleep", "1000"], given);
    const [shim = 0] = shims(task.id);
    const entered = readOr(`/proc/${shim}/cgroup`).split("\n").filter((line) => line.endsWith(`/${name}`));
    assert.is(entered.length, folders.length);
    assert.not.match(readOr(`/proc/${await pidOf(task)}/cgroup`), name);
    await remove(task);
  } finally {
    for (const folder of folders) await removeCgroup(folder);
  }
});

/** What is still in it is about to end. */
function removeCgroup(folder: string): Promise<void> {
  let reason: unknown;
  const tried = (): boolean => {
    try {
      fs.rmdirSync(folder);
      return true;
    } catch (error) {
      reason = error;
      return false;
    }
  };
  return until(tried, () => String(reason));
}

withShim("IoUid and IoGid give the fifos to the user that is root in a user namespace, who may then open them again", async (t, task) => {
  const FIRST = 100_000;
  const bundle = t.bundle((config) => {
    config.linux.namespaces.push({ type: "user" });
    const mapping = [{ containerID: 0, hostID: FIRST, size: 65_536 }];
    config.linux["uidMappings"] = mapping;
    config.linux["gidMappings"] = mapping;
    config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
    config.process.args = ["/bin/sh", "-c", "stat -Lc '%u %g' /proc/self/fd/1; echo again > /dev/stdout"];
  });
  bundle.config.root.path = bundle.rootfs;
  bundle.write();
  const config = ["--config", join(bundle.path, "config.json")];
  // The client of containerd 2 sends them by itself, in runc's message, and takes no others beside them.
  const plain = await task.containerd.run(["--rm", ...config, task.id]);
  if (plain.stdout === "0 0\nagain\n") return;
  assert.match(plain.stdout, /^65534 65534\n/);
  const withOptions = await task.containerd.run(["--rm", ...optionsFile(t, `IoUid = ${FIRST}\nIoGid = ${FIRST}\n`), ...config, t.id()]);
  assert.is(withOptions.stdout, "0 0\nagain\n", withOptions.stderr);
});

withShim("Root is where the states are, and what only runc's shim has is passed over", async (t, task) => {
  const root = join(t.folder, "root");
  await begin(task, ["/bin/sleep", "1000"], optionsFile(t, `Root = "${root}"\nBinaryName = "/nonexistent"\nCriuPath = "/nonexistent"\n`));
  assert.ok(fs.existsSync(join(root, RUN_NAME, task.id, "state.json")));
  await remove(task);
  assert.not(fs.existsSync(join(root, RUN_NAME, task.id)));
});

withShim("options that are unknown, of a wrong type or no TOML are one clear error", async (t, task) => {
  const cases: [toml: string, error: RegExp][] = [
    ['NoPivotRot = true\n', /unknown option "NoPivotRot"; did you mean "NoPivotRoot"\?/],
    ['NoPivotRoot = "yes"\n', /NoPivotRoot must be a boolean, got "yes"/],
    ["NoPivotRoot = \n", /cannot read the runtime's options/],
  ];
  for (const [toml, error] of cases) {
    const id = t.id();
    const { status, stderr } = await task.containerd.run(["--rm", ...optionsFile(t, toml), ...task.rootfs, id, "/bin/true"]);
    assert.is(status, 1);
    assert.match(stderr, error);
    await task.containerd.ctr(["containers", "rm", id]);
  }
});

withShim("NoPivotRoot and NoNewKeyring are passed on", async (t, task) => {
  const given = optionsFile(t, "NoPivotRoot = true\nNoNewKeyring = true\n");
  const { status, stdout, stderr } = await task.containerd.run(["--rm", ...given, ...task.rootfs, task.id, "/bin/echo", "runs"]);
  assert.equal([status, stdout], [0, "runs\n"], stderr);
});

options.run();
