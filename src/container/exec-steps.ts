/** The runtime's own steps of `exec`: to find the container's process, and to send another after it. */

import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { callerEnvironment } from "../linux/launch.ts";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { handOverConsole } from "./console.ts";
import type { ExecOptions, ExecRequest } from "./exec.ts";
import type { Runners } from "./execution.ts";
import { joinRunners } from "./join.ts";
import { statusOf } from "./status.ts";

interface Facts extends ExecRequest {
  readonly options: ExecOptions;
  /** The cgroup in each hierarchy. */
  readonly directories: readonly CgroupDirectory[];
}

export function execRunners({ options, state, config, directories }: Facts): Runners {
  const entered = async (): Promise<readonly CgroupDirectory[]> => {
    // Only v2 refuses.
    if (!directories.some(({ version }) => version === 2)) return directories;
    return (await import("./exec-nested.ts")).cgroupToEnter(state, directories);
  };
  return {
    ...joinRunners(state, { action: `exec in container "${state.id}"`, stopped: "cannot exec in a stopped container" }),
    resctrl_group: async (step, execution) => {
      const { useGroup } = await import("./resctrl.ts");
      execution.hold(step.to, useGroup(step, execution.cleanup));
    },
    spawn: async (step, execution) => {
      execution.spawn(step, step.intoCgroup ? directories : await entered());
    },
    cgroup_attach: async (_, { init }) => {
      const unit = state.cgroup?.unit;
      if (unit === undefined) return;
      const { attachToUnit } = await import("../cgroup/systemd/unit.ts");
      await attachToUnit(unit, init.pid, callerEnvironment(process.env));
    },
    sched_setattr: (step, { init }) => native().schedSetattr(init.pid, step),
    console: async (_, execution) => {
      const master = execution.takeReceived();
      if (master !== undefined) await handOverConsole(master, options);
    },
    seccomp_listener: async (_, execution) => {
      const listener = execution.takeReceived();
      if (listener === undefined) return;
      try {
        const [{ sendListener }, { stateDocument }] = await Promise.all([import("./seccomp-listener.ts"), import("../spec/state.ts")]);
        const { id, pid, bundle, annotations } = state;
        const document = stateDocument({ id, status: statusOf(options.store, state), pid, bundle, annotations });
        await sendListener({ listener, pid: execution.init.pid, state: document, seccomp: config.linux?.seccomp });
      } finally {
        closeSync(listener);
      }
    },
  };
}
