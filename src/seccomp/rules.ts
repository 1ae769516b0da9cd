/** Turns `linux.seccomp` into the rules that the addon gives to libseccomp (config-linux.md#seccomp). */

import { ConfigError, type Problem } from "../errors.ts";
import { type Architecture, findArchitecture, scmpArch } from "../linux/architectures.ts";
import type { Integer, Seccomp, SyscallArg, SyscallRule } from "../spec/config.ts";
import {
  ACT_ALLOW,
  ACT_ERRNO,
  ACT_LOG,
  ACT_NOTIFY,
  ACT_TRACE,
  actionOf,
  ACTIONS,
  FLAGS,
  OPERATORS,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
} from "./names.ts";

/** One comparison of an argument; all of a rule must hold. */
export interface Condition {
  readonly index: number;
  /** libseccomp's number of the operator. */
  readonly op: number;
  /** The mask, if the operator is MASKED_EQ. */
  readonly value: Integer;
  /** What the masked argument must be; 0 for all other operators. */
  readonly valueTwo: Integer;
}

export interface Rule {
  readonly names: readonly string[];
  /** The filter's result, the errno within. */
  readonly action: number;
  readonly conditions: readonly Condition[];
}

export interface Listener {
  readonly path: string;
  readonly metadata: string | undefined;
}

/** All that decides what the filter does, as plain data that can be printed. */
export interface SeccompRules {
  readonly defaultAction: number;
  /** libseccomp's numbers, the native one first. */
  readonly architectures: readonly number[];
  readonly rules: readonly Rule[];
  /** Names that the profile gives the default action: they need no rule, but the profile's author knew them. */
  readonly defaulted: readonly string[];
  /** Calls with higher numbers than any that the profile names get ENOSYS: it was written before they existed. */
  readonly enosys: boolean;
  /** A binary tree instead of a list: faster for the container, not worth the time for a few rules. */
  readonly tree: boolean;
  /** For seccomp(2). */
  readonly flags: number;
  /** Who gets the notifications; undefined if no rule makes any. */
  readonly listener: Listener | undefined;
}

export interface PlanOptions {
  /** Any name of the architecture, for example `process.arch`. */
  readonly nativeArch: string;
  /** The version that the addon was linked with. */
  readonly libseccompVersion?: string;
}

const EPERM = 1;
const ENOSYS = 38;
/** Debian 12's. */
const LIBSECCOMP_VERSION = "2.5.4";
/** From this many calls on a binary tree pays, as runc's measurements have it. */
const TREE_FROM = 9;

/** Returns the rules of a profile; throws ConfigError with all that is wrong in it. */
export function planSeccomp(seccomp: Seccomp, options: PlanOptions): SeccompRules {
  const problems: Problem[] = [];
  const report: Report = (pointer, message) => void problems.push({ pointer: `/linux/seccomp${pointer}`, message });
  const defaultAction = planAction(seccomp.defaultAction, seccomp.defaultErrnoRet, {
    report,
    action: "/defaultAction",
    errno: "/defaultErrnoRet",
  });
  if (defaultAction === ACT_NOTIFY) report("/defaultAction", "must not be SCMP_ACT_NOTIFY");
  const architectures = planArchitectures(seccomp.architectures ?? [], options, report);
  const { rules, defaulted } = planRules(seccomp.syscalls ?? [], defaultAction, report);
  const notifies = rules.some((rule) => rule.action === ACT_NOTIFY);
  const listener = planListener(seccomp, notifies, report);
  const flags = planFlags(seccomp.flags, notifies, report);
  if (problems.length > 0) throw new ConfigError("config.json", problems);
  const calls = rules.reduce((sum, rule) => sum + rule.names.length, 0);
  return {
    defaultAction,
    architectures,
    rules,
    defaulted,
    // As runc: only of architectures that the profile names can it be said what it did not know.
    enosys: (seccomp.architectures ?? []).length > 0 && wantsEnosys(defaultAction),
    tree: calls >= TREE_FROM,
    flags,
    listener,
  };
}

type Report = (pointer: string, message: string) => void;

interface Places {
  readonly report: Report;
  readonly action: string;
  readonly errno: string;
}

/** Returns the filter's result for an action and its errno, which is EPERM where none is given. */
function planAction(name: string, errnoRet: number | undefined, { report, ...places }: Places): number {
  const kind = ACTIONS.find((action) => action.name === name);
  if (kind === undefined) {
    report(places.action, `must be one of ${ACTIONS.map((action) => action.name).join(", ")}, got "${name}"`);
    return 0;
  }
  if (kind.maxErrno === undefined) {
    if (errnoRet !== undefined) report(places.errno, `must not be set: "${name}" returns no errno`);
    return kind.value;
  }
  const errno = errnoRet ?? EPERM;
  if (errno < 0 || errno > kind.maxErrno) report(places.errno, `must be from 0 to ${kind.maxErrno}, got ${errno}`);
  return kind.value + errno;
}

/** The native architecture is always among them: without it the program itself could make no call. */
function planArchitectures(names: readonly string[], options: PlanOptions, report: Report): number[] {
  const native = findArchitecture(options.nativeArch);
  const numbers = new Set(native === undefined ? [] : [scmpArch(native)]);
  const version = options.libseccompVersion ?? LIBSECCOMP_VERSION;
  for (const [place, name] of names.entries()) {
    const arch = name.startsWith("SCMP_ARCH_") ? findArchitecture(name) : undefined;
    const problem = arch === undefined ? `must be an architecture of libseccomp, got "${name}"` : misfit(arch, native, version);
    if (problem !== undefined) report(`/architectures/${place}`, problem);
    else if (arch !== undefined) numbers.add(scmpArch(arch));
  }
  return [...numbers];
}

