/** What mount options do to a program, beyond what mountinfo says of them (config.md#linux-mount-options, mount(8)). */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { inside } from "./containers.ts";
import { withHostMounts } from "./host-mounts.ts";
import { mountAt, mountsWith } from "./mountinfo.ts";
import { probe } from "./probe.ts";
import { suite } from "./suite.ts";

const test = suite("mount effects");

/** What a script prints that finds a tmpfs of the host's, mounted there with `host`, on /mnt with these options. */
async function on(t: Ground, { host = "rw", options, prepare }: { host?: string; options: readonly string[]; prepare: (folder: string) => void }, text: string, uid = 0): Promise<string> {
  let found = "";
  await withHostMounts(t, "rw", async (folder) => {
    fs.chmodSync(folder, 0o777);
    prepare(folder);
    if (host !== "rw") spawnSync("mount", ["-o", `remount,bind,${host}`, folder]);
    found = await inside(t, `exec 2>&1; ${text}; exit 0`, (config) => {
      config.mounts.push({ destination: "/mnt", source: folder, options: ["bind", ...options] });
      config.process.user = { uid, gid: uid };
      config.process["noNewPrivileges"] = false;
    });
  });
  return found;
}

test("MNT-04 nodev makes device files useless, dev lets them work", async (t) => {
  const prepare = (folder: string): void => void spawnSync("mknod", ["-m", "666", join(folder, "null"), "c", "1", "3"]);
  const read = "cat /mnt/null && echo works";
  assert.is(await on(t, { options: ["dev"], prepare }, read), "works\n");
  assert.match(await on(t, { options: ["nodev"], prepare }, read), "Permission denied");
  assert.is(await on(t, { host: "nodev", options: ["dev"], prepare }, read), "works\n");
  assert.match(await on(t, { options: ["dev", "nodev"], prepare }, read), "Permission denied");
});

test("MNT-04 noexec keeps programs from being executed, exec does not", async (t) => {
  const prepare = (folder: string): void => fs.writeFileSync(join(folder, "program"), "#!/bin/sh\necho works\n", { mode: 0o755 });
  assert.is(await on(t, { options: ["exec"], prepare }, "/mnt/program"), "works\n");
  assert.match(await on(t, { options: ["noexec"], prepare }, "/mnt/program"), "Permission denied");
  assert.is(await on(t, { host: "noexec", options: ["exec"], prepare }, "/mnt/program"), "works\n");
});

test("MNT-04 nosuid passes over the set-user-id bit, suid does not", async (t) => {
  if (process.arch !== "x64") skip("the number of geteuid is known for x86-64 only");
  const GETEUID = 107;
  const prepare = (folder: string): void => {
    fs.copyFileSync(probe(), join(folder, "probe"));
    fs.chmodSync(join(folder, "probe"), 0o4755);
  };
  const euid = `/mnt/probe call ${GETEUID}`;
  assert.is(await on(t, { options: ["suid"], prepare }, euid, 1000), "0 0\n");
  assert.is(await on(t, { options: ["nosuid"], prepare }, euid, 1000), "1000 0\n");
  assert.is(await on(t, { host: "nosuid", options: ["suid"], prepare }, euid, 1000), "0 0\n");
});

test("MNT-04 ro keeps everything from being changed, rw does not", async (t) => {
  const prepare = (folder: string): void => fs.writeFileSync(join(folder, "file"), "content\n");
  const change = "echo new >/mnt/file && cat /mnt/file; chmod 600 /mnt/file; mkdir /mnt/folder";
  assert.is(await on(t, { options: ["rw"], prepare }, change), "new\n");
  assert.is((await on(t, { options: ["ro"], prepare }, change)).match(/Read-only file system/g)?.length, 3);
  assert.is(await on(t, { host: "ro", options: ["rw"], prepare }, change), "new\n");
});

test("MNT-04 nosymfollow lets links be read and not followed, symfollow lets them be followed", async (t) => {
  const prepare = (folder: string): void => {
    fs.writeFileSync(join(folder, "file"), "content\n");
    fs.symlinkSync("file", join(folder, "link"));
  };
  const follow = "readlink /mnt/link; cat /mnt/link";
  assert.is(await on(t, { options: ["symfollow"], prepare }, follow), "file\ncontent\n");
  assert.match(await on(t, { options: ["nosymfollow"], prepare }, follow), /^file\n.*symbolic link/);
});

