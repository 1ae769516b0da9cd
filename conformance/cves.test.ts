/** The known attacks on runtimes: an image, a volume or a config that tries what once worked on runc or crun. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { Container, created, fromShell, inside, output, read, runBundle, running, script, silent, waitFor } from "./containers.ts";
import { listen } from "./probe.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("attacks");

/** A folder of the host that nothing may be made in. */
function outside(t: Ground): string {
  const folder = join(t.folder, "outside");
  fs.mkdirSync(folder);
  fs.chmodSync(folder, 0o777);
  return folder;
}

function untouched(folder: string): void {
  assert.equal(fs.readdirSync(folder), [], "something was made in a folder of the host");
}

/** Replaces a part of the image by a link. */
function plant(bundle: Bundle, path: string, target: string): void {
  fs.rmSync(join(bundle.rootfs, path), { recursive: true, force: true });
  fs.symlinkSync(target, join(bundle.rootfs, path));
}

function withoutMounts(config: BundleConfig, ...points: readonly string[]): void {
  config.mounts = config.mounts.filter(({ destination }) => !points.some((point) => destination === point || destination.startsWith(`${point}/`)));
}

test("CVE-2016-3697 a numeric user is never a name", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    script(config, "id -u; id -g");
  });
  fs.writeFileSync(join(bundle.rootfs, "etc/passwd"), "1000:x:0:0:root:/root:/bin/sh\nroot:x:0:0::/:/bin/sh\n");
  fs.writeFileSync(join(bundle.rootfs, "etc/group"), "1000:x:0:\n");
  assert.is(output(await runBundle(t, bundle)), "1000\n1000\n");
});

test("CVE-2016-9962 init, waiting for start, cannot be looked into by another process of its user", async (t) => {
  const container = await created(t, (config) => (config.process.user = { uid: 1000, gid: 1000 }));
  const { pid } = await container.state();
  // Not dumpable: its files in /proc belong to root though it runs as another user.
  assert.is(fs.statSync(`/proc/${pid}/fd`).uid, 0);
  assert.is(fs.statSync(`/proc/${pid}/mem`).uid, 0);
});

test("CVE-2019-5736 what init executes is no file of the host that a container could write", async (t) => {
  const container = await created(t);
  const { pid } = await container.state();
  const link = fs.readlinkSync(`/proc/${pid}/exe`);
  assert.not(fs.statSync(link, { throwIfNoEntry: false })?.isFile() === true, `${link} is a file of the host`);
  assert.throws(() => fs.openSync(`/proc/${pid}/exe`, "r+"));
});

test("CVE-2019-5736 a program that is /proc/self/exe does not get at the runtime", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["/evil"]));
  fs.symlinkSync("/proc/self/exe", join(bundle.rootfs, "evil"));
  const result = await runBundle(t, bundle);
  assert.is.not(result.status, 0);
});

test("CVE-2019-5736 in a container nothing of the runtime's is mapped or named", async (t) => {
  const container = await running(t);
  assert.not.match(await container.proc("maps"), /tsrun|runc/);
  assert.not.match(await container.proc("environ"), /TSRUN|BUN_|_LIBCONTAINER/);
});

test("CVE-2019-18837 a destination that is a link does not lead out of the container", async (t) => {
  const folder = outside(t);
  const bundle = t.bundle((config) => {
    config.mounts.push({ destination: "/link/new", type: "tmpfs", source: "tmpfs" }, { destination: "/up/new", type: "tmpfs", source: "tmpfs" });
  });
  plant(bundle, "link", folder);
  plant(bundle, "up", `../../../../../..${folder}`);
  await runBundle(t, bundle);
  untouched(folder);
});

for (const point of ["/proc", "/sys"]) {
  test(`CVE-2019-19921 CVE-2023-27561 CVE-2023-28642 an image whose ${point} is a link is refused`, async (t) => {
    const bundle = t.bundle();
    fs.mkdirSync(join(bundle.rootfs, "fake"));
    plant(bundle, point, "/fake");
    const id = t.id();
    assert.is((await t.runtime(["create", "--bundle", bundle.path, id])).status, 1);
    assert.equal(t.leftovers(id), []);
  });
}

