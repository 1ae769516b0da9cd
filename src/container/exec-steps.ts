/** The runtime's own steps of `exec`: to find the container's process, and to send another after it. */

import { parseMemberships } from "../resources/layout.ts";
import { O_PATH, openFlags } from "../linux/open-flags.ts";
import { unifiedDirectory } from "../cgroup/cgroup.ts";
import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { InitError, StatusError } from "../errors.ts";
import { closeSync, openSync, readFileSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { stateDocument } from "../spec/state.ts";
import { handOverConsole } from "./console.ts";
import type { Decision, ExecOptions } from "./exec.ts";
import type { Runners } from "./execution.ts";
import { openInit } from "./processes.ts";
import type { StoredState } from "./state.ts";
import { isAlive } from "./status.ts";

const { O_DIRECTORY } = openFlags(process.arch);

interface Facts extends Decision {
  readonly options: ExecOptions;
}

export function execRunners({ options, state, status, config, entrance }: Facts): Runners {
  return {
    open_init: ({ to }, execution) => {
      const init = openInit(state);
      if (init === undefined) throw new StatusError(state.id, "stopped", `cannot exec in container "${state.id}": cannot exec in a stopped container`);
      execution.hold(to, init);
    },
    open_root: ({ to }, execution) => {
      execution.hold(to, openSync(`/proc/${state.pid}/root`, O_PATH | O_DIRECTORY));
      // Its number may have had another owner before that; if it is there now, it was then.
      if (!isAlive(state)) throw new InitError(`cannot exec in container "${state.id}": its process has ended`);
    },
    resctrl_group: async (step, execution) => {
      const { useGroup } = await import("./resctrl.ts");
      execution.hold(step.to, useGroup(step, execution.cleanup));
    },
    spawn: (step, execution) => {
      try {
        execution.spawn(step, entrance.directories);
      } catch (error) {
        const inner = isRefused(error) ? cgroupOfInit(state, entrance.directories) : undefined;
        if (inner === undefined) throw error;
        execution.spawn(step, inner);
      }
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
        const { sendListener } = await import("./seccomp-listener.ts");
        const { id, pid, bundle, annotations } = state;
        const document = stateDocument({ id, status, pid, bundle, annotations });
        await sendListener({ listener, pid: execution.init.pid, state: document, seccomp: config.linux?.seccomp });
      } finally {
        closeSync(listener);
      }
    },
  };
}

/** A v2 cgroup that passes controllers on, or has threads of its own below, takes no processes (cgroup-v2.rst). */
function isRefused(error: unknown): boolean {
  return isNativeError(error) && (error.code === "EBUSY" || error.code === "EOPNOTSUPP");
}

/** The sub-cgroup to which the container's process moved itself, as it does when it manages cgroups of its own. */
function cgroupOfInit({ pid, cgroup }: StoredState, directories: readonly CgroupDirectory[]): CgroupDirectory[] | undefined {
  const unified = unifiedDirectory(directories);
  if (unified === undefined || cgroup === undefined) return undefined;
  const own = parseMemberships(readFileSync(`/proc/${pid}/cgroup`, "utf8")).find(({ version }) => version === 2)?.own ?? "";
  const mountPoint = unified.path.slice(0, unified.path.length - cgroup.path.length);
  const path = mountPoint + own;
  // Wherever it went, its limits go with it only below the container's own.
  if (!path.startsWith(`${unified.path}/`) || path.includes("/../")) return undefined;
  return directories.map((directory) => (directory === unified ? { ...unified, path } : directory));
}
