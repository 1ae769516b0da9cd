/** Real time, block I/O, huge pages and the network, as the files of cgroup v1 show them (config-linux.md#control-groups). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result } from "../test/runtime.ts";
import { CGROUP_ROOT, blockDevice, cgroupOf, v1, value, withResources } from "./cgroup-files.ts";
import { cannotCreate, created, output, refused } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("resources");

/** A device number that nothing has. */
const NOBODY = { major: 4000, minor: 1 };

test("RC-06 RC-07 cpu: realtimeRuntime and realtimePeriod", async (t) => {
  v1("cpu");
  if (!fs.existsSync(join(CGROUP_ROOT, "cpu/cpu.rt_runtime_us"))) skip("this kernel has no real-time groups");
  const container = await created(t, withResources({ cpu: { realtimeRuntime: 2000, realtimePeriod: 500_000 } }));
  assert.equal([await value(container, "cpu.rt_runtime_us"), await value(container, "cpu.rt_period_us")], ["2000", "500000"]);
});

test("RM-06 memory: kernelTCP", async (t) => {
  v1("memory");
  const container = await created(t, withResources({ memory: { kernelTCP: 1 << 22 } }));
  assert.is(await value(container, "memory.kmem.tcp.limit_in_bytes"), `${1 << 22}`);
});

test("RB-02 blockIO: weight, under the name that the kernel's I/O scheduler has for it", async (t) => {
  v1("blkio");
  const container = await created(t, withResources({ blockIO: { weight: 500 } }));
  const cgroup = await cgroupOf(container, "blkio");
  const file = ["blkio.weight", "blkio.bfq.weight"].find((name) => fs.existsSync(join(cgroup, name)));
  if (file === undefined) skip("this kernel has no weights of block I/O");
  assert.is(await value(container, file), "500");
});

test("RB-03 blockIO: leafWeight, or an error where the kernel has none", async (t) => {
  v1("blkio");
  if (fs.existsSync(join(CGROUP_ROOT, "blkio/blkio.leaf_weight"))) {
    const container = await created(t, withResources({ blockIO: { leafWeight: 300 } }));
    assert.is(await value(container, "blkio.leaf_weight"), "300");
  } else {
    await cannotCreate(t, withResources({ blockIO: { leafWeight: 300 } }), /leaf_weight/);
  }
});

test("RB-08 to RB-13 blockIO: the four throttles of a device", async (t) => {
  v1("blkio");
  const { major, minor, text } = blockDevice();
  const throttle = (rate: number): object[] => [{ major, minor, rate }];
  const container = await created(t, withResources({
    blockIO: {
      throttleReadBpsDevice: throttle(1_000_001),
      throttleWriteBpsDevice: throttle(1_000_002),
      throttleReadIOPSDevice: throttle(1003),
      throttleWriteIOPSDevice: throttle(1004),
    },
  }));
  const files = ["read_bps_device", "write_bps_device", "read_iops_device", "write_iops_device"];
  const values = await Promise.all(files.map((file) => value(container, `blkio.throttle.${file}`)));
  assert.equal(values, [`${text} 1000001`, `${text} 1000002`, `${text} 1003`, `${text} 1004`]);
});

test("RB-12 a throttle of a device that is not there is an error", async (t) => {
  v1("blkio");
  await cannotCreate(t, withResources({ blockIO: { throttleReadBpsDevice: [{ ...NOBODY, rate: 1 }] } }), /no such device/i);
});

test("RB-06 a weight of a device without any weight is an error", async (t) => {
  await cannotCreate(t, withResources({ blockIO: { weightDevice: [NOBODY] } }), /./);
});

test("RB-02 a blockIO weight of 0, as docker writes it, is none", async (t) => {
  v1("blkio");
  const container = await created(t, withResources({ blockIO: { weight: 0 } }));
  assert.match(await value(container, "blkio.bfq.weight"), /^(100)?$/);
});

test("RH-01 to RH-03 hugepageLimits: pages in use, and reservations where the kernel counts them", async (t) => {
  const [size = skip("this kernel has no huge pages")] = pageSizes();
  const files = [`hugetlb.${size}.limit_in_bytes`, `hugetlb.${size}.rsvd.limit_in_bytes`];
  const id = t.id();
  const bundle = t.bundle(withPath(id, { hugepageLimits: [{ pageSize: size, limit: 2 ** 31 }] }));
  const show = files.map((file) => `cat "/sys/fs/cgroup/hugetlb/${id}/${file}"`).join("; ");
  const result = await amongAll(t, ["hugetlb"], `"$@" create --bundle ${bundle.path} ${id} && ${show}; "$@" delete --force ${id}`);
  assert.is(result.stdout, `${2 ** 31}\n`.repeat(files.length), result.stderr);
});

