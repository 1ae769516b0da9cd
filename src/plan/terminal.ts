/** The terminal: a pty of the container's own, whose master goes to the caller (config.md#process, terminal). */

import { OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from "../linux/mount-flags.ts";
import { AT_EMPTY_PATH } from "../linux/open-flags.ts";
import { isNew } from "./context.ts";
import type { PlanContext } from "./context.ts";
import { FILE, MOVE_TO_FD } from "./mounts.ts";
import { init, runtime } from "./step.ts";
import type { InitOp, Step } from "./step.ts";

/** A session of its own for every container: signals of the caller's terminal reach it only through the runtime. */
export function terminal(context: PlanContext): Step[] {
  const { process } = context.config;
  const session = init([{ op: "setsid" }], { what: "begin a session" });
  if (process?.terminal !== true) return session;
  const { height: rows, width: columns } = process.consoleSize ?? context.terminalSize ?? { height: 0, width: 0 };
  const open: InitOp[] = [{ op: "pty", root: "rootfs", rows, columns, master: "pty master", slave: "pty slave" }];
  const use: InitOp[] = [
    { op: "controlling_terminal", fd: "pty slave" },
    { op: "stdio", fd: "pty slave" },
  ];
  const what = "set up the terminal";
  return [
    ...session,
    ...init([...open, ...(isNew(context, "mount") ? bindConsole() : [])], { at: "/process/terminal", what }),
    ...init([{ op: "gate", name: "console", send: "pty master", count: 0 }], { at: "/process/terminal", what }),
    runtime({ op: "console", at: "/process/terminal", what: "hand over the terminal" }),
    ...init(use, { at: "/process/terminal", what }),
  ];
}

/** From the slave's descriptor: a name in /dev/pts could be a link by now (CVE-2025-52565). */
function bindConsole(): InitOp[] {
  return [
    { op: "open_tree", dir: "pty slave", path: "", flags: OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, to: "console" },
    { op: "open_target", root: "rootfs", path: "/dev/console", kind: FILE, resolve: 0, to: "target" },
    { op: "move_mount", from: "console", to: "target", flags: MOVE_TO_FD },
  ];
}
