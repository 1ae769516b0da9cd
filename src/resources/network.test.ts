import { suite } from "uvu";
import * as assert from "uvu/assert";
import { netCls, netPrio } from "./network.ts";

const test = suite("resources/network");

const PRIORITIES = [{ name: "lo", priority: 4294967295 }, { name: "eth0", priority: 0 }];

test("netCls() writes the class, and for 0 only where there is a file", () => {
  assert.equal(netCls({ classID: 4294967295 }, 1).writes.map(({ file, value }) => `${file}=${value}`), ["net_cls.classid=4294967295"]);
  assert.equal(netCls({ classID: 0 }, 1).writes.map(({ value, optional }) => [value, optional]), [["0", true]]);
  assert.equal(netCls({ priorities: PRIORITIES }, 1).writes, []);
});

test("netPrio() writes each interface's priority by itself", () => {
  assert.equal(
    netPrio({ priorities: PRIORITIES }, 1).writes.map(({ file, value, pointer }) => [file, value, pointer]),
    [
      ["net_prio.ifpriomap", "lo 4294967295", "/linux/resources/network/priorities/0"],
      ["net_prio.ifpriomap", "eth0 0", "/linux/resources/network/priorities/1"],
    ],
  );
});

test("netCls() and netPrio() refuse on v2 what changes something", () => {
  assert.equal(netCls({ classID: 5 }, 2).problems.map(({ pointer, message }) => [pointer, message]), [
    ["/linux/resources/network/classID", '"classID" cannot be converted to cgroup v2'],
  ]);
  assert.is(netPrio({ priorities: PRIORITIES }, 2).problems.length, 1);
  assert.equal(netPrio({ priorities: PRIORITIES }, 2).writes, []);
  for (const limits of [netCls({ classID: 0 }, 2), netCls({}, 2), netPrio({ priorities: [] }, 2), netPrio({}, 2)]) {
    assert.equal([...limits.problems, ...limits.writes], []);
  }
});

test.run();
