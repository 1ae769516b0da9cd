import { suite } from "uvu";
import * as assert from "uvu/assert";
import { previousValue } from "./previous.ts";

const test = suite("cgroup/previous");

const cases: readonly (readonly [file: string, text: string, value: string, expected: string | undefined])[] = [
  ["memory.max", "max\n", "5", "max"],
  ["cpu.max", "20000 100000\n", "1000 2000", "20000 100000"],
  ["cpuset.cpus", "\n", "0", "\n"],
  ["memory.oom_control", "oom_kill_disable 1\nunder_oom 0\n", "0", "1"],
  ["io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n8:16 rbps=2 wbps=3 riops=4 wiops=5\n", "8:16 rbps=9", "8:16 rbps=2 wbps=3 riops=4 wiops=5"],
  ["io.max", "8:160 rbps=1 wbps=max riops=max wiops=max\n", "8:16 rbps=9", "8:16 rbps=max wbps=max riops=max wiops=max"],
  ["io.bfq.weight", "default 100\n8:0 50\n", "500", "default 100"],
  ["io.bfq.weight", "default 100\n8:0 50\n", "8:0 60", "8:0 50"],
  ["io.weight", "default 100\n", "8:0 60", "8:0 default"],
  ["blkio.throttle.read_bps_device", "254:0 7\n", "254:0 8", "254:0 7"],
  ["blkio.throttle.read_bps_device", "", "254:0 8", "254:0 0"],
  ["blkio.bfq.weight_device", "", "254:0 8", "254:0 default"],
  ["rdma.max", "mlx hca_handle=3 hca_object=max\n", "mlx hca_handle=5", "mlx hca_handle=3 hca_object=max"],
  ["net_prio.ifpriomap", "lo 0\neth0 5\n", "eth0 6", "eth0 5"],
  ["net_prio.ifpriomap", "lo 0\n", "eth0 6", undefined],
];

for (const [file, text, value, expected] of cases) {
  test(`previousValue() of ${file}, before ${JSON.stringify(value)} is written to ${JSON.stringify(text)}, is ${JSON.stringify(expected)}`, () => {
    assert.is(previousValue(file, text, value), expected);
  });
}

test.run();
