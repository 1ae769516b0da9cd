/** `linux.namespaces`, `hostname` and `domainname` (config-linux.md#namespaces). */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { needs, skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { cannotCreate, created, file, inside, output, read, run, runBundle, running, script, waitFor } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("namespaces");

/** The specification's names, and the kernel's in /proc/PID/ns. */
const TYPES: Readonly<Record<string, string>> = { pid: "pid", network: "net", mount: "mnt", ipc: "ipc", uts: "uts", cgroup: "cgroup", time: "time" };
/** Without which the default config of the tests cannot do. */
const SIMPLE = ["pid", "network", "ipc", "uts", "cgroup"];

function setNamespaces(config: BundleConfig, namespaces: { type: string; path?: string }[]): void {
  const types = namespaces.map(({ type }) => type);
  config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => !types.includes(type)), ...namespaces];
}

function without(config: BundleConfig, type: string): void {
  config.linux.namespaces = config.linux.namespaces.filter((namespace) => namespace.type !== type);
  if (type === "uts") delete config.hostname;
}

async function namespaceOf(container: Container, type: string): Promise<string> {
  return fs.readlinkSync(`/proc/${(await container.state()).pid}/ns/${TYPES[type]}`);
}

function ours(type: string): string {
  return fs.readlinkSync(`/proc/self/ns/${TYPES[type]}`);
}

for (const type of ["pid", "network", "mount", "ipc", "uts", "cgroup"]) {
  test(`NS-04 a ${type} namespace without a path is a new one, for every container`, async (t) => {
    const [one, other] = [await created(t), await created(t)];
    assert.is.not(await namespaceOf(one, type), ours(type));
    assert.is.not(await namespaceOf(one, type), await namespaceOf(other, type));
  });
}

test("NS-04 a time namespace is a new one", async (t) => {
  if (!fs.existsSync("/proc/self/ns/time")) skip("this kernel has no time namespaces");
  const container = await running(t, (config) => setNamespaces(config, [{ type: "time" }]));
  assert.is.not(await namespaceOf(container, "time"), ours("time"));
});

test("NS-02 all eight types are there to be had together", async (t) => {
  if (!fs.existsSync("/proc/self/ns/time")) skip("this kernel has no time namespaces");
  const container = await running(t, (config) => {
    setNamespaces(config, [...Object.keys(TYPES), "user"].map((type) => ({ type })));
    for (const ids of ["uidMappings", "gidMappings"]) config.linux[ids] = [{ containerID: 0, hostID: 0, size: 65536 }];
  });
  for (const type of Object.keys(TYPES)) assert.is.not(await namespaceOf(container, type), ours(type), type);
  assert.is.not(fs.readlinkSync(`/proc/${(await container.state()).pid}/ns/user`), fs.readlinkSync("/proc/self/ns/user"));
});

test("NS-04 an empty path is none", async (t) => {
  const container = await created(t, (config) => setNamespaces(config, SIMPLE.map((type) => ({ type, path: "" }))));
  for (const type of SIMPLE) assert.is.not(await namespaceOf(container, type), ours(type), type);
});

for (const type of SIMPLE) {
  test(`NS-05 without a ${type} namespace in the list the container is in the runtime's`, async (t) => {
    const container = await running(t, (config) => without(config, type));
    assert.is(await namespaceOf(container, type), ours(type));
  });
}

for (const type of ["network", "ipc", "uts", "cgroup"]) {
  test(`NS-03 a ${type} namespace by its path is joined`, async (t) => {
    const holder = await running(t);
    const path = `/proc/${(await holder.state()).pid}/ns/${TYPES[type]}`;
    const container = await running(t, (config) => setNamespaces(config, [{ type, path }]));
    assert.is(await namespaceOf(container, type), await namespaceOf(holder, type));
  });
}

test("NS-03 a pid namespace by its path is joined, and the program is not its process 1", async (t) => {
  const holder = await running(t);
  const { pid } = await holder.state();
  for (const name of ["pid", "pid_for_children"]) {
    const text = await inside(t, "echo $$; tr '\\0' ' ' </proc/1/cmdline", (config) => setNamespaces(config, [{ type: "pid", path: `/proc/${pid}/ns/${name}` }]));
    const [own, first] = text.split("\n");
    assert.ok(Number(own) > 1);
    assert.is(first, "/bin/sleep 100 ");
  }
  assert.is(await holder.status(), "running");
});

test("NS-03 a container that has joined a pid namespace can be started, killed and deleted alone", async (t) => {
  const holder = await running(t);
  const path = `/proc/${(await holder.state()).pid}/ns/pid`;
  const container = await running(t, (config) => setNamespaces(config, [{ type: "pid", path }]));
  await container.end();
  assert.is((await container.verb("delete")).status, 0);
  assert.is(await holder.status(), "running");
});

test("NS-03 a mount namespace by its path is joined, and the root is the config's", async (t) => {
  needs("unshare");
  const holder = spawn("unshare", ["--mount", "sleep", "100"], { stdio: "ignore" });
  try {
    const path = `/proc/${holder.pid}/ns/mnt`;
    await waitFor("the holder has its namespace", () => read(`/proc/${holder.pid}/comm`) === "sleep\n");
    const container = await running(t, (config) => {
      setNamespaces(config, [{ type: "mount", path }]);
      config.root = { path: config.root.path };
      config.mounts = config.mounts.slice(0, 1);
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
    });
    assert.is(await namespaceOf(container, "mount"), fs.readlinkSync(path));
    assert.ok(fs.existsSync(`/proc/${(await container.state()).pid}/root/bin/busybox`));
    // And not that of the namespace, for a further process as well.
    fs.writeFileSync(join(container.bundle.rootfs, "only-here"), "");
    assert.is(output(await container.exec(["ls", "/only-here"])), "/only-here\n");
    await container.end();
  } finally {
    holder.kill("SIGKILL");
  }
});

