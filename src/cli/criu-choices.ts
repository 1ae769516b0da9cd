/** What `checkpoint` and `restore` tell criu, from the command line. */

import type { CgroupsMode, CheckpointChoices, RestoreChoices } from "../criu/choices.ts";
import { UsageError } from "../errors.ts";
import type { Invocation } from "./invocation.ts";
import { flag, list, text } from "./parse.ts";
import type { Parsed } from "./parse.ts";

const DEFAULT_IMAGES = "checkpoint";
const MODES: readonly CgroupsMode[] = ["soft", "full", "strict", "ignore"];
const HIGHEST_PORT = 65_535;

export function checkpointChoices({ parsed, path, launch }: Invocation): CheckpointChoices {
  const parentPath = given(parsed, "parent-path");
  const statusFd = descriptor(given(parsed, "status-fd"), launch?.fds);
  const pageServer = server(given(parsed, "page-server"));
  return {
    ...common({ parsed, path }),
    preDump: flag(parsed, "pre-dump"),
    leaveRunning: flag(parsed, "leave-running"),
    tcpSkipInFlight: flag(parsed, "tcp-skip-in-flight"),
    linkRemap: flag(parsed, "link-remap"),
    ...(parentPath === undefined ? {} : { parentPath }),
    ...(statusFd === undefined ? {} : { statusFd }),
    ...(pageServer === undefined ? {} : { pageServer }),
  };
}

export function restoreChoices({ parsed, path }: Pick<Invocation, "parsed" | "path">): RestoreChoices {
  const lsmProfile = given(parsed, "lsm-profile");
  const lsmMountContext = given(parsed, "lsm-mount-context");
  return {
    ...common({ parsed, path }),
    ...(lsmProfile === undefined ? {} : { lsmProfile }),
    ...(lsmMountContext === undefined ? {} : { lsmMountContext }),
  };
}

function common({ parsed, path }: Pick<Invocation, "parsed" | "path">): RestoreChoices {
  for (const name of list(parsed, "empty-ns")) {
    if (name !== "network") throw new UsageError(`cannot use option "--empty-ns": namespace ${JSON.stringify(name)} is not supported, only "network"`);
  }
  const workPath = given(parsed, "work-path");
  const manageCgroupsMode = cgroupsMode(given(parsed, "manage-cgroups-mode"));
  return {
    imagePath: path(given(parsed, "image-path") ?? DEFAULT_IMAGES),
    ...(workPath === undefined ? {} : { workPath: path(workPath) }),
    tcpEstablished: flag(parsed, "tcp-established"),
    extUnixSk: flag(parsed, "ext-unix-sk"),
    shellJob: flag(parsed, "shell-job"),
    fileLocks: flag(parsed, "file-locks"),
    autoDedup: flag(parsed, "auto-dedup"),
    lazyPages: flag(parsed, "lazy-pages"),
    ...(manageCgroupsMode === undefined ? {} : { manageCgroupsMode }),
  };
}

/** Callers pass empty values where they have none. */
function given(parsed: Parsed, name: string): string | undefined {
  const value = text(parsed, name);
  return value === "" ? undefined : value;
}

function cgroupsMode(value: string | undefined): CgroupsMode | undefined {
  if (value === undefined) return undefined;
  const mode = MODES.find((one) => one === value);
  if (mode === undefined) throw new UsageError(`cannot use option "--manage-cgroups-mode": ${JSON.stringify(value)} is none of ${MODES.join(", ")}`);
  return mode;
}

/** One of the caller's; -1 is none. */
function descriptor(value: string | undefined, open: readonly number[] | undefined): number | undefined {
  if (value === undefined || value === "-1") return undefined;
  const fd = /^\d{1,6}$/.test(value) ? Number(value) : undefined;
  if (fd === undefined) throw new UsageError(`cannot use option "--status-fd": ${JSON.stringify(value)} is not a descriptor`);
  if (open !== undefined && !open.includes(fd)) throw new UsageError(`cannot use option "--status-fd": descriptor ${fd} is not open`);
  return fd;
}

/** `192.0.2.1:9999`, `[2001:db8::1]:9999`, `host:9999` */
function server(value: string | undefined): { readonly address: string; readonly port: number } | undefined {
  if (value === undefined) return undefined;
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value) ?? [];
  const address = bracketed ?? plain;
  const port = Number(digits);
  if (address === undefined || port > HIGHEST_PORT) throw new UsageError(`cannot use option "--page-server": ${JSON.stringify(value)} is not ADDRESS:PORT`);
  return { address, port };
}
