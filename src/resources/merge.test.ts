import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mergeResources } from "./merge.ts";

const test = suite("resources/merge");

const DISK = { major: 8, minor: 0 };
const OTHER = { major: 8, minor: 16 };

test("mergeResources() replaces the fields that are given, and keeps the others", () => {
  const old = { memory: { limit: 5, swap: 7 }, cpu: { shares: 2, quota: 3 }, pids: { limit: 9 } };
  assert.equal(mergeResources(old, { memory: { limit: 6 }, cpu: { quota: -1 } }), {
    memory: { limit: 6, swap: 7 },
    cpu: { shares: 2, quota: -1 },
    pids: { limit: 9 },
  });
});

test("mergeResources() takes zeros and empty texts for what is not set, as docker writes them", () => {
  const old = { memory: { limit: 5, reservation: 4, swap: 7 }, cpu: { shares: 2, cpus: "0", mems: "0" }, blockIO: { weight: 10 } };
  const change = { memory: { limit: 0, reservation: 0, swap: 0 }, cpu: { shares: 0, quota: 0, cpus: "", mems: "" }, blockIO: { weight: 0 }, devices: [] };
  assert.equal(mergeResources(old, change), old);
});

test("mergeResources() takes 0 for a value where it is one", () => {
  const old = { cpu: { burst: 5, idle: 1 }, memory: { swappiness: 50 }, pids: { limit: 9 } };
  assert.equal(mergeResources(old, { cpu: { burst: 0, idle: 0 }, memory: { swappiness: 0 }, pids: { limit: 0 } }), {
    cpu: { burst: 0, idle: 0 },
    memory: { swappiness: 0 },
    pids: { limit: 0 },
  });
});

test("mergeResources() lifts the limit of swap with that of memory, unless it is given", () => {
  assert.equal(mergeResources({ memory: { limit: 5, swap: 7 } }, { memory: { limit: -1 } }).memory, { limit: -1, swap: -1 });
  assert.equal(mergeResources({ memory: { limit: 5, swap: 7 } }, { memory: { limit: 6, swap: 9 } }).memory, { limit: 6, swap: 9 });
});

test("mergeResources() merges lists by device, size and name", () => {
  const old = {
    blockIO: { weightDevice: [{ ...DISK, weight: 10 }], throttleReadBpsDevice: [{ ...DISK, rate: 1 }] },
    hugepageLimits: [{ pageSize: "2MB", limit: 1 }],
    network: { classID: 1, priorities: [{ name: "lo", priority: 1 }] },
    rdma: { mlx: { hcaHandles: 1 } },
    unified: { "memory.high": "1" },
  };
  const change = {
    blockIO: { weightDevice: [{ ...DISK, leafWeight: 20 }, { ...OTHER, weight: 30 }], throttleReadBpsDevice: [{ ...DISK, rate: 2 }] },
    hugepageLimits: [{ pageSize: "1GB", limit: 2 }, { pageSize: "2MB", limit: 0 }],
    network: { priorities: [{ name: "eth0", priority: 2 }] },
    rdma: { mlx: { hcaObjects: 2 }, other: { hcaHandles: 3 } },
    unified: { "memory.high": "2", "io.weight": "5" },
  };
  assert.equal(mergeResources(old, change), {
    blockIO: {
      weightDevice: [{ ...DISK, weight: 10, leafWeight: 20 }, { ...OTHER, weight: 30 }],
      throttleReadBpsDevice: [{ ...DISK, rate: 2 }],
    },
    hugepageLimits: [{ pageSize: "2MB", limit: 0 }, { pageSize: "1GB", limit: 2 }],
    network: { classID: 1, priorities: [{ name: "lo", priority: 1 }, { name: "eth0", priority: 2 }] },
    rdma: { mlx: { hcaHandles: 1, hcaObjects: 2 }, other: { hcaHandles: 3 } },
    unified: { "memory.high": "2", "io.weight": "5" },
  });
});

test("mergeResources() replaces device rules whole", () => {
  const old = { devices: [{ allow: false }, { allow: true, type: "c" as const, major: 1, minor: 3 }] };
  assert.equal(mergeResources(old, { devices: [{ allow: true }] }), { devices: [{ allow: true }] });
});

test.run();
