import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Process } from "./config.ts";
import { changedProcess, completedProcess, isChanged } from "./exec-process.ts";

const test = suite("spec/exec-process");

const OWN: Process = {
  cwd: "/own",
  args: ["init"],
  env: ["A=1"],
  terminal: true,
  user: { uid: 1, gid: 2, umask: 7, additionalGids: [3] },
  rlimits: [{ type: "RLIMIT_NOFILE", soft: 1, hard: 2 }],
  capabilities: { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] },
  noNewPrivileges: true,
  oomScoreAdj: 5,
};

test("changedProcess() keeps what is not changed, but never the terminal", () => {
  assert.equal(changedProcess(OWN, { args: ["ls"] }), { ...OWN, args: ["ls"], terminal: false });
});

test("changedProcess() replaces user, directory and no_new_privs, and adds environment and groups", () => {
  const changed = changedProcess(OWN, { args: ["ls"], uid: 9, cwd: "/", env: ["B=2"], additionalGids: [4], noNewPrivileges: false, terminal: true });
  assert.equal(changed.user, { uid: 9, gid: 2, umask: 7, additionalGids: [3, 4] });
  assert.equal([changed.cwd, changed.env, changed.noNewPrivileges, changed.terminal], ["/", ["A=1", "B=2"], false, true]);
});

test("changedProcess() adds capabilities to bounding, effective and permitted only (CVE-2022-29162)", () => {
  const sets = ["CAP_KILL", "CAP_CHOWN"];
  assert.equal(changedProcess(OWN, { args: ["ls"], capabilities: ["CAP_CHOWN"] }).capabilities, { bounding: sets, permitted: sets, effective: sets });
});

test("changedProcess() adds ambient capabilities where some are inheritable", () => {
  const own = { ...OWN, capabilities: { inheritable: ["CAP_KILL"] } };
  const { inheritable, ambient } = changedProcess(own, { args: ["ls"], capabilities: ["CAP_CHOWN"] }).capabilities ?? {};
  assert.equal([inheritable, ambient], [["CAP_KILL"], ["CAP_CHOWN"]]);
});

test("changedProcess() works for a container without a process", () => {
  assert.equal(changedProcess(undefined, { args: ["ls"] }), { cwd: "/", args: ["ls"], terminal: false, user: { uid: 0, gid: 0 } });
});

test("completedProcess() takes over what is left open, and empty lists and texts are", () => {
  const whole = completedProcess({ ...OWN, apparmorProfile: "own" }, { cwd: "/", args: ["ls"], rlimits: [], apparmorProfile: "" });
  assert.equal([whole.rlimits, whole.capabilities, whole.oomScoreAdj, whole.apparmorProfile], [OWN.rlimits, OWN.capabilities, 5, "own"]);
  assert.equal(whole.user, { uid: 0, gid: 0, umask: 7 });
  assert.equal([whole.env, whole.noNewPrivileges], [undefined, undefined]);
});

test("completedProcess() keeps what is given", () => {
  const given: Process = { cwd: "/", args: ["ls"], user: { uid: 5, gid: 6, umask: 2 }, capabilities: {}, oomScoreAdj: 0, rlimits: [{ type: "RLIMIT_CPU", soft: 1, hard: 1 }] };
  assert.equal(completedProcess(OWN, given), given);
});

test("isChanged() tells what was asked for from what the container has", () => {
  const changes = { args: ["ls"], cwd: "/", uid: 1 };
  assert.equal(["/args", "/args/0", "/cwd", "/user/uid"].map((pointer) => isChanged(changes, pointer)), [true, true, true, true]);
  assert.equal(["/user/gid", "/env", "/rlimits/0", "/argsx"].map((pointer) => isChanged(changes, pointer)), [false, false, false, false]);
});

test.run();
