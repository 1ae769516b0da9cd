/** What tests of plans begin with: a machine that is made up, and configs to alter. */

import type { Host } from "../src/host.ts";
import type { PlanOptions } from "../src/plan/context.ts";
import { plan } from "../src/plan/plan.ts";
import type { Plan, Step } from "../src/plan/step.ts";
import { layoutOf } from "../src/resources/layout.ts";
import type { CgroupLayout, Hierarchy } from "../src/resources/layout.ts";
import type { Config } from "../src/spec/config.ts";
import { parseConfig } from "../src/spec/parse.ts";

const ALL_CAPABILITIES = (1n << 41n) - 1n;

function v1(...controllers: string[]): Hierarchy {
  const mountPoint = `/sys/fs/cgroup/${controllers.join(",")}`;
  return { controllers, name: undefined, version: 1, own: "/", mountPoint, root: "/" };
}

const SYSTEMD: Hierarchy = { controllers: [], name: "systemd", version: 1, own: "/", mountPoint: "/sys/fs/cgroup/systemd", root: "/" };

/** Two controllers that share a hierarchy, one each, and one without any. */
export const LEGACY: CgroupLayout = layoutOf([v1("cpu", "cpuacct"), v1("memory"), v1("devices"), v1("pids"), v1("freezer"), SYSTEMD]);

export const HYBRID: CgroupLayout = layoutOf([
  ...LEGACY.hierarchies,
  { controllers: [], name: undefined, version: 2, own: "/", mountPoint: "/sys/fs/cgroup/unified", root: "/" },
]);

export const UNIFIED: CgroupLayout = layoutOf([
  { controllers: ["cpuset", "cpu", "io", "memory", "pids"], name: undefined, version: 2, own: "/", mountPoint: "/sys/fs/cgroup", root: "/" },
]);

/** Hosts with every controller that limits anything. */
export const ALL_LEGACY: CgroupLayout = layoutOf(
  ["cpuset", "cpu", "memory", "blkio", "hugetlb", "rdma", "net_cls", "net_prio", "pids", "devices", "freezer"].map((name) => v1(name)),
);
export const ALL_UNIFIED: CgroupLayout = layoutOf(
  UNIFIED.hierarchies.map((one) => ({ ...one, controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"] })),
);

/** A machine with all that can be asked for, and cgroup v2 only. */
export function fakeHost(changes: Partial<Host> = {}): Host {
  return {
    arch: "x64",
    uid: 0,
    gid: 0,
    mayMake: () => true,
    inUserNamespace: () => false,
    capabilities: () => ALL_CAPABILITIES,
    cgroups: () => UNIFIED,
    mountPointOf: () => "/",
    fullProcAndSysMounts: () => ["/proc", "/sys", "/bundle/rootfs/proc"],
    hasSecurityModule: () => true,
    isConfined: () => false,
    resctrl: () => "/sys/fs/resctrl",
    libseccomp: () => "2.5.4",
    compileSeccomp: () => new Uint8Array(8),
    ...changes,
  };
}

/** The least that a container with a process needs; `changes` replaces what is in it, one level deep. */
export function configOf(changes: Readonly<Record<string, unknown>> = {}): Config {
  const base: Readonly<Record<string, unknown>> = {
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 }, env: ["HOME=/"] },
    linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
  };
  const merged = Object.entries(changes).map(([name, value]) => [name, merge(base[name], value)]);
  return parseConfig(JSON.stringify({ ...base, ...Object.fromEntries(merged) }));
}

function merge(base: unknown, value: unknown): unknown {
  const bothObjects = [base, value].every((one) => typeof one === "object" && one !== null && !Array.isArray(one));
  return bothObjects ? { ...(base as object), ...(value as object) } : value;
}

export type NamespaceEntry = string | readonly [type: string, path: string];

/** Namespaces by their names, and joined ones as `[type, path]`. */
export function namespaces(...types: NamespaceEntry[]): object {
  return types.map((one) => (typeof one === "string" ? { type: one } : { type: one[0], path: one[1] }));
}

export const MAPS: Readonly<Record<string, unknown>> = {
  uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
  gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
};

export interface Planning extends Partial<PlanOptions> {
  readonly host?: Partial<Host>;
}

export function planOf(config: Config, { host = {}, ...options }: Planning = {}): Plan {
  return plan(config, fakeHost(host), {
    id: "box",
    bundle: "/bundle",
    waitForStart: true,
    noPivot: false,
    noNewKeyring: false,
    environment: ["PATH=/bin"],
    ...options,
  });
}

/** The ops of a plan, of some kinds only, in their order. */
export function opsOf({ steps }: Plan, ...names: readonly Step["op"][]): string[] {
  return steps.map(({ op }) => op).filter((op) => names.length === 0 || names.includes(op));
}

/** The steps of one kind. */
export function stepsOf<Op extends Step["op"]>({ steps }: Plan, op: Op): Extract<Step, { op: Op }>[] {
  return steps.filter((step): step is Extract<Step, { op: Op }> => step.op === op);
}

/** The steps that one place of config.json asks for. */
export function stepsAt({ steps }: Plan, pointer: string): Step[] {
  return steps.filter(({ at }) => at === pointer);
}

/** When init closes what changes nothing that a container could see. */
export function withoutClosing(steps: readonly Step[]): Step[] {
  return steps.filter(({ op }) => !op.startsWith("close"));
}

/** One step without what is said about it, as `op(name=value, ...)`. */
export function shown(step: Step | undefined): string {
  if (step === undefined) return "nothing";
  const fields = Object.entries(step).filter(([name, value]) => !["by", "op", "at", "what"].includes(name) && value !== undefined);
  return `${step.op}(${fields.map(([name, value]) => `${name}=${typeof value === "bigint" ? `0x${value.toString(16)}` : JSON.stringify(value)}`).join(", ")})`;
}

