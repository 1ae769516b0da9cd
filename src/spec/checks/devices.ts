/** Checks the devices and the device rules (config-linux.md#devices, #allowed-device-list). */

import type { Config, Device, DeviceRule } from "../config.ts";
import type { Path } from "../pointer.ts";
import { checkAbsolute, checkId, quoted, type Report } from "./report.ts";

/** A device number has 12 bits for the major, 20 for the minor part (linux/kdev_t.h). */
const LIMITS = { major: 0xfff, minor: 0xfffff } as const;

export function checkDevices({ linux }: Config, report: Report): void {
  const devices = linux?.devices ?? [];
  const byPath = new Map<string, Device>();
  for (let i = 0; i < devices.length; i++) {
    const device = devices[i];
    if (device === undefined) continue;
    checkDevice(device, ["linux", "devices", i], report);
    const other = byPath.get(device.path);
    if (other !== undefined && !isSame(device, other)) {
      report(["linux", "devices", i, "path"], `another device has the path ${quoted(device.path)} already`);
    }
    byPath.set(device.path, device);
  }
  const rules = linux?.resources?.devices ?? [];
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i];
    if (rule !== undefined) checkRule(rule, ["linux", "resources", "devices", i], report);
  }
}

function checkDevice(device: Device, path: Path, report: Report): void {
  checkAbsolute(device.path, [...path, "path"], report);
  checkId(device.uid, [...path, "uid"], report);
  checkId(device.gid, [...path, "gid"], report);
  if (device.type === "p") return;
  for (const part of ["major", "minor"] as const) {
    if (device[part] === undefined) report(path, `"${part}" is required for a device of the type "${device.type}"`);
    checkNumber(device[part], { part, least: 0, path, report });
  }
}

/** `u` is another word for `c` (mknod(1)). */
function isSame(a: Device, b: Device): boolean {
  const kind = ({ type }: Device): string => (type === "u" ? "c" : type);
  return kind(a) === kind(b) && (a.type === "p" || (a.major === b.major && a.minor === b.minor));
}

/** Engines write -1 where any number is meant, and empty strings where nothing is. */
function checkRule({ type, access = "", major, minor }: DeviceRule, path: Path, report: Report): void {
  if (type !== undefined && !["", "a", "c", "b"].includes(type)) report([...path, "type"], `must be "a", "c" or "b", got ${quoted(type)}`);
  for (const letter of access) {
    if ("rwm".includes(letter)) continue;
    report([...path, "access"], `must be made of the letters "r", "w" and "m", got ${quoted(access)}`);
    break;
  }
  checkNumber(major, { part: "major", least: -1, path, report });
  checkNumber(minor, { part: "minor", least: -1, path, report });
}

interface NumberFacts {
  readonly part: "major" | "minor";
  readonly least: number;
  readonly path: Path;
  readonly report: Report;
}

function checkNumber(value: number | undefined, { part, least, path, report }: NumberFacts): void {
  if (value === undefined || (value >= least && value <= LIMITS[part])) return;
  report([...path, part], `must be between ${least} and ${LIMITS[part]}, got ${value}`);
}
