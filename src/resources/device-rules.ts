/** Device rules in one exact form, with the runtime's own at the end (config-linux.md#allowed-device-list). */

import type { Problem } from "../errors.ts";
import type { DeviceRule } from "../spec/config.ts";

export const ACCESS_MKNOD = 1;
export const ACCESS_READ = 2;
export const ACCESS_WRITE = 4;
const ACCESS_ALL = ACCESS_MKNOD | ACCESS_READ | ACCESS_WRITE;

/** A rule about devices of one type; a number that is absent means any. */
export interface Permission {
  readonly allow: boolean;
  readonly type: "c" | "b";
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** The ACCESS bits that it decides about. */
  readonly access: number;
  readonly pointer: string;
  /** The runtime's own rule, which no config asked for. */
  readonly isDefault?: true;
}

/** What holds for a device: of the permissions that fit it, the last one, for each access bit; else `allow`. */
export interface DevicePolicy {
  readonly allow: boolean;
  /** The rule that set `allow`; the list itself where no rule did. */
  readonly pointer: string;
  readonly permissions: readonly Permission[];
  readonly problems: readonly Problem[];
}

const POINTER = "/linux/resources/devices";

/** What every container may do, as with runc: mknod, the default devices (config-linux.md), pts, tun. */
const DEFAULTS: readonly (readonly ["c" | "b", number | undefined, number | undefined, number])[] = [
  ["c", undefined, undefined, ACCESS_MKNOD],
  ["b", undefined, undefined, ACCESS_MKNOD],
  ["c", 1, 3, ACCESS_ALL],
  ["c", 1, 8, ACCESS_ALL],
  ["c", 1, 7, ACCESS_ALL],
  ["c", 5, 0, ACCESS_ALL],
  ["c", 1, 5, ACCESS_ALL],
  ["c", 1, 9, ACCESS_ALL],
  ["c", 136, undefined, ACCESS_ALL],
  ["c", 5, 2, ACCESS_ALL],
  ["c", 10, 200, ACCESS_ALL],
];

/**
 * The policy of `linux.resources.devices`. Without rules all is denied but the defaults, as runc has it.
 *
 * A rule about everything voids those before it, so that only what follows the last one of them is kept.
 */
export function devicePolicy(rules: readonly DeviceRule[] = []): DevicePolicy {
  let allow = false;
  let pointer = POINTER;
  const problems: Problem[] = [];
  const permissions: Permission[] = [];
  for (const [index, rule] of rules.entries()) {
    const place = `${POINTER}/${index}`;
    const access = accessBits(rule.access, place, problems);
    const major = deviceNumber(rule, "major", place, problems);
    const minor = deviceNumber(rule, "minor", place, problems);
    const type = rule.type ?? "a";
    if (type === "a" && access === ACCESS_ALL && major === undefined && minor === undefined) {
      allow = rule.allow;
      pointer = place;
      permissions.length = 0;
      continue;
    }
    for (const one of type === "a" ? (["c", "b"] as const) : [type]) {
      permissions.push({ allow: rule.allow, type: one, major, minor, access, pointer: place });
    }
  }
  if (!allow || permissions.length > 0) {
    for (const [type, major, minor, access] of DEFAULTS) {
      // Where all is allowed, that anybody may make nodes could only undo what the config denies.
      if (allow && major === undefined) continue;
      permissions.push({ allow: true, type, major, minor, access, pointer: POINTER, isDefault: true });
    }
  }
  return { allow, pointer, permissions, problems };
}

/** An absent access means all of it, like an absent number. */
function accessBits(access: string | undefined, place: string, problems: Problem[]): number {
  if (access === undefined) return ACCESS_ALL;
  let bits = 0;
  for (const letter of access) {
    if (letter === "r") bits |= ACCESS_READ;
    else if (letter === "w") bits |= ACCESS_WRITE;
    else if (letter === "m") bits |= ACCESS_MKNOD;
    else bits = NaN;
  }
  if (bits > 0) return bits;
  problems.push({ pointer: `${place}/access`, message: `must be made of "r", "w" and "m", got "${access}"` });
  return 0;
}

/** Docker writes -1 for "any"; the kernel's numbers have 32 bits here. */
function deviceNumber(
  rule: DeviceRule,
  field: "major" | "minor",
  place: string,
  problems: Problem[],
): number | undefined {
  const number = rule[field];
  if (number === undefined || number === -1) return undefined;
  if (number < 0 || number > 0xffff_ffff) {
    const message = `must be a device number, or -1 for any, got ${number}`;
    problems.push({ pointer: `${place}/${field}`, message });
  }
  return number;
}
