/** Security contexts of Kubernetes: who a container's processes are, and what they may. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../harness.ts";
import { GrpcError } from "./grpc.ts";
import { kubernetes } from "./kubernetes.ts";
import type { Container, Part } from "./pods.ts";

const test = kubernetes("security");

/** CAP_ numbers, as bits. */
const NET_ADMIN = 1n << 12n;
const NET_RAW = 1n << 13n;
const SYS_ADMIN = 1n << 21n;

async function field(container: Container, name: string): Promise<string> {
  return await container.print(`grep '^${name}:' /proc/1/status | cut -f 2-`);
}

async function capabilities(container: Container): Promise<bigint> {
  return BigInt(`0x${await field(container, "CapEff")}`);
}

const SLEEP = ["/bin/sleep", "1000000"];

test("the user and the groups are what the context says, for further programs, too", async ({ pod }) => {
  const made = await pod();
  const cases: [security: Part, id: string, groups: string][] = [
    [{ run_as_user: { value: 1234 }, run_as_group: { value: 5678 } }, "1234 5678", "5678"],
    [{ run_as_username: "nobody" }, "65534 65534", "65534"],
    // Those that the image's /etc/group names are added.
    [{ run_as_user: { value: 1000 }, supplemental_groups: [1234, 777] }, "1000 1001", "1001 1234 777 50000"],
  ];
  for (const [security, id, groups] of cases) {
    const container = await made.start(SLEEP, { security });
    assert.is(await container.print("echo $(id -u) $(id -g)"), id);
    const sorted = (list: string): string[] => [...new Set(list.split(" "))].sort();
    assert.equal(sorted(await container.print("id -G")), sorted(groups));
    assert.is(await container.print("stat -c '%u %g' /proc/1"), id);
  }
  const error = await made.create(SLEEP, { security: { run_as_group: { value: 5678 } } }).then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, GrpcError);
});

test("groups of the image are left out where only those of the context are wanted", async ({ node, pod }) => {
  if (node.version < 2) skip("containerd 1 does not know it");
  const container = await (await pod()).start(SLEEP, { security: { run_as_user: { value: 1000 }, supplemental_groups: [1234], supplemental_groups_policy: "Strict" } });
  assert.is(await container.print("id -G"), "1001 1234");
});

test("the root is writable, or read-only where the context says so", async ({ pod }) => {
  const made = await pod();
  const script = "touch /file && echo written; touch /dev/shm/file && echo shm";
  assert.is((await made.script(script)).stdout, "written\nshm\n");
  const { stdout, stderr } = await made.script(script, { security: { readonly_rootfs: true } });
  assert.equal([stdout, stderr], ["shm\n", "touch: /file: Read-only file system\n"]);
});

test("capabilities are added and dropped, some or all", async ({ pod }) => {
  const made = await pod();
  const having = async (lists: Part): Promise<bigint> => capabilities(await made.start(SLEEP, { security: { capabilities: lists } }));
  const usual = await capabilities(await made.start());
  assert.equal([usual & NET_ADMIN, usual & NET_RAW], [0n, NET_RAW]);
  assert.is(await having({ add_capabilities: ["NET_ADMIN"] }), usual | NET_ADMIN);
  assert.is(await having({ drop_capabilities: ["NET_RAW"] }), usual & ~NET_RAW);
  assert.is(await having({ drop_capabilities: ["ALL"] }), 0n);
  assert.is(await having({ drop_capabilities: ["ALL"], add_capabilities: ["NET_RAW"] }), NET_RAW);
  assert.ok(((await having({ add_capabilities: ["ALL"] })) & SYS_ADMIN) !== 0n);
});

