/** What went wrong in a plan, as errors and warnings that name the step and its place in the config. */

import type { CgroupDirectory } from "../cgroup/cgroup.ts";
import { CgroupError, ConfigError, HookError, InitError, StepError, SystemError, formatPlace } from "../errors.ts";
import type { Place } from "../errors.ts";
import type { InitFailure } from "../native/init.ts";
import type { Plan } from "../plan/step.ts";
import { placeOf, placesOf } from "../spec/positions.ts";
import type { Cause, Death } from "./cause.ts";
import type { Telling } from "./execution.ts";

interface Told {
  /** What the plan is for, in the words that follow `cannot`: `create the container`. */
  readonly purpose: string;
  readonly plan: Plan;
  /** Where line and column of a pointer are looked for, now that there is something to report. */
  readonly place: (pointer: string) => Place | undefined;
  /** The container's cgroup, as far as it was made: its limits may be the cause. */
  readonly cgroup: () => readonly CgroupDirectory[];
  readonly warn: (message: string) => void;
}

/** How a plan's failures are told; what is needed for that is loaded only then. */
export function telling(told: Told): Telling {
  const { purpose, plan, warn } = told;
  return {
    purpose,
    warn: async (index, errno) => {
      const failed = plan.steps[index];
      if (failed === undefined) return;
      const { stepError } = await import("../plan/describe.ts");
      warn(stepError({ ...failed, index }, { errno, text: "" }, bareplace).message);
    },
    stepFailed: (index, error) => tellRuntimeStep(told, index, error),
    failure: (failure) => tellInitStep(told, failure),
    died: (end) => tellDeath(told, end),
  };
}

async function tellRuntimeStep({ plan, place, cgroup }: Told, index: number, error: unknown): Promise<unknown> {
  const step = plan.steps[index];
  const { op = "", what = op } = step ?? {};
  const at = pointerOf(plan, index, error);
  const where = at === undefined ? undefined : place(at);
  if (!(error instanceof SystemError)) return where === undefined ? error : placed(error, where);
  const { errno, reason, action } = error;
  const detail = action === what ? reason : `cannot ${action}: ${reason}`;
  const { hintOf } = await import("../plan/describe.ts");
  const cause = MAKING.has(op) ? await causeOf({ errno, flags: flagsOf(step), cgroup, place }) : undefined;
  return new StepError({ step: index, op, action: what, errno, reason: detail, place: where, hint: cause ?? hintOf({ op, what }, errno) }, { cause: error });
}

async function tellInitStep({ plan, place, cgroup }: Told, { step: index, errno, text, bytes }: InitFailure): Promise<Error> {
  const step = plan.steps[index];
  const { op = "gate", what, at } = step ?? {};
  const { stepError } = await import("../plan/describe.ts");
  const { describeErrno } = await import("../linux/errno.ts");
  const path = step?.op === "lookup" ? { path: step.path } : {};
  const failed = { index, op, ...(what === undefined ? {} : { what }), ...(at === undefined ? {} : { at }), ...path };
  const cause = MAKING.has(op) ? await causeOf({ errno: describeErrno(errno).name, flags: flagsOf(step), cgroup, place }) : undefined;
  return stepError(failed, { errno, text, bytes, arch: process.arch, ...(cause === undefined ? {} : { cause }) }, place);
}

async function tellDeath({ purpose, plan, place, cgroup }: Told, end: Death | null): Promise<Error> {
  const { causeOfDeath } = await import("./cause.ts");
  const cause = end === null ? undefined : causeOfDeath(end, plan.steps.some(({ op }) => op === "seccomp"), cgroup());
  return new InitError(`cannot ${purpose}: its init is gone before it was done: ${await howItEnded(end)}${inWords(cause, place)}`);
}

/** In words. Init ends with 128 and more when a signal came that it has a handler for, as pid 1 needs it to die. */
export async function howItEnded(end: Death | null): Promise<string> {
  if (end === null) return "it ended";
  const { signalName } = await import("../linux/signals.ts");
  if (end.signal !== 0) return `it died of ${signalName(end.signal)}`;
  return end.code > 128 ? `it was ended by ${signalName(end.code - 128)}` : `it ended with status ${end.code}`;
}

/** The steps that make processes and namespaces: there are limits on both. */
const MAKING: ReadonlySet<string> = new Set(["spawn", "clone", "unshare", "hook", "open_idmap", "run_hook"]);
const CLONE_NEWUSER = 0x10000000;

function flagsOf(step: Plan["steps"][number] | undefined): number {
  if (step?.op === "open_idmap") return CLONE_NEWUSER;
  return step?.op === "spawn" || step?.op === "clone" || step?.op === "unshare" ? Number(step.flags) : 0;
}

async function causeOf({ errno, flags, cgroup, place }: Pick<Told, "cgroup" | "place"> & { readonly errno: string; readonly flags: number }): Promise<string | undefined> {
  const { causeOfErrno } = await import("./cause.ts");
  const cause = causeOfErrno(errno, flags, cgroup());
  return cause === undefined ? undefined : inWords(cause, place).slice("; ".length);
}

function inWords(cause: Cause | undefined, place: Told["place"]): string {
  if (cause === undefined) return "";
  const where = cause.at === undefined ? undefined : place(cause.at);
  return `; ${cause.text}${where === undefined ? "" : ` (${formatPlace("config.json", where)})`}`;
}

/** Errors that the runtime's own steps have words for; what they do not know is the place. */
const PLACELESS = [HookError, CgroupError, InitError] as const;

function placed(error: unknown, where: Place): unknown {
  for (const Class of PLACELESS) {
    if (error instanceof Class) return new Class(`${error.message} (${formatPlace("config.json", where)})`, { cause: error });
  }
  return error;
}

/** What asks for a step; for a controller that cannot be had it is the limit that needs it. */
function pointerOf({ steps }: Plan, step: number, error: unknown): string | undefined {
  const controller = error instanceof CgroupError ? error.controller : undefined;
  if (controller === undefined) return steps[step]?.at;
  return steps.find((other) => other.op === "cgroup_write" && other.controller === controller)?.at;
}

function bareplace(pointer: string): Place {
  return { pointer };
}

/** Finds places in the bytes of a config. */
export function placeIn(bytes: Uint8Array): (pointer: string) => Place {
  return (pointer) => placeOf(new TextDecoder().decode(bytes), pointer);
}

/** Plans; what the plan refuses of the config in `bytes` is told with line and column. */
export function withPlaces<T>(bytes: Uint8Array, plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { file, problems, cause } = error;
    const places = placesOf(new TextDecoder().decode(bytes), problems.map(({ pointer }) => pointer));
    throw new ConfigError(file, problems.map((problem, index) => ({ ...places[index], ...problem })), { cause });
  }
}
