import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cgroupLayout, hierarchyOf, parseCgroupMounts, parseMemberships, usualMountPoint } from "./layout.ts";

const test = suite("resources/layout");

const HYBRID_CGROUP = "9:name=systemd:/init.scope\n4:memory:/a\n2:cpu,cpuacct:/\n5:hugetlb:/\n0::/u\n";
const HYBRID_MOUNTINFO = [
  "25 20 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw",
  "30 25 0:26 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755",
  "31 30 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate",
  "32 30 0:28 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd",
  "33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct",
  "90 80 0:31 /docker/x /var/lib/x/sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
  "34 30 0:31 / /sys/fs/cgroup/mem\\040ory rw shared:13 - cgroup cgroup rw,memory",
].join("\n");

test("parseMemberships() reads co-mounted, named and v2 hierarchies", () => {
  assert.equal(parseMemberships("9:name=systemd:/a:b\n2:cpu,cpuacct:/\n0::/x\n"), [
    { controllers: [], name: "systemd", version: 1, own: "/a:b" },
    { controllers: ["cpu", "cpuacct"], name: undefined, version: 1, own: "/" },
    { controllers: [], name: undefined, version: 2, own: "/x" },
  ]);
});

test("usualMountPoint() is where distributions mount each", () => {
  const [named, joint, unified] = parseMemberships("9:name=systemd:/\n2:cpu,cpuacct:/\n0::/\n");
  if (named === undefined || joint === undefined || unified === undefined) return assert.unreachable();
  assert.is(usualMountPoint(named, false), "/sys/fs/cgroup/systemd");
  assert.is(usualMountPoint(joint, false), "/sys/fs/cgroup/cpu,cpuacct");
  assert.is(usualMountPoint(unified, false), "/sys/fs/cgroup/unified");
  assert.is(usualMountPoint(unified, true), "/sys/fs/cgroup");
});

test("parseCgroupMounts() finds cgroup mounts only, and decodes their paths", () => {
  const mounts = parseCgroupMounts(HYBRID_MOUNTINFO);
  assert.is(mounts.length, 5);
  assert.equal(mounts[0]?.options, ["rw", "nsdelegate"]);
  assert.is(mounts[4]?.mountPoint, "/sys/fs/cgroup/mem ory");
});

test("cgroupLayout() joins both texts, and leaves out what is not mounted", () => {
  const layout = cgroupLayout(parseMemberships(HYBRID_CGROUP), parseCgroupMounts(HYBRID_MOUNTINFO), "hugetlb misc\n");
  assert.is(layout.hierarchy, "hybrid");
  assert.equal(
    layout.hierarchies.map(({ name, controllers, mountPoint }) => [name ?? controllers.join(), mountPoint]),
    [
      ["systemd", "/sys/fs/cgroup/systemd"],
      ["memory", "/sys/fs/cgroup/mem ory"],
      ["cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"],
      ["hugetlb,misc", "/sys/fs/cgroup/unified"],
    ],
  );
  assert.is(hierarchyOf(layout, "memory")?.own, "/a");
  assert.is(hierarchyOf(layout, "memory")?.root, "/");
});

test("cgroupLayout() takes the mount that shows the process's own cgroup, inside a container", () => {
  const mountinfo = [
    "90 80 0:31 /docker/y /mnt/y rw - cgroup cgroup rw,memory",
    "91 80 0:31 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  ].join("\n");
  const layout = cgroupLayout(parseMemberships("4:memory:/docker/x\n"), parseCgroupMounts(mountinfo), "");
  assert.is(layout.hierarchy, "legacy");
  assert.is(layout.hierarchies[0]?.mountPoint, "/sys/fs/cgroup/memory");
});

test("hierarchyOf() has devices and freezer on v2, where no v1 hierarchy has them", () => {
  const mountinfo = "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  const layout = cgroupLayout(parseMemberships("0::/\n"), parseCgroupMounts(mountinfo), "cpu memory\n");
  assert.is(layout.hierarchy, "unified");
  assert.is(hierarchyOf(layout, "devices")?.version, 2);
  assert.is(hierarchyOf(layout, "freezer")?.version, 2);
  assert.is(hierarchyOf(layout, "pids"), undefined);
});

test.run();