test("CVE-2019-16884 a sysctl is written to the kernel even where a volume covers /proc", async (t) => {
  const bundle = t.bundle((config) => {
    config.mounts.push({ destination: "/proc", type: "tmpfs", source: "tmpfs" });
    config.linux["sysctl"] = { "kernel.msgmax": "4321" };
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
    config.mounts.push({ destination: "/real", type: "proc", source: "proc" });
    script(config, "cat /real/sys/kernel/msgmax");
  });
  const result = await runBundle(t, bundle);
  // To refuse is as good.
  if (result.status === 0) assert.is(result.stdout, "4321\n");
});

test("CVE-2021-30465 CVE-2024-45310 a volume that changes under the runtime's hands does not let anything be made outside", async (t) => {
  const folder = outside(t);
  const volume = join(t.folder, "volume");
  fs.mkdirSync(join(volume, "real"), { recursive: true });
  fs.symlinkSync(folder, join(volume, "link"));
  const bundle = t.bundle((config) => {
    config.mounts.push({ destination: "/volume", source: volume, options: ["rbind"] });
    config.mounts.push({ destination: "/volume/flip/new/directory", type: "tmpfs", source: "tmpfs" });
  });
  const stop = flip(join(volume, "real"), join(volume, "link"), join(volume, "flip"));
  try {
    for (let i = 0; i < 20; i++) await runBundle(t, bundle);
  } finally {
    await stop();
  }
  untouched(folder);
  assert.not.match(read("/proc/self/mountinfo"), `${folder}/`);
});

test("CVE-2024-21626 a working directory below /proc/self/fd is refused, or is inside", async (t) => {
  for (let fd = 3; fd < 20; fd++) {
    const bundle = t.bundle((config) => {
      config.process.cwd = `/proc/self/fd/${fd}`;
      script(config, "ls -d ../../../../../../home ../../../../../work 2>/dev/null; exit 0");
    });
    const result = await fromShell(t, "exec 7</ 8</sys/fs/cgroup", ["run", "--bundle", bundle.path, t.id()]);
    assert.is(result.stdout, "", `descriptor ${fd}`);
    fs.rmSync(bundle.path, { recursive: true });
  }
});

test("CVE-2024-21626 a link to /proc/self/fd as working directory is refused, or is inside", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.cwd = "/work";
    script(config, "ls -d ../../../../../../home 2>/dev/null; exit 0");
  });
  plant(bundle, "work", "/proc/self/fd/7");
  assert.is((await fromShell(t, "exec 7</", ["run", "--bundle", bundle.path, t.id()])).stdout, "");
});

test("CVE-2022-29162 no capability is inheritable unless the config says so", async (t) => {
  assert.is(await inside(t, "grep CapInh /proc/self/status"), "CapInh:\t0000000000000000\n");
});

test("CVE-2023-25809 the host's cgroups cannot be written from a user namespace without a cgroup namespace", async (t) => {
  const bundle = t.bundle((config) => {
    config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => type !== "cgroup"), { type: "user" }];
    config.linux["uidMappings"] = [{ containerID: 0, hostID: 0, size: 1000 }];
    config.linux["gidMappings"] = [{ containerID: 0, hostID: 0, size: 1000 }];
    const cgroup = config.mounts.find(({ type }) => type === "cgroup");
    if (cgroup !== undefined) cgroup.options = ["nosuid", "noexec", "nodev", "rw"];
    script(config, "for i in /sys/fs/cgroup/*; do mkdir $i/attack 2>/dev/null && echo $i; done; ls -d /sys/fs/cgroup/*/attack 2>/dev/null; exit 0");
  });
  await runBundle(t, bundle);
  for (const controller of fs.readdirSync("/sys/fs/cgroup")) assert.not(fs.existsSync(`/sys/fs/cgroup/${controller}/attack`), controller);
});

test("CVE-2025-31133 a mask holds though the image's /dev/null is a link to what is masked", async (t) => {
  const bundle = t.bundle((config) => {
    withoutMounts(config, "/dev");
    config.root.readonly = false;
    config.linux.maskedPaths = ["/proc/sysrq-trigger", "/etc/secret"];
    script(config, "wc -c </etc/secret; stat -c '%t:%T' /etc/secret");
  });
  fs.writeFileSync(join(bundle.rootfs, "etc/secret"), "a secret\n");
  plant(bundle, "dev/null", "/etc/secret");
  const result = await runBundle(t, bundle);
  if (result.status === 0) assert.is(result.stdout, "0\n1:3\n");
  else assert.not.match(result.stdout, "a secret");
});

