/** Runs a program of the host for what it prints. */

import { ProgramError } from "../errors.ts";
import { signalName } from "../linux/signals.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { closeSync, existsSync, openSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import type { SpawnOptions, Spawned } from "../native/native.ts";
import { readToEnd } from "../native/stream.ts";
import { ready } from "../native/waiter.ts";
import type { Inherited } from "./hooks.ts";
import { inWords } from "./store.ts";

export interface ProgramOptions {
  /** `NAME=value`; the program is looked for in its PATH. */
  readonly environment: readonly string[];
  readonly inherited?: Inherited | undefined;
}

const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** All that it prints on standard output; what it says on standard error is part of the error when it fails. */
export async function outputOf(name: string, args: readonly string[], options: ProgramOptions): Promise<string> {
  const [output, outputEnd] = native().pipe();
  const [complaint, complaintEnd] = native().pipe();
  let child: Spawned;
  try {
    child = start(name, args, { ...options, stdout: outputEnd, stderr: complaintEnd });
  } catch (error) {
    closeSync(output);
    closeSync(complaint);
    throw inWords(`execute "${name}"`, error);
  } finally {
    closeSync(outputEnd);
    closeSync(complaintEnd);
  }
  const [printed, said] = await Promise.all([readToEnd(output, { own: true }), readToEnd(complaint, { own: true })]);
  await ready(child.pidfd);
  const { code, signal } = native().waitPidfd(child.pidfd) ?? { code: 0, signal: 0 };
  closeSync(child.pidfd);
  if (code === 0 && signal === 0) return printed;
  const how = signal === 0 ? `exit status ${code}` : `it died of ${signalName(signal)}`;
  throw new ProgramError(`cannot execute "${[name, ...args].join(" ")}": ${how}${said.trim() === "" ? "" : `: ${said.trim()}`}`);
}

function start(
  name: string,
  args: readonly string[],
  { environment, inherited = {}, stdout, stderr }: ProgramOptions & { readonly stdout: number; readonly stderr: number },
): Spawned {
  const stdin = openSync("/dev/null", O_RDWR);
  const { nofile, ignored, blocked } = inherited;
  const options: SpawnOptions = {
    file: findProgram(name, environment),
    argv: [name, ...args],
    env: environment,
    fds: [stdin, stdout, stderr],
    ...(nofile === undefined ? {} : { nofile }),
    ...(ignored === undefined ? {} : { ignored }),
    ...(blocked === undefined ? {} : { blocked }),
  };
  try {
    return native().spawn(options);
  } finally {
    closeSync(stdin);
  }
}

/** The path of a program, as the caller's PATH has it. */
export function findProgram(name: string, environment: readonly string[]): string {
  const path = environment.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? USUAL_PATH;
  for (const folder of path.split(":")) {
    if (folder !== "" && existsSync(`${folder}/${name}`)) return `${folder}/${name}`;
  }
  throw new ProgramError(`cannot execute "${name}": executable file not found in $PATH`);
}
