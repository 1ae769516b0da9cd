/** The statistics' readers, on folders that hold what the kernel wrote into its files. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readStatisticsV1 } from "./statistics-v1.ts";
import { readStatisticsV2 } from "./statistics-v2.ts";
import { UNLIMITED, parseNumber } from "./statistics.ts";

const test = suite("statistics");

let folder = "";
test.before.each(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "tsrun-statistics-"));
});
test.after.each(() => fs.rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(join(folder, name), text);
}

test("readStatisticsV1() reads every controller's files", () => {
  write({
    "pids.current": "3\n",
    "pids.max": "max\n",
    "cpuacct.usage": "5000000001\n",
    "cpuacct.stat": "user 12\nsystem 30\n",
    "cpuacct.usage_percpu": "10 20 \n",
    "cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 700\n",
    "memory.stat": "cache 4096\nhierarchical_memory_limit 9223372036854771712\ntotal_rss 8192\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.usage_in_bytes": "123\n",
    "memory.max_usage_in_bytes": "456\n",
    "memory.failcnt": "7\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "blkio.throttle.io_service_bytes": "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096\n",
  });
  const controllers = ["pids", "cpuacct", "cpu", "memory", "blkio"];
  const statistics = readStatisticsV1([{ version: 1, controllers, path: folder, created: true }]);
  assert.equal(statistics.pids, { current: 3n, limit: 0n });
  assert.is(statistics.cpu.total, 5_000_000_001n);
  assert.is(statistics.cpu.user, 120_000_000n);
  assert.is(statistics.cpu.kernel, 300_000_000n);
  assert.equal(statistics.cpu.perCpu, [10n, 20n]);
  assert.is(statistics.cpu.throttling["throttled_time"], 700n);
  assert.equal(statistics.memory.usage, { limit: 9_223_372_036_854_771_712n, usage: 123n, max: 456n, failcnt: 7n });
  assert.is(statistics.memory.stat["total_rss"], 8192n);
  assert.is(statistics.memory.oomControl["oom_kill"], 1n);
  assert.equal(statistics.blkio.io_service_bytes_recursive.map(({ op, major, value }) => [op, major, value]), [["Read", 8n, 4096n], ["Write", 8n, 0n], ["Total", 8n, 4096n]]);
  assert.equal(statistics.hugetlb, []);
});

test("readStatisticsV2() reads every controller's files", () => {
  write({
    "pids.current": "3\n",
    "pids.max": "100\n",
    "cpu.stat": "usage_usec 100\nuser_usec 60\nsystem_usec 40\n",
    "cpu.pressure": "some avg10=1.50 avg60=0.25 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "memory.current": "4096\n",
    "memory.max": "max\n",
    "memory.stat": "anon 1\nfile 2\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n",
    "io.stat": "8:0 rbytes=512 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n8:16\n",
  });
  const statistics = readStatisticsV2([{ version: 2, controllers: ["cpu", "memory", "pids", "io"], path: folder, created: true }]);
  assert.equal(statistics.pids, { current: 3n, limit: 100n });
  assert.is(statistics.cpu.stat["usage_usec"], 100n);
  assert.equal(statistics.cpu.pressure?.some, { avg10: 1.5, avg60: 0.25, avg300: 0, total: 77n });
  assert.is(statistics.memory.limit, UNLIMITED);
  assert.is(statistics.memory.events["oom_kill"], 1n);
  assert.is(statistics.memory.pressure, undefined);
  assert.equal(statistics.io.stat.map(([device, counters]) => [device, counters["rbytes"]]), [["8:0", 512n]]);
});

test("a cgroup that is gone counts nothing, and that is no error", () => {
  const gone = join(folder, "gone");
  const v1 = readStatisticsV1([{ version: 1, controllers: ["memory", "cpuacct", "cpu", "pids", "blkio"], path: gone, created: true }]);
  assert.equal(v1.memory.usage, { limit: 0n, usage: 0n, max: 0n, failcnt: 0n });
  assert.equal(v1.cpu.perCpu, []);
  const v2 = readStatisticsV2([{ version: 2, controllers: [], path: gone, created: true }]);
  assert.is(v2.memory.usage, 0n);
});

test("parseNumber() takes no words and no fractions", () => {
  assert.is(parseNumber("12a"), undefined);
  assert.is(parseNumber("1.5"), undefined);
  assert.is(parseNumber(""), undefined);
  assert.is(parseNumber("18446744073709551615"), UNLIMITED);
  assert.is(parseNumber("-1"), UNLIMITED);
});

test.run();
