/** `mounts`: where, from where, in which order, and what is made for it (config.md#mounts). */

import * as fs from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { cannotCreate, file, inside, output, read, runBundle, running, script } from "./containers.ts";
import { mountAt, mountsWith, parseMountinfo } from "./mountinfo.ts";
import type { MountEntry } from "./mountinfo.ts";
import { suite } from "./suite.ts";

const test = suite("mounts");

/** A folder of the host with one file, to be mounted. */
function folder(t: Ground, name = "source"): string {
  fs.mkdirSync(file(t, name));
  fs.writeFileSync(join(file(t, name), "here"), `in ${name}\n`);
  return file(t, name);
}

/** Runs a script in a container with these mounts, after the root file system was prepared. */
async function withMounts(t: Ground, entries: readonly MountEntry[], text: string, prepare?: (rootfs: string) => void): Promise<string> {
  const bundle = t.bundle((config) => {
    config.mounts.push(...entries);
    script(config, text);
  });
  prepare?.(bundle.rootfs);
  return output(await runBundle(t, bundle));
}

test("MNT-01 mounts are made in the order of the list", async (t) => {
  const entries = ["/a", "/a/b", "/c", "/a/b/d"].map((destination) => ({ destination, type: "tmpfs", source: `on${destination}` }));
  const found = await mountsWith(t, entries);
  assert.equal(found.filter(({ source }) => source.startsWith("on/")).map(({ point }) => point), ["/a", "/a/b", "/c", "/a/b/d"]);
});

test("MNT-01 a later mount covers an earlier one, and what is below it", async (t) => {
  const entries = [
    { destination: "/a/b", type: "tmpfs", source: "first" },
    { destination: "/a", type: "tmpfs", source: "second" },
  ];
  assert.is(await withMounts(t, entries, "ls -A /a"), "");
  const again = [
    { destination: "/a", type: "tmpfs", source: "first" },
    { destination: "/a", type: "tmpfs", source: "second" },
  ];
  assert.equal((await mountsWith(t, again)).filter(({ point }) => point === "/a").map(({ source }) => source), ["first", "second"]);
});

test("MNT-02 a destination is made where it is missing, with all that leads to it", async (t) => {
  const text = await withMounts(t, [{ destination: "/new/deep/er", type: "tmpfs", source: "tmpfs" }], "stat -c '%n %F %u' /new /new/deep; grep -c ' /new/deep/er ' /proc/self/mountinfo");
  assert.is(text, "/new directory 0\n/new/deep directory 0\n1\n");
});

test("MNT-02 a relative destination is taken from the root, with a warning, as it is deprecated", async (t) => {
  const bundle = t.bundle((config) => {
    config.mounts.push({ destination: "relative/path", type: "tmpfs", source: "tmpfs" });
    script(config, "cat /proc/self/mountinfo");
  });
  const result = await t.runtime(["--log", file(t, "log"), "--log-format", "json", "run", "--bundle", bundle.path, t.id()]);
  assert.is(result.status, 0, result.stderr);
  assert.is(mountAt(parseMountinfo(result.stdout), "/relative/path").type, "tmpfs");
  const [record = ""] = read(file(t, "log")).trim().split("\n");
  const { level, msg } = JSON.parse(record) as { level: string; msg: string };
  assert.is(level, "warning");
  assert.match(msg, "relative/path");
});

test("MNT-02 a read-only /dev has its devices and links, however it is written", async (t) => {
  for (const destination of ["/dev", "/dev/", "/./dev", "//dev", "/proc/../dev"]) {
    const text = await inside(t, "echo x >/dev/null; readlink /dev/fd; touch /dev/x 2>&1; exit 0", (config) => {
      config.mounts = config.mounts.filter((mount) => !mount.destination.startsWith("/dev"));
      config.mounts.push({ destination, type: "tmpfs", source: "tmpfs", options: ["ro", "mode=755"] });
    });
    assert.is(text, "/proc/self/fd\ntouch: /dev/x: Read-only file system\n", destination);
  }
});

