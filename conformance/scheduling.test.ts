/** `process.scheduler` and `process.ioPriority`: when the program runs, and when it gets its blocks (config.md#process). */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { getPriority } from "node:os";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import { needs } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { withUserNamespace } from "../test/rich-configs.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import { Container, cannotCreate, output, running, waitFor } from "./containers.ts";
import { probe } from "./probe.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("scheduling");

const [OTHER, FIFO, RR, BATCH, IDLE, DEADLINE] = [0, 1, 2, 3, 5, 6];
const RESET_ON_FORK = 1;

/** What `nice -n 5` makes of the value that this process was started with. */
const NICER = Math.min(getPriority() + 5, 19);

interface Scheduling {
  readonly policy: number;
  readonly flags: number;
  readonly nice: number;
  readonly priority: number;
  readonly times: readonly number[];
}

async function scheduling(container: Container): Promise<Scheduling> {
  const words = execFileSync(probe(), ["scheduling", `${(await container.state()).pid}`], { encoding: "utf8" }).trim();
  const [policy = -1, flags = -1, nice = 99, priority = -1, ...times] = words.split(" ").map(Number);
  return { policy, flags, nice, priority, times };
}

function withScheduler(scheduler: object): (config: BundleConfig) => void {
  return (config) => (config.process["scheduler"] = scheduler);
}

/** With cgroup v1 a cgroup has no real-time unless it is given some (Documentation/scheduler/sched-rt-group.rst). */
function withRealtime(t: Ground, scheduler: object): (config: BundleConfig) => void {
  return (config) => {
    withScheduler(scheduler)(config);
    if (!hasRealtimeGroups()) return;
    config.linux.cgroupsPath = `/${t.id()}`;
    config.linux.resources = { cpu: { realtimeRuntime: 10_000, realtimePeriod: 1_000_000 } };
  };
}

function hasRealtimeGroups(): boolean {
  return fs.existsSync("/sys/fs/cgroup/cpu/cpu.rt_runtime_us");
}

for (const [name, policy] of [["SCHED_OTHER", OTHER], ["SCHED_BATCH", BATCH], ["SCHED_IDLE", IDLE]] as const) {
  test(`PRC-29 PRC-30 the policy ${name} is the program's`, async (t) => {
    assert.is((await scheduling(await running(t, withScheduler({ policy: name })))).policy, policy);
  });
}

for (const [name, number] of [["SCHED_FIFO", FIFO], ["SCHED_RR", RR]] as const) {
  test(`PRC-30 PRC-32 the policy ${name} has its priority`, async (t) => {
    const { policy, priority } = await scheduling(await running(t, withRealtime(t, { policy: name, priority: 7 })));
    assert.equal([policy, priority], [number, 7]);
  });
}

test("PRC-30 PRC-34 PRC-35 PRC-36 SCHED_DEADLINE has its runtime, deadline and period", async (t) => {
  const scheduler = { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 50_000_000, period: 100_000_000 };
  const { policy, times } = await scheduling(await running(t, withScheduler(scheduler)));
  assert.equal([policy, ...times], [DEADLINE, 1_000_000, 50_000_000, 100_000_000]);
});

test("PRC-36 without a period it is 0, which the kernel takes for the deadline", async (t) => {
  const { times } = await scheduling(await running(t, withScheduler({ policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 50_000_000 })));
  assert.equal(times, [1_000_000, 50_000_000, 50_000_000]);
});

for (const policy of ["SCHED_OTHER", "SCHED_BATCH"]) {
  test(`PRC-31 nice is the program's under ${policy}`, async (t) => {
    for (const nice of [11, -11]) assert.is((await scheduling(await running(t, withScheduler({ policy, nice })))).nice, nice);
  });
}

test("PRC-31 without nice it is 0, whatever the caller's is", async (t) => {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    withScheduler({ policy: "SCHED_OTHER" })(config);
  });
  const container = await runningUnder(t, ["nice", "-n", "5"], bundle);
  assert.is((await scheduling(container)).nice, 0);
});

test("PRC-29 without a scheduler the program is scheduled like the caller", async (t) => {
  const bundle = t.bundle((config) => (config.process.args = ["/bin/sleep", "100"]));
  const { policy, nice } = await scheduling(await runningUnder(t, ["nice", "-n", "5"], bundle));
  assert.equal([policy, nice], [OTHER, NICER]);
});

test("PRC-33 the flags are in force", async (t) => {
  const flags = ["SCHED_FLAG_RESET_ON_FORK"];
  const { policy, flags: found } = await scheduling(await running(t, withScheduler({ policy: "SCHED_BATCH", flags })));
  assert.equal([policy, found & RESET_ON_FORK], [BATCH, RESET_ON_FORK]);
  const without = await scheduling(await running(t, withScheduler({ policy: "SCHED_BATCH" })));
  assert.is(without.flags & RESET_ON_FORK, 0);
});

test("PRC-33 a flag may keep the policy, or its parameters", async (t) => {
  const kept = await scheduling(await running(t, withScheduler({ policy: "SCHED_BATCH", nice: 6, flags: ["SCHED_FLAG_KEEP_POLICY"] })));
  assert.equal([kept.policy, kept.nice], [OTHER, 6]);
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/sleep", "100"];
    withScheduler({ policy: "SCHED_BATCH", nice: 6, flags: ["SCHED_FLAG_KEEP_PARAMS"] })(config);
  });
  const { nice } = await scheduling(await runningUnder(t, ["nice", "-n", "5"], bundle));
  assert.is(nice, NICER);
});