test("RH-02 a size of huge pages that the kernel does not have is an error", async (t) => {
  if (pageSizes().length === 0) skip("this kernel has no huge pages");
  const id = t.id();
  const bundle = t.bundle(withPath(id, { hugepageLimits: [{ pageSize: "3MB", limit: 2 ** 31 }] }));
  const result = await amongAll(t, ["hugetlb"], `"$@" create --bundle ${bundle.path} ${id}; status=$?; find /sys/fs/cgroup -name ${id}; exit $status`);
  refused(result, /hugetlb\.3MB/);
});

test("RN-02 network: classID", async (t) => {
  const id = t.id();
  const bundle = t.bundle(withPath(id, { network: { classID: 1048577 } }));
  const show = `cat /sys/fs/cgroup/net_cls/${id}/net_cls.classid`;
  const result = await amongAll(t, ["net_cls"], `"$@" create --bundle ${bundle.path} ${id} && ${show}; "$@" delete --force ${id}`);
  assert.is(output(result), "1048577\n");
});

test("RN-03 to RN-05 network: priorities of the runtime's interfaces", async (t) => {
  const id = t.id();
  const bundle = t.bundle(withPath(id, { network: { priorities: [{ name: "lo", priority: 41 }] } }));
  const show = `cat /sys/fs/cgroup/net_prio/${id}/net_prio.ifpriomap`;
  const result = await amongAll(t, ["net_prio"], `"$@" create --bundle ${bundle.path} ${id} && ${show}; "$@" delete --force ${id}`);
  assert.match(output(result), /^lo 41$/m);
});

test("RN-04 a priority of an interface that is not there is an error", async (t) => {
  const id = t.id();
  const bundle = t.bundle(withPath(id, { network: { priorities: [{ name: "nosuch0", priority: 41 }] } }));
  refused(await amongAll(t, ["net_prio"], `"$@" create --bundle ${bundle.path} ${id}`), /no such device/i);
});

test("a limit of a controller that is not mounted is an error", async (t) => {
  const controllers = { hugetlb: { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] }, net_cls: { network: { classID: 1 } } };
  const absent = Object.entries(controllers).filter(([name]) => !fs.existsSync(join(CGROUP_ROOT, name, "cgroup.procs")));
  if (absent.length === 0 || fs.existsSync(join(CGROUP_ROOT, "cgroup.controllers"))) skip("this host has mounted all of them");
  for (const [name, resources] of absent) await cannotCreate(t, withResources(resources), new RegExp(name.replace("_", ".")));
});

function withPath(id: string, resources: object): (config: { linux: object }) => void {
  return (config) => Object.assign(config.linux, { cgroupsPath: `/${id}`, resources });
}

/** As the kernel names them in its files. */
function pageSizes(): string[] {
  const folder = "/sys/kernel/mm/hugepages";
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).map((name) => {
    const kib = Number(/\d+/.exec(name)?.[0]);
    return kib >= 1 << 20 ? `${kib >> 20}GB` : kib >= 1 << 10 ? `${kib >> 10}MB` : `${kib}KB`;
  });
}

const MOUNT_ALL = `
set -e
shown=$(mktemp -d)
mount -t tmpfs none "$shown"
for folder in /sys/fs/cgroup/*; do
  name=\${folder##*/}
  if [ -L "$folder" ]; then cp -P "$folder" "$shown"
  elif mountpoint -q "$folder"; then mkdir "$shown/$name"; mount --bind "$folder" "$shown/$name"; fi
done
for name in $CONTROLLERS; do
  mountpoint -q "$shown/$name" && continue
  mkdir -p "$shown/$name"
  mount -t cgroup -o "$name" none "$shown/$name"
done
mount --move "$shown" /sys/fs/cgroup
rmdir "$shown"
set +e
`;

/**
 * Runs a script in a mount namespace of its own, in which these controllers of v1 are mounted besides those of the host;
 * "$@" is the runtime. A controller that this kernel has not, or that v2 has, skips the test.
 */
async function amongAll(t: Ground, controllers: readonly string[], script: string): Promise<Result> {
  if (!fs.readFileSync("/proc/self/mountinfo", "utf8").includes(" - cgroup ")) skip("this host has no hierarchy of cgroup v1");
  for (const name of controllers) {
    const [, hierarchy] = new RegExp(`^${name}\\t(\\d+)`, "m").exec(fs.readFileSync("/proc/cgroups", "utf8")) ?? [];
    if (hierarchy === undefined) skip(`this kernel has no ${name} controller`);
  }
  const command = ["--mount", "--propagation", "private", "bash", "-c", MOUNT_ALL + script, "bash", RUNTIME, "--root", t.stateRoot];
  const env = { CONTROLLERS: controllers.join(" ") };
  return runRuntime(command, { folder: t.folder, program: "unshare", env });
}

test.run();
