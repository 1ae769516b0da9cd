import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError } from "../errors.ts";
import { cgroupPath } from "./path.ts";

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

test.run();
