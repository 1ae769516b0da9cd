/** Roots, propagation and standard streams as they should not be, and what becomes of them. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needs, suite } from "./harness.ts";
import { RUNTIME } from "./runtime.ts";

const test = suite("review/rootfs");

test("an unbindable root can be made, and is unbindable", async (t) => {
  needs("root");
  for (const rootfsPropagation of ["unbindable", "runbindable"]) {
    const bundle = t.bundle(({ process, linux }) => {
      linux["rootfsPropagation"] = rootfsPropagation;
      process.args = ["/bin/sh", "-c", "grep -E ' / / | /rootfs / |rootfs / ' /proc/self/mountinfo | grep -c unbindable"];
    });
    const { stdout, stderr } = await t.runtime(["run", "--bundle", bundle.path, t.id()]);
    assert.equal([stdout.trim(), stderr], ["1", ""]);
  }
});

test("the pid file's temporary name may be a link, which is not followed", async (t) => {
  needs("root");
  const id = t.id();
  const victim = join(t.folder, "victim");
  fs.writeFileSync(victim, "untouched");
  fs.symlinkSync(victim, join(t.folder, ".pid"));
  const { status } = await t.runtime(["create", "--bundle", t.bundle().path, "--pid-file", join(t.folder, "pid"), id]);
  assert.is(status, 0);
  assert.match(fs.readFileSync(join(t.folder, "pid"), "utf8"), /^\d+$/);
  assert.is(fs.readFileSync(victim, "utf8"), "untouched");
});

test("standard streams that are closed are the null device, and hooks do not mind", (t) => {
  needs("root");
  const bundle = t.bundle((config) => {
    config.root.readonly = false;
    config.process.args = ["/bin/sh", "-c", "for fd in 0 1 2; do readlink /proc/self/fd/$fd || echo none; done >/tmp/streams"];
    config.hooks = {
      createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat"] }],
      startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat"] }],
    };
  });
  const command = `exec "$0" --root "$1" run --bundle "$2" "$3" <&- >&- 2>&-`;
  const { status } = spawnSync("/bin/sh", ["-c", command, RUNTIME, t.stateRoot, bundle.path, t.id()], { stdio: "ignore" });
  assert.is(status, 0);
  // The shell's own redirection takes the place of the second.
  assert.equal(fs.readFileSync(join(bundle.rootfs, "tmp/streams"), "utf8").split("\n"), ["/dev/null", "/tmp/streams", "/dev/null", ""]);
});

for (const rootfsPropagation of ["private", "rshared"]) {
  test(`--no-pivot shows nobody an unmasked procfs, and covers nothing of the host, ${rootfsPropagation}`, async (t) => {
    needs("root", "unshare");
    const bundle = t.bundle((config) => {
      config.linux["rootfsPropagation"] = rootfsPropagation;
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.args = ["/bin/sh", "-c", "echo ready; unshare -U -r -m -p -f mount -t proc proc /tmp && echo mounted"];
    });
    const script = 'mount --make-rshared / && "$0" --root "$1" run --no-pivot --bundle "$2" "$3"; cat /proc/version; ls /sys/kernel';
    const command = ["--mount", "--propagation", "private", "sh", "-c", script, RUNTIME, t.stateRoot, bundle.path, t.id()];
    const { stdout } = spawnSync("unshare", command, { encoding: "utf8" });
    assert.match(stdout, /^ready\nLinux version [^]*\nmm\n/);
    assert.not.match(stdout, /mounted/);
  });
}

test("a mount on the root is the root", async (t) => {
  needs("root");
  for (const types of [["pid", "mount"], ["pid"]]) {
    const id = t.id();
    const other = t.bundle().rootfs;
    fs.writeFileSync(join(other, "tmp/here"), "");
    const bundle = t.bundle((config) => {
      config.root.readonly = false;
      delete config.hostname;
      config.linux = { namespaces: types.map((type) => ({ type })) };
      config.mounts.unshift({ destination: "/", type: "bind", source: other, options: ["rbind", "ro"] });
      config.process.args = ["/bin/sh", "-c", "ls /tmp; touch /tmp/x || grep -c ' /proc ' /proc/self/mountinfo"];
    });
    const { stdout, stderr } = await t.runtime(["run", "--bundle", bundle.path, id]);
    assert.is(stdout, "here\n1\n", stderr);
    assert.not.ok(fs.readFileSync("/proc/self/mountinfo", "utf8").includes(bundle.path));
  }
});

test("what is not the null device masks no file", async (t) => {
  needs("root", "unshare");
  const bundle = t.bundle(({ linux }) => {
    linux.maskedPaths = ["/proc/keys"];
    linux.readonlyPaths = [];
  });
  // A mount namespace where another file has the name.
  const fake = join(t.folder, "fake");
  fs.writeFileSync(fake, "");
  const script = `mount --bind "${fake}" /dev/null && exec "$0" --root "$1" run --bundle "$2" "$3"`;
  const { status, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", script, RUNTIME, t.stateRoot, bundle.path, t.id()], { encoding: "utf8" });
  assert.is(status, 1);
  assert.match(stderr, /cannot mask "\/proc\/keys": mask: ENODEV/);
});

test.run();
