/** The plans of further processes: as `explain` would print them, against testdata/exec/, and what their order promises. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, fakeHost, namespaces, opsOf, stepsOf } from "../../test/plan-cases.ts";
import { PROJECT } from "../../test/runtime.ts";
import type { Config, Process } from "../spec/config.ts";
import { planExec } from "./exec.ts";
import type { ExecOptions } from "./exec.ts";
import { explainText } from "./explain.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/exec");
const TESTDATA = join(PROJECT, "src/plan/testdata/exec");

const V1 = { path: "/box", entries: ["pids tasks", "memory tasks"], intoCgroup: false };
const V2 = { path: "/box", entries: [], intoCgroup: true };
const FILTER = { filter: new Uint8Array(8), flags: 0, listener: undefined };
const BUSY: Partial<Process> = {
  terminal: true,
  consoleSize: { height: 25, width: 80 },
  user: { uid: 1000, gid: 100, umask: 7, additionalGids: [5] },
  capabilities: { bounding: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"], effective: ["CAP_CHOWN"] },
  rlimits: [{ type: "RLIMIT_NPROC", soft: 10, hard: 20 }],
  oomScoreAdj: 100,
  noNewPrivileges: false,
  execCPUAffinity: { initial: "0-1", final: "1" },
  ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 },
};

interface Case {
  readonly config?: Config;
  readonly process?: Partial<Process>;
  readonly options?: Partial<ExecOptions>;
}

function planned({ config = configOf(), process = {}, options = {} }: Case = {}): Plan {
  const whole: Process = { cwd: "/", args: ["ls"], env: ["HOME=/"], user: { uid: 0, gid: 0 }, ...process };
  return planExec(config, whole, fakeHost(), { id: "box", noNewKeyring: false, cgroup: V2, ...options });
}

const CASES: Readonly<Record<string, Case>> = {
  plain: {},
  legacy: { options: { cgroup: V1, noNewKeyring: true } },
  "user-namespace": { config: configOf({ linux: { namespaces: namespaces("user", "mount", "pid"), ...MAPS } }) },
  "joined-mounts": { config: configOf({ linux: { namespaces: namespaces(["mount", "/proc/1/ns/mnt"], "pid") } }) },
  "host-namespaces": { config: configOf({ linux: { namespaces: [] } }) },
  busy: { process: BUSY, options: { cgroup: V1, seccomp: FILTER } },
};

for (const [name, one] of Object.entries(CASES)) {
  test(`planExec() of ${name} is testdata/exec/${name}.plan`, () => {
    const path = join(TESTDATA, `${name}.plan`);
    const text = explainText(planned(one));
    if (process.env["UPDATE_PLANS"] === "1") mkdirSync(TESTDATA, { recursive: true });
    if (process.env["UPDATE_PLANS"] === "1") writeFileSync(path, text);
    assert.ok(existsSync(path), `${path} is missing: UPDATE_PLANS=1 writes it`);
    assert.is(text, readFileSync(path, "utf8"));
  });
}

test("planExec() has given up its rights and its descriptors before anybody in the container can see it", () => {
  const ops = opsOf(planned({ process: BUSY, options: { cgroup: V1, seccomp: FILTER } }));
  const clone = ops.indexOf("clone");
  assert.ok(clone > 0);
  for (const op of ["setns", "setresgid", "setresuid", "capbset_drop", "capset", "close_fds"]) {
    assert.ok(ops.includes(op) && ops.indexOf(op) < clone, op);
  }
  assert.equal(ops.slice(clone - 2, clone), ["close_fds", "prctl"]);
  for (const op of ["setsid", "setrlimit", "seccomp", "execve"]) assert.ok(ops.indexOf(op) > clone, op);
});

test("planExec() joins all namespaces in one call, by the process", () => {
  const [setns, ...more] = stepsOf(planned({ config: configOf({ linux: { namespaces: namespaces("user", "mount", "pid", "network"), ...MAPS } }) }), "setns");
  assert.equal(more, []);
  assert.equal([setns?.fd, Number(setns?.type)], ["init", 0x10000000 + 0x00020000 + 0x20000000 + 0x40000000]);
});

test("planExec() clones nobody without a pid namespace, and enters the root without a mount namespace", () => {
  const ops = opsOf(planned({ config: configOf({ linux: { namespaces: [] } }) }));
  assert.not.ok(ops.includes("clone") || ops.includes("setns"));
  assert.ok(ops.includes("open_root") && ops.includes("chroot"));
});

test("planExec() sets the affinities on both sides of the entry into the cgroup", () => {
  const ops = opsOf(planned({ process: BUSY, options: { cgroup: V1 } }), "sched_setaffinity", "write");
  assert.equal(ops.slice(0, 4), ["sched_setaffinity", "write", "write", "sched_setaffinity"]);
});

test("planExec() takes the caller's affinity back within the cgroup, unless there is one to begin with", () => {
  const whole = stepsOf(planned({ options: { cgroup: V1 } }), "sched_setaffinity");
  assert.equal(whole.map(({ mask, attempt }) => [mask.length, [...mask].every((byte) => byte === 0xff), attempt]), [[1024, true, true]]);
  assert.equal(stepsOf(planned({ process: { execCPUAffinity: { initial: "0" } }, options: { cgroup: V1 } }), "sched_setaffinity").map(({ mask }) => [...mask]), [[1, 0]]);
});

test.run();
