/** The runtime's own steps in making a container: its cgroup, what init begins with, its hooks. */

import type { Cgroup } from "../cgroup/cgroup.ts";
import { createCgroup, undoCreate } from "../cgroup/create.ts";
import { openWriter } from "../cgroup/write.ts";
import type { LimitWriter } from "../cgroup/write.ts";
import { InitError } from "../errors.ts";
import type { Host } from "../host.ts";
import { NAMESPACES, findNamespace } from "../linux/namespaces.ts";
import { closeSync, openSync, writeFileSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { usableLayout } from "../plan/cgroup.ts";
import type { RuntimeStep } from "../plan/step.ts";
import type { Cleanup } from "./cleanup.ts";
import type { Runners } from "./execution.ts";

const O_PATH = 0o10000000;

/** What needs more than this file knows; create.ts supplies it. */
export interface Handlers {
  readonly host: Host;
  readonly id: string;
  /** The caller's. */
  readonly environment: readonly string[];
  readonly fifoPath: string;
  /** A hook of the runtime's namespaces; `pid` is init's. */
  runHook(step: Extract<RuntimeStep, { op: "run_hook" }>, pid: number): Promise<void>;
  /** The terminal's master; who takes it closes it. */
  console(master: number): Promise<void>;
  /** The seccomp listener; it is closed afterwards. */
  seccompListener(listener: number, pid: number): Promise<void>;
}

type CgroupStep = Extract<RuntimeStep, { op: "cgroup_create" }>;

export class CreateSteps {
  readonly #handlers: Handlers;
  #cgroup: Cgroup | undefined;
  /** Keeps the directories open while one limit follows the other. */
  #limits: LimitWriter | undefined;
  /** Of a unit of systemd's: init is there, and nobody else has to be. */
  #endKeeper: (() => Promise<void>) | undefined;
  /** The container's network namespace. */
  #network: number | undefined;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  get cgroup(): Cgroup | undefined {
    return this.#cgroup;
  }

  close(): void {
    this.#limits?.close();
    this.#limits = undefined;
  }

  readonly runners: Runners = {
    cgroup_create: (step, { cleanup }) => {
      const { path, controllers, unit } = step;
      if (unit !== undefined) return this.#startUnit(unit, step, cleanup);
      const cgroup = createCgroup(usableLayout(this.#handlers.host, path), path, controllers);
      cleanup.add(() => removeCgroup(cgroup));
      this.#cgroup = cgroup;
      return undefined;
    },
    cgroup_write: (step) => {
      this.#limits ??= openWriter(this.#directories());
      this.#limits.write({ pointer: "", ...step });
    },
    cgroup_open: (step, execution) => {
      this.#limits ??= openWriter(this.#directories());
      execution.hold(step.to, this.#limits.open(step));
    },
    cgroup_devices: async ({ program }) => {
      const { attachDevices } = await import("../cgroup/devices.ts");
      attachDevices(this.#directories(), program, native());
    },
    cgroup_chown: async ({ uid }) => {
      const { giveCgroup } = await import("../cgroup/ownership.ts");
      giveCgroup(this.#directories(), uid);
    },
    resctrl_group: async (step, execution) => {
      const { useGroup } = await import("./resctrl.ts");
      execution.hold(step.to, useGroup(step, execution.cleanup));
    },
    resctrl_schemata: async (step, { cleanup }) => {
      const { setSchemata } = await import("./resctrl.ts");
      setSchemata(step, cleanup);
    },
    resctrl_monitor: async (step, execution) => {
      const { makeMonitor } = await import("./resctrl.ts");
      execution.hold(step.to, makeMonitor(step, execution.cleanup));
    },
    attach_root: async ({ path }, { cleanup }) => {
      const { attachRoot, detachRoot, rootMountToBe } = await import("./root-mount.ts");
      const mount = rootMountToBe(path);
      attachRoot(path);
      cleanup.add(() => detachRoot(mount));
    },
    open_namespace: ({ path, type, to }, execution) => {
      const fd = openSync(path);
      execution.hold(to, fd);
      checkNamespace(fd, { path, type });
    },
    open_idmap: async ({ uid, gid, to }, execution) => {
      const { openIdmap } = await import("./idmap.ts");
      execution.hold(to, await openIdmap({ uid, gid }));
    },
    exec_fifo: ({ to }, execution) => {
      const { fifoPath } = this.#handlers;
      native().mkfifo(fifoPath, 0o622);
      execution.hold(to, openSync(fifoPath, O_PATH));
    },
    spawn: (step, execution) => {
      this.close();
      execution.spawn(step, this.#directories());
      return step.intoCgroup ? this.#endKeeper?.() : undefined;
    },
    cgroup_attach: async (_, { init }) => {
      const unit = this.#cgroup?.unit;
      if (unit === undefined) return;
      const { attachToUnit } = await import("../cgroup/systemd/unit.ts");
      await attachToUnit(unit, init.pid, this.#handlers.environment);
      await this.#endKeeper?.();
    },
    write_idmap: async ({ uid, gid, writer }, { init }) => {
      if (writer === "newuidmap") {
        const { callIdmapHelpers } = await import("./newuidmap.ts");
        return callIdmapHelpers(init.pid, { uid, gid });
      }
      if (writer === "user") writeFileSync(`/proc/${init.pid}/setgroups`, "deny");
      writeFileSync(`/proc/${init.pid}/uid_map`, uid);
      writeFileSync(`/proc/${init.pid}/gid_map`, gid);
    },
    net_device: async (step, execution) => {
      const { moveNetDevice, networkOf } = await import("./net-devices.ts");
      this.#network ??= networkOf(execution);
      moveNetDevice({ ...step, network: this.#network }, execution.cleanup);
    },
    sched_setattr: (step, { init }) => native().schedSetattr(init.pid, step),
    run_hook: (step, { init }) => this.#handlers.runHook(step, init.pid),
    console: async (_, execution) => {
      const master = execution.takeReceived();
      if (master !== undefined) await this.#handlers.console(master);
    },
    seccomp_listener: async (_, execution) => {
      const listener = execution.takeReceived();
      if (listener === undefined) return;
      try {
        await this.#handlers.seccompListener(listener, execution.init.pid);
      } finally {
        closeSync(listener);
      }
    },
  };

  async #startUnit(unit: NonNullable<CgroupStep["unit"]>, { path, controllers }: CgroupStep, cleanup: Cleanup): Promise<void> {
    const { endKeeper, startUnit, stopUnit } = await import("../cgroup/systemd/unit.ts");
    const { host, id, environment } = this.#handlers;
    const { cgroup, keeper } = await startUnit({ unit, path, layout: usableLayout(host, path), needed: controllers, description: `container ${id} (tsrun)`, environment });
    cleanup.add(async () => {
      await endKeeper(keeper);
      await removeCgroup(cgroup);
      await stopUnit(unit, environment);
    });
    this.#cgroup = cgroup;
    this.#endKeeper = () => endKeeper(keeper);
  }

  #directories(): Cgroup["directories"] {
    return this.#cgroup?.directories ?? [];
  }
}

/** With what hooks have left in it: init is gone, but in another's pid namespace its death takes nobody along. */
async function removeCgroup(cgroup: Cgroup): Promise<void> {
  const { killAll } = await import("../cgroup/kill.ts");
  const { destroyCgroup } = await import("../cgroup/destroy.ts");
  const { killPid, waitForExit } = await import("./processes.ts");
  try {
    killAll(cgroup.directories, killPid);
    await destroyCgroup(cgroup.directories, waitForExit);
  } finally {
    undoCreate(cgroup);
  }
}

/** A file that is no namespace of the type is an error (config-linux.md#namespaces). */
function checkNamespace(fd: number, { path, type }: { readonly path: string; readonly type: string }): void {
  let found: number;
  try {
    found = native().namespaceType(fd);
  } catch (error) {
    throw new InitError(`cannot join the ${type} namespace "${path}": it is not a namespace`, { cause: error });
  }
  if (found === findNamespace(type)?.flag) return;
  const actual = NAMESPACES.find(({ flag }) => flag === found)?.type ?? "unknown";
  throw new InitError(`cannot join the ${type} namespace "${path}": it is a namespace of type "${actual}"`);
}
