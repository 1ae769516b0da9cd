import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, opsOf, planOf, shown, stepsOf } from "../../test/plan-cases.ts";
import type { NamespaceEntry } from "../../test/plan-cases.ts";
import { environmentValue, uniqueEnvironment } from "./process.ts";

const test = suite("plan/process");

test("uniqueEnvironment() keeps the last of several entries for a name, and takes an empty HOME for none", () => {
  assert.equal(uniqueEnvironment(["A=1", "B=2", "A=3", "HOME=/x", "HOME="]), ["A=3", "B=2"]);
  assert.equal(uniqueEnvironment(["HOME=", "HOME=/y"]), ["HOME=/y"]);
});

test("uniqueEnvironment() keeps entries that name nothing", () => {
  assert.equal(uniqueEnvironment(["word", "=x", "A=b=c", "word"]), ["word", "=x", "A=b=c"]);
});

test("environmentValue() is that of the last entry", () => {
  assert.is(environmentValue(["A=1", "AB=2", "A=3=4"], "A"), "3=4");
  assert.is(environmentValue(["AB=2"], "A"), undefined);
});

test("findProgram() looks in the container's PATH, else in the usual places", () => {
  const path = (env: string[]): string | undefined => stepsOf(planOf(configOf({ process: { env } })), "lookup")[0]?.path;
  assert.is(path(["PATH=/a:/b"]), "/a:/b");
  assert.is(path([]), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
});

test("findProgram() stands before the gate, so that create can tell that there is no program", () => {
  const ops = opsOf(planOf(configOf()), "lookup", "gate", "open_fifo", "execve");
  assert.equal(ops, ["lookup", "gate", "open_fifo", "execve"]);
});

test("waitForStart() opens no fifo for run", () => {
  const plan = planOf(configOf(), { waitForStart: false });
  assert.equal(opsOf(plan, "exec_fifo", "open_fifo"), []);
  assert.equal(stepsOf(plan, "spawn")[0]?.inherit, []);
});

test("waitForStart() tries the exec fifo before the gate where a filter may refuse it", () => {
  const config = configOf({ linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } });
  assert.equal(opsOf(planOf(config), "seccomp", "try_fifo", "gate", "open_fifo"), ["seccomp", "try_fifo", "gate", "open_fifo"]);
  assert.is(stepsOf(planOf(config), "try_fifo")[0]?.at, "/linux/seccomp");
  assert.equal(opsOf(planOf(configOf()), "try_fifo"), []);
  assert.equal(opsOf(planOf(config, { waitForStart: false }), "try_fifo"), []);
});

test("program() of a config without a process waits and can never go on", () => {
  const plan = planOf(configOf({ process: undefined }));
  assert.is(shown(plan.steps.at(-1)), "fail(errno=22)");
  assert.equal(opsOf(plan, "lookup", "execve"), []);
  assert.equal(opsOf(plan, "gate", "open_fifo"), ["gate", "open_fifo"]);
});

test("keyring() joins a keyring of the container's name, unless the caller does not want one", () => {
  assert.is(stepsOf(planOf(configOf()), "session_keyring")[0]?.name, "_ses.box");
  assert.equal(opsOf(planOf(configOf(), { noNewKeyring: true }), "session_keyring"), []);
});

test("ownProc() opens the host's procfs where a user namespace lives in the host's pid namespace", () => {
  const opened = (types: NamespaceEntry[]): boolean => {
    const linux = { namespaces: namespaces(...types), ...(types.includes("user") ? MAPS : {}) };
    return planOf(configOf({ linux })).steps.some((step) => step.op === "openat2" && step.path === "/proc");
  };
  assert.equal([opened(["mount", "user"]), opened(["mount", "user", "pid"]), opened(["mount"])], [true, false, false]);
});

test("earlyProcess() raises hard limits only where a user namespace would keep them down", () => {
  const rlimits = [{ type: "RLIMIT_CORE", soft: 1, hard: 2 }];
  const user = { namespaces: namespaces("mount", "user"), ...MAPS };
  const ops = (linux?: object): string[] =>
    opsOf(planOf(configOf({ process: { rlimits }, ...(linux === undefined ? {} : { linux }) })), "raise_rlimit", "unshare", "setrlimit");
  assert.equal(ops(), ["setrlimit"]);
  assert.equal(ops(user), ["raise_rlimit", "unshare", "setrlimit"]);
});

test("limits() numbers resources as the kernel does", () => {
  const rlimits = [{ type: "RLIMIT_NOFILE", soft: 3, hard: 4 }];
  assert.is(shown(stepsOf(planOf(configOf({ process: { rlimits } })), "setrlimit")[0]), "setrlimit(resource=7, soft=3, hard=4)");
});

test("earlyProcess() writes oom_score_adj through the host's procfs, before the user namespace", () => {
  const linux = { namespaces: namespaces("mount", "user"), ...MAPS };
  const { steps } = planOf(configOf({ process: { oomScoreAdj: -5 }, linux }));
  const written = steps.findIndex((step) => step.op === "write" && step.data === "-5");
  assert.ok(written > 0 && written < steps.findIndex(({ op }) => op === "unshare"));
});

test.run();