test("CVE-2025-31133 a mask holds though the image's /dev/null is a file", async (t) => {
  const bundle = t.bundle((config) => {
    withoutMounts(config, "/dev");
    config.root.readonly = false;
    config.linux.maskedPaths = ["/etc/secret"];
    script(config, "cat /etc/secret");
  });
  fs.writeFileSync(join(bundle.rootfs, "etc/secret"), "a secret\n");
  fs.rmSync(join(bundle.rootfs, "dev/null"), { force: true });
  fs.writeFileSync(join(bundle.rootfs, "dev/null"), "a file\n");
  const { stdout } = await runBundle(t, bundle);
  assert.is(stdout, "");
});

test("CVE-2025-52565 CVE-2026-88264 the console is bound to no other file when the image's /dev/console is a link", async (t) => {
  const folder = outside(t);
  const listener = await listen(t, "console");
  const bundle = t.bundle((config) => {
    withoutMounts(config, "/dev");
    config.mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] });
    config.root.readonly = false;
    config.process.terminal = true;
    script(config, "exit 0");
  });
  fs.mkdirSync(join(bundle.rootfs, "dev/pts"));
  plant(bundle, "dev/console", join(folder, "made"));
  await t.runtime(["run", "--detach", "--bundle", bundle.path, "--console-socket", listener.socket, t.id()]);
  untouched(folder);
  listener.kill();
});

test("CVE-2025-52565 /dev/pts/0 of the image is not taken for the terminal", async (t) => {
  const listener = await listen(t, "console");
  const bundle = t.bundle((config) => {
    withoutMounts(config, "/dev/pts");
    config.process.terminal = true;
    script(config, "exit 0");
  });
  const container = new Container(t, bundle, t.id());
  const result = await t.runtime(["create", "--bundle", bundle.path, "--console-socket", listener.socket, container.id]);
  // Without a devpts of its own there is no terminal of its own.
  if (result.status === 0) assert.match(await container.proc("mountinfo"), / \/dev\/console .* - devpts /);
  listener.kill();
});

test("CVE-2025-52881 oom_score_adj and sysctls go to the kernel's files, whatever the container's /proc looks like", async (t) => {
  const bundle = t.bundle((config) => {
    config.mounts.push({ destination: "/proc/sys", type: "tmpfs", source: "tmpfs" });
    delete config.linux.readonlyPaths;
    config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
    config.mounts.push({ destination: "/real", type: "proc", source: "proc" });
    script(config, "cat /real/sys/net/ipv4/ip_forward");
  });
  const result = await runBundle(t, bundle);
  if (result.status === 0) assert.is(result.stdout, "1\n");
});

for (const target of ["absolute", "relative"]) {
  test(`CVE-2026-41579 CVE-2026-47766 an image whose /dev is a link (${target}) makes no device or link on the host`, async (t) => {
    const folder = outside(t);
    const bundle = t.bundle((config) => {
      withoutMounts(config, "/dev");
      config.linux["devices"] = [{ path: "/dev/mine", type: "c", major: 1, minor: 3 }];
    });
    plant(bundle, "dev", target === "absolute" ? folder : `../../../../../..${folder}`);
    await runBundle(t, bundle);
    untouched(folder);
  });
}

test("CVE-2026-41579 ptmx of a folder of the host is not removed", async (t) => {
  const folder = outside(t);
  fs.writeFileSync(join(folder, "ptmx"), "keep me");
  const bundle = t.bundle((config) => withoutMounts(config, "/dev"));
  plant(bundle, "dev", folder);
  await runBundle(t, bundle);
  assert.equal(fs.readdirSync(folder), ["ptmx"]);
  assert.is(read(join(folder, "ptmx")), "keep me");
});