for (const [why, scheduler] of [
  ["PRC-30 an unknown policy", { policy: "SCHED_FASTEST" }],
  ["PRC-30 a missing policy", { nice: 5 }],
  ["PRC-30 a policy that no kernel has", { policy: "SCHED_ISO" }],
  ["PRC-31 a nice value that does not exist", { policy: "SCHED_OTHER", nice: 20 }],
  ["PRC-32 a priority of a policy without any", { policy: "SCHED_OTHER", priority: 3 }],
  ["PRC-32 a priority that does not exist", { policy: "SCHED_FIFO", priority: 100 }],
  ["PRC-33 an unknown flag", { policy: "SCHED_OTHER", flags: ["SCHED_FLAG_FAST"] }],
  ["PRC-34 a runtime of a policy without any", { policy: "SCHED_OTHER", runtime: 1_000_000 }],
  ["PRC-35 a deadline before the runtime is over", { policy: "SCHED_DEADLINE", runtime: 2_000_000, deadline: 1_000_000 }],
  ["PRC-36 a period before the deadline", { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 3_000_000, period: 2_000_000 }],
] as const) {
  test(`${why} is an error`, async (t) => {
    await cannotCreate(t, withScheduler(scheduler), /./);
  });
}

test("PRC-32 where the cgroup has no real-time, the error says what to set", async (t) => {
  onlyOurs("others name the system call at most");
  if (!hasRealtimeGroups()) return;
  await cannotCreate(t, withScheduler({ policy: "SCHED_FIFO", priority: 1 }), /EPERM.* \/process\/scheduler\).*cpu\.realtimeRuntime/);
});

test("PRC-29 a user namespace takes no policy away", async (t) => {
  for (const [scheduler, number] of [
    [{ policy: "SCHED_RR", priority: 3 }, RR],
    [{ policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 50_000_000 }, DEADLINE],
    [{ policy: "SCHED_BATCH", nice: -4, flags: ["SCHED_FLAG_RESET_ON_FORK"] }, BATCH],
  ] as const) {
    const bundle = withUserNamespace(t, (config) => {
      config.process.args = ["/bin/sleep", "100"];
      withRealtime(t, scheduler)(config);
    });
    assert.is((await scheduling(await runningUnder(t, [], bundle))).policy, number);
  }
});

test("PRC-29 hooks that the container forks run under a policy that may not fork, if it is reset on fork", async (t) => {
  onlyOurs("others' startContainer hooks are forked by more than one thread");
  const scheduler = { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 50_000_000, flags: ["SCHED_FLAG_RESET_ON_FORK"] };
  const hooks = { createContainer: [{ path: "/bin/true" }], startContainer: [{ path: "/bin/true" }] };
  const container = await running(t, (config) => {
    config.hooks = hooks;
    withScheduler(scheduler)(config);
  });
  assert.is((await scheduling(container)).policy, DEADLINE);
});

const CLASSES = { IOPRIO_CLASS_RT: "realtime", IOPRIO_CLASS_BE: "best-effort", IOPRIO_CLASS_IDLE: "idle" };

for (const [name, shown] of Object.entries(CLASSES)) {
  test(`PRC-38 PRC-39 PRC-40 ${name} is the I/O priority of the program and of what it starts`, async (t) => {
    needs("ionice");
    const container = await running(t, (config) => {
      config.process["ioPriority"] = { class: name, priority: 2 };
      config.process.args = ["/bin/sh", "-c", "sleep 100 & sleep 200; true"];
    });
    const { pid } = await container.state();
    const children = (): string[] => fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ");
    await waitFor("the program has forked twice", () => children().length === 2);
    for (const process of [`${pid}`, ...children()]) assert.match(ionice("--pid", process), shown);
    if (shown !== "idle") assert.match(ionice("--pid", `${pid}`), "prio 2");
  });
}

test("PRC-38 the I/O priority of the caller stays as it is", async (t) => {
  needs("ionice");
  const before = ionice("--pid", `${process.pid}`);
  await running(t, (config) => (config.process["ioPriority"] = { class: "IOPRIO_CLASS_IDLE", priority: 0 }));
  assert.is(ionice("--pid", `${process.pid}`), before);
});

test("PRC-38 a user namespace takes no I/O priority away", async (t) => {
  needs("ionice");
  const bundle = withUserNamespace(t, (config) => {
    config.process["ioPriority"] = { class: "IOPRIO_CLASS_RT", priority: 6 };
    config.process.args = ["/bin/sleep", "100"];
  });
  assert.match(ionice("--pid", `${(await (await runningUnder(t, [], bundle)).state()).pid}`), "realtime: prio 6");
});

for (const [why, ioPriority] of [
  ["PRC-39 an unknown class", { class: "IOPRIO_CLASS_NONE", priority: 0 }],
  ["PRC-39 a missing class", { priority: 0 }],
  ["PRC-40 a priority above 7", { class: "IOPRIO_CLASS_BE", priority: 8 }],
  ["PRC-40 a priority below 0", { class: "IOPRIO_CLASS_BE", priority: -1 }],
] as const) {
  test(`${why} is an error`, async (t) => {
    await cannotCreate(t, (config) => (config.process["ioPriority"] = ioPriority), /./);
  });
}

function ionice(...args: readonly string[]): string {
  return execFileSync("ionice", args, { encoding: "utf8" });
}

/** Runs a container in the background, the runtime itself being started by another program: `nice -n 5`. */
async function runningUnder(t: Ground, before: readonly string[], bundle: Bundle): Promise<Container> {
  const id = t.id();
  const [program = RUNTIME, ...words] = [...before, RUNTIME, "--root", t.stateRoot, "run", "--detach", "--bundle", bundle.path, id];
  output(await runRuntime(words, { folder: t.folder, program }));
  return new Container(t, bundle, id);
}

test.run();
