/** Every function of the addon: what it gives back, and what it says of a failure; the same under both engines. */

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PROJECT } from "../../test/runtime.ts";
import { CLONE_NEWNET, CLONE_NEWNS } from "../linux/clone-flags.ts";
import { DEVPTS_SUPER_MAGIC, PROC_SUPER_MAGIC } from "../linux/magic.ts";
import { O_PATH, O_RDWR, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from "../linux/open-flags.ts";
import { RLIMITS } from "../linux/rlimits.ts";
import { isNativeError, native } from "./native.ts";
import type { Native } from "./native.ts";

const test = suite("native");

let folder = "";
test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "tsrun-native-"));
});
test.after.each(() => fs.rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const NOWHERE = "/no/such/path";
const NO_FD = 99_999;

test("native() has the functions that native.ts declares, and no others", () => {
  const source = fs.readFileSync(join(PROJECT, "src/native/native.ts"), "utf8");
  const body = source.slice(source.indexOf("interface NativeFiles"), source.indexOf("const ADDON"));
  const declared = new Set([...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name));
  assert.ok(declared.size > 50);
  assert.equal(Object.keys(native()).sort(), [...declared].sort());
});

type Failing = readonly [name: keyof Native, call: (n: Native) => unknown, code: string, syscall: string, path?: string];

/** One way to fail for each function that can; most by a descriptor or a path that is not there. */
const FAILURES: readonly Failing[] = [
  ["open", (n) => n.open(NOWHERE, 0, 0), "ENOENT", "open", NOWHERE],
  ["close", (n) => n.close(NO_FD), "EBADF", "close"],
  ["read", (n) => n.read(NO_FD, new Uint8Array(1)), "EBADF", "read"],
  ["write", (n) => n.write(NO_FD, "x"), "EBADF", "write"],
  ["readBytes", (n) => n.readBytes(NOWHERE), "ENOENT", "open", NOWHERE],
  ["readText", (n) => n.readText("/dev/zero"), "EFBIG", "read", "/dev/zero"],
  ["readText", (n) => n.readText("/"), "EISDIR", "read", "/"],
  ["writeFile", (n) => n.writeFile(NOWHERE, "", 0o100, 0o600), "ENOENT", "open", NOWHERE],
  ["stat", (n) => n.stat(NOWHERE), "ENOENT", "stat", NOWHERE],
  ["fstat", (n) => n.fstat(NO_FD), "EBADF", "fstat"],
  ["statfs", (n) => n.statfs(NOWHERE), "ENOENT", "statfs", NOWHERE],
  ["mkdir", (n) => n.mkdir("/", 0), "EEXIST", "mkdir", "/"],
  ["rmdir", (n) => n.rmdir(NOWHERE), "ENOENT", "rmdir", NOWHERE],
  ["unlink", (n) => n.unlink(NOWHERE), "ENOENT", "unlink", NOWHERE],
  ["rename", (n) => n.rename(NOWHERE, "/tmp/x"), "ENOENT", "rename", NOWHERE],
  ["chown", (n) => n.chown(NOWHERE, 0, 0), "ENOENT", "chown", NOWHERE],
  ["readdir", (n) => n.readdir(NOWHERE, false), "ENOENT", "opendir", NOWHERE],
  ["pidfdOpen", (n) => n.pidfdOpen(2 ** 30), "ESRCH", "pidfd_open"],
  ["pidfdSendSignal", (n) => n.pidfdSendSignal(NO_FD, 0), "EBADF", "pidfd_send_signal"],
  ["pidfdGetfd", (n) => n.pidfdGetfd(NO_FD, 0), "EBADF", "pidfd_getfd"],
  ["waitPidfd", (n) => n.waitPidfd(NO_FD), "EBADF", "waitid"],
  ["kill", (n) => n.kill(2 ** 30, 0), "ESRCH", "kill"],
  ["prlimit", (n) => n.prlimit(0, 999), "EINVAL", "prlimit"],
  ["setns", (n) => n.setns(NO_FD, 0), "EBADF", "setns"],
  ["mount", (n) => n.mount("", NOWHERE, "", 0, ""), "ENOENT", "mount", NOWHERE],
  ["umount", (n) => n.umount(NOWHERE, 0), "ENOENT", "umount2", NOWHERE],
  ["fsopen", (n) => n.fsopen("no such type"), "ENODEV", "fsopen", "no such type"],
  ["fsconfig", (n) => n.fsconfig(NO_FD, 1, "key", "value"), "EBADF", "fsconfig", "key"],
  ["fsmount", (n) => n.fsmount(NO_FD, 0), "EBADF", "fsmount"],
  ["openTree", (n) => n.openTree(-100, NOWHERE, 0), "ENOENT", "open_tree", NOWHERE],
  ["moveMount", (n) => n.moveMount(-100, NOWHERE, -100, "/tmp", 0), "ENOENT", "move_mount", "/tmp"],
  ["mountSetattr", (n) => n.mountSetattr(-100, NOWHERE, 0, { set: 1 }), "ENOENT", "mount_setattr", NOWHERE],
  ["openat2", (n) => n.openat2(-100, NOWHERE, { flags: 0 }), "ENOENT", "openat2", NOWHERE],
  ["flock", (n) => n.flock(NO_FD, 2), "EBADF", "flock"],
  ["mkfifo", (n) => n.mkfifo("/", 0o600), "EEXIST", "mkfifo", "/"],
  ["fstatfs", (n) => n.fstatfs(NO_FD), "EBADF", "fstatfs"],
  ["writeAt", (n) => n.writeAt(-100, NOWHERE, ""), "ENOENT", "openat", NOWHERE],
  ["dupAbove", (n) => n.dupAbove(NO_FD, 3), "EBADF", "fcntl"],
  ["unread", (n) => n.unread(NO_FD), "EBADF", "ioctl"],
  ["namespaceType", (n) => n.namespaceType(0), "ENOTTY", "ioctl"],
  ["owningUserNamespace", (n) => n.owningUserNamespace(0), "ENOTTY", "ioctl"],
  ["setNonblocking", (n) => n.setNonblocking(NO_FD, true), "EBADF", "fcntl"],
  ["connectUnix", (n) => n.connectUnix(NOWHERE), "ENOENT", "connect", NOWHERE],
  ["connectUnix", (n) => n.connectUnix(`/${"x".repeat(200)}/y`), "ENOENT", "open", `/${"x".repeat(200)}/`],
  ["send", (n) => n.send(NO_FD, new Uint8Array(1)), "EBADF", "sendmsg"],
  ["receive", (n) => n.receive(NO_FD), "EBADF", "recvmsg"],
  ["makeRaw", (n) => n.makeRaw(NO_FD), "EBADF", "tcgetattr"],
  ["keepNewlines", (n) => n.keepNewlines(NO_FD), "EBADF", "tcgetattr"],
  ["setTerminal", (n) => n.setTerminal(0, new Uint8Array(3)), "EINVAL", "tcsetattr"],
  ["windowSize", (n) => n.windowSize(NO_FD), "EBADF", "ioctl"],
  ["setWindowSize", (n) => n.setWindowSize(NO_FD, 1, 1), "EBADF", "ioctl"],
  ["ptyPeer", (n) => n.ptyPeer(NO_FD), "EBADF", "ioctl"],
  ["bpfAttachDevice", (n) => n.bpfAttachDevice(NO_FD, NO_FD), "EBADF", "bpf", "BPF_PROG_ATTACH"],
  ["bpfDetachDevice", (n) => n.bpfDetachDevice(NO_FD, NO_FD), "EBADF", "bpf", "BPF_PROG_DETACH"],
  ["bpfQueryDevices", (n) => n.bpfQueryDevices(NO_FD), "EBADF", "bpf", "BPF_PROG_QUERY"],
  ["bpfProgramName", (n) => n.bpfProgramName(NO_FD), "EBADFD", "bpf", "BPF_OBJ_GET_INFO_BY_FD"],
];

for (const [name, call, code, syscall, path] of FAILURES) {
  test(`${name}() that fails with ${code} says so, of ${syscall}`, () => {
    let error: unknown;
    try {
      call(native());
    } catch (thrown) {
      error = thrown;
    }
    if (!isNativeError(error)) throw error ?? new Error("it did not fail");
    assert.equal([error.code, error.syscall, error.path], [code, syscall, path]);
    assert.type(error.errno, "number");
    assert.ok(error.message.includes(code), error.message);
  });
}

test("openat2() resolves as it is told, and closes on exec", () => {
  fs.writeFileSync(at("file"), "text");
  fs.symlinkSync("file", at("link"));
  const directory = fs.openSync(folder, "r");
  const fd = native().openat2(directory, "file", { flags: 0, resolve: RESOLVE_BENEATH });
  assert.is(fs.readFileSync(fd, "utf8"), "text");
  assert.match(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"), /^flags:\s+0?2\d{6}$/m);
  assert.throws(() => native().openat2(directory, "link", { flags: 0, resolve: RESOLVE_NO_SYMLINKS }), /ELOOP/);
  assert.throws(() => native().openat2(directory, "../x", { flags: 0, resolve: RESOLVE_BENEATH }), /EXDEV/);
  const made = native().openat2(directory, "new", { flags: 0o102, mode: 0o600 });
  assert.is(fs.fstatSync(made).mode & 0o777, 0o600);
  for (const open of [fd, made, directory]) fs.closeSync(open);
});

test("sealedMemfd() holds the bytes, and nobody can change them", () => {
  const fd = native().sealedMemfd("name", new TextEncoder().encode("text"));
  assert.is(fs.readFileSync(`/proc/self/fd/${fd}`, "utf8"), "text");
  assert.throws(() => fs.writeSync(fd, "x"), /EPERM/);
  assert.throws(() => fs.ftruncateSync(fd, 1), /EPERM/);
  assert.match(fs.readlinkSync(`/proc/self/fd/${fd}`), "/memfd:name");
  fs.closeSync(fd);
});

test("sealedCopy() holds all of a file, and nobody can change it", () => {
  const path = join(folder, "large");
  const bytes = Buffer.alloc(300_001, "0123456789");
  fs.writeFileSync(path, bytes);
  const fd = native().sealedCopy("name", path);
  assert.is(bytes.compare(fs.readFileSync(`/proc/self/fd/${fd}`)), 0);
  assert.throws(() => fs.writeSync(fd, "x"), /EPERM/);
  fs.closeSync(fd);
  assert.throws(() => native().sealedCopy("name", join(folder, "none")), /ENOENT.*none/);
});

test("flock() keeps others out until its descriptor is closed", () => {
  const [first, second] = [fs.openSync(folder, "r"), fs.openSync(folder, "r")];
  assert.is(native().flock(first, 2), true);
  assert.is(native().flock(second, 2 | 4), false);
  fs.closeSync(first);
  assert.is(native().flock(second, 2 | 4), true);
  fs.closeSync(second);
});

test("lockDirectory() tells what is held and what is gone", () => {
  const first = native().lockDirectory(folder, 2 | 4);
  assert.type(first, "number");
  assert.is(native().lockDirectory(folder, 2 | 4), null);
  assert.is(native().lockDirectory(NOWHERE, 2 | 4), undefined);
  fs.closeSync(first as number);
  const again = native().lockDirectory(folder, 2 | 4);
  assert.type(again, "number");
  fs.closeSync(again as number);
});

test("mkfifo() gives the mode that it is told, whatever the umask", () => {
  const umask = process.umask(0o777);
  native().mkfifo(at("fifo"), 0o622);
  process.umask(umask);
  const status = fs.statSync(at("fifo"));
  assert.equal([status.isFIFO(), status.mode & 0o777], [true, 0o622]);
});

test("unread() tells at the writing end of a pipe what is left in it", () => {
  const [reader, writer] = native().pipe();
  assert.is(native().unread(writer), 0);
  fs.writeSync(writer, "five!");
  assert.is(native().unread(writer), 5);
  fs.readSync(reader, new Uint8Array(3));
  assert.is(native().unread(writer), 2);
  fs.closeSync(reader);
  fs.closeSync(writer);
});

test("fstatfs(), writeAt(), namespaceType(), owningUserNamespace() and dupAbove() do what they say", () => {
  const proc = fs.openSync("/proc", "r");
  assert.is(native().fstatfs(proc), PROC_SUPER_MAGIC);
  const copy = native().dupAbove(proc, 200);
  assert.ok(copy >= 200);
  assert.is(fs.readlinkSync(`/proc/self/fd/${copy}`), "/proc");
  const net = fs.openSync("/proc/self/ns/net", "r");
  assert.is(native().namespaceType(net), CLONE_NEWNET);
  const users = native().owningUserNamespace(net);
  assert.is(fs.readlinkSync(`/proc/self/fd/${users}`), fs.readlinkSync("/proc/self/ns/user"));
  const directory = fs.openSync(folder, "r");
  fs.writeFileSync(at("file"), "");
  native().writeAt(directory, "file", "text");
  assert.is(fs.readFileSync(at("file"), "utf8"), "text");
  fs.symlinkSync("file", at("link"));
  assert.throws(() => native().writeAt(directory, "link", "x"), /ELOOP/);
  for (const fd of [proc, copy, net, directory]) fs.closeSync(fd);
});

test("pipe() and setNonblocking(): a pipe blocks until it is told not to", () => {
  const [reader, writer] = native().pipe();
  const flags = (): string => /^flags:\s+(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${reader}`, "utf8"))?.[1] ?? "";
  assert.is(Number.parseInt(flags(), 8) & 0o4000, 0);
  native().setNonblocking(reader, true);
  assert.is(Number.parseInt(flags(), 8) & 0o4000, 0o4000);
  assert.throws(() => fs.readSync(reader, Buffer.alloc(1)), /EAGAIN/);
  native().setNonblocking(reader, false);
  assert.is(Number.parseInt(flags(), 8) & 0o4000, 0);
  for (const fd of [reader, writer]) fs.closeSync(fd);
});

test("send() and receive() keep messages apart, and pass descriptors", () => {
  const [one, two] = native().socketpair();
  assert.is(native().receive(two), null);
  const file = fs.openSync("/etc/passwd", "r");
  assert.is(native().send(one, new Uint8Array([1, 2, 3])), 3);
  native().send(one, new Uint8Array([4]), [file, file]);
  assert.equal([...(native().receive(two)?.bytes ?? [])], [1, 2, 3]);
  const { bytes, fds } = native().receive(two) ?? { bytes: new Uint8Array(), fds: [] };
  assert.equal([...bytes], [4]);
  assert.equal(fds.map((fd) => fs.readlinkSync(`/proc/self/fd/${fd}`)), ["/etc/passwd", "/etc/passwd"]);
  fs.closeSync(one);
  assert.is(native().receive(two)?.bytes.length, 0);
  for (const fd of [...fds, file, two]) fs.closeSync(fd);
});

test("send() to a socket that nobody reads any more fails, and does not end the process", () => {
  const [one, two] = native().socketpair();
  fs.closeSync(two);
  assert.throws(() => native().send(one, new Uint8Array(1)), /EPIPE/);
  fs.closeSync(one);
});

for (const length of [20, 200]) {
  test(`connectUnix() reaches a socket whose path has more than ${length} characters`, async () => {
    const directory = at("d".repeat(length));
    fs.mkdirSync(directory);
    // As the kernel's own limit is 108, the server needs a short way, too.
    const handle = fs.openSync(directory, "r");
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(`/proc/self/fd/${handle}/s`, resolve));
    const fd = native().connectUnix(join(directory, "s"));
    assert.match(fs.readlinkSync(`/proc/self/fd/${fd}`), /^socket:/);
    fs.closeSync(fd);
    fs.closeSync(handle);
    await new Promise((resolve) => server.close(resolve));
  });
}

test("a terminal has a size, becomes raw, and gets its settings back", () => {
  const [master, slave] = native().openPty();
  native().setWindowSize(master, 12, 34);
  assert.equal(native().windowSize(slave), [12, 34]);
  const before = native().makeRaw(slave);
  assert.ok(before.length > 20);
  const raw = native().makeRaw(slave);
  assert.not.equal([...raw], [...before]);
  native().setTerminal(slave, before);
  assert.equal([...native().makeRaw(slave)], [...before]);
  native().setTerminal(slave, before);
  native().keepNewlines(master);
  const wanted = "a\nb\n";
  fs.writeSync(slave, wanted);
  const got = Buffer.alloc(20);
  assert.is(got.toString("latin1", 0, fs.readSync(master, got)), wanted);
  const peer = native().ptyPeer(master);
  assert.is(native().fstatfs(peer), DEVPTS_SUPER_MAGIC);
  assert.is(fs.fstatSync(peer).rdev, fs.fstatSync(slave).rdev);
  // It is no job's terminal, so none has it in this one's place.
  assert.is(native().isForeground(slave), true);
  for (const fd of [master, slave, peer]) fs.closeSync(fd);
});

test("pidfds name a process: its signals, its descriptors", () => {
  const own = native().pidfdOpen(process.pid);
  native().pidfdSendSignal(own, 0);
  assert.throws(() => native().waitPidfd(own), /ECHILD/);
  const file = fs.openSync("/etc/passwd", "r");
  const copy = native().pidfdGetfd(own, file);
  assert.is(fs.readlinkSync(`/proc/self/fd/${copy}`), "/etc/passwd");
  native().kill(process.pid, 0);
  for (const fd of [own, file, copy]) fs.closeSync(fd);
});

test("prlimit() returns the limits as they were, in 64 bits", () => {
  const core = RLIMITS.indexOf("RLIMIT_CORE");
  const [soft, hard] = native().prlimit(0, core);
  assert.equal(native().prlimit(0, core, 0n, hard), [soft, hard]);
  assert.equal(native().prlimit(0, core, soft, hard), [0n, hard]);
  assert.equal(native().prlimit(process.pid, core), [soft, hard]);
});

test("sha256() is that of the text's UTF-8", () => {
  for (const text of ["", "abc", "ä€😀".repeat(1000)]) assert.is(native().sha256(text), createHash("sha256").update(text).digest("hex"));
});

test("seccompLibrary() has a version's form", () => {
  assert.match(native().seccompLibrary(), /^\d+\.\d+\.\d+$/);
});

test("setns() to a mount namespace is not for a process with threads", () => {
  const own = fs.openSync("/proc/self/ns/mnt", "r");
  assert.throws(() => native().setns(own, CLONE_NEWNS), /EINVAL|EPERM/);
  fs.closeSync(own);
});

test("open() takes flags and mode, and closes on exec", () => {
  const umask = process.umask(0);
  const fd = native().open(at("new"), O_RDWR | 0o100, 0o640);
  process.umask(umask);
  assert.is(fs.fstatSync(fd).mode & 0o777, 0o640);
  assert.is(native().write(fd, "text"), 4);
  assert.is(fs.readFileSync(at("new"), "utf8"), "text");
  const path = native().open(at("new"), O_PATH, 0);
  assert.throws(() => native().read(path, new Uint8Array(1)), /EBADF/);
  for (const open of [fd, path]) native().close(open);
});

test.run();
