/** The default devices and links, and `linux.devices` (config-linux.md#devices). */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { needs } from "../test/harness.ts";
import { withUserNamespace } from "../test/rich-configs.ts";
import { inside, output, runBundle, script } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("devices");

const DEFAULTS = "null 1:3,zero 1:5,full 1:7,random 1:8,urandom 1:9,tty 5:0".split(",");

interface Device {
  readonly path: string;
  readonly type: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

function withDevices(config: BundleConfig, ...devices: readonly Device[]): void {
  config.linux["devices"] = devices;
}

test("DEF-01 to DEF-06 the default devices are there, for everybody", async (t) => {
  const names = DEFAULTS.map((row) => `/dev/${row.split(" ")[0]}`).join(" ");
  const text = await inside(t, `stat -c '%n %t:%T %a %u:%g %F' ${names}`);
  const expected = DEFAULTS.map((row) => `/dev/${row} 666 0:0 character special file\n`).join("");
  assert.is(text, expected);
});

test("DEF-01 to DEF-06 they work", async (t) => {
  const text = await inside(t, "echo lost >/dev/null; cat /dev/null; head -c2 /dev/zero | od -An -tx1; echo x 2>/dev/null >/dev/full || echo full; head -c4 /dev/urandom | wc -c; head -c4 /dev/random | wc -c");
  assert.is(text.replace(/ +/g, " "), " 00 00\nfull\n4\n4\n");
});

test("DEF-08 /dev/ptmx leads to the container's own devpts", async (t) => {
  assert.is(await inside(t, "readlink /dev/ptmx; stat -L -c '%t:%T' /dev/ptmx"), "pts/ptmx\n5:2\n");
});

test("RL-03 fd, stdin, stdout and stderr are links to /proc/self/fd", async (t) => {
  const text = await inside(t, "cd /dev; for i in fd stdin stdout stderr; do readlink $i; done");
  assert.is(text, "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\n");
});

test("the default devices are made in a /dev of the image, too, over what is a device already", async (t) => {
  const bundle = t.bundle((config) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
    script(config, "stat -c '%n %t:%T' /dev/null /dev/zero; readlink /dev/fd");
  });
  execFileSync("mknod", ["-m", "666", join(bundle.rootfs, "dev/null"), "c", "1", "3"]);
  assert.is(output(await runBundle(t, bundle)), "/dev/null 1:3\n/dev/zero 1:5\n/proc/self/fd\n");
  assert.is(output(await runBundle(t, bundle)), "/dev/null 1:3\n/dev/zero 1:5\n/proc/self/fd\n");
});

test("DEV-01 to DEV-08 linux.devices are made with type, number, mode and owner", async (t) => {
  const text = await inside(t, "cd /dev; stat -c '%n %F %t:%T %a %u:%g' mine block pipe", (config) =>
    withDevices(
      config,
      { path: "/dev/mine", type: "c", major: 10, minor: 229, fileMode: 0o640, uid: 3, gid: 4 },
      { path: "/dev/block", type: "b", major: 8, minor: 300, fileMode: 0o600, uid: 0, gid: 6 },
      { path: "/dev/pipe", type: "p", fileMode: 0o622 },
    ),
  );
  assert.is(text, "mine character special file a:e5 640 3:4\nblock block special file 8:12c 600 0:6\npipe fifo 0:0 622 0:0\n");
});

test("DEV-02 the type u is a character device", async (t) => {
  const text = await inside(t, "stat -c '%F %t:%T' /dev/u", (config) => withDevices(config, { path: "/dev/u", type: "u", major: 10, minor: 200, fileMode: 0o600 }));
  assert.is(text, "character special file a:c8\n");
});

test("DEV-03 a device may be anywhere, and what leads to it is made", async (t) => {
  const text = await inside(t, "stat -c '%n %t:%T' /new/folder/null", (config) => withDevices(config, { path: "/new/folder/null", type: "c", major: 1, minor: 3 }));
  assert.is(text, "/new/folder/null 1:3\n");
});

test("DEV-06 without fileMode, uid and gid everybody may, and root owns it, whatever the caller's umask", async (t) => {
  const text = await inside(t, "stat -c '%a %u:%g' /dev/mine", (config) => {
    withDevices(config, { path: "/dev/mine", type: "c", major: 1, minor: 3 });
    config.process.user = { uid: 0, gid: 0, umask: 0o077 };
  });
  assert.is(text, "666 0:0\n");
});

test("DEV-06 a fileMode with the bits of the type is taken, as podman writes it", async (t) => {
  const text = await inside(t, "stat -c '%a' /dev/mine", (config) =>
    withDevices(config, { path: "/dev/mine", type: "c", major: 1, minor: 3, fileMode: 0o20640 }),
  );
  assert.is(text, "640\n");
});

test("DEV-03 a default device may be listed, with another mode", async (t) => {
  const text = await inside(t, "stat -c '%n %a' /dev/null", (config) => withDevices(config, { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o600 }));
  assert.match(text, /^\/dev\/null 6\d\d\n$/);
});

