/** `tsrun restore`. */

import { attend, programOf } from "../container/run.ts";
import { CallerTerminal } from "../container/terminal.ts";
import { UnsupportedError } from "../errors.ts";
import { restore } from "../criu/restore.ts";
import type { RestoreOptions } from "../criu/restore.ts";
import { closeSync } from "../native/files.ts";
import { restoreChoices } from "./criu-choices.ts";
import { SignalForeground } from "./foreground.ts";
import { interruption } from "./interruption.ts";
import { inheritance, onlyArgument } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { flag, text } from "./parse.ts";

const EXIT_SIGNAL = 128;

export async function restoreVerb(invocation: Invocation): Promise<number> {
  const options = readOptions(invocation);
  const maker = { action: `restore container "${options.id}"`, ignored: options.inheritance.ignored };
  if (!flag(invocation.parsed, "detach")) return await restoreInForeground(options, maker);
  const { pidfd } = await restore({ ...options, abort: interruption(maker) });
  closeSync(pidfd);
  return 0;
}

async function restoreInForeground(options: RestoreOptions, maker: { readonly action: string; readonly ignored?: bigint | undefined }): Promise<number> {
  const { inheritance: caller, warn } = options;
  const console = new CallerTerminal(caller.stdio, { warn });
  const foreground = new SignalForeground(maker, console);
  const { abort } = foreground;
  try {
    const restored = await restore({ ...options, console, abort });
    foreground.starting();
    foreground.running(programOf(restored));
    const ending = await attend(restored, { ...options, foreground });
    if (ending === undefined) return 0;
    return ending.signal === 0 ? ending.code : EXIT_SIGNAL + ending.signal;
  } finally {
    console.close();
  }
}

function readOptions(invocation: Invocation): RestoreOptions {
  const { parsed, store, environment, warn, path, systemdCgroup } = invocation;
  if (systemdCgroup) throw new UnsupportedError("cannot restore the container: --systemd-cgroup is not supported here: criu puts its processes into a cgroup by itself");
  const pidFile = text(parsed, "pid-file") ?? "";
  const consoleSocket = text(parsed, "console-socket") ?? "";
  return {
    store,
    id: onlyArgument(invocation, "restore"),
    bundle: path(text(parsed, "bundle") ?? "."),
    choices: restoreChoices({ parsed, path }),
    ...(pidFile === "" ? {} : { pidFile: path(pidFile) }),
    ...(consoleSocket === "" ? {} : { consoleSocket: path(consoleSocket) }),
    inheritance: inheritance(invocation),
    environment,
    warn,
  };
}
