/**
 * A device policy as writes to the devices controller of cgroup v1 (Documentation/admin-guide/cgroup-v1/devices.rst).
 *
 * The kernel keeps one default and a list of exceptions to it. A write that agrees with the default only removes
 * exceptions of exactly its own numbers; it does not cut a hole into a wider one, and says nothing about it.
 */

import { ACCESS_MKNOD, ACCESS_READ, ACCESS_WRITE } from "./device-rules.ts";
import type { DevicePolicy, Permission } from "./device-rules.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources";

/** An exception in the kernel's list. */
interface Exception {
  readonly rule: Permission;
  access: number;
}

/** The writes of cgroup v1, in the config's order, the runtime's own rules last. */
export function devicesV1(policy: DevicePolicy): Limits {
  return build(policy).limits;
}

/** The writes from one policy to another: with a `gap`, there is a moment in which neither holds. */
export interface DeviceTransition {
  readonly limits: Limits;
  readonly gap: boolean;
}

/**
 * Changes only what differs: first comes what the new policy has besides, then goes what it has no more. A policy with
 * the other default has to begin anew, with all allowed or nothing.
 */
export function deviceTransition(from: DevicePolicy, to: DevicePolicy): DeviceTransition {
  const { limits, exceptions } = build(to);
  if (from.allow !== to.allow) return { limits, gap: true };
  const before = build(from).exceptions;
  limits.writes.length = 0;
  for (const { rule, access } of exceptions) {
    const missing = access & ~accessOf(rule, before);
    if (missing !== 0) write(limits, rule, entry(rule, missing));
  }
  for (const { rule, access } of before) {
    const gone = access & ~accessOf(rule, exceptions);
    if (gone !== 0) limits.add(to.pointer, rule.allow ? "devices.deny" : "devices.allow", entry(rule, gone));
  }
  return { limits, gap: false };
}

function accessOf(rule: Permission, exceptions: readonly Exception[]): number {
  for (const other of exceptions) if (covers(rule, other.rule) && covers(other.rule, rule)) return other.access;
  return 0;
}

function build(policy: DevicePolicy): { readonly limits: Limits; readonly exceptions: readonly Exception[] } {
  const limits = new Limits("devices", 1, POINTER);
  limits.problems.push(...policy.problems);
  const exceptions: Exception[] = [];
  limits.add(policy.pointer, policy.allow ? "devices.allow" : "devices.deny", "a");
  for (const rule of policy.permissions) {
    if (rule.allow === policy.allow) removeExceptions(rule, exceptions, limits);
    else addException(rule, exceptions, limits);
  }
  return { limits, exceptions };
}

function addException(rule: Permission, exceptions: Exception[], limits: Limits): void {
  let same: Exception | undefined;
  for (const other of exceptions) {
    if (!covers(other.rule, rule)) continue;
    if ((rule.access & ~other.access) === 0) return;
    if (covers(rule, other.rule)) same = other;
  }
  write(limits, rule, entry(rule, rule.access));
  if (same === undefined) exceptions.push({ rule, access: rule.access });
  else same.access |= rule.access;
}

function removeExceptions(rule: Permission, exceptions: Exception[], limits: Limits): void {
  for (const other of exceptions) {
    const access = rule.access & other.access;
    if (access === 0 || !overlaps(rule, other.rule)) continue;
    if (covers(rule, other.rule)) {
      write(limits, rule, entry(other.rule, access));
      other.access &= ~access;
    } else {
      refuseHole(rule, other.rule, limits);
    }
  }
}

/** A deny that the kernel would take and not keep must not pass; a default that cannot be had is only left out. */
function refuseHole(rule: Permission, wider: Permission, limits: Limits): void {
  const field = rule.pointer.slice(POINTER.length + 1);
  const [verb, done] = rule.allow ? ["allow", "denies"] : ["deny", "allows"];
  const message = `cannot ${verb} a part of what ${wider.pointer} ${done}: cgroup v1 has no such exceptions`;
  if (rule.isDefault === true) limits.note(field, `${entry(rule, rule.access)}: ${message}`);
  else limits.refuse(field, message);
}

function write(limits: Limits, rule: Permission, value: string): void {
  const file = rule.allow ? "devices.allow" : "devices.deny";
  // An ancestor may forbid what the runtime allows by default: then it stays forbidden.
  if (rule.isDefault === true) limits.addOptional(rule.pointer, file, value);
  else limits.add(rule.pointer, file, value);
}

function covers(wide: Permission, narrow: Permission): boolean {
  return (
    wide.type === narrow.type &&
    (wide.major === undefined || wide.major === narrow.major) &&
    (wide.minor === undefined || wide.minor === narrow.minor)
  );
}

function overlaps(one: Permission, other: Permission): boolean {
  return (
    one.type === other.type &&
    (one.major === undefined || other.major === undefined || one.major === other.major) &&
    (one.minor === undefined || other.minor === undefined || one.minor === other.minor)
  );
}

function entry(rule: Permission, access: number): string {
  const read = (access & ACCESS_READ) !== 0 ? "r" : "";
  const write = (access & ACCESS_WRITE) !== 0 ? "w" : "";
  const mknod = (access & ACCESS_MKNOD) !== 0 ? "m" : "";
  return `${rule.type} ${rule.major ?? "*"}:${rule.minor ?? "*"} ${read}${write}${mknod}`;
}
