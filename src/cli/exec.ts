/** `tsrun exec`. */

import { exec, execInForeground } from "../container/exec.ts";
import type { Attendant, ExecOptions, ExecProcess } from "../container/exec.ts";
import type { CallerTerminal } from "../container/terminal.ts";
import { InterruptedError, UsageError } from "../errors.ts";
import { readFileSync, statSync } from "../native/files.ts";
import { waitInPlace } from "../native/waiter.ts";
import type { ProcessChanges } from "../spec/exec-process.ts";
import type { Maker } from "./interruption.ts";
import { inheritance, pidfdSocket } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { flag, list, text } from "./parse.ts";
import type { Parsed } from "./parse.ts";

const EXIT_SIGNAL = 128;
/** runc's status of an exec that did not come to run its program. */
const EXIT_NOT_EXECUTED = 255;
const MOST_PROCESS_BYTES = 16 * 1024 * 1024;
/** The ids of the kernel, of which the last is nobody's (chown(2)). */
const HIGHEST_ID = 0xffff_fffe;

export async function execVerb(invocation: Invocation): Promise<number> {
  const [id] = invocation.parsed.args;
  if (id === undefined) throw new UsageError("cannot exec: it needs a container id (tsrun exec --help)");
  checkNumbers(invocation.parsed);
  try {
    const options = readOptions(invocation, id);
    const action = `exec in container "${id}"`;
    const maker = { action, ignored: options.inheritance.ignored };
    if (flag(invocation.parsed, "detach")) {
      await exec(options, () => interruptible(maker));
      return 0;
    }
    const { code, signal } = await attended(options, maker);
    return signal === 0 ? code : EXIT_SIGNAL + signal;
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    invocation.fail(error);
    return EXIT_NOT_EXECUTED;
  }
}

/** runc takes these for numbers as it reads the command line, which then is wrong as a whole: status 1, as of every verb. */
function checkNumbers(parsed: Parsed): void {
  for (const group of list(parsed, "additional-gids")) readId("additional-gids", group);
  const preserved = text(parsed, "preserve-fds") ?? "0";
  if (!/^\d+$/.test(preserved)) throw unusable("preserve-fds", `must be a number, got ${JSON.stringify(preserved)}`);
}

/** What hears signals is loaded while the process is on its way. */
async function interruptible(maker: Maker): Promise<Attendant> {
  waitInPlace();
  const { interruption } = await import("./interruption.ts");
  return { abort: interruption(maker) };
}

async function attended(options: ExecOptions, maker: Maker): Promise<{ readonly code: number; readonly signal: number }> {
  let console: CallerTerminal | undefined;
  try {
    return await execInForeground(options, async (terminal) => {
      const foreground = import("./foreground.ts");
      if (terminal) console = await shown(options);
      else waitInPlace();
      return new (await foreground).SignalForeground(maker, console);
    });
  } finally {
    console?.close();
  }
}

async function shown({ inheritance: { stdio }, warn }: ExecOptions): Promise<CallerTerminal> {
  const terminal = await import("../container/terminal.ts");
  return new terminal.CallerTerminal(stdio, { warn });
}

function readOptions(invocation: Invocation, id: string): ExecOptions {
  const { parsed, store, warn, path } = invocation;
  const pidFile = text(parsed, "pid-file") ?? "";
  const consoleSocket = text(parsed, "console-socket") ?? "";
  return {
    store,
    id,
    process: readProcess(invocation, id),
    cgroup: list(parsed, "cgroup"),
    ignorePaused: flag(parsed, "ignore-paused"),
    ...(pidFile === "" ? {} : { pidFile: path(pidFile) }),
    ...(consoleSocket === "" ? {} : { consoleSocket: path(consoleSocket) }),
    ...pidfdSocket(invocation),
    inheritance: inheritance(invocation),
    warn,
  };
}

/** A file says all; the options that change the container's own process mean nothing then, as for runc. */
function readProcess({ parsed, path }: Invocation, id: string): ExecProcess {
  const given = text(parsed, "process");
  if (given === undefined) return { changes: readChanges(parsed, id) };
  const file = path(given);
  const { size } = statSync(file);
  if (size > MOST_PROCESS_BYTES) throw new UsageError(`cannot use process file "${given}": it is larger than ${MOST_PROCESS_BYTES} bytes`);
  return { bytes: readFileSync(file), name: given };
}

function readChanges(parsed: Parsed, id: string): ProcessChanges {
  const [, ...args] = parsed.args;
  if (args.length === 0) throw new UsageError(`cannot exec in container "${id}": exec args cannot be empty (tsrun exec --help)`);
  const cwd = text(parsed, "cwd") ?? "";
  if (cwd !== "" && !cwd.startsWith("/")) throw unusable("cwd", `must be an absolute path, got ${JSON.stringify(cwd)}`);
  const env = list(parsed, "env");
  for (const entry of env) if (entry.indexOf("=") < 1) throw unusable("env", `must be NAME=value, got ${JSON.stringify(entry)}`);
  const groups = list(parsed, "additional-gids");
  const capabilities = list(parsed, "cap");
  const noNewPrivileges = parsed.options.get("no-new-privs");
  const apparmorProfile = text(parsed, "apparmor") ?? "";
  const selinuxLabel = text(parsed, "process-label") ?? "";
  return {
    args,
    terminal: flag(parsed, "tty"),
    ...(cwd === "" ? {} : { cwd }),
    ...(env.length === 0 ? {} : { env }),
    ...readUser(text(parsed, "user") ?? ""),
    ...(groups.length === 0 ? {} : { additionalGids: groups.map((group) => readId("additional-gids", group)) }),
    ...(capabilities.length === 0 ? {} : { capabilities }),
    ...(typeof noNewPrivileges === "boolean" ? { noNewPrivileges } : {}),
    ...(apparmorProfile === "" ? {} : { apparmorProfile }),
    ...(selinuxLabel === "" ? {} : { selinuxLabel }),
  };
}

/** Numbers only: names are the container's to change (CVE-2016-3697). */
function readUser(user: string): { readonly uid?: number; readonly gid?: number } {
  if (user === "") return {};
  const colon = user.indexOf(":");
  const uid = readId("user", colon < 0 ? user : user.slice(0, colon));
  return colon < 0 ? { uid } : { uid, gid: readId("user", user.slice(colon + 1)) };
}

function readId(option: string, given: string): number {
  if (!/^\d{1,10}$/.test(given) || Number(given) > HIGHEST_ID) {
    throw unusable(option, `must be a number between 0 and ${HIGHEST_ID}, got ${JSON.stringify(given)}`);
  }
  return Number(given);
}

function unusable(option: string, reason: string): UsageError {
  return new UsageError(`cannot use option "--${option}": it ${reason}`);
}