/** Returns why a filter cannot have the architecture, undefined if it can. */
function misfit(arch: Architecture, native: Architecture | undefined, version: string): string | undefined {
  const since = arch.libseccompSince;
  if (since !== undefined && isOlder(version, since)) {
    return `cannot be "${arch.scmp}" here: it needs libseccomp ${since}, and this is libseccomp ${version}`;
  }
  if (native === undefined || (native.bigEndian ?? false) === (arch.bigEndian ?? false)) return undefined;
  return `cannot be "${arch.scmp}" here: a filter cannot serve the byte orders of it and of ${native.name} at once`;
}

/** Compares versions such as "2.5.4", number by number. */
export function isOlder(version: string, than: string): boolean {
  const other = than.split(".");
  for (const [place, part] of version.split(".").entries()) {
    const difference = Number(part) - Number(other[place] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function planRules(
  syscalls: readonly SyscallRule[],
  defaultAction: number,
  report: Report,
): { rules: Rule[]; defaulted: string[] } {
  const rules: Rule[] = [];
  const defaulted: string[] = [];
  for (const [place, syscall] of syscalls.entries()) {
    const pointer = `/syscalls/${place}`;
    const action = planAction(syscall.action, syscall.errnoRet, {
      report,
      action: `${pointer}/action`,
      errno: `${pointer}/errnoRet`,
    });
    const conditions = (syscall.args ?? []).map((arg, index) => planCondition(arg, `${pointer}/args/${index}`, report));
    // libseccomp refuses a rule that changes nothing.
    if (action === defaultAction) defaulted.push(...syscall.names);
    else for (const group of splitConditions(conditions)) rules.push({ names: syscall.names, action, conditions: group });
  }
  return { rules, defaulted };
}

function planCondition(arg: SyscallArg, pointer: string, report: Report): Condition {
  const op = Object.hasOwn(OPERATORS, arg.op) ? OPERATORS[arg.op] : undefined;
  if (op === undefined) {
    report(`${pointer}/op`, `must be one of ${Object.keys(OPERATORS).join(", ")}, got "${arg.op}"`);
  }
  if (arg.index < 0 || arg.index > 5) report(`${pointer}/index`, `must be from 0 to 5, got ${arg.index}`);
  const masked = arg.op === "SCMP_CMP_MASKED_EQ";
  return { index: arg.index, op: op ?? 0, value: arg.value, valueTwo: masked ? (arg.valueTwo ?? 0) : 0 };
}

/**
 * libseccomp takes one comparison of each argument in a rule. Where a profile has two of the same argument, every
 * condition becomes a rule of its own, that is, any of them is enough: all runtimes read it so, and profiles rely on it.
 */
function splitConditions(conditions: readonly Condition[]): readonly (readonly Condition[])[] {
  const indexes = new Set(conditions.map(({ index }) => index));
  return indexes.size === conditions.length ? [conditions] : conditions.map((condition) => [condition]);
}

function planListener(seccomp: Seccomp, notifies: boolean, report: Report): Listener | undefined {
  const path = seccomp.listenerPath || undefined;
  const metadata = seccomp.listenerMetadata || undefined;
  if (metadata !== undefined && path === undefined) {
    report("/listenerMetadata", "must not be set without listenerPath");
  }
  if (!notifies) return undefined;
  if (path === undefined) {
    report("/listenerPath", "must be set: a rule has the action SCMP_ACT_NOTIFY");
    return undefined;
  }
  return { path, metadata };
}

/** Absent flags are not an empty list: without any word the container is spared the costs of SSB mitigation, as runc and crun do. */
function planFlags(names: readonly string[] | undefined, notifies: boolean, report: Report): number {
  let flags = notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  if (names === undefined) return flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  for (const [place, name] of names.entries()) {
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    if (flag === undefined) report(`/flags/${place}`, `must be one of ${Object.keys(FLAGS).join(", ")}, got "${name}"`);
    else flags |= flag;
  }
  // It is about waiting for the listener's answer: without one it means nothing, and the kernel would refuse it.
  return notifies ? flags : flags & ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

/** A profile that lets unnamed calls through, to the kernel or to a tracer, needs no help; one that answers ENOSYS does it itself. */
function wantsEnosys(defaultAction: number): boolean {
  const action = actionOf(defaultAction);
  return action !== ACT_ALLOW && action !== ACT_LOG && action !== ACT_TRACE && defaultAction !== ACT_ERRNO + ENOSYS;
}

/**
 * Returns a text that is the same for rules with the same filter, to be hashed into the name of a file in the cache.
 *
 * `version` is that of libseccomp and of this code: another compiler makes another filter.
 */
export function cacheKey(rules: SeccompRules, version: string = LIBSECCOMP_VERSION): string {
  const lines = [`tsrun-seccomp 1 ${version}`, `${rules.defaultAction} ${rules.enosys} ${rules.tree}`];
  lines.push(rules.architectures.join(" "), JSON.stringify(rules.defaulted));
  for (const { names, action, conditions } of rules.rules) {
    const tests = conditions.map(({ index, op, value, valueTwo }) => `${index}:${op}:${value}:${valueTwo}`);
    lines.push(`${action} ${tests.join(",")} ${JSON.stringify(names)}`);
  }
  return lines.join("\n");
}
