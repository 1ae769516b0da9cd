/** Groups of resctrl: found, made, set, and removed where this container made them for itself (config-linux.md#intelrdt). */

import { SystemError } from "../errors.ts";
import { O_WRONLY } from "../linux/open-flags.ts";
import { schemaDifference } from "../linux/resctrl.ts";
import { existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from "../native/files.ts";
import { isNativeError } from "../native/native.ts";
import type { Plan, RuntimeStep } from "../plan/step.ts";
import type { Cleanup } from "./cleanup.ts";
import { inWords } from "./store.ts";

type StepOf<Op extends RuntimeStep["op"]> = Extract<RuntimeStep, { op: Op }>;

/** The groups of a container, for the state file. */
export interface Resctrl {
  readonly group: string;
  readonly monitor?: string;
  /** What has to be removed with the container, in this order. */
  readonly made: readonly string[];
}

/** What there will be, and what of it is there already: whoever cleans up after a crash must spare the latter. */
export function resctrlToBe({ steps }: Plan): Resctrl | undefined {
  const group = steps.find((step): step is StepOf<"resctrl_group"> => step.op === "resctrl_group");
  const monitor = steps.find((step): step is StepOf<"resctrl_monitor"> => step.op === "resctrl_monitor");
  if (group === undefined) return undefined;
  const removesGroup = !group.keep && !existsSync(group.path);
  const made: string[] = [];
  if (monitor !== undefined && !existsSync(monitor.path)) made.push(monitor.path);
  if (removesGroup) made.push(group.path);
  return { group: group.path, ...(monitor === undefined ? {} : { monitor: monitor.path }), made };
}

/** Uses a group, which is made where it may be; what was made goes again if the container cannot be made. */
export function useGroup({ path, make, compare }: StepOf<"resctrl_group">, cleanup: Cleanup): number {
  if (make && makeGroup(path)) cleanup.add(() => rmdirSync(path));
  else for (const line of compare) refuseDifference(path, line);
  return openTasks(path);
}

/** Returns false for one that was there. */
function makeGroup(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (isNativeError(error) && error.code === "EEXIST") return false;
    throw explained(`make the resctrl group "${path}"`, error, path);
  }
}

function refuseDifference(path: string, line: string): void {
  const difference = schemaDifference(line, readFileSync(`${path}/schemata`, "utf8"));
  if (difference === undefined) return;
  const reason = `EEXIST: the group is there, and its schemata is not ${JSON.stringify(line)}: ${difference}`;
  throw new SystemError(`use the resctrl group "${path}"`, "EEXIST", reason);
}

export function setSchemata({ path, lines }: StepOf<"resctrl_schemata">, cleanup: Cleanup): void {
  const file = `${path}/schemata`;
  const before = readFileSync(file, "utf8");
  writeSchemata(path, lines);
  cleanup.add(() => writeFileSync(file, before));
}

/** In one write, so that the kernel takes all of it or nothing. */
export function writeSchemata(path: string, lines: readonly string[]): void {
  const file = `${path}/schemata`;
  try {
    writeFileSync(file, `${lines.join("\n")}\n`);
  } catch (error) {
    throw explained(`write "${file}"`, error, path);
  }
}

export function makeMonitor({ path }: StepOf<"resctrl_monitor">, cleanup: Cleanup): number {
  try {
    mkdirSync(path);
  } catch (error) {
    throw explained(`make the monitoring group "${path}"`, error, path);
  }
  cleanup.add(() => rmdirSync(path));
  return openTasks(path);
}

function openTasks(path: string): number {
  return openSync(`${path}/tasks`, O_WRONLY);
}

/** The kernel says why in a file of the file system's own directory. */
function explained(action: string, error: unknown, path: string): unknown {
  const failure = inWords(action, error);
  if (!(failure instanceof SystemError)) return failure;
  for (let root = path; root !== ""; root = root.slice(0, root.lastIndexOf("/"))) {
    const file = `${root}/info/last_cmd_status`;
    if (!existsSync(file)) continue;
    const status = readFileSync(file, "utf8").trim();
    return status === "ok" ? failure : new SystemError(failure.action, failure.errno, `${failure.reason}: ${status}`, { cause: error });
  }
  return failure;
}

/** Removes what the container made for itself. */
export function removeResctrl({ made }: Resctrl): void {
  for (const path of made) {
    try {
      rmdirSync(path);
    } catch (error) {
      if (!isNativeError(error) || error.code !== "ENOENT") throw inWords(`remove the resctrl group "${path}"`, error);
    }
  }
}
