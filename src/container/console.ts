/** Where a process's terminal goes: to a console socket, or to who shows it (config.md#process, terminal). */

import { UsageError } from "../errors.ts";
import { closeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { Process } from "../spec/config.ts";

/** What asks for a terminal, and where it is to go. */
export interface ConsoleOptions {
  /** A unix socket that gets the terminal's master. */
  readonly consoleSocket?: string;
  /** Takes the terminal's master instead. */
  readonly console?: Console;
}

export interface TerminalSize {
  readonly height: number;
  readonly width: number;
}

/** Where the terminal is shown when it does not go to a console socket. */
export interface Console {
  /** Asked for before anything is done, when the process wants a terminal; throws where it cannot be shown. */
  size(): TerminalSize;
  /** Takes the terminal's master, and closes it. */
  take(master: number): void;
}

/** The terminal needs somebody to go to, before there is anything to undo; returns the size that it is to have there. */
export function checkConsole(process: Process | undefined, { consoleSocket, console }: ConsoleOptions): TerminalSize | undefined {
  const terminal = process?.terminal === true;
  if (terminal && consoleSocket === undefined && console === undefined) {
    throw new UsageError("cannot allocate tty if tsrun will detach without setting console socket (config.json /process/terminal)");
  }
  if (consoleSocket !== undefined && (!terminal || console !== undefined)) {
    throw new UsageError("cannot use console socket if tsrun will not detach or allocate tty (config.json /process/terminal)");
  }
  return terminal ? console?.size() : undefined;
}

/** Gives the master away. */
export async function handOverConsole(master: number, { consoleSocket, console }: ConsoleOptions): Promise<void> {
  if (console !== undefined) {
    console.take(master);
    return;
  }
  let socket: number | undefined;
  try {
    socket = native().connectUnix(consoleSocket ?? "");
    native().send(socket, new TextEncoder().encode("/dev/pts/ptmx"), [master]);
  } finally {
    if (socket !== undefined) closeSync(socket);
    closeSync(master);
  }
}
