/** Checks the process, in config.json and alone as for `exec` (config.md#process). */

import type { Process, User } from "../config.ts";
import type { Path } from "../pointer.ts";
import { checkAbsolute, checkEnv, checkId, type Report } from "./report.ts";

/** All of it but rlimits, scheduling and affinity, which have files of their own; `path` leads to the process. */
export function checkProcessFields(process: Process, path: Path, report: Report): void {
  checkAbsolute(process.cwd, [...path, "cwd"], report);
  checkArgs(process.args, path, report);
  checkEnv(process.env, [...path, "env"], report);
  if (process.user !== undefined) checkUser(process.user, [...path, "user"], report);
  checkOomScoreAdj(process.oomScoreAdj, path, report);
  if (process.terminal === true) checkConsoleSize(process, path, report);
}

function checkArgs(args: Process["args"], path: Path, report: Report): void {
  if (args === undefined) report(path, '"args" is required');
  else if (args.length === 0) report([...path, "args"], "must have at least 1 entry");
  else if (args[0] === "") report([...path, "args", 0], "must not be empty");
}

/** umask(2) takes the permission bits alone. */
const MAX_UMASK = 0o777;
/** NGROUPS_MAX of limits.h. */
const MAX_GROUPS = 65536;

function checkUser({ uid, gid, umask, additionalGids = [] }: User, path: Path, report: Report): void {
  if (uid === undefined) report(path, '"uid" is required');
  if (gid === undefined) report(path, '"gid" is required');
  checkId(uid, [...path, "uid"], report);
  checkId(gid, [...path, "gid"], report);
  if (umask !== undefined && umask > MAX_UMASK) {
    report([...path, "umask"], `must be at most ${MAX_UMASK} (0777), got ${umask}`);
  }
  if (additionalGids.length > MAX_GROUPS) report([...path, "additionalGids"], `must have at most ${MAX_GROUPS} entries`);
  for (let i = 0; i < additionalGids.length; i++) checkId(additionalGids[i], [...path, "additionalGids", i], report);
}

/** proc_pid_oom_score_adj(5). */
function checkOomScoreAdj(value: number | undefined, path: Path, report: Report): void {
  if (value === undefined || (value >= -1000 && value <= 1000)) return;
  report([...path, "oomScoreAdj"], `must be between -1000 and 1000, got ${value}`);
}

/** The fields of struct winsize have 16 bits (ioctl_tty(2)). */
const MAX_CONSOLE_SIZE = 65535;

function checkConsoleSize({ consoleSize }: Process, path: Path, report: Report): void {
  for (const side of ["height", "width"] as const) {
    const size = consoleSize?.[side] ?? 0;
    if (size > MAX_CONSOLE_SIZE) {
      report([...path, "consoleSize", side], `must be at most ${MAX_CONSOLE_SIZE}, got ${size}`);
    }
  }
}