/** What may be in the place of a device, and is another file. */
const OTHER_FILES: readonly (readonly [what: string, make: (path: string) => void])[] = [
  ["a file", (path) => fs.writeFileSync(path, "")],
  ["a folder", (path) => fs.mkdirSync(path)],
  ["a dangling link", (path) => fs.symlinkSync("nowhere", path)],
  ["a link to the device", (path) => fs.symlinkSync("/dev/null", path)],
  ["another device", (path) => execFileSync("mknod", [path, "c", "1", "5"])],
  ["a block device of the same number", (path) => execFileSync("mknod", [path, "b", "1", "3"])],
  ["a fifo", (path) => execFileSync("mkfifo", [path])],
  ["a socket", (path) => execFileSync("python3", ["-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path])],
];

for (const [what, make] of OTHER_FILES) {
  test(`DEV-03 ${what} in the place of a device is an error`, async (t) => {
    if (what === "a socket") needs("python3");
    const bundle = t.bundle((config) => withDevices(config, { path: "/node", type: "c", major: 1, minor: 3 }));
    make(join(bundle.rootfs, "node"));
    const result = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
    assert.is(result.status, 1, result.stderr);
    assert.match(result.stderr, "/node");
  });
}

test("DEV-03 another file in the place of a fifo is an error, a fifo is taken", async (t) => {
  for (const [make, status] of [["mkfifo", 0], ["touch", 1]] as const) {
    const bundle = t.bundle((config) => {
      withDevices(config, { path: "/node", type: "p", fileMode: 0o622 });
      script(config, "stat -c %F /node");
    });
    execFileSync(make, [join(bundle.rootfs, "node")]);
    const result = await runBundle(t, bundle);
    assert.is(result.status, status, result.stderr);
    assert.is(result.stdout, status === 0 ? "fifo\n" : "");
  }
});

test("DEV-01 DEV-02 DEV-06 DEV-07 in a user namespace fifos are made, and devices are the host's", async (t) => {
  const bundle = withUserNamespace(t, (config) => {
    withDevices(config, { path: "/dev/kmsg", type: "c", major: 1, minor: 11 }, { path: "/dev/pipe", type: "p", fileMode: 0o620, uid: 3, gid: 4 });
    script(config, "stat -c '%n %F %t:%T' /dev/kmsg; stat -c '%F %a %u:%g' /dev/pipe");
  });
  assert.is(output(await runBundle(t, bundle)), "/dev/kmsg character special file 1:b\nfifo 620 3:4\n");
});

test("DEV-03 in a user namespace a device that the host calls otherwise is an error", async (t) => {
  for (const device of [{ path: "/dev/kmsg", major: 1, minor: 3 }, { path: "/dev/no-such-node", major: 1, minor: 3 }]) {
    const bundle = withUserNamespace(t, (config) => withDevices(config, { type: "c", ...device }));
    const result = await t.runtime(["create", "--bundle", bundle.path, t.id()]);
    assert.is(result.status, 1, result.stderr);
    assert.match(result.stderr, device.path);
  }
});

test("DEV-03 a node that is there and is the same device is taken", async (t) => {
  const bundle = t.bundle((config) => {
    withDevices(config, { path: "/node", type: "c", major: 1, minor: 3 });
    script(config, "stat -c %t:%T /node");
  });
  execFileSync("mknod", [join(bundle.rootfs, "node"), "c", "1", "3"]);
  assert.is(output(await runBundle(t, bundle)), "1:3\n");
});

test("DEV-03 a link in the place of a device does not lead out of the root", async (t) => {
  const target = join(t.folder, "outside");
  const bundle = t.bundle((config) => withDevices(config, { path: "/way/mine", type: "c", major: 1, minor: 3 }));
  fs.mkdirSync(target);
  fs.symlinkSync(target, join(bundle.rootfs, "way"));
  await runBundle(t, bundle);
  assert.equal(fs.readdirSync(target), []);
});

test("DEV-04 the number of a fifo is ignored", async (t) => {
  const text = await inside(t, "stat -c '%F' /dev/pipe", (config) => withDevices(config, { path: "/dev/pipe", type: "p", major: 8, minor: 666, fileMode: 0o660 }));
  assert.is(text, "fifo\n");
});

test("RD-01 a device that no rule allows cannot be used, nor by a node that the program makes", async (t) => {
  const text = await inside(t, "head -c1 /dev/kmsg 2>&1; mknod /dev/other c 1 11 && head -c1 /dev/other 2>&1; exit 0", (config) => {
    withDevices(config, { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o666 });
    const names = ["CAP_MKNOD", "CAP_SYSLOG"];
    config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
  });
  assert.is(text, "head: /dev/kmsg: Operation not permitted\nhead: /dev/other: Operation not permitted\n");
});

test("RD-01 a device that a rule allows can be used", async (t) => {
  const text = await inside(t, "head -c1 /dev/kmsg >/dev/null && echo readable; echo x 2>&1 >/dev/kmsg; exit 0", (config) => {
    withDevices(config, { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o666 });
    config.linux.resources = { devices: [{ allow: false, access: "rwm" }, { allow: true, type: "c", major: 1, minor: 11, access: "r" }] };
    const names = ["CAP_SYSLOG"];
    config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
  });
  assert.is(text, "readable\n/bin/sh: can't create /dev/kmsg: Operation not permitted\n");
});

test.run();
