import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HYBRID, LEGACY, UNIFIED } from "../../test/plan-cases.ts";
import type { CgroupLayout } from "./layout.ts";
import { layoutOf } from "./layout.ts";
import { unified } from "./unified.ts";

const test = suite("resources/unified");

function written(files: Readonly<Record<string, string>>, layout: CgroupLayout = UNIFIED): unknown {
  const { writes, problems } = unified(files, layout);
  assert.equal(problems, []);
  return writes.map(({ controller, version, file, value }) => [controller, version, file, value]);
}

function refused(files: Readonly<Record<string, string>>, layout: CgroupLayout = UNIFIED): string[] {
  return unified(files, layout).problems.map(({ pointer, message }) => `${pointer}: ${message}`);
}

const AT = "/linux/resources/unified";

test("unified() writes each file, known or not, in the config's order, and needs its controller", () => {
  assert.equal(written({ "memory.high": "1000", "cpu.new": "x", "cgroup.max.depth": "2" }), [
    ["memory", 2, "memory.high", "1000"],
    ["cpu", 2, "cpu.new", "x"],
    ["cgroup", 2, "cgroup.max.depth", "2"],
  ]);
});

test("unified() writes each line by itself, and an empty value as an empty line", () => {
  assert.equal(written({ "io.max": "8:0 rbps=1\n8:16 rbps=2\n", "cpuset.cpus": "" }), [
    ["io", 2, "io.max", "8:0 rbps=1"],
    ["io", 2, "io.max", "8:16 rbps=2"],
    ["cpuset", 2, "cpuset.cpus", "\n"],
  ]);
});

test("unified() leaves what names no controller to the kernel", () => {
  assert.equal(written({ strange: "1" }), [["cgroup", 2, "strange", "1"]]);
});

test("unified() refuses a path", () => {
  assert.equal(refused({ "../memory.max": "1" }), [`${AT}/..~1memory.max: must be the name of a file in the control group, got "../memory.max"`]);
});

test("unified() refuses what would move, stop or end processes", () => {
  for (const file of ["cgroup.procs", "cgroup.threads", "cgroup.freeze", "cgroup.kill", "cgroup.type"]) {
    assert.equal(refused({ [file]: "1" }), [`${AT}/${file}: "${file}" is no limit, and the runtime's own to write`]);
  }
});

test("unified() refuses a controller that is not there", () => {
  assert.equal(refused({ "rdma.max": "1" }), [`${AT}/rdma.max: needs the controller "rdma", which cgroup v2 does not have on this host`]);
});

test("unified() is an error on v1", () => {
  assert.equal(refused({ "memory.max": "1" }, LEGACY), [`${AT}/memory.max: sets a file of cgroup v2, which this host has not mounted`]);
  assert.equal(refused({}, LEGACY), []);
});

test("unified() on a hybrid host is for the controllers that v2 has there", () => {
  const hybrid = layoutOf(HYBRID.hierarchies.map((one) => (one.version === 2 ? { ...one, controllers: ["hugetlb"] } : one)));
  assert.equal(written({ "hugetlb.2MB.max": "0", "cgroup.max.depth": "1" }, hybrid), [
    ["hugetlb", 2, "hugetlb.2MB.max", "0"],
    ["cgroup", 2, "cgroup.max.depth", "1"],
  ]);
  assert.equal(refused({ "memory.max": "1" }, hybrid), [`${AT}/memory.max: needs the controller "memory" on cgroup v2, but this host has it on v1`]);
});

test.run();
