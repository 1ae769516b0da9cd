import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../spec/config.ts";
import { cgroupOwner } from "./ownership.ts";

const test = suite("resources/ownership");

const CONFIG: Config = {
  ociVersion: "1.3.0",
  process: { cwd: "/", user: { uid: 5, gid: 0 } },
  mounts: [{ source: "cgroup", destination: "/sys/fs/cgroup", type: "cgroup", options: ["nosuid"] }],
  linux: {
    namespaces: [{ type: "cgroup" }, { type: "user" }],
    uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }, { containerID: 1, hostID: 100000, size: 10 }],
  },
};

test("cgroupOwner() is the host's uid of the container's user", () => {
  assert.equal(cgroupOwner(CONFIG), { uid: 100004, pointer: "/mounts/0" });
  assert.is(cgroupOwner({ ...CONFIG, process: { cwd: "/" } })?.uid, 1000);
});

test("cgroupOwner() is the user itself without a user namespace, and nobody for root", () => {
  const linux = { namespaces: [{ type: "cgroup" as const }] };
  assert.is(cgroupOwner({ ...CONFIG, linux })?.uid, 5);
  assert.is(cgroupOwner({ ...CONFIG, linux, process: { cwd: "/" } })?.uid, undefined);
});

test("cgroupOwner() is nobody without a cgroup namespace of its own, or a writable mount, or a mapping", () => {
  const [mount] = CONFIG.mounts ?? [];
  if (mount === undefined) return assert.unreachable();
  const foreign = { namespaces: [{ type: "cgroup" as const, path: "/proc/1/ns/cgroup" }] };
  assert.is(cgroupOwner({ ...CONFIG, linux: foreign })?.uid, undefined);
  assert.is(cgroupOwner({ ...CONFIG, mounts: [{ ...mount, options: ["ro"] }] })?.uid, undefined);
  assert.is(cgroupOwner({ ...CONFIG, mounts: [{ ...mount, source: "cgroup2" }] })?.uid, undefined);
  assert.is(cgroupOwner({ ...CONFIG, process: { cwd: "/", user: { uid: 50, gid: 0 } } })?.uid, undefined);
});

test.run();
