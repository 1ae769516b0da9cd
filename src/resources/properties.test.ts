/** propertiesOf(): what systemd is told of a container's limits. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { propertiesOf } from "./properties.ts";

const test = suite("properties");
const INFINITY = 18_446_744_073_709_551_615n;

function told(file: string, value: string): unknown[] {
  return propertiesOf([{ version: 2, file, value }]).map(([name, variant]) => [name, variant.signature, variant.value]);
}

test("amounts are 64-bit numbers, and no limit is the highest of them", () => {
  assert.equal(told("memory.max", "1048576"), [["MemoryMax", "t", 1_048_576n]]);
  assert.equal(told("memory.swap.max", "max"), [["MemorySwapMax", "t", INFINITY]]);
  assert.equal(told("pids.max", "0"), [["TasksMax", "t", 0n]]);
  assert.equal(told("io.weight", "default 50"), [["IOWeight", "t", 50n]]);
});

test("a quota is what of each second is allowed, rounded up to a percent", () => {
  const period = ["CPUQuotaPeriodUSec", "t", 100_000n];
  assert.equal(told("cpu.max", "50000 100000"), [["CPUQuotaPerSecUSec", "t", 500_000n], period]);
  assert.equal(told("cpu.max", "50001 100000"), [["CPUQuotaPerSecUSec", "t", 510_000n], period]);
  assert.equal(told("cpu.max", "max 100000"), [["CPUQuotaPerSecUSec", "t", INFINITY], period]);
});

test("lists of processors and nodes are bits", () => {
  assert.equal(told("cpuset.cpus", "0-1,9"), [["AllowedCPUs", "ay", new Uint8Array([3, 2])]]);
  assert.equal(told("cpuset.mems", "0"), [["AllowedMemoryNodes", "ay", new Uint8Array([1])]]);
});

test("of what systemd knows nothing it is told nothing, and of cgroup v1 neither", () => {
  assert.equal(told("hugetlb.2MB.max", "0"), []);
  assert.equal(told("io.weight", "8:0 50"), []);
  assert.equal(propertiesOf([{ version: 1, file: "pids.max", value: "5" }]), []);
});

test("of several writes to one file the last holds", () => {
  assert.equal(propertiesOf([{ version: 2, file: "pids.max", value: "5" }, { version: 2, file: "pids.max", value: "6" }]).map(([, { value }]) => value), [6n]);
});

test.run();
