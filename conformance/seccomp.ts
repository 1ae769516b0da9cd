/** Seccomp filters, and what single system calls return under them. */

import * as fs from "node:fs";
import { join } from "node:path";
import type { Bundle } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import type { Ground, Suite } from "../test/harness.ts";
import type { Result } from "../test/runtime.ts";
import { output, runBundle } from "./containers.ts";
import { probe } from "./probe.ts";
import { suite } from "./suite.ts";

export interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number | bigint; readonly valueTwo?: number | bigint; readonly op: string }[];
}

/** Calls that no runtime makes itself once the filter is loaded, as it does getpid; their numbers on x86-64. */
export const LSEEK = 8;
export const GETPGRP = 111;
export const GETSID = 124;
/** getpgrp among the 32-bit calls. */
export const GETPGRP_32 = 65;
/** The status of a program that SIGSYS has ended. */
export const BY_SIGSYS: number = 128 + 31;

/** A suite for this machine's numbers of calls. */
export function seccompSuite(name: string): Suite {
  return suite(name, () => {
    if (process.arch !== "x64") skip("the numbers of the calls are known for x86-64 only");
  });
}

/** `linux.seccomp` that allows all but what the rules say. */
export function seccomp(rules: readonly Rule[], more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], syscalls: rules, ...more };
}

/** `linux.seccomp` in which getpgrp has this action. */
export function withAction(action: string, more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return seccomp([{ names: ["getpgrp"], action, ...more }]);
}

/** A bundle whose program is the probe; numbers above 2^53 are written as they are. */
export function probing(t: Ground, filter: unknown, ...args: readonly (string | number)[]): Bundle {
  const bundle = t.bundle((config) => (config.process.args = ["/bin/probe", ...args.map(String)]));
  fs.copyFileSync(probe(), join(bundle.rootfs, "bin/probe"));
  const text = JSON.stringify({ ...bundle.config, linux: { ...bundle.config.linux, seccomp: filter } }, (_, value: unknown) => (typeof value === "bigint" ? `#${value}#` : value));
  bundle.write(text.replaceAll(/"#(\d+)#"/g, "$1"));
  return bundle;
}

/** How the probe ends under a filter. */
export function ending(t: Ground, filter: unknown, ...args: readonly (string | number)[]): Promise<Result> {
  return runBundle(t, probing(t, filter, ...args));
}

/** What one call returns under a filter: the value, and errno. */
export async function call(t: Ground, filter: unknown, ...numbers: readonly number[]): Promise<readonly number[]> {
  const text = output(await ending(t, filter, "call", ...numbers));
  return text.trim().split(" ").map(Number);
}
