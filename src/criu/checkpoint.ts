/** `checkpoint`: criu writes a running container's processes into files, and ends them or lets them run on. */

import { join } from "node:path";
import { directoryOf } from "../cgroup/cgroup.ts";
import { destroy } from "../container/delete.ts";
import type { Inherited } from "../container/hooks.ts";
import { probeHost } from "../container/probe.ts";
import { endProcesses } from "../container/processes.ts";
import type { StoredState } from "../container/state.ts";
import { requireStatus, statusOf } from "../container/status.ts";
import { inWords } from "../container/store.ts";
import type { Store } from "../container/store.ts";
import { UsageError } from "../errors.ts";
import { SIGHUP, SIGINT, SIGQUIT, SIGTERM } from "../linux/signals.ts";
import { closeSync, existsSync, writeSync } from "../native/files.ts";
import { usableLayout } from "../plan/cgroup.ts";
import { planContext } from "../plan/context.ts";
import { externalMounts } from "../plan/external-mounts.ts";
import type { Config } from "../spec/config.ts";
import { parseConfigBytes } from "../spec/parse.ts";
import type { CheckpointChoices } from "./choices.ts";
import { externalStreams, saveDescriptors, streamsOf } from "./descriptors.ts";
import { configFile, isOfUserNamespace, openFolders } from "./folders.ts";
import type { Folders } from "./folders.ts";
import { refusal } from "./log.ts";
import { mountsToLeave } from "./mounts.ts";
import { externalNamespaces } from "./namespaces.ts";
import { notifyMount } from "./notify.ts";
import { callCriu, findCriu, requireFeature } from "./program.ts";
import type { Criu } from "./program.ts";
import { DUMP_LOG, checkpointRequest } from "./request.ts";
import type { CheckpointFacts } from "./request.ts";

export interface CheckpointOptions {
  readonly store: Store;
  readonly id: string;
  readonly choices: CheckpointChoices;
  /** The caller's environment, for criu and for poststop hooks. */
  readonly environment: readonly string[];
  readonly inherited?: Inherited;
  /** The container is deleted when criu has ended its processes. */
  readonly remove: boolean;
  readonly warn: (message: string) => void;
}

/** Resolves when the images are written. */
export async function checkpoint(options: CheckpointOptions): Promise<void> {
  const { store, id, choices, remove, environment, inherited } = options;
  const before = store.load(id, "checkpoint");
  if (before.phase === "creating") requireStatus("checkpoint", id, statusOf(store, before));
  const lock = store.lock(id, "checkpoint");
  try {
    const state = store.load(id, "checkpoint");
    requireStatus("checkpoint", id, statusOf(store, state));
    const purpose = `checkpoint container "${id}"`;
    checkParent(purpose, choices);
    const criu = await findCriu({ purpose, environment, inherited: undisturbed(inherited) });
    if (choices.preDump === true) await requireFeature(criu, "mem_track");
    if (choices.lazyPages === true) await requireFeature(criu, "lazy_pages");
    await dump(state, { ...options, purpose, criu });
    if (!remove || choices.leaveRunning === true || choices.preDump === true) return;
    await endProcesses(state);
    await destroy(state, options);
  } finally {
    lock.release();
  }
}

async function dump(state: StoredState, { store, purpose, criu, choices }: CheckpointOptions & { readonly purpose: string; readonly criu: Criu }): Promise<void> {
  const config = parseConfigBytes(store.loadConfig(state.id));
  const folders = openFolders(choices, { make: true, searchable: isOfUserNamespace(config) });
  try {
    const streams = streamsOf(state.pid);
    const request = checkpointRequest(choices, { ...factsOf(state, { store, config, choices, streams }), ...folders });
    if (choices.preDump !== true) saveDescriptors(choices.imagePath, streams);
    const response = await callCriu(criu, request, ({ script, fds }) => notified(script, { fds, choices }));
    if (!response.success) throw refusal(purpose, response, join(folders.logs, DUMP_LOG));
  } finally {
    folders.close();
  }
}

interface Asked {
  readonly store: Store;
  readonly config: Config;
  readonly choices: CheckpointChoices;
  readonly streams: readonly string[];
}

function factsOf(state: StoredState, { store, config, choices: { preDump = false }, streams }: Asked): Omit<CheckpointFacts, keyof Folders> {
  const { pid, rootfs: root, annotations, cgroup, id, bundle } = state;
  const freezer = directoryOf(cgroup?.directories ?? [], "freezer")?.path;
  const facts = { pid, root, freezer, configFile: configFile(annotations) };
  const namespaces = externalNamespaces(config);
  // Memory is the same wherever files are mounted.
  if (preDump) return { ...facts, external: namespaces };
  const host = probeHost(undefined);
  const context = planContext(config, host, { id, bundle, waitForStart: false, noPivot: false, noNewKeyring: false, environment: [] });
  const path = cgroup?.path ?? "";
  const mounts = [...externalMounts(context, { path, layout: usableLayout(host, path) }), notifyMount(store, id)];
  try {
    return { ...facts, external: [...namespaces, ...externalStreams(streams), ...mountsToLeave(pid, { mounts, others: (config.mounts ?? []).map(({ destination }) => destination) })] };
  } catch (error) {
    throw inWords(`look for what is mounted in container "${id}"`, error);
  }
}

function notified(script: string, { fds, choices: { statusFd } }: { readonly fds: readonly number[]; readonly choices: CheckpointChoices }): void {
  for (const fd of fds) closeSync(fd);
  if (script !== "status-ready" || statusFd === undefined) return;
  writeSync(statusFd, Uint8Array.of(0));
  closeSync(statusFd);
}

/** The path stays in the images, so it must mean the same wherever they go. */
function checkParent(purpose: string, { imagePath, parentPath }: CheckpointChoices): void {
  if (parentPath === undefined) return;
  if (parentPath.startsWith("/")) throw new UsageError(`cannot ${purpose}: the path of the parent images, "${parentPath}", must be relative to that of the images`);
  if (!existsSync(`${join(imagePath, parentPath)}/.`)) throw new UsageError(`cannot ${purpose}: the folder of the parent images, "${join(imagePath, parentPath)}", does not exist`);
}

/** A key of the terminal reaches criu, too, and must not end it with its hands in somebody else's memory. */
function undisturbed(inherited: Inherited | undefined): Inherited {
  let ignored = inherited?.ignored ?? 0n;
  for (const signal of [SIGHUP, SIGINT, SIGQUIT, SIGTERM]) ignored |= 1n << BigInt(signal - 1);
  return { ...inherited, ignored };
}
