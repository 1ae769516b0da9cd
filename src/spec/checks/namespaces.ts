/** Checks the namespaces, and what needs one to be the container's own (config-linux.md#namespaces). */

import type { Config, Linux, NamespaceType } from "../config.ts";
import { checkIdMappings, isMapped } from "./id-mappings.ts";
import { checkAbsolute, hasNamespace, type Report } from "./report.ts";

export function checkNamespaces(config: Config, report: Report): void {
  const namespaces = config.linux?.namespaces ?? [];
  const seen = new Set<NamespaceType>();
  for (let i = 0; i < namespaces.length; i++) {
    const namespace = namespaces[i];
    if (namespace === undefined) continue;
    if (seen.has(namespace.type)) {
      report(["linux", "namespaces", i, "type"], `the namespace "${namespace.type}" is given twice`);
    }
    seen.add(namespace.type);
    if (namespace.path !== "") checkAbsolute(namespace.path, ["linux", "namespaces", i, "path"], report);
  }
  checkNames(config, seen.has("uts"), report);
  if (config.linux === undefined) return;
  checkPrivatePaths(config.linux, seen.has("mount"), report);
  checkUserNamespace(config, report);
  checkTimeOffsets(config.linux, report);
}

/** sethostname(2) and setdomainname(2) take 64 bytes. */
const MAX_NAME_BYTES = 64;

/** Without a uts namespace of its own the container would rename the host. */
function checkNames(config: Config, hasUts: boolean, report: Report): void {
  for (const field of ["hostname", "domainname"] as const) {
    const name = config[field];
    if (name === undefined || name === "") continue;
    if (!hasUts) report([field], `"${field}" needs a namespace of the type "uts" in "linux.namespaces"`);
    if (utf8Length(name) > MAX_NAME_BYTES) report([field], `must have at most ${MAX_NAME_BYTES} bytes`);
  }
}

function utf8Length(text: string): number {
  return text.length * 3 <= MAX_NAME_BYTES ? text.length : new TextEncoder().encode(text).length;
}

/** Without a mount namespace of its own the container would hide the host's files. */
function checkPrivatePaths(linux: Linux, hasMount: boolean, report: Report): void {
  if (hasMount) return;
  for (const field of ["maskedPaths", "readonlyPaths"] as const) {
    if ((linux[field]?.length ?? 0) === 0) continue;
    report(["linux", field], `"${field}" needs a namespace of the type "mount" in "linux.namespaces"`);
  }
}

/** A new user namespace needs maps; without a user namespace they would change nothing. */
function checkUserNamespace(config: Config, report: Report): void {
  const { linux } = config;
  const hasUser = hasNamespace(linux, "user");
  if (!hasUser && linux?.uidMappings === undefined && linux?.gidMappings === undefined) return;
  const user = linux?.namespaces?.find((namespace) => namespace?.type === "user");
  const isNew = hasUser && (user?.path ?? "") === "";
  for (const field of ["uidMappings", "gidMappings"] as const) {
    const mappings = linux?.[field];
    checkIdMappings(mappings, ["linux", field], report);
    const isEmpty = (mappings?.length ?? 0) === 0;
    if (!hasUser && !isEmpty) {
      report(["linux", field], `"${field}" needs a namespace of the type "user" in "linux.namespaces"`);
    }
    if (isNew && isEmpty) report(["linux"], `a new user namespace needs "${field}"`);
  }
  if (isNew) checkUserIsMapped(config, report);
}

/** An id that has no mapping cannot be taken on (user_namespaces(7)). */
function checkUserIsMapped({ process, linux }: Config, report: Report): void {
  const { uid, gid, additionalGids = [] } = process?.user ?? {};
  const { uidMappings: uids = [], gidMappings: gids = [] } = linux ?? {};
  const path = ["process", "user"];
  const check = (id: number | undefined, field: string, list: typeof uids, at: (string | number)[]): void => {
    if (id === undefined || list.length === 0 || isMapped(id, list)) return;
    report(at, `the id ${id} has no mapping in "linux.${field}"`);
  };
  check(uid, "uidMappings", uids, [...path, "uid"]);
  check(gid, "gidMappings", gids, [...path, "gid"]);
  additionalGids.forEach((id, i) => check(id, "gidMappings", gids, [...path, "additionalGids", i]));
}

const CLOCKS = ["monotonic", "boottime"];
const NANOS_PER_SECOND = 1_000_000_000;

/** time_namespaces(7): offsets can be set only before the first process enters. */
function checkTimeOffsets({ namespaces, timeOffsets }: Linux, report: Report): void {
  if (timeOffsets === undefined) return;
  const clocks = Object.keys(timeOffsets);
  if (clocks.length === 0) return;
  const path = ["linux", "timeOffsets"];
  const time = namespaces?.find((namespace) => namespace?.type === "time");
  if (time === undefined) {
    report(path, '"timeOffsets" needs a namespace of the type "time" in "linux.namespaces"');
  } else if ((time.path ?? "") !== "") {
    report(path, '"timeOffsets" cannot change a time namespace that exists already');
  }
  for (const clock of clocks) {
    if (!CLOCKS.includes(clock)) report([...path, clock], `unknown clock "${clock}": there are "monotonic" and "boottime"`);
    const nanosecs = timeOffsets[clock]?.nanosecs ?? 0;
    if (nanosecs >= NANOS_PER_SECOND) {
      report([...path, clock, "nanosecs"], `must be below ${NANOS_PER_SECOND}, got ${nanosecs}`);
    }
  }
}
