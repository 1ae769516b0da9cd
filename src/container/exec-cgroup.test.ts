import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../errors.ts";
import { execEntrance } from "./exec-cgroup.ts";
import type { StoredState } from "./state.ts";

const test = suite("container/exec-cgroup");

function directory(version: 1 | 2, name: string, controllers: readonly string[]): object {
  return { version, controllers, path: `/sys/fs/cgroup/${name}/box`, created: true };
}

const HYBRID = [directory(1, "pids", ["pids"]), directory(1, "cpu,cpuacct", ["cpu", "cpuacct"]), directory(1, "systemd", []), directory(2, "unified", [])];

function entrance(asked: readonly string[], { directories = HYBRID, intoCgroup = true } = {}): ReturnType<typeof execEntrance> {
  return execEntrance({ cgroup: { path: "/box", directories, parents: [] } } as unknown as StoredState, { asked, intoCgroup });
}

function paths(asked: readonly string[]): string[] {
  return entrance(asked).directories.map(({ path }) => path.replace("/sys/fs/cgroup/", ""));
}

test("execEntrance() names the ways into v1, and is born in v2", () => {
  assert.equal(entrance([]).cgroup, { path: "/box", entries: ["pids tasks", "cpu,cpuacct tasks", "systemd tasks"], intoCgroup: true });
});

test("execEntrance() has a way into v2, too, where nobody may be born there", () => {
  assert.equal(entrance([], { intoCgroup: false }).cgroup.entries.at(-1), "unified procs");
  assert.is(entrance([], { intoCgroup: false }).cgroup.intoCgroup, false);
});

test("execEntrance() takes a path for all hierarchies, or for those that are named", () => {
  assert.equal(paths(["sub"]), ["pids/box/sub", "cpu,cpuacct/box/sub", "systemd/box/sub", "unified/box/sub"]);
  assert.equal(paths(["/a//b/./c/"]), ["pids/box/a/b/c", "cpu,cpuacct/box/a/b/c", "systemd/box/a/b/c", "unified/box/a/b/c"]);
  assert.equal(paths(["pids:x", "cpu:y", "systemd:z"]), ["pids/box/x", "cpu,cpuacct/box/y", "systemd/box/z", "unified/box"]);
});

for (const asked of [["../up"], ["a/../../up"], ["pids:.."], ["none:a"], [":a"], ["pids,:a"], ["pids:a", "pids:b"], ["a", "b"]]) {
  test(`execEntrance() refuses ${asked.join(" and ")}`, () => {
    assert.throws(() => entrance(asked), (error: unknown) => error instanceof UsageError);
  });
}

test.run();
