/** What went wrong in a plan, as errors and warnings that name the step and its place in the config. */

import { CgroupError, HookError, InitError, StepError, SystemError, formatPlace } from "../errors.ts";
import type { Place } from "../errors.ts";
import { hintOf, stepError } from "../plan/describe.ts";
import type { Plan } from "../plan/step.ts";
import { placeOf } from "../spec/positions.ts";
import type { Telling } from "./execution.ts";

interface Told {
  readonly purpose: string;
  readonly plan: Plan;
  /** Where line and column of a pointer are looked for, now that there is something to report. */
  readonly place: (pointer: string) => Place | undefined;
  readonly warn: (message: string) => void;
}

/** How a plan's failures are told. */
export function telling({ purpose, plan, place, warn }: Told): Telling {
  return {
    purpose,
    warn: (step, errno) => {
      const failed = plan.steps[step];
      if (failed !== undefined) warn(stepError({ ...failed, index: step }, { errno, text: "" }, bareplace).message);
    },
    stepFailed: (step, error) => {
      const { op = "", what = op } = plan.steps[step] ?? {};
      const at = pointerOf(plan, step, error);
      const where = at === undefined ? undefined : place(at);
      if (!(error instanceof SystemError)) return where === undefined ? error : placed(error, where);
      const { errno, reason, action } = error;
      const detail = action === what ? reason : `cannot ${action}: ${reason}`;
      return new StepError({ step, op, action: what, errno, reason: detail, place: where, hint: hintOf({ op, what }, errno) }, { cause: error });
    },
    failure: ({ step, errno, text, bytes }) => {
      const { op = "gate", what, at, ...fields } = plan.steps[step] ?? {};
      const path = op === "lookup" && "path" in fields ? { path: fields.path } : {};
      return stepError({ index: step, op, ...(what === undefined ? {} : { what }), ...(at === undefined ? {} : { at }), ...path }, { errno, text, bytes, arch: process.arch }, place);
    },
  };
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