test("MNT-02 dots in a destination stay in the root", async (t) => {
  const found = await mountsWith(t, [{ destination: "/a/../../../b/./c", type: "tmpfs", source: "tmpfs" }]);
  assert.is(mountAt(found, "/b/c").type, "tmpfs");
});

test("MNT-03 a file is bound to a file, which is made where it is missing", async (t) => {
  const source = join(folder(t), "here");
  const text = await withMounts(t, [{ destination: "/new/file", source, options: ["bind"] }, { destination: "/etc/group", source, options: ["bind", "ro"] }], "cat /new/file /etc/group");
  assert.is(text, "in source\nin source\n");
});

test("MNT-03 what is written to a bind mount is written to its source", async (t) => {
  const source = folder(t);
  await withMounts(t, [{ destination: "/mnt", source, options: ["rbind"] }], "echo from inside >/mnt/here");
  assert.is(read(join(source, "here")), "from inside\n");
});

test("MNT-03 a relative source of a bind mount is taken from the bundle", async (t) => {
  const bundle = t.bundle((config) => {
    config.mounts.push({ destination: "/mnt", source: "beside", options: ["bind"] });
    script(config, "cat /mnt/here");
  });
  fs.mkdirSync(join(bundle.path, "beside"));
  fs.writeFileSync(join(bundle.path, "beside/here"), "in the bundle\n");
  assert.is(output(await runBundle(t, bundle, { cwd: "/" })), "in the bundle\n");
});

test("MNT-03 a source that is a link is followed on the host", async (t) => {
  const source = folder(t);
  fs.symlinkSync(basename(source), file(t, "link"));
  assert.is(await withMounts(t, [{ destination: "/mnt", source: file(t, "link"), options: ["bind"] }], "cat /mnt/here"), "in source\n");
});

test("MNT-03 a source that is missing fails create", async (t) => {
  await cannotCreate(t, (config) => config.mounts.push({ destination: "/mnt", source: "/no/such/source", options: ["bind"] }), "no such file or directory");
});

test("MNT-03 a folder is not bound to a file, nor a file to a folder", async (t) => {
  const source = folder(t);
  await cannotCreate(t, (config) => config.mounts.push({ destination: "/etc/passwd", source, options: ["bind"] }), /not a directory/);
  await cannotCreate(t, (config) => config.mounts.push({ destination: "/etc", source: join(source, "here"), options: ["bind"] }), /directory/);
});

test("MNT-04 MNT-05 it is a bind mount by its options, whatever the type says", async (t) => {
  const source = folder(t);
  for (const type of ["none", "bind", "tmpfs", "no-such-type"]) {
    assert.is(await withMounts(t, [{ destination: "/mnt", type, source, options: ["bind"] }], "cat /mnt/here"), "in source\n", type);
    fs.rmSync(file(t, "bundle-0"), { recursive: true, force: true });
  }
});

test("MNT-05 an unknown type of file system fails create", async (t) => {
  await cannotCreate(t, (config) => config.mounts.push({ destination: "/mnt", type: "no-such-type", source: "none" }), "no such device");
});

test("a destination that is a link leads where it would lead in the container, however it is written", async (t) => {
  const source = folder(t);
  for (const [link, target] of [["/inside", "/inside"], ["inside", "/inside"], ["../../../../../inside", "/inside"], ["/etc/../inside", "/inside"]] as const) {
    const text = await withMounts(t, [{ destination: "/link", source, options: ["bind"] }], `cat ${target}/here; readlink /link`, (rootfs) => {
      fs.mkdirSync(join(rootfs, "inside"));
      fs.symlinkSync(link, join(rootfs, "link"));
    });
    assert.is(text, `in source\n${link}\n`);
  }
});

