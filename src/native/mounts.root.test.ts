/** The mount calls of the addon, as far as they work in a process with threads; on a folder of the test's own. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS } from "../linux/clone-flags.ts";
import { TMPFS_MAGIC } from "../linux/magic.ts";
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_STRING,
  MNT_DETACH,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_BIND,
  MS_PRIVATE,
  OPEN_TREE_CLONE,
} from "../linux/mount-flags.ts";
import { AT_EMPTY_PATH, AT_FDCWD } from "../linux/open-flags.ts";
import { native } from "./native.ts";
import { forget, ready } from "./waiter.ts";

const test = suite("native/mounts");

const isRoot = process.geteuid?.() === 0;
if (!isRoot) console.log("skipped: native/mounts: it needs root");
const check = isRoot ? test : test.skip;

let folder = "";
test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), `${process.env["TSRUN_TEST"] ?? "tsrun"}-mounts-`));
});
test.after.each(() => {
  while (lineOf(folder) !== undefined) native().umount(folder, MNT_DETACH);
  fs.rmSync(folder, { recursive: true });
});

function lineOf(path: string): string | undefined {
  return fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").find((line) => line.split(" ")[4] === path);
}

check("mount() and umount() attach and detach", () => {
  native().mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=0711");
  const fd = fs.openSync(folder, "r");
  assert.equal([native().fstatfs(fd), fs.fstatSync(fd).mode & 0o777], [TMPFS_MAGIC, 0o711]);
  fs.closeSync(fd);
  native().mount("", folder, "", MS_PRIVATE, "");
  native().umount(folder, 0);
  assert.is(lineOf(folder), undefined);
});

check("mount() binds, and tells the target where it cannot", () => {
  native().mount("/usr/share", folder, "", MS_BIND, "");
  assert.equal(fs.readdirSync(folder), fs.readdirSync("/usr/share"));
  let error: NodeJS.ErrnoException | undefined;
  try {
    native().mount("tmpfs", folder, "tmpfs", 0, "size=nonsense");
  } catch (thrown) {
    error = thrown as NodeJS.ErrnoException;
  }
  assert.equal([error?.code, error?.syscall, error?.path], ["EINVAL", "mount", folder]);
});

check("fsopen(), fsconfig(), fsmount(), mountSetattr() and moveMount() make a mount step by step", () => {
  const context = native().fsopen("tmpfs");
  native().fsconfig(context, FSCONFIG_SET_STRING, "source", "name");
  native().fsconfig(context, FSCONFIG_CMD_CREATE);
  const mount = native().fsmount(context, MOUNT_ATTR_NOEXEC);
  native().mountSetattr(mount, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY, clear: MOUNT_ATTR_NOEXEC });
  native().moveMount(mount, "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH);
  for (const fd of [context, mount]) fs.closeSync(fd);
  assert.match(lineOf(folder) ?? "", / ro,relatime .*- tmpfs name rw/);
});

check("openTree() clones a mount", () => {
  const tree = native().openTree(AT_FDCWD, "/usr/share", OPEN_TREE_CLONE);
  native().moveMount(tree, "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH);
  fs.closeSync(tree);
  assert.ok(lineOf(folder) !== undefined);
  assert.equal(fs.readdirSync(folder), fs.readdirSync("/usr/share"));
});

check("pivotRoot() tells why it cannot", () => {
  assert.throws(() => native().pivotRoot(folder, folder), /EINVAL|EBUSY/);
});

check("setns() joins what the kernel lets a thread join", () => {
  const own = fs.openSync("/proc/self/ns/uts", "r");
  native().setns(own, CLONE_NEWUTS);
  assert.throws(() => native().setns(own, CLONE_NEWNET), /EINVAL/);
  fs.closeSync(own);
});

check("spawn() makes a process in namespaces of its own", async () => {
  const flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
  const [reader, writer] = native().pipe();
  const script = "echo $$; for n in pid mnt uts ipc net; do readlink /proc/self/ns/$n; done";
  const { pid, pidfd } = native().spawn({ file: "/bin/sh", argv: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"], fds: [-1, writer, writer], flags });
  fs.closeSync(writer);
  await ready(pidfd);
  const [own, ...seen] = fs.readFileSync(reader, "utf8").trim().split("\n");
  assert.ok(pid > 1);
  assert.is(own, "1");
  for (const link of seen) assert.not.equal(link, fs.readlinkSync(`/proc/self/ns/${link.split(":")[0]}`));
  assert.equal(native().waitPidfd(pidfd)?.signal, 0);
  forget(pidfd);
  for (const fd of [reader, pidfd]) fs.closeSync(fd);
});

check("becomeSubreaper() makes orphans of children this process's own", async () => {
  native().becomeSubreaper();
  const { pidfd } = native().spawn({ file: "/bin/sh", argv: ["sh", "-c", "sleep 0.05 & exit 0"], env: ["PATH=/bin:/usr/bin"], fds: [-1, -1, -1] });
  await ready(pidfd);
  native().waitPidfd(pidfd);
  forget(pidfd);
  fs.closeSync(pidfd);
  const children = fs.readdirSync("/proc/self/task").map((task) => fs.readFileSync(`/proc/self/task/${task}/children`, "utf8")).join("");
  const orphan = native().pidfdOpen(Number(children.trim().split(" ")[0]));
  await ready(orphan);
  assert.equal(native().waitPidfd(orphan), { code: 0, signal: 0 });
  forget(orphan);
  fs.closeSync(orphan);
});

test.run();
