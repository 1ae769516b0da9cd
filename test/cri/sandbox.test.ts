/** Pods that the shim makes by itself, of no image: what containerd 2 calls `sandboxer = "shim"`. */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { until } from "../engine.ts";
import { skip } from "../harness.ts";
import { kubernetes } from "./kubernetes.ts";
import type { Driven } from "./kubernetes.ts";
import { SANDBOXED } from "./node.ts";
import type { Container } from "./pods.ts";

const test = kubernetes("sandbox", [SANDBOXED]);

function sandboxed(title: string, body: (driven: Driven) => Promise<void>): void {
  test(title, async (driven) => {
    if (driven.node.version < 2) skip("containerd 1 does not know it");
    await body(driven);
  });
}

async function namespaces(container: Container, ...kinds: readonly string[]): Promise<string[]> {
  return (await container.print(kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join("; "))).split("\n");
}

sandboxed("its containers share namespaces and files, and it has a shim, an address and no container of its own", async ({ node, pod }) => {
  const made = await pod({ hostname: "without-image", dns: { servers: ["10.10.10.10"] }, sysctls: { "kernel.shm_rmid_forced": "1", "net.ipv4.ip_local_port_range": "1024 65000" } });
  const { state, network } = await made.status();
  assert.is(state, "SANDBOX_READY");
  assert.match(network?.ip ?? "", /^10\.88\./);
  const [one, two] = [await made.start(), await made.start()];
  assert.equal(await namespaces(one, "net", "ipc", "uts"), await namespaces(two, "net", "ipc", "uts"));
  assert.not.equal(await namespaces(one, "pid"), await namespaces(two, "pid"));
  await one.print("echo shared > /dev/shm/note");
  assert.is(await two.print("cat /dev/shm/note; hostname; cat /etc/hostname /etc/resolv.conf"), "shared\nwithout-image\nwithout-image\nnameserver 10.10.10.10");
  assert.is(await two.print("cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_local_port_range"), "1\n1024\t65000");
  assert.match(await two.print("grep ' /dev/shm ' /proc/mounts"), /^shm \/dev\/shm tmpfs rw,nosuid,nodev,noexec.*size=65536k/);
  assert.match(await two.print(`ip -o -4 address show eth0`), new RegExp(`inet ${network?.ip}/`));
  assert.is(node.shims().length, 1);
  assert.not.ok(node.containers().includes(made.id));
  await made.stop();
  assert.equal([(await made.status()).state, (await one.status()).state], ["SANDBOX_NOTREADY", "CONTAINER_EXITED"]);
});

sandboxed("its own process is the first where the pod has one pid namespace, and reaps", async ({ pod }) => {
  const made = await pod({ namespaces: { pid: "POD" } });
  const container = await made.start(["/bin/sleep", "2000005"]);
  assert.is(await container.print("tr '\\0' ' ' < /proc/1/cmdline; stat -c %u /proc/1; grep CapBnd /proc/1/status | cut -f 2"), "/pause 0\n0000000000000000");
  await container.print("(sh -c 'sleep 0.1 & exec true') & wait");
  await until(async () => (await container.print("cat /proc/[0-9]*/status 2>/dev/null | grep -c '^State:.Z'; true")) === "0", () => "a zombie stays");
});

// Not the network: containerd 2.1 ends with a fault of its own when such a pod has it.
sandboxed("it has the node's namespaces where it says so", async ({ node, pod }) => {
  const made = await pod({ namespaces: { pid: "NODE", ipc: "NODE" } });
  const container = await made.start();
  const kinds = ["pid", "ipc"];
  assert.equal(await namespaces(container, ...kinds), kinds.map((kind) => node.run(["readlink", `/proc/self/ns/${kind}`]).trim()));
});

sandboxed("it has a user namespace of its own, to which its network and its files belong", async ({ pod }) => {
  const mapping = [{ container_id: 0, host_id: 200_000, length: 65_536 }];
  const users = { userns_options: { mode: "POD", uids: mapping, gids: mapping } };
  const made = await pod({ hostname: "mapped", namespaces: users });
  const [one, two] = [await made.start(), await made.start()];
  assert.match(await one.print("cat /proc/self/uid_map"), /^ *0 +200000 +65536$/);
  assert.equal(await namespaces(one, "user", "net", "ipc"), await namespaces(two, "user", "net", "ipc"));
  assert.is(fs.statSync(`/proc/${await one.pid()}`).uid, 200_000);
  assert.is(await one.print("echo shared > /dev/shm/note; echo '10.10.10.10 other' >> /etc/hosts; stat -c %u /etc/hosts"), "0");
  assert.is(await two.print("cat /dev/shm/note; hostname; grep -c other /etc/hosts"), "shared\nmapped\n1");
  // Who has the network's user namespace may change it.
  const admin = await made.start(["/bin/sleep", "1000000"], { security: { capabilities: { add_capabilities: ["NET_ADMIN"] } } });
  await admin.print("ip link set lo mtu 1000");
});

sandboxed("it goes on while containerd is away, and is gone when its shim was killed", async ({ node, pod }) => {
  const made = await pod();
  const container = await made.start();
  await node.endContainerd("SIGKILL");
  await node.startContainerd();
  assert.equal([(await made.status()).state, await container.print("echo still")], ["SANDBOX_READY", "still"]);
  const pid = await container.pid();
  process.kill(node.shims()[0] ?? 0, "SIGKILL");
  await until(async () => (await container.status()).state === "CONTAINER_EXITED", () => "it counts as running");
  await until(() => !fs.existsSync(`/proc/${pid}`), () => "its process goes on");
  await until(async () => (await made.status()).state === "SANDBOX_NOTREADY", () => "the pod counts as ready");
});

test.run();
