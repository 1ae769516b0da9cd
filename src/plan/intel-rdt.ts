/** `linux.intelRdt`: the group of resctrl that the container's processes are in (config-linux.md#intelrdt). */

import { ConfigError } from "../errors.ts";
import type { PlanContext } from "./context.ts";
import { init, runtime } from "./step.ts";
import type { Fd, Step } from "./step.ts";

export interface IntelRdtPlan {
  readonly steps: readonly Step[];
  /** The descriptors of `tasks` files, that of a monitoring group after that of the group it is in. */
  readonly entries: readonly Fd[];
}

const FDS: readonly Fd[] = ["resctrl group", "resctrl monitoring group"];
const NONE: IntelRdtPlan = { steps: [], entries: [] };
/** The closID of the default class of service, which is the file system's own directory. */
const DEFAULT_CLOS = "/";

/** Makes what is to be made, and sets it, before there is a process in it. */
export function intelRdt({ config, host, id }: PlanContext): IntelRdtPlan {
  const rdt = config.linux?.intelRdt;
  if (rdt === undefined) return NONE;
  const root = host.resctrl();
  const at = "/linux/intelRdt";
  if (root === undefined) {
    throw new ConfigError("config.json", [{ pointer: at, message: '"intelRdt" needs a mounted resctrl file system, and there is none' }]);
  }
  const { closID = "", l3CacheSchema = "", memBwSchema = "", schemata = [], enableMonitoring = false } = rdt;
  const compared = [l3CacheSchema, memBwSchema].filter((line) => line !== "");
  const lines = [...compared, ...schemata.filter((line) => line !== "")];
  const isOwn = closID === "";
  const path = closID === DEFAULT_CLOS ? root : `${root}/${isOwn ? id : closID}`;
  const name = closID === DEFAULT_CLOS ? "the default group of resctrl" : `the resctrl group "${isOwn ? id : closID}"`;
  const steps: Step[] = [
    runtime({
      op: "resctrl_group",
      path,
      // Without schemata a group is one that others have prepared.
      make: isOwn || lines.length > 0,
      // One that has the container's name is the container's.
      keep: !isOwn,
      compare: isOwn ? [] : compared,
      to: "resctrl group",
      at: isOwn ? at : `${at}/closID`,
      what: `use ${name}`,
    }),
  ];
  if (lines.length > 0) {
    const what = `set the schemata of ${name} to ${JSON.stringify(lines.join("; "))}`;
    steps.push(runtime({ op: "resctrl_schemata", path, lines, at, what }));
  }
  if (!enableMonitoring) return { steps, entries: FDS.slice(0, 1) };
  const what = `make a monitoring group in ${name}`;
  steps.push(
    runtime({ op: "resctrl_monitor", path: `${path}/mon_groups/${id}`, to: "resctrl monitoring group", at: `${at}/enableMonitoring`, what }),
  );
  return { steps, entries: FDS };
}

/** For a further process: into the groups that the container is in, of which the monitoring group comes second. */
export function joinIntelRdt(groups: readonly string[]): IntelRdtPlan {
  if (groups.length === 0) return NONE;
  const entries = FDS.slice(0, groups.length);
  const steps = groups.map((path, at) =>
    runtime({
      op: "resctrl_group",
      path,
      make: false,
      keep: true,
      compare: [],
      to: FDS[at] ?? "",
      at: "/linux/intelRdt",
      what: `use the resctrl group "${path}"`,
    }),
  );
  return { steps, entries };
}

/** Init goes there itself, before it has children: they are where their parent is. */
export function enterIntelRdt({ entries }: IntelRdtPlan): Step[] {
  const steps: Step[] = [];
  for (const fd of entries) steps.push(...init([{ op: "write", fd, data: "0" }], { at: "/linux/intelRdt", what: `enter the ${fd}` }));
  return steps;
}
