/** Checkpoints as containerd asks for them: into a folder of its choice, and back from one. */

import { join } from "node:path";
import type { Created } from "../container/create.ts";
import type { Store } from "../container/store.ts";
import type { CgroupsMode, CheckpointChoices } from "../criu/choices.ts";
import { DUMP_LOG } from "../criu/request.ts";
import { readFileSync, rmSync, writeFileSync } from "../native/files.ts";
import { decode } from "../protobuf/messages.ts";
import { CheckpointOptions } from "./generated/options.ts";
import type { CheckpointTaskRequest } from "./generated/task.ts";
import { log, messageOf } from "./log.ts";
import { RpcError } from "./rpc-error.ts";
import type { Stdio } from "./stdio.ts";

const OPTIONS = "containerd.runc.v1.CheckpointOptions";
const MODES: readonly string[] = ["soft", "full", "strict", "ignore"] satisfies readonly CgroupsMode[];
/** Where users of containerd look for criu's log when the folder of the images is gone. */
const KEPT_LOG = "criu-dump.log";

interface Container {
  readonly store: Store;
  readonly id: string;
  readonly bundle: string;
  readonly environment: readonly string[];
}

/** The container's processes have ended afterwards if that was asked for; it is for its Delete to take away the rest. */
export async function checkpointTask({ store, id, bundle, environment }: Container, { path, options: any }: CheckpointTaskRequest): Promise<void> {
  if (any !== undefined && any.type_url !== "" && any.type_url !== OPTIONS) {
    throw new RpcError("INVALID_ARGUMENT", `cannot use options of type "${any.type_url}" for a checkpoint: it is not ${OPTIONS}`);
  }
  const options = decode(CheckpointOptions, any?.value ?? new Uint8Array());
  const own = join(bundle, "work", "criu-work");
  const workPath = options.work_path === "" ? own : options.work_path;
  const imagePath = path === "" ? options.image_path : path;
  const { checkpoint } = await import("../criu/checkpoint.ts");
  try {
    await checkpoint({ store, id, choices: { ...choicesOf(options), imagePath, workPath }, environment, remove: false, warn: (message) => log("warning", message) });
  } catch (error) {
    throw new RpcError("UNKNOWN", `${messageOf(error)}${keepLog(join(workPath, DUMP_LOG), join(bundle, KEPT_LOG))}`, { cause: error });
  } finally {
    if (workPath === own) rmSync(own, { recursive: true, force: true });
  }
}

function choicesOf(options: CheckpointOptions): Omit<CheckpointChoices, "imagePath"> {
  const { cgroups_mode: mode } = options;
  if (mode !== "" && !MODES.includes(mode)) throw new RpcError("INVALID_ARGUMENT", `cannot checkpoint: the mode for cgroups, ${JSON.stringify(mode)}, is none of ${MODES.join(", ")}`);
  return {
    leaveRunning: !options.exit,
    tcpEstablished: options.open_tcp,
    extUnixSk: options.external_unix_sockets,
    shellJob: options.terminal,
    fileLocks: options.file_locks,
    ...(mode === "" ? {} : { manageCgroupsMode: mode as CgroupsMode }),
  };
}

/** Returns the words in which containerd's own shim tells where the log is. */
function keepLog(from: string, to: string): string {
  try {
    writeFileSync(to, readFileSync(from));
    return ` path= ${to}`;
  } catch {
    // There was none.
    return "";
  }
}

/** Makes the container's processes again, at its Start. */
export async function restoreTask({ store, id, bundle, environment }: Container, { imagePath, stdio, abort }: { readonly imagePath: string; readonly stdio: Stdio; readonly abort: AbortSignal }): Promise<Created> {
  const { restore } = await import("../criu/restore.ts");
  return await restore({
    store,
    id,
    bundle,
    // What the images hold was allowed at the checkpoint, and what that was is not told here.
    choices: { imagePath, workPath: join(bundle, "work", "criu-work"), tcpEstablished: true, extUnixSk: true, shellJob: true, fileLocks: true },
    ...(stdio.paths.terminal ? { console: stdio.console } : {}),
    inheritance: { stdio: stdio.given, preserved: [], ignored: 0n, blocked: 0n },
    environment,
    abort,
    warn: (message) => log("warning", message),
  });
}
