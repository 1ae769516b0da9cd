/** A create that fails, at whatever, leaves nothing behind: no process, mount, cgroup, file, state (runtime.md#errors). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { cannotCreate, file, read, refused, silent, waitFor } from "./containers.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("failures");

/** Beside containers a runtime may keep what it needs again, under a name that no container can have. */
const IS_ID = /^[\w+-][\w+.-]*$/;

/** Each fails at another stage of the making. */
const FAILURES: Readonly<Record<string, (config: BundleConfig) => unknown>> = {
  "reading the config": (config) => (config.linux.namespaces[0] = { type: "colour" }),
  "the root": (config) => (config.root.path = "missing"),
  "a namespace's path": (config) => (config.linux.namespaces[1] = { type: "network", path: "/no/such/namespace" }),
  "a limit": (config) => (config.linux.resources = { cpu: { cpus: "4000" } }),
  "a device rule": (config) => (config.linux.resources = { devices: [{ allow: true, type: "c", major: -7, minor: 1, access: "rwm" }] }),
  "the oom score": (config) => (config.process["oomScoreAdj"] = 5000),
  "the mappings of users": (config) => {
    config.linux.namespaces.push({ type: "user" });
    config.linux["uidMappings"] = [{ containerID: 0, hostID: 1, size: 1 }, { containerID: 0, hostID: 2, size: 1 }];
    config.linux["gidMappings"] = [{ containerID: 0, hostID: 1, size: 1 }];
  },
  "a mount": (config) => config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["frobnicate"] }),
  "a bind mount": (config) => config.mounts.push({ destination: "/mnt", source: "/no/such/source", options: ["bind"] }),
  "a sysctl": (config) => (config.linux["sysctl"] = { "net.no.such": "1" }),
  "a prestart hook": (config) => (config.hooks = { prestart: [{ path: "/bin/false" }] }),
  "a createRuntime hook": (config) => (config.hooks = { createRuntime: [{ path: "/bin/true" }, { path: "/bin/false" }] }),
  "a createContainer hook": (config) => (config.hooks = { createContainer: [{ path: "/bin/false" }] }),
  "the working directory": (config) => (config.process.cwd = "/etc/passwd"),
  "the seccomp listener": (config) =>
    (config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/such/socket", syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }] }),
  "the program": (config) => (config.process.args = ["missing"]),
};

for (const [stage, change] of Object.entries(FAILURES)) {
  test(`G-06 OP-03 a create that fails at ${stage} leaves nothing behind`, async (t) => {
    await cannotCreate(t, (config) => void change(config), /./);
    assert.not.match(read("/proc/self/mountinfo"), t.folder);
    assert.equal(fs.existsSync(t.stateRoot) ? fs.readdirSync(t.stateRoot).filter((name) => IS_ID.test(name)) : [], []);
  });

  test(`G-06 a run that fails at ${stage} leaves nothing behind, and does not run the program`, async (t) => {
    const bundle = t.bundle((config) => {
      config.process.args = ["/bin/sh", "-c", "echo run"];
      change(config);
    });
    const id = t.id();
    const result = await t.runtime(["run", "--bundle", bundle.path, id]);
    assert.is.not(result.status, 0);
    assert.is(result.stdout, "");
    assert.equal(t.leftovers(id), []);
  });
}

test("OP-02 an id whose create has failed can be used at once", async (t) => {
  const bundle = t.bundle((config) => config.mounts.push({ destination: "/mnt", source: "/no/such/source", options: ["bind"] }));
  const id = t.id();
  refused(await t.runtime(["create", "--bundle", bundle.path, id]), /no such file/);
  bundle.config.mounts.pop();
  bundle.write();
  silent(await t.runtime(["create", "--bundle", bundle.path, id]));
});

test("a create that fails writes no pid file, and one that succeeds after it does", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["missing"]));
  refused(await t.runtime(["create", "--bundle", bundle.path, "--pid-file", file(t, "pid"), t.id()]), "not found");
  assert.not(fs.existsSync(file(t, "pid")));
});

test("a create that is killed at any moment leaves nothing that delete --force does not remove", async (t) => {
  onlyOurs("runc's state is not there until all is done");
  const bundle = t.bundle((config) => (config.hooks = { poststop: [{ path: "/bin/true" }] }));
  for (let milliseconds = 1; milliseconds <= 24; milliseconds++) {
    const id = t.id();
    await t.runtime(["create", "--bundle", bundle.path, id], { timeoutSeconds: milliseconds / 1000 });
    silent(await t.runtime(["delete", "--force", id]));
    // What it had begun, and nobody knew of, ends by itself when it hears of that.
    await waitFor(`nothing is left of it, killed after ${milliseconds} ms`, () => t.leftovers(id).length === 0);
  }
});

test("a state that is broken can be deleted by force", async (t) => {
  const id = t.id();
  fs.mkdirSync(join(t.stateRoot, id), { recursive: true });
  silent(await t.runtime(["delete", "--force", id]));
  assert.not(fs.existsSync(join(t.stateRoot, id)));
});

test.run();
