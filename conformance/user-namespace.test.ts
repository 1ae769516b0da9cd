/** A user namespace and its mappings (config-linux.md#user-namespace-mappings). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { cannotCreate, created, file, inside, output, run, runBundle, running, script, silent } from "./containers.ts";
import { listen } from "./probe.ts";
import { suite } from "./suite.ts";

const test = suite("user namespace");

const BASE = 100_000;

function mapped(config: BundleConfig, size = 65536): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux["uidMappings"] = [{ containerID: 0, hostID: BASE, size }];
  config.linux["gidMappings"] = [{ containerID: 0, hostID: 2 * BASE, size }];
}

test("UM-01 to UM-05 the maps are written as the config says", async (t) => {
  const text = await inside(t, "cat /proc/self/uid_map /proc/self/gid_map", (config) => {
    config.linux.namespaces.push({ type: "user" });
    config.linux["uidMappings"] = [
      { containerID: 0, hostID: BASE, size: 10 },
      { containerID: 20, hostID: 5, size: 1 },
    ];
    config.linux["gidMappings"] = [{ containerID: 0, hostID: 2 * BASE, size: 10 }];
  });
  const rows = text.trim().split("\n").map((line) => line.trim().split(/ +/).map(Number));
  assert.equal(rows, [[0, BASE, 10], [20, 5, 1], [0, 2 * BASE, 10]]);
});

test("RP-02 a limit of one process is kept and does not hinder the container's creation", async (t) => {
  const result = await run(t, "echo alone; (:) | :", (config) => {
    mapped(config);
    config.linux.resources = { pids: { limit: 1 } };
  });
  assert.is(result.stdout, "alone\n", result.stderr);
  assert.match(result.stderr, "can't fork");
});

test("the program is root inside and a mapped user outside", async (t) => {
  const container = await running(t, mapped);
  const status = await container.proc("status");
  assert.match(status, new RegExp(`^Uid:\t${BASE}\t${BASE}\t${BASE}\t${BASE}$`, "m"));
  assert.match(status, new RegExp(`^Gid:\t${2 * BASE}\t`, "m"));
  assert.is.not(fs.readlinkSync(`/proc/${(await container.state()).pid}/ns/user`), fs.readlinkSync("/proc/self/ns/user"));
  await container.end();
  silent(await container.verb("delete"));
});

test("files belong to the mapped ids, in both directions", async (t) => {
  fs.mkdirSync(file(t, "data"));
  fs.chmodSync(file(t, "data"), 0o777);
  fs.writeFileSync(file(t, "data/theirs"), "");
  fs.chownSync(file(t, "data/theirs"), BASE + 7, 2 * BASE + 8);
  const text = await inside(t, "stat -c %u:%g /tmp/theirs /bin/busybox; touch /tmp/mine", (config) => {
    mapped(config);
    config.mounts.push({ destination: "/tmp", source: file(t, "data"), options: ["rbind"] });
  });
  assert.is(text, "7:8\n65534:65534\n");
  const { uid, gid } = fs.statSync(file(t, "data/mine"));
  assert.equal([uid, gid], [BASE, 2 * BASE]);
});

test("UM-01 the runtime changes no owner in the root file system", async (t) => {
  const bundle = t.bundle(mapped);
  output(await runBundle(t, bundle));
  for (const path of ["", "bin", "bin/busybox", "dev", "etc/passwd"]) assert.is(fs.statSync(join(bundle.rootfs, path)).uid, 0, path);
});

test("PRC-11 PRC-12 PRC-14 uid, gid and additionalGids of the program are those of the container", async (t) => {
  const text = await inside(t, "id -u; id -g; grep Groups /proc/self/status", (config) => {
    mapped(config);
    config.process.user = { uid: 33, gid: 44, additionalGids: [5, 6] };
  });
  assert.is(text.replace(/ +$/gm, ""), "33\n44\nGroups:\t5 6\n");
});

test("PRC-11 PRC-12 PRC-14 an id that is not mapped is an error", async (t) => {
  for (const user of [{ uid: 10, gid: 0 }, { uid: 0, gid: 10 }, { uid: 0, gid: 0, additionalGids: [10] }]) {
    await cannotCreate(
      t,
      (config) => {
        mapped(config, 10);
        config.mounts = config.mounts.filter(({ type }) => type !== "devpts");
        config.process.user = user;
      },
      /map|invalid argument/i,
    );
  }
});

test("UM-01 mappings without a user namespace are an error", async (t) => {
  await cannotCreate(
    t,
    (config) => {
      mapped(config);
      config.linux.namespaces.pop();
    },
    /./,
  );
});

test("UM-01 a new user namespace without mappings is an error", async (t) => {
  await cannotCreate(t, (config) => config.linux.namespaces.push({ type: "user" }), /mapping/i);
});

test("UM-01 mappings that overlap are an error", async (t) => {
  await cannotCreate(
    t,
    (config) => {
      mapped(config);
      config.linux["uidMappings"] = [
        { containerID: 0, hostID: BASE, size: 10 },
        { containerID: 5, hostID: 2 * BASE, size: 10 },
      ];
    },
    /./,
  );
});

test("the default devices are there, work, and are the host's", async (t) => {
  const text = await inside(t, "echo x >/dev/null; head -c3 /dev/zero | wc -c; stat -c '%n %F %t:%T' /dev/null /dev/tty; ls -l /dev/ptmx | grep -o 'pts/ptmx'", mapped);
  assert.is(text, "3\n/dev/null character special file 1:3\n/dev/tty character special file 5:0\npts/ptmx\n");
});

test("capabilities are those of the container's own namespace", async (t) => {
  const text = await inside(t, "hostname changed && hostname; grep CapEff /proc/self/status", (config) => {
    mapped(config);
    const names = ["CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"];
    config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
  });
  assert.is(text, "changed\nCapEff:\t0000000001200000\n");
});

test("the other namespaces belong to the user namespace", async (t) => {
  const text = await inside(t, "mount -t tmpfs tmpfs /tmp && ip link set lo down && echo may", (config) => {
    mapped(config);
    const names = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"];
    config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
  });
  assert.is(text, "may\n");
});

test("a bind source that only the host's root can reach is mounted", async (t) => {
  fs.mkdirSync(file(t, "private/inner"), { recursive: true });
  fs.writeFileSync(file(t, "private/inner/file"), "reached\n");
  fs.chmodSync(file(t, "private"), 0o700);
  const text = await inside(t, "cat /tmp/file", (config) => {
    mapped(config);
    config.mounts.push({ destination: "/tmp", source: file(t, "private/inner"), options: ["rbind", "ro"] });
  });
  assert.is(text, "reached\n");
});

test("sysctls of the container's namespaces are set", async (t) => {
  const text = await inside(t, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax", (config) => {
    mapped(config);
    config.linux["sysctl"] = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "4321" };
  });
  assert.is(text, "1\n4321\n");
});

test("masked and read-only paths hold", async (t) => {
  const text = await inside(t, "wc -c </proc/timer_list; echo 1 2>&1 >/proc/sys/net/ipv4/ip_forward; exit 0", (config) => {
    mapped(config);
    config.linux.maskedPaths = ["/proc/timer_list"];
  });
  assert.match(text, /^0\n.*Read-only file system\n$/);
});

test("PRC-18 PRC-19 PRC-28 oom_score_adj and rlimits are set with the host's rights", async (t) => {
  const text = await inside(t, "cat /proc/self/oom_score_adj; ulimit -n", (config) => {
    mapped(config);
    config.process["oomScoreAdj"] = 300;
    config.process["rlimits"] = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
  });
  assert.is(text, "300\n100\n");
});

test("a terminal works, and belongs to the container's user", async (t) => {
  const listener = await listen(t, "console");
  const bundle = t.bundle((config) => {
    mapped(config);
    config.process.terminal = true;
    script(config, "stat -L -c %u /proc/self/fd/0; echo console >/dev/console");
  });
  const id = t.id();
  silent(await t.runtime(["run", "--detach", "--bundle", bundle.path, "--console-socket", listener.socket, id]));
  await listener.end();
  assert.match(listener.output(), "\n0\r\nconsole\r\n");
});

test("a user namespace by its path is joined, with a network namespace that belongs to it", async (t) => {
  const holder = await running(t, mapped);
  const { pid } = await holder.state();
  const container = await running(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "network");
    config.linux.namespaces.push({ type: "user", path: `/proc/${pid}/ns/user` }, { type: "network", path: `/proc/${pid}/ns/net` });
  });
  const own = (await container.state()).pid;
  for (const name of ["user", "net"]) assert.is(fs.readlinkSync(`/proc/${own}/ns/${name}`), fs.readlinkSync(`/proc/${pid}/ns/${name}`), name);
  assert.match(await container.proc("status"), new RegExp(`^Uid:\t${BASE}\t`, "m"));
});

test("an exit status, a signal and a failure arrive from within", async (t) => {
  const bundle = t.bundle((config) => {
    mapped(config);
    script(config, "exit 7");
  });
  assert.is((await runBundle(t, bundle)).status, 7);
  const container = await created(t, mapped);
  silent(await container.verb("kill", "TERM"));
  await container.stopped();
  await cannotCreate(
    t,
    (config) => {
      mapped(config);
      config.process.args = ["missing"];
    },
    "executable file not found in $PATH",
  );
});

test.run();
