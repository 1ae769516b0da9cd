/** `linux.maskedPaths`, `linux.readonlyPaths` and `linux.sysctl` (config-linux.md). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { cannotCreate, inside, output, read, runBundle, script } from "./containers.ts";
import { mountAt, mountsWith } from "./mountinfo.ts";
import { suite } from "./suite.ts";

const test = suite("paths");

test("MSK-01 a masked file reads as empty, a masked folder is empty and read-only", async (t) => {
  const text = await inside(t, "wc -c </etc/passwd; ls -A /tmp/secret | wc -l; touch /tmp/secret/x 2>&1; exit 0", (config) => {
    config.root.readonly = false;
    config.mounts.push({ destination: "/tmp/secret", type: "tmpfs", source: "tmpfs" });
    config.linux.maskedPaths = ["/etc/passwd", "/tmp/secret"];
  });
  assert.is(text, "0\n0\ntouch: /tmp/secret/x: Read-only file system\n");
});

test("MSK-01 what is written to a masked file is lost", async (t) => {
  const bundle = t.bundle((config) => {
    config.root.readonly = false;
    config.linux.maskedPaths = ["/etc/passwd"];
    script(config, "echo attack >/etc/passwd; wc -c </etc/passwd");
  });
  assert.is(output(await runBundle(t, bundle)), "0\n");
  assert.match(read(join(bundle.rootfs, "etc/passwd")), /^root:/);
});

test("MSK-01 the usual paths of /proc and /sys are masked", async (t) => {
  const text = await inside(t, "wc -c </proc/keys; wc -c </proc/timer_list; ls -A /sys/firmware | wc -l", (config) => {
    config.linux.maskedPaths = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats", "/sys/firmware", "/proc/scsi", "/proc/asound"];
  });
  assert.is(text, "0\n0\n0\n");
});

test("MSK-01 a path below a file is missing, too", async (t) => {
  assert.is(await inside(t, "echo up", (config) => (config.linux.maskedPaths = ["/etc/passwd/nothing"])), "up\n");
});

test("MSK-01 ROP-01 paths that are missing are passed over", async (t) => {
  assert.is(
    await inside(t, "echo up", (config) => {
      config.linux.maskedPaths = ["/no/such/path", "/proc/nothing"];
      config.linux.readonlyPaths = ["/no/such/path", "/proc/nothing"];
    }),
    "up\n",
  );
});

test("MSK-01 a path within a path that is masked already is passed over", async (t) => {
  const bundle = t.bundle((config) => {
    config.linux.maskedPaths = ["/data", "/data/file", "/data/sub", "/data/sub/file"];
    script(config, "ls -A /data | wc -l");
  });
  fs.mkdirSync(join(bundle.rootfs, "data/sub"), { recursive: true });
  for (const name of ["file", "sub/file"]) fs.writeFileSync(join(bundle.rootfs, "data", name), "");
  assert.is(output(await runBundle(t, bundle)), "0\n");
});

test("MSK-01 a device, a fifo and a socket can be masked", async (t) => {
  const text = await inside(t, "wc -c </dev/zero; wc -c </dev/pipe", (config) => {
    config.linux["devices"] = [{ path: "/dev/pipe", type: "p", fileMode: 0o666 }];
    config.linux.maskedPaths = ["/dev/zero", "/dev/pipe"];
  });
  assert.is(text, "0\n0\n");
});

test("ROP-01 a read-only path cannot be written, the rest can", async (t) => {
  const bundle = t.bundle((config) => {
    config.root.readonly = false;
    config.linux.readonlyPaths = ["/etc", "/tmp/file"];
    script(config, "touch /etc/x 2>&1; echo x 2>&1 >/tmp/file; touch /tmp/y && echo written");
  });
  fs.writeFileSync(join(bundle.rootfs, "tmp/file"), "");
  assert.is(output(await runBundle(t, bundle)), "touch: /etc/x: Read-only file system\n/bin/sh: can't create /tmp/file: Read-only file system\nwritten\n");
});

test("ROP-01 a read-only path keeps the other options of its mount", async (t) => {
  const found = await mountsWith(t, [{ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "noexec"] }], (config) => {
    config.linux.readonlyPaths = ["/mnt"];
  });
  const { options } = mountAt(found, "/mnt");
  for (const word of ["ro", "nosuid", "nodev", "noexec"]) assert.ok(options.includes(word), options.join());
});

test("ROP-01 read-only paths within each other", async (t) => {
  const text = await inside(t, "touch /etc/x 2>&1; echo 2>&1 >/etc/passwd; exit 0", (config) => {
    config.root.readonly = false;
    config.linux.readonlyPaths = ["/etc", "/etc/passwd", "/etc"];
  });
  assert.match(text, /^touch: .*Read-only.*\n.*Read-only.*\n$/);
});

test("ROP-01 /proc/sys is read-only with the usual list", async (t) => {
  const text = await inside(t, "echo 1 2>&1 >/proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward");
  assert.match(text, /Read-only file system\n0\n$/);
});

test("MSK-01 ROP-01 a path may be both, and is masked then", async (t) => {
  const text = await inside(t, "wc -c </etc/passwd", (config) => {
    config.linux.maskedPaths = ["/etc/passwd"];
    config.linux.readonlyPaths = ["/etc"];
  });
  assert.is(text, "0\n");
});

test("MSK-01 the masks are the container's only", async (t) => {
  const bundle = t.bundle((config) => (config.linux.maskedPaths = ["/etc/passwd"]));
  output(await runBundle(t, bundle));
  assert.match(read(join(bundle.rootfs, "etc/passwd")), /^root:/);
});

test("SY-01 sysctls of ipc, network and uts are set, with dots and with slashes", async (t) => {
  const files = "kernel/msgmax kernel/shm_rmid_forced kernel/sem fs/mqueue/msg_max net/ipv4/ip_forward net/ipv4/conf/lo/forwarding kernel/domainname";
  const text = await inside(t, `cd /proc/sys; cat ${files}`, (config) => {
    config.linux["sysctl"] = {
      "kernel.msgmax": "4444",
      "kernel.shm_rmid_forced": "1",
      "kernel.sem": "32000 1024000000 500 32000",
      "fs.mqueue.msg_max": "12",
      "net.ipv4.ip_forward": "1",
      "net/ipv4/conf/lo/forwarding": "1",
      "kernel.domainname": "by.sysctl",
    };
  });
  assert.is(text, "4444\n1\n32000\t1024000000\t500\t32000\n12\n1\n1\nby.sysctl\n");
});

test("SY-01 a sysctl does not reach the host", async (t) => {
  const before = read("/proc/sys/kernel/msgmax");
  await inside(t, "true", (config) => (config.linux["sysctl"] = { "kernel.msgmax": "1234" }));
  assert.is(read("/proc/sys/kernel/msgmax"), before);
});

for (const key of ["kernel.panic", "vm.swappiness", "fs.file-max", "kernel.hostname", "net"]) {
  test(`SY-01 "${key}" is not the container's alone: an error`, async (t) => {
    await cannotCreate(t, (config) => (config.linux["sysctl"] = { [key]: "1" }), key);
  });
}

test("SY-01 sysctls need the namespace that they belong to", async (t) => {
  for (const [type, key] of [["network", "net.ipv4.ip_forward"], ["ipc", "kernel.msgmax"], ["ipc", "fs.mqueue.msg_max"]] as const) {
    await cannotCreate(
      t,
      (config) => {
        config.linux.namespaces = config.linux.namespaces.filter((namespace) => namespace.type !== type);
        config.linux["sysctl"] = { [key]: "1" };
      },
      key,
    );
  }
});

test("SY-01 a sysctl that the kernel does not have, or a value that it does not take, is an error", async (t) => {
  await cannotCreate(t, (config) => (config.linux["sysctl"] = { "net.no.such.thing": "1" }), /no such file or directory/);
  await cannotCreate(t, (config) => (config.linux["sysctl"] = { "net.ipv4.ip_forward": "perhaps" }), /invalid argument/);
});

test("SY-01 a sysctl's name does not lead out of /proc/sys", async (t) => {
  for (const key of ["net/../../self/comm", "net.ipv4/../../../self/comm", "kernel.msg/../../../self/comm"]) {
    await cannotCreate(t, (config) => (config.linux["sysctl"] = { [key]: "x" }), /./);
  }
});

test.run();
