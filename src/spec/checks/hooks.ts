/** Checks the hooks (config.md#posix-platform-hooks). */

import type { Config, HookPoint } from "../config.ts";
import { checkAbsolute, checkEnv, type Report } from "./report.ts";

/** All six, in the order in which they run. */
export const HOOK_POINTS: readonly HookPoint[] = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
];

export function checkHooks({ hooks }: Config, report: Report): void {
  if (hooks === undefined) return;
  for (const point of HOOK_POINTS) {
    hooks[point]?.forEach((hook, i) => {
      if (hook === undefined) return;
      checkAbsolute(hook.path, ["hooks", point, i, "path"], report);
      checkEnv(hook.env, ["hooks", point, i, "env"], report);
    });
  }
}