test("NS-03 namespaces of a pod are shared: host name, links and message queues", async (t) => {
  const pause = await running(t, (config) => (config.hostname = "the-pod"));
  const { pid } = await pause.state();
  const shared = ["network", "ipc", "uts"].map((type) => ({ type, path: `/proc/${pid}/ns/${TYPES[type]}` }));
  const text = await inside(t, "hostname; cat /sys/class/net/lo/operstate", (config) => {
    delete config.hostname;
    setNamespaces(config, shared);
  });
  assert.is(text, "the-pod\nunknown\n");
});

test("NS-03 a namespace that is bound to a file is joined", async (t) => {
  needs("unshare");
  fs.writeFileSync(file(t, "net"), "");
  const maker = spawn("unshare", [`--net=${file(t, "net")}`, "true"], { stdio: "ignore" });
  await new Promise((resolve) => maker.on("exit", resolve));
  try {
    const container = await running(t, (config) => setNamespaces(config, [{ type: "network", path: file(t, "net") }]));
    assert.is(await namespaceOf(container, "network"), `net:[${fs.statSync(file(t, "net")).ino}]`);
    await container.end();
  } finally {
    const umount = spawn("umount", [file(t, "net")], { stdio: "ignore" });
    await new Promise((resolve) => umount.on("exit", resolve));
  }
});

const WRONG: readonly (readonly [type: string, file: string])[] = [
  ["network", "ipc"],
  ["ipc", "net"],
  ["uts", "net"],
  ["pid", "net"],
  ["mount", "net"],
  ["cgroup", "net"],
  ["user", "net"],
];

for (const [type, name] of WRONG) {
  test(`NS-03 a file of type ${name} is no ${type} namespace: an error`, async (t) => {
    await cannotCreate(t, (config) => setNamespaces(config, [{ type, path: `/proc/self/ns/${name}` }]), /./, "/linux/namespaces/\\d/path");
  });
}

test("NS-03 a path that is missing, or no namespace, is an error", async (t) => {
  await cannotCreate(t, (config) => setNamespaces(config, [{ type: "network", path: "/proc/0/ns/net" }]), /no such file or directory/i, "/linux/namespaces/\\d/path");
  await cannotCreate(t, (config) => setNamespaces(config, [{ type: "network", path: "/etc/passwd" }]), /./, "/linux/namespaces/\\d/path");
});

test("a new network namespace has lo, up, and nothing else", async (t) => {
  const text = await inside(t, "ls /sys/class/net; ip -4 addr show lo | grep inet; ping -c1 -w2 127.0.0.1 >/dev/null && echo answers", (config) => {
    const names = ["CAP_NET_RAW"];
    config.process["capabilities"] = { bounding: names, effective: names, permitted: names };
  });
  assert.match(text, /^lo\n +inet 127\.0\.0\.1\/8 .*\nanswers\n$/);
});

test("TOP-05 hostname is the container's, not the host's", async (t) => {
  const before = read("/proc/sys/kernel/hostname");
  assert.is(await inside(t, "hostname; cat /proc/sys/kernel/hostname", (config) => (config.hostname = "my.Own-host")), "my.Own-host\nmy.Own-host\n");
  assert.is(read("/proc/sys/kernel/hostname"), before);
});

test("TOP-05 without hostname the container has the host's", async (t) => {
  assert.is(await inside(t, "hostname", (config) => delete config.hostname), read("/proc/sys/kernel/hostname"));
});

test("TOP-05 hostname without a uts namespace is an error", async (t) => {
  await cannotCreate(t, (config) => (config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "uts")), /uts/i);
});

test("TOP-05 a hostname that the kernel does not take is an error", async (t) => {
  await cannotCreate(t, (config) => (config.hostname = "x".repeat(65)), /./);
});

test("TOP-06 domainname is the container's", async (t) => {
  assert.is(await inside(t, "cat /proc/sys/kernel/domainname", (config) => (config["domainname"] = "my.domain")), "my.domain\n");
});

test("TOP-06 domainname without a uts namespace is an error", async (t) => {
  await cannotCreate(
    t,
    (config) => {
      without(config, "uts");
      config["domainname"] = "my.domain";
    },
    /uts/i,
  );
});

test("a container without any namespaces runs, and its end is the end of it all", async (t) => {
  const bundle = t.bundle((config) => {
    config.linux.namespaces = [];
    config.root = { path: "rootfs" };
    config.mounts = [];
    delete config.hostname;
    delete config.linux.maskedPaths;
    delete config.linux.readonlyPaths;
    script(config, "ls -d /bin; exit 3");
  });
  const result = await runBundle(t, bundle);
  assert.equal([result.stdout, result.status], ["/bin\n", 3], result.stderr);
});

test("the processes of the host are not seen in a new pid namespace", async (t) => {
  assert.match(await inside(t, "ls /proc | grep -c '^[0-9]'"), /^[1-4]\n$/);
});

test("a container's program can be run in the host's pid namespace and is killed as a whole by KILL", async (t) => {
  const result = await run(t, "sleep 0.01; exit 5", (config) => without(config, "pid"));
  assert.is(result.status, 5);
});

test("container and holder may end in any order", async (t: Ground) => {
  const holder = await running(t);
  const { pid } = await holder.state();
  const container = await running(t, (config) => setNamespaces(config, ["network", "ipc", "uts"].map((type) => ({ type, path: `/proc/${pid}/ns/${TYPES[type]}` }))));
  await holder.end();
  output(await holder.verb("delete"));
  assert.is(await container.status(), "running");
  await container.end();
  output(await container.verb("delete"));
});

test.run();
