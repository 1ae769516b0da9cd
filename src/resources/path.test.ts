import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../errors.ts";
import { cgroupPath, pathOfUnit, unitOf } from "./path.ts";

const test = suite("resources/path");

const good: readonly (readonly [string | undefined, string])[] = [
  [undefined, "/id"],
  ["", "/id"],
  ["/a/b", "/a/b"],
  ["a/b", "/a/b"],
  ["//a/./b/", "/a/b"],
  ["/system.slice:docker:x", "/system.slice:docker:x"],
  ["/..a/b..", "/..a/b.."],
];
for (const [given, expected] of good) {
  test(`cgroupPath() makes "${expected}" of ${JSON.stringify(given)}`, () => {
    assert.is(cgroupPath(given, "id"), expected);
  });
}

for (const bad of ["/", ".", "//", "..", "/a/../b", "a\0b", "/a\nb", "system.slice:docker:x", ":tsrun:x"]) {
  test(`cgroupPath() refuses ${JSON.stringify(bad)} at its place`, () => {
    assert.throws(
      () => cgroupPath(bad, "id"),
      (error: unknown) => error instanceof ConfigError && error.problems[0]?.pointer === "/linux/cgroupsPath",
    );
  });
}

test("cgroupPath() tells of --systemd-cgroup where its form is used", () => {
  assert.throws(() => cgroupPath("system.slice:docker:x", "id"), /--systemd-cgroup/);
});

const units: readonly (readonly [given: string | undefined, name: string, path: string])[] = [
  [undefined, "tsrun-id.scope", "/system.slice/tsrun-id.scope"],
  ["", "tsrun-id.scope", "/system.slice/tsrun-id.scope"],
  [":docker:web", "docker-web.scope", "/system.slice/docker-web.scope"],
  ["machine.slice:libpod:1f", "libpod-1f.scope", "/machine.slice/libpod-1f.scope"],
  ["a.slice::web", "web.scope", "/a.slice/web.scope"],
  ["-.slice:p:web", "p-web.scope", "/p-web.scope"],
  [
    "kubepods-besteffort-pod0_1.slice:cri-containerd:4e",
    "cri-containerd-4e.scope",
    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0_1.slice/cri-containerd-4e.scope",
  ],
];
for (const [given, name, path] of units) {
  test(`unitOf() makes "${name}" of ${JSON.stringify(given)}, and pathOfUnit() tells where it is`, () => {
    const unit = unitOf(given, "id", "system.slice");
    assert.is(unit.name, name);
    assert.is(pathOfUnit(unit, ""), path);
    assert.is(pathOfUnit(unit, "/user.slice"), `/user.slice${path}`);
  });
}

for (const bad of ["/a/b", "a/b", "web", "a:b", "a.slice:b:c:d", "a.slice:b:", "a.service:b:c", "a-.slice:b:c", "a--b.slice:b:c", "-a.slice:b:c", "../x.slice:b:c", ".slice:b:c", "a.slice:b:../c"]) {
  test(`unitOf() refuses ${JSON.stringify(bad)} at its place, and shows the form`, () => {
    assert.throws(
      () => unitOf(bad, "id", "system.slice"),
      (error: unknown) => error instanceof ConfigError && error.problems[0]?.pointer === "/linux/cgroupsPath" && /system\.slice:tsrun:web/.test(error.problems[0].hint ?? ""),
    );
  });
}

test.run();
