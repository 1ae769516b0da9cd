/** `linux.resources`: hugepageLimits, network and rdma, whose controllers few hosts have mounted (config-linux.md). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { CGROUPS, isV2, limit, needsControllers, onlyOnV1, onlyOnV2, resources } from "./cgroups.ts";
import { cannotCreate, created, output, read, refused } from "./containers.ts";
import { amongHierarchies } from "./hierarchies.ts";
import { suite } from "./suite.ts";

const test = suite("rare controllers");

/** As the kernel names them in its files. */
function pageSizes(): string[] {
  const folder = "/sys/kernel/mm/hugepages";
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).map((name) => {
    const kib = Number(/\d+/.exec(name)?.[0]);
    return kib >= 1 << 20 ? `${kib >> 20}GB` : kib >= 1 << 10 ? `${kib >> 10}MB` : `${kib}KB`;
  });
}

/** What files of a container's cgroup on v1 hold. */
async function onV1(t: Ground, values: object, files: readonly string[]): Promise<string> {
  const id = t.id();
  const bundle = t.bundle((config) => Object.assign(config.linux, { cgroupsPath: `/${id}`, resources: values }));
  const controllers = [...new Set(files.map((file) => file.split(".")[0] ?? ""))];
  const show = files.map((file) => `cat "${CGROUPS}/${file.split(".")[0] ?? ""}/${id}/${file}"`).join("; ");
  return output(await amongHierarchies(t, controllers, `"$@" create --bundle ${bundle.path} ${id} && (${show}); "$@" delete --force ${id}`));
}

/** Demands an error, and that no cgroup is left. */
async function refusedOnV1(t: Ground, values: object, { controller, error }: { controller: string; error: RegExp }): Promise<void> {
  const id = t.id();
  const bundle = t.bundle((config) => Object.assign(config.linux, { cgroupsPath: `/${id}`, resources: values }));
  const script = `"$@" create --bundle ${bundle.path} ${id}; status=$?; find ${CGROUPS} -name ${id}; exit $status`;
  refused(await amongHierarchies(t, [controller], script), error);
}

const LIMIT = 2 ** 31;

test("RH-01 RH-02 RH-03 a limit of pages in use, and of reservations", async (t) => {
  const [pageSize = skip("this kernel has no huge pages")] = pageSizes();
  const values = { hugepageLimits: [{ pageSize, limit: LIMIT }] };
  if (isV2()) {
    needsControllers("hugetlb");
    const container = await created(t, resources(values));
    assert.is(await limit(container, "", `hugetlb.${pageSize}.max`), `${LIMIT}`);
    assert.is(await limit(container, "", `hugetlb.${pageSize}.rsvd.max`), `${LIMIT}`);
  } else {
    const files = [`hugetlb.${pageSize}.limit_in_bytes`, `hugetlb.${pageSize}.rsvd.limit_in_bytes`];
    assert.is(await onV1(t, values, files), `${LIMIT}\n${LIMIT}\n`);
  }
});

test("RH-02 a size of huge pages that the kernel does not have is an error", async (t) => {
  if (pageSizes().length === 0) skip("this kernel has no huge pages");
  const values = { hugepageLimits: [{ pageSize: "3MB", limit: LIMIT }] };
  if (!isV2()) return refusedOnV1(t, values, { controller: "hugetlb", error: /hugetlb\.3MB/ });
  needsControllers("hugetlb");
  await cannotCreate(t, resources(values), /3MB/);
});

test("RN-02 classID", async (t) => {
  onlyOnV1("network");
  assert.is(await onV1(t, { network: { classID: 1048577 } }, ["net_cls.classid"]), "1048577\n");
});

test("RN-03 RN-04 RN-05 priorities, of the runtime's interfaces", async (t) => {
  onlyOnV1("network");
  assert.match(await onV1(t, { network: { priorities: [{ name: "lo", priority: 41 }] } }, ["net_prio.ifpriomap"]), /^lo 41$/m);
});

test("RN-04 a priority of an interface that is not there is an error", async (t) => {
  onlyOnV1("network");
  await refusedOnV1(t, { network: { priorities: [{ name: "nosuch0", priority: 41 }] } }, { controller: "net_prio", error: /no such device/i });
});

test("RN-01 RU-05 classID and priorities cannot be converted to cgroup v2", async (t) => {
  onlyOnV2();
  await cannotCreate(t, resources({ network: { classID: 1 } }), /classID/);
  await cannotCreate(t, resources({ network: { priorities: [{ name: "lo", priority: 1 }] } }), /priorities/);
});

test("RR-01 RR-02 RR-03 limits of an RDMA device", async (t) => {
  const folder = "/sys/class/infiniband";
  const [device = skip("this host has no RDMA device")] = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const container = await created(t, resources({ rdma: { [device]: { hcaHandles: 3, hcaObjects: 10_000 } } }));
  assert.match(await limit(container, "rdma.max"), new RegExp(`^${device} hca_handle=3 hca_object=10000$`, "m"));
});

test("RR-01 limits of an RDMA device that is not there are an error", async (t) => {
  await cannotCreate(t, resources({ rdma: { nosuch0: { hcaHandles: 3 } } }), /rdma|no such device|invalid argument/i);
});

test("a limit of a controller that is not mounted is an error", async (t) => {
  if (isV2()) skip("this host has cgroup v2");
  const limits: Readonly<Record<string, object>> = {
    hugetlb: { hugepageLimits: [{ pageSize: "2MB", limit: LIMIT }] },
    net_cls: { network: { classID: 1 } },
    net_prio: { network: { priorities: [{ name: "lo", priority: 1 }] } },
    rdma: { rdma: { mlx: { hcaHandles: 1 } } },
  };
  // Beside v1, v2 has what is not mounted there.
  const unified = read(join(CGROUPS, "unified/cgroup.controllers")).trim().split(" ");
  const absent = Object.entries(limits).filter(([name]) => !fs.existsSync(join(CGROUPS, name, "cgroup.procs")) && !unified.includes(name));
  if (absent.length === 0) skip("this host has mounted all of them");
  for (const [name, values] of absent) await cannotCreate(t, resources({ ...values }), new RegExp(name.replace("_", ".")));
});

test.run();
