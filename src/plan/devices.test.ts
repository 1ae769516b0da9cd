import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, opsOf, planOf, shown, stepsAt, stepsOf } from "../../test/plan-cases.ts";

const test = suite("plan/devices");

const USER = { namespaces: namespaces("mount", "user"), ...MAPS };
const FUSE = { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o640, uid: 3, gid: 4 };

function paths(config: ReturnType<typeof configOf>): string[] {
  return stepsOf(planOf(config), "mknod").map(({ path }) => path);
}

const DEFAULTS = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

test("devices() makes the default devices, then those of the config", () => {
  assert.equal(paths(configOf()), DEFAULTS);
  assert.equal(paths(configOf({ linux: { devices: [FUSE] } })), [...DEFAULTS, "/dev/fuse"]);
});

test("devices() lets the config redefine a default device", () => {
  const devices = [{ path: "/dev/zero", type: "c", major: 9, minor: 9 }];
  const made = paths(configOf({ linux: { devices } }));
  assert.equal(made, [...DEFAULTS.filter((path) => path !== "/dev/zero"), "/dev/zero"]);
});

test("devices() gives type, mode and owner to mknod", () => {
  const devices = [FUSE, { path: "/dev/b", type: "b", major: 8, minor: 1 }, { path: "/dev/u", type: "u", major: 1, minor: 2 }, { path: "/dev/p", type: "p" }];
  const plan = planOf(configOf({ linux: { devices } }));
  assert.equal(devices.map((_, index) => shown(stepsAt(plan, `/linux/devices/${index}`)[0])), [
    `mknod(root="rootfs", path="/dev/fuse", mode=${0o020640}, major=10, minor=229, uid=3, gid=4)`,
    `mknod(root="rootfs", path="/dev/b", mode=${0o060666}, major=8, minor=1, uid=0, gid=0)`,
    `mknod(root="rootfs", path="/dev/u", mode=${0o020666}, major=1, minor=2, uid=0, gid=0)`,
    `mknod(root="rootfs", path="/dev/p", mode=${0o010666}, major=0, minor=0, uid=0, gid=0)`,
  ]);
});

test("devices() takes a mode with the bits of the type, as podman writes it", () => {
  const devices = [{ ...FUSE, fileMode: 0o020640 }];
  assert.is(stepsOf(planOf(configOf({ linux: { devices } })), "mknod").at(-1)?.mode, 0o020640);
});

test("devices() binds the host's in a user namespace, but makes its fifos", () => {
  const devices = [FUSE, { path: "/dev/p", type: "p" }];
  const plan = planOf(configOf({ linux: { ...USER, devices } }));
  assert.equal(stepsOf(plan, "mknod").map(({ path }) => path), ["/dev/p"]);
  const bound = stepsOf(plan, "open_tree").map(({ path }) => path).filter((path) => path.startsWith("/dev/"));
  assert.equal(bound, [...DEFAULTS, "/dev/fuse"]);
});

test("devices() makes the links of /dev, those into /proc only where /proc is mounted", () => {
  const links = (mounts: object[]): string[] => stepsOf(planOf(configOf({ mounts })), "symlink").map(({ path, replace }) => `${path} ${String(replace)}`);
  assert.equal(links([]), ["/dev/ptmx true"]);
  const all = ["/dev/fd false", "/dev/stdin false", "/dev/stdout false", "/dev/stderr false", "/dev/ptmx true"];
  assert.equal(links([{ destination: "/proc", type: "proc" }]), all);
});

for (const destination of ["/dev", "/dev/", "dev"]) {
  test(`devices() changes nothing in a /dev that is bound from elsewhere (${destination})`, () => {
    const mounts = [{ destination, source: "/dev", options: ["rbind"] }];
    assert.equal(opsOf(planOf(configOf({ mounts })), "mknod", "symlink"), []);
    assert.equal(paths(configOf({ mounts, linux: { devices: [FUSE] } })), ["/dev/fuse"]);
  });
}

test("devices() judges by the last mount on /dev", () => {
  const mounts = [{ destination: "/dev", source: "/dev", options: ["bind"] }, { destination: "/dev", type: "tmpfs" }];
  assert.equal(paths(configOf({ mounts })), DEFAULTS);
});

test.run();
