/** The terminal: a pty of the container's own, whose master goes to the caller (config.md#process, terminal). */

import { OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../linux/mount-flags.ts";
import { AT_EMPTY_PATH } from "../linux/open-flags.ts";
import { isNew } from "./context.ts";
import type { PlanContext, ProcessContext } from "./context.ts";
import { init, runtime } from "./step.ts";
import type { InitOp, Step } from "./step.ts";
import { FILE, MOVE_TO_FD } from "./targets.ts";

const WHAT = "set up the terminal";

/** The terminal of a container: made in its devpts, shown at its /dev/console, and its process's own. */
export function terminal(context: PlanContext): Step[] {
  return [...session(), ...openTerminal(context, isNew(context, "mount") ? bindConsole() : []), ...useTerminal(context)];
}

/** A session of its own for every program: signals of the caller's terminal reach it only through the runtime. */
export function session(): Step[] {
  return init([{ op: "setsid" }], { what: "begin a session" });
}

/** Makes a pair and hands the master over; `more` is done with the slave. */
export function openTerminal({ config, terminalSize }: ProcessContext, more: readonly InitOp[] = []): Step[] {
  const { process } = config;
  if (process?.terminal !== true) return [];
  const { height: rows, width: columns } = process.consoleSize ?? terminalSize ?? { height: 0, width: 0 };
  const open: InitOp[] = [{ op: "pty", root: "rootfs", rows, columns, master: "pty master", slave: "pty slave" }];
  return [
    ...init([...open, ...more], { at: "/process/terminal", what: WHAT }),
    ...init([{ op: "gate", name: "console", send: "pty master", count: 0 }], { at: "/process/terminal", what: WHAT }),
    runtime({ op: "console", at: "/process/terminal", what: "hand over the terminal" }),
    ...init([{ op: "stdio", fd: "pty slave" }], { at: "/process/terminal", what: WHAT }),
  ];
}

/** The session's own: only its leader can make it so. */
export function useTerminal({ config }: ProcessContext): Step[] {
  if (config.process?.terminal !== true) return [];
  return init([{ op: "controlling_terminal", fd: "pty slave" }], { at: "/process/terminal", what: WHAT });
}

/** From the slave's descriptor: a name in /dev/pts could be a link by now (CVE-2025-52565). */
function bindConsole(): InitOp[] {
  return [
    { op: "open_tree", dir: "pty slave", path: "", flags: OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, to: "console" },
    { op: "open_target", root: "rootfs", path: "/dev/console", kind: FILE, resolve: 0, to: "target" },
    { op: "move_mount", from: "console", to: "target", flags: MOVE_TO_FD },
  ];
}