const HOUR = 3600;

/** Which access times a program's reading changes: of a file and a folder that were read after their last change, and of a file that was not. */
async function accessed(t: Ground, options: readonly string[]): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  // To set a time is a change, too, so what was read after it was read in the future.
  const times = { read: now + HOUR, unread: now - 3 * HOUR, folder: now + HOUR };
  const prepare = (folder: string): void => {
    for (const name of ["read", "unread"]) fs.writeFileSync(join(folder, name), "content\n");
    fs.mkdirSync(join(folder, "folder"));
    for (const [name, atime] of Object.entries(times)) fs.utimesSync(join(folder, name), atime, now - 2 * HOUR);
  };
  const text = await on(t, { options, prepare }, "cd /mnt; cat read unread; ls folder; stat -c '%n %X' read unread folder");
  const changed = Object.entries(times).filter(([name, atime]) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]) !== atime);
  return changed.map(([name]) => name).join(" ");
}

const ACCESS: readonly (readonly [options: string, changed: string])[] = [
  ["strictatime", "read unread folder"],
  ["relatime", "unread"],
  ["noatime", ""],
  ["strictatime nodiratime", "read unread"],
  ["strictatime nodiratime diratime", "read unread folder"],
  ["noatime atime", "unread"],
  ["noatime strictatime", "read unread folder"],
  ["strictatime noatime", ""],
  ["rstrictatime", "read unread folder"],
  ["rnoatime", ""],
  ["rrelatime", "unread"],
];

for (const [options, changed] of ACCESS) {
  test(`MNT-04 with "${options}" reading changes the access time of ${changed === "" ? "nothing" : changed.replaceAll(" ", ", ")}`, async (t) => {
    assert.is(await accessed(t, options.split(" ")), changed);
  });
}

test("MNT-04 rnorelatime and rnostrictatime take nothing but these away", async (t) => {
  for (const option of ["rnorelatime", "rnostrictatime"]) {
    const found = await mountsWith(t, [{ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosuid", option] }]);
    const { options } = mountAt(found, "/mnt");
    assert.ok(options.includes("nosuid") && !options.includes("noatime"), `${option}: ${options.join()}`);
  }
});

test("FS-01 /proc shows the processes of the container's own pid namespace", async (t) => {
  assert.match(await inside(t, "echo $$; cat /proc/1/comm; ls /proc | grep -c '^[0-9]'"), /^1\nsh\n[1-4]\n$/);
});

test("FS-02 /sys shows the devices of the container's own network namespace", async (t) => {
  assert.is(await inside(t, "ls /sys/class/net"), "lo\n");
});

test("FS-03 /dev/pts has the terminals of the container alone, and makes new ones", async (t) => {
  assert.is(await inside(t, "ls /dev/pts; exec 3<>/dev/ptmx; ls /dev/pts"), "ptmx\n0\nptmx\n");
});

test("FS-04 /dev/shm is a tmpfs of the container's that everybody may write", async (t) => {
  const text = await inside(t, "stat -f -c %T /dev/shm; echo x >/dev/shm/file; stat -c '%a %u' /dev/shm /dev/shm/file", (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
  });
  assert.is(text, "tmpfs\n1777 0\n644 1000\n");
});

test("FS-01 FS-02 FS-03 FS-04 the config that spec writes has all four", async (t) => {
  const folder = join(t.folder, "fresh");
  fs.mkdirSync(folder);
  await t.runtime(["spec", "--bundle", folder], { cwd: folder });
  const { mounts } = JSON.parse(fs.readFileSync(join(folder, "config.json"), "utf8")) as { mounts: { destination: string; type: string }[] };
  const types = new Map(mounts.map(({ destination, type }) => [destination, type]));
  assert.equal(["/proc", "/sys", "/dev/pts", "/dev/shm"].map((path) => types.get(path)), ["proc", "sysfs", "devpts", "tmpfs"]);
});

test.run();
