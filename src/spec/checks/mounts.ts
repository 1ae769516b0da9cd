/** Checks the mounts (config.md#mounts). */

import { MOUNT_OPTIONS } from "../../linux/mount-options.ts";
import type { Config, Mount } from "../config.ts";
import type { Path } from "../pointer.ts";
import { checkIdMappings } from "./id-mappings.ts";
import { hasNamespace, quoted, type Report } from "./report.ts";

export function checkMounts({ mounts = [], linux }: Config, report: Report): void {
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i];
    if (mount === undefined) continue;
    const { destination, options = [], uidMappings, gidMappings } = mount;
    if (destination === "") report(["mounts", i, "destination"], "must not be empty");
    if (isBind(options)) checkBind(mount, ["mounts", i], report);
    else checkOther(mount, ["mounts", i], report);
    const asksIdmap = options.includes("idmap") || options.includes("ridmap");
    if (asksIdmap || uidMappings !== undefined || gidMappings !== undefined) {
      checkIdmap(mount, { path: ["mounts", i], hasUserNamespace: hasNamespace(linux, "user"), report });
    }
  }
}

/** Whether it is a bind mount is decided by its options alone, never by its type. */
function isBind(options: readonly string[]): boolean {
  return options.includes("rbind") || options.includes("bind");
}

function checkBind({ source = "" }: Mount, path: Path, report: Report): void {
  if (source === "") report(path, '"source" is required for a bind mount');
}

function checkOther({ type = "", options = [] }: Mount, path: Path, report: Report): void {
  if (type === "bind") {
    report([...path, "type"], 'the type "bind" alone makes no bind mount', 'add the option "bind" or "rbind"');
  } else if (type === "" && !options.some(changesOnly)) {
    report(path, '"type" is required for a mount that is not a bind mount');
  }
  const copyUp = options.indexOf("tmpcopyup");
  if (copyUp !== -1 && type !== "tmpfs") {
    report([...path, "options", copyUp], `the option "tmpcopyup" needs the type "tmpfs", got ${quoted(type)}`);
  }
}

/** Options that change a mount instead of making one. */
function changesOnly(option: string): boolean {
  const kind = Object.hasOwn(MOUNT_OPTIONS, option) ? MOUNT_OPTIONS[option]?.kind : undefined;
  return kind === "remount" || kind === "propagation";
}

interface IdmapFacts {
  readonly path: Path;
  readonly hasUserNamespace: boolean;
  readonly report: Report;
}

/** config.md: both maps or none; without maps, those of the user namespace, which must then exist. */
function checkIdmap(mount: Mount, { path, hasUserNamespace, report }: IdmapFacts): void {
  const { uidMappings = [], gidMappings = [], options = [] } = mount;
  checkIdMappings(uidMappings, [...path, "uidMappings"], report);
  checkIdMappings(gidMappings, [...path, "gidMappings"], report);
  const hasUids = uidMappings.length > 0;
  if (hasUids !== gidMappings.length > 0) {
    const [given, missing] = hasUids ? ["uidMappings", "gidMappings"] : ["gidMappings", "uidMappings"];
    report([...path, given], `"${given}" needs "${missing}" beside it`);
  }
  const asked = options.findIndex((option) => option === "idmap" || option === "ridmap");
  if (hasUids || asked !== -1) refuseUnmappable(mount, path, report);
  if (asked !== -1 && !hasUids && !hasUserNamespace) {
    const message = `the option "${options[asked]}" needs "uidMappings" and "gidMappings", or a user namespace to take them from`;
    report([...path, "options", asked], message);
  }
}

/** mount_setattr(2) maps a mount once, before it is attached; cgroups belong to whom they belong to. */
function refuseUnmappable({ type, options = [] }: Mount, path: Path, report: Report): void {
  const remount = options.indexOf("remount");
  if (remount !== -1) report([...path, "options", remount], "a mount that is there already cannot get other id mappings");
  else if (type === "cgroup" && !isBind(options)) report([...path, "type"], 'a mount of the type "cgroup" cannot be idmapped');
}
