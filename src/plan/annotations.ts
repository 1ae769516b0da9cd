/** Annotations that ask for what cannot be had, and need not be: told, and passed over (config.md#annotations). */

import type { Problem } from "../errors.ts";
import { HOOKS_STDERR, HOOKS_STDOUT, foreignAnnotation } from "../spec/annotations.ts";
import type { PlanContext } from "./context.ts";

export function ignoredAnnotations({ config: { annotations, hooks } }: PlanContext): Problem[] {
  const warnings: Problem[] = [];
  for (const key in annotations) {
    const foreign = foreignAnnotation(key, annotations[key] ?? "");
    if (foreign !== undefined) warnings.push({ pointer: `/annotations/${key}`, message: `the annotation ${JSON.stringify(key)} is ignored: ${foreign.reason}` });
    const isOutput = key === HOOKS_STDOUT || key === HOOKS_STDERR;
    if (!isOutput || (hooks?.createContainer ?? []).length + (hooks?.startContainer ?? []).length === 0) continue;
    warnings.push({ pointer: `/annotations/${key}`, message: `the annotation ${JSON.stringify(key)} is ignored for createContainer and startContainer hooks: the container's side has no such file` });
  }
  return warnings;
}