test("a link on the way to a destination stays in the root", async (t) => {
  const outside = folder(t, "outside");
  const text = await withMounts(t, [{ destination: "/way/new", type: "tmpfs", source: "tmpfs" }], "grep ' - tmpfs tmpfs ' /proc/self/mountinfo | cut -d' ' -f5 | grep new", (rootfs) => {
    fs.symlinkSync(outside, join(rootfs, "way"));
    fs.mkdirSync(join(rootfs, outside), { recursive: true });
  });
  assert.is(text, `${outside}/new\n`);
  assert.equal(fs.readdirSync(outside), ["here"]);
});

test("a link that leads nowhere is followed, and its end is made in the root", async (t) => {
  const text = await withMounts(t, [{ destination: "/link", type: "tmpfs", source: "tmpfs" }], "grep ' /made/here ' /proc/self/mountinfo | wc -l", (rootfs) => {
    fs.symlinkSync("/made/here", join(rootfs, "link"));
  });
  assert.is(text.trim(), "1");
});

test("FS-01 to FS-04 proc, sysfs, devpts, tmpfs and mqueue are mounted as the config says", async (t) => {
  const found = await mountsWith(t, []);
  const types = ["/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"].map((point) => mountAt(found, point).type);
  assert.equal(types, ["proc", "sysfs", "tmpfs", "devpts", "tmpfs", "mqueue"]);
  assert.is(mountAt(found, "/dev/shm").source, "shm");
  assert.ok(mountAt(found, "/sys").options.includes("ro"));
});

test("proc takes its own options", async (t) => {
  const found = await mountsWith(t, [], (config) => {
    const [proc] = config.mounts;
    if (proc !== undefined) proc.options = ["nosuid", "hidepid=2"];
  });
  assert.match(mountAt(found, "/proc").superblock.join(), /hidepid=(2|invisible)/);
});

test("a container without a network namespace has the host's sysfs", async (t) => {
  const found = await mountsWith(t, [], (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network");
  });
  assert.is(mountAt(found, "/sys").type, "sysfs");
});

test("overlay takes a lowerdir that is longer than 256 bytes", async (t) => {
  if (!read("/proc/filesystems").includes("\toverlay\n")) return;
  const lower = Array.from({ length: 12 }, (_, index) => folder(t, `lower-${index}-${"x".repeat(30)}`));
  fs.writeFileSync(join(lower[11] ?? "", "only-here"), "deep\n");
  const options = [`lowerdir=${lower.join(":")}`];
  assert.is(await withMounts(t, [{ destination: "/mnt", type: "overlay", source: "overlay", options }], "cat /mnt/only-here"), "deep\n");
});

test("a mount's source with blanks and other characters arrives as it is", async (t) => {
  const source = folder(t, "with a blank, a comma and ümlauts");
  assert.is(await withMounts(t, [{ destination: "/mnt point", source, options: ["bind"] }], "cat '/mnt point/here'"), "in with a blank, a comma and ümlauts\n");
});

test("the container's mounts do not appear on the host", async (t) => {
  const source = folder(t);
  const container = await running(t, (config) => config.mounts.push({ destination: "/mnt", source, options: ["rbind"] }));
  assert.match(await container.proc("mountinfo"), " /mnt ");
  assert.not.match(read("/proc/self/mountinfo"), t.folder);
});

test("the host's mounts do not appear in the container", async (t) => {
  const found = await mountsWith(t, []);
  const allowed = ["/", "/proc", "/sys", "/dev"];
  assert.equal(found.map(({ point }) => point).filter((point) => !allowed.some((start) => point === start || point.startsWith(`${start}/`))), []);
});

test("cgroup shows the container's own cgroups, read-only", async (t) => {
  const text = await inside(t, "cat /proc/self/cgroup; ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/cgroup.procs | head -1; mkdir /sys/fs/cgroup/pids/x 2>&1; exit 0");
  const lines = text.trimEnd().split("\n");
  const paths = lines.filter((line) => /^\d+:/.test(line)).map((line) => line.replace(/^\d+:[^:]*:/, ""));
  assert.equal(new Set(paths), new Set(["/"]));
  for (const controller of ["pids", "memory", "cpu", "devices", "freezer"]) assert.ok(lines.includes(controller), controller);
  assert.ok(lines.includes("1"));
  assert.match(text, /Read-only file system/);
});