test("a privileged container may change its network, mount, see devices and change cgroups; another one may not", async ({ pod }) => {
  const made = await pod({ security: { privileged: true } });
  const script = "ip link set lo mtu 1400 2>/dev/null && echo network; ls /dev/kmsg 2>/dev/null; mount -t tmpfs tmpfs /tmp 2>/dev/null && echo mount; grep -q ' /sys/fs/cgroup[^ ]* cgroup2* rw' /proc/mounts && echo cgroups";
  const may = await made.start(SLEEP, { security: { privileged: true } });
  assert.is((await may.exec(["/bin/sh", "-c", script])).stdout, "network\n/dev/kmsg\nmount\ncgroups\n");
  const mayNot = await made.start();
  assert.is((await mayNot.exec(["/bin/sh", "-c", script])).stdout, "");
});

test("no_new_privs is set where privileges may not grow", async ({ pod }) => {
  const made = await pod();
  for (const no_new_privs of [true, false]) {
    const container = await made.start(SLEEP, { security: { no_new_privs } });
    assert.is(await field(container, "NoNewPrivs"), no_new_privs ? "1" : "0");
    assert.is(await container.print("grep ^NoNewPrivs /proc/self/status | cut -f 2"), no_new_privs ? "1" : "0");
  }
});

test("seccomp is off, the runtime's default, or a profile of the node", async ({ pod, t }) => {
  const made = await pod();
  const profile = join(t.folder, "profile.json");
  fs.writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["sethostname"], action: "SCMP_ACT_ERRNO" }] }));
  const cases: [seccomp: Part | undefined, mode: string, mayName: boolean][] = [
    [undefined, "0", true],
    [{ profile_type: "Unconfined" }, "0", true],
    [{ profile_type: "RuntimeDefault" }, "2", true],
    [{ profile_type: "Localhost", localhost_ref: profile }, "2", false],
  ];
  for (const [seccomp, mode, mayName] of cases) {
    const security = { capabilities: { add_capabilities: ["SYS_ADMIN"] }, ...(seccomp === undefined ? {} : { seccomp }) };
    const container = await made.start(SLEEP, { security });
    assert.is(await field(container, "Seccomp"), mode);
    const { status, stderr } = await container.exec(["/bin/hostname", "new"]);
    assert.equal([status === 0, stderr], [mayName, mayName ? "" : "hostname: sethostname: Operation not permitted\n"]);
  }
  // The default has a list by capabilities.
  const container = await made.start(SLEEP, { security: { seccomp: { profile_type: "RuntimeDefault" } } });
  assert.match((await container.exec(["/bin/unshare", "--uts", "true"])).stderr, /Operation not permitted/);
  const privileged = await (await pod({ security: { privileged: true } })).start(SLEEP, { security: { privileged: true, seccomp: { profile_type: "Localhost", localhost_ref: profile } } });
  assert.is(await field(privileged, "Seccomp"), "0");
});

test("paths are masked and read-only, by default and by list", async ({ pod }) => {
  const made = await pod();
  const lists = { masked_paths: ["/bin/ls", "/proc/acpi", "/none"], readonly_paths: ["/tmp", "/proc/sys"] };
  const container = await made.start(SLEEP, { security: lists });
  assert.match((await container.exec(["/bin/sh", "-c", "/bin/ls"])).stderr, /Permission denied/);
  assert.match((await container.exec(["/bin/touch", "/tmp/file"])).stderr, /Read-only file system/);
  assert.match((await container.exec(["/bin/sh", "-c", "echo 1 > /proc/sys/kernel/shm_rmid_forced"])).stderr, /Read-only file system/);
  assert.is(await container.print("touch /etc/file; wc -c < /proc/kcore 2>/dev/null || echo open"), await container.print("wc -c < /proc/kcore 2>/dev/null || echo open"));
});

test("a pod's own process has the user and the seccomp profile of its context", async ({ pod }) => {
  const made = await pod({ namespaces: { pid: "POD" }, security: { run_as_user: { value: 1234 }, readonly_rootfs: true, seccomp: { profile_type: "RuntimeDefault" } } });
  const container = await made.start();
  assert.is(await container.print("stat -c %u /proc/1; grep ^Seccomp: /proc/1/status | cut -f 2"), "1234\n2");
});

test.run();