test("CVE-2026-41579 links of cgroup v1's controllers are not made on the host", async (t) => {
  const folder = outside(t);
  const bundle = t.bundle((config) => {
    withoutMounts(config, "/sys");
    config.mounts.push({ destination: "/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] });
  });
  plant(bundle, "cgroup", folder);
  await runBundle(t, bundle);
  untouched(folder);
});

test("CVE-2026-88265 standard streams are not reopened through the image's /dev/null, nor change their owner", async (t) => {
  const folder = outside(t);
  const host = join(folder, "host-file");
  fs.writeFileSync(host, "");
  fs.chownSync(host, 0, 0);
  const bundle = t.bundle((config) => {
    withoutMounts(config, "/dev");
    config.process.user = { uid: 1234, gid: 1234 };
    script(config, "exit 0");
  });
  plant(bundle, "dev/null", host);
  await fromShell(t, "exec </dev/null >/dev/null 2>/dev/null", ["run", "--bundle", bundle.path, t.id()]);
  assert.is(fs.statSync(host).uid, 0);
  assert.is(fs.statSync("/dev/null").uid, 0);
});

test("a fifo in the place of the program, or of passwd, does not hold the runtime up", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["/fifo"]));
  execFileSync("mkfifo", ["-m", "755", join(bundle.rootfs, "fifo")]);
  const result = await t.runtime(["run", "--bundle", bundle.path, t.id()], { timeoutSeconds: 30 });
  assert.is.not(result.status, undefined);
  assert.is.not(result.status, 0);
});

test("a tty or device file of the image is not opened by the runtime for a standard stream", async (t) => {
  const bundle = t.bundle((config) => script(config, "readlink /proc/self/fd/0"));
  const text = output(await runBundle(t, bundle));
  assert.not.match(text, "/dev/tty");
});

test("the program's parent is not to be seen, and no process of the runtime's is in its namespaces", async (t) => {
  const container = await running(t);
  const { pid } = await container.state();
  const namespace = fs.readlinkSync(`/proc/${pid}/ns/pid`);
  const inIt = fs.readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && fs.readlinkSync(`/proc/${name}/ns/pid`) === namespace;
    } catch {
      return false;
    }
  });
  assert.equal(inIt, [`${pid}`]);
});

test("what the bundle holds beside the config means nothing to the runtime", async (t) => {
  const bundle = t.bundle((config) => script(config, "echo up"));
  for (const name of [".env", "bunfig.toml", "tsconfig.json", "package.json", "node_modules"]) fs.writeFileSync(join(bundle.path, name), "preload = ['./evil.js']\nPATH=/nowhere\nBUN_OPTIONS=--evil\n");
  assert.is(output(await t.runtime(["run", t.id()], { cwd: bundle.path })), "up\n");
});

test("variables that steer the runtime's own engine do nothing", async (t) => {
  onlyOurs("they are its engine's");
  const bundle = t.bundle((config) => script(config, "echo up"));
  const env = { BUN_OPTIONS: "--evil", BUN_BE_BUN: "1", NODE_OPTIONS: "--evil", LD_PRELOAD: "", BUN_CONFIG_VERBOSE_FETCH: "1" };
  assert.is(output(await t.runtime(["run", "--bundle", bundle.path, t.id()], { env })), "up\n");
});

/** Lets a name be one of two, over and over, in a process of its own; returns what stops it. */
function flip(one: string, other: string, name: string): () => Promise<void> {
  const done = join(name, "..", "stop");
  const loop = `while [ ! -e ${done} ]; do ln -sfnT ${one} ${name}; ln -sfnT ${other} ${name}; done`;
  const child = execFileSync("/bin/sh", ["-c", `(${loop}) >/dev/null 2>&1 & echo $!`], { encoding: "utf8" }).trim();
  return async () => {
    fs.writeFileSync(done, "");
    await waitFor("the other process ends", () => !fs.existsSync(`/proc/${child}/exe`));
  };
}

test("delete removes no folder of the host that the container's state points to by a link", async (t) => {
  const folder = outside(t);
  fs.writeFileSync(join(folder, "keep"), "");
  const container = await running(t);
  await container.end();
  fs.symlinkSync(folder, join(t.stateRoot, container.id, "link"));
  silent(await container.verb("delete"));
  assert.equal(fs.readdirSync(folder), ["keep"]);
});

test.run();
