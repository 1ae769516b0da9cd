import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, opsOf, planOf, shown, stepsAt, stepsOf } from "../../test/plan-cases.ts";
import type { Planning } from "../../test/plan-cases.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/scheduling");

const USER = { namespaces: namespaces("mount", "user"), ...MAPS };

function scheduled(scheduler: object, linux: object = {}, options?: Planning): Plan {
  return planOf(configOf({ process: { scheduler }, linux }), options);
}

for (const [name, scheduler, fields] of [
  ["nothing but a policy", { policy: "SCHED_OTHER" }, "policy=0, flags=0, nice=0, priority=0, runtime=0, deadline=0, period=0"],
  ["a nice value", { policy: "SCHED_BATCH", nice: -5 }, "policy=3, flags=0, nice=-5, priority=0, runtime=0, deadline=0, period=0"],
  ["a priority", { policy: "SCHED_RR", priority: 9 }, "policy=2, flags=0, nice=0, priority=9, runtime=0, deadline=0, period=0"],
  [
    "a deadline, and flags",
    { policy: "SCHED_DEADLINE", runtime: 1, deadline: 2, period: 3, flags: ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_DL_OVERRUN"] },
    "policy=6, flags=5, nice=0, priority=0, runtime=1, deadline=2, period=3",
  ],
] as const) {
  test(`scheduler() sets ${name}`, () => {
    assert.equal(stepsAt(scheduled(scheduler), "/process/scheduler").map(shown), [`sched_setattr(${fields})`]);
  });
}

test("scheduler() keeps integers beyond 2^53", () => {
  const config = configOf();
  const process = { cwd: "/", ...config.process, scheduler: { policy: "SCHED_DEADLINE", runtime: 1, deadline: 2n ** 60n } };
  assert.is(stepsOf(planOf({ ...config, process }), "sched_setattr")[0]?.deadline, 2n ** 60n);
});

test("scheduler() comes after the limits and all forks, while root's privileges last", () => {
  const hooks = { createContainer: [{ path: "/bin/hook" }] };
  const process = { scheduler: { policy: "SCHED_FIFO", priority: 1 }, rlimits: [{ type: "RLIMIT_RTPRIO", soft: 1, hard: 1 }] };
  const ops = opsOf(planOf(configOf({ hooks, process })), "hook", "setrlimit", "sched_setattr", "setresuid", "capset");
  assert.equal(ops, ["hook", "setrlimit", "sched_setattr", "setresuid", "capset"]);
});

test("scheduler() is the runtime's, at a gate, where a user namespace has taken root's privileges away", () => {
  const steps = stepsAt(scheduled({ policy: "SCHED_BATCH" }, USER), "/process/scheduler");
  assert.equal(steps.map(({ by, op }) => `${by} ${op}`), ["init gate", "runtime sched_setattr"]);
});

test("scheduler() is init's own where the runtime is an ordinary user, whose privileges are no greater", () => {
  const steps = stepsAt(scheduled({ policy: "SCHED_BATCH" }, USER, { host: { uid: 1000 } }), "/process/scheduler");
  assert.equal(steps.map(({ by, op }) => `${by} ${op}`), ["init sched_setattr"]);
});

for (const [name, level, priority] of [
  ["IOPRIO_CLASS_RT", 4, 0x2004],
  ["IOPRIO_CLASS_BE", 7, 0x4007],
  ["IOPRIO_CLASS_IDLE", 0, 0x6000],
] as const) {
  test(`ioPriority() sets ${name} of init alone, before the user namespace`, () => {
    const plan = planOf(configOf({ process: { ioPriority: { class: name, priority: level } }, linux: USER }));
    assert.equal(stepsAt(plan, "/process/ioPriority").map(shown), [`ioprio_set(which=1, who=0, priority=${priority})`]);
    assert.equal(opsOf(plan, "ioprio_set", "unshare", "setsid"), ["ioprio_set", "unshare", "setsid"]);
  });
}

for (const [name, policy, fields] of [
  ["without nodes", { mode: "MPOL_LOCAL" }, "mode=4, flags=0, nodes=[]"],
  ["with nodes", { mode: "MPOL_INTERLEAVE", nodes: "0-1,33" }, "mode=3, flags=0, nodes=[3,2]"],
  [
    "with flags",
    { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_NUMA_BALANCING"] },
    "mode=2, flags=40960, nodes=[1,0]",
  ],
] as const) {
  test(`memoryPolicy() sets a mode ${name}`, () => {
    const plan = planOf(configOf({ linux: { memoryPolicy: policy } }));
    assert.equal(stepsAt(plan, "/linux/memoryPolicy").map(shown), [`set_mempolicy(${fields})`]);
  });
}

for (const [domain, persona] of [["LINUX", 0], ["LINUX32", 8]] as const) {
  test(`personality() sets ${domain}`, () => {
    const plan = planOf(configOf({ linux: { personality: { domain } } }));
    assert.equal(stepsAt(plan, "/linux/personality").map(shown), [`personality(persona=${persona})`]);
  });
}

test("memoryPolicy() and personality() stand before the filter, which may refuse them", () => {
  const linux = { memoryPolicy: { mode: "MPOL_DEFAULT" }, personality: { domain: "LINUX" }, seccomp: { defaultAction: "SCMP_ACT_ALLOW" } };
  const ops = opsOf(planOf(configOf({ process: { noNewPrivileges: true }, linux })), "set_mempolicy", "personality", "seccomp");
  assert.equal(ops, ["set_mempolicy", "personality", "seccomp"]);
});

test("a config that asks for none of it has no step of it", () => {
  assert.equal(opsOf(planOf(configOf()), "sched_setattr", "ioprio_set", "set_mempolicy", "personality"), []);
});

test.run();