test("cgroup without a cgroup namespace shows the container's own cgroups, too", async (t) => {
  const text = await inside(t, "cat /sys/fs/cgroup/pids/cgroup.procs | head -1; cat /sys/fs/cgroup/memory/cgroup.procs | head -1", (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
  });
  assert.is(text, "1\n1\n");
});

test("cgroup without ro is writable", async (t) => {
  const text = await inside(t, "mkdir /sys/fs/cgroup/pids/sub && rmdir /sys/fs/cgroup/pids/sub && echo done", (config) => {
    const cgroup = config.mounts.find(({ type }) => type === "cgroup");
    if (cgroup !== undefined) cgroup.options = ["nosuid", "noexec", "nodev"];
    config.process["capabilities"] = undefined;
    allCapabilities(config);
  });
  assert.is(text, "done\n");
});

test("ROOT-02 a relative root.path is taken from the bundle, an absolute one as it is", async (t) => {
  const bundle: Bundle = t.bundle((config) => script(config, "ls -d /bin"));
  for (const path of ["rootfs", "./rootfs", "../bundle-0/rootfs", bundle.rootfs]) {
    bundle.config.root.path = path;
    bundle.write();
    assert.is(output(await runBundle(t, bundle, { cwd: "/" })), "/bin\n", path);
  }
});

test("ROOT-02 a root that is missing, or a file, is an error", async (t) => {
  await cannotCreate(t, (config) => (config.root.path = "missing"), "no such file or directory");
  await cannotCreate(t, (config) => (config.root.path = "config.json"), /not a directory/);
});

test("ROOT-02 a root that is a link is followed", async (t) => {
  const bundle = t.bundle((config) => {
    config.root.path = "link";
    script(config, "ls -d /bin");
  });
  fs.symlinkSync("rootfs", join(bundle.path, "link"));
  assert.is(output(await runBundle(t, bundle)), "/bin\n");
});

test("ROOT-03 root.readonly makes the root read-only, and leaves mounts in it writable", async (t) => {
  const text = await inside(t, "touch /x 2>&1; touch /mnt/x && echo mnt; touch /dev/x && echo dev", (config) => {
    config.root.readonly = true;
    config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs" });
  });
  assert.is(text, "touch: /x: Read-only file system\nmnt\ndev\n");
});

test("ROOT-03 without root.readonly the root is writable, and what is written is in the root file system", async (t) => {
  const bundle = t.bundle((config) => {
    config.root = { path: "rootfs" };
    script(config, "echo written >/file");
  });
  output(await runBundle(t, bundle));
  assert.is(read(join(bundle.rootfs, "file")), "written\n");
});

test("ROOT-03 a read-only root does not make the host's folder read-only", async (t) => {
  const bundle = t.bundle();
  output(await runBundle(t, bundle));
  fs.writeFileSync(join(bundle.rootfs, "file"), "");
});

const RFP: readonly (readonly [value: string, pattern: RegExp])[] = [
  ["shared", /^shared:\d+$/],
  ["slave", /^(master:\d+)?$/],
  ["private", /^$/],
  ["unbindable", /^unbindable$/],
];

for (const [value, pattern] of RFP) {
  test(`RFP-01 rootfsPropagation "${value}" is the root mount's`, async (t) => {
    const found = await mountsWith(t, [], (config) => (config.linux["rootfsPropagation"] = value));
    assert.match(mountAt(found, "/").propagation.join(" "), pattern);
  });
}

test("RFP-01 a shared root does not share the host's mounts", async (t) => {
  await running(t, (config) => (config.linux["rootfsPropagation"] = "shared"));
  assert.not.match(read("/proc/self/mountinfo"), t.folder);
});

function allCapabilities(config: BundleConfig): void {
  const names = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"];
  config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
}

test.run();
