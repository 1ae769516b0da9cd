/** Cases for the checks of config.json: a good config in which one value is replaced by a bad one. */

import type { Test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError, type Problem } from "../src/errors.ts";
import { parseConfig } from "../src/spec/parse.ts";

/** A config in which everything that a check asks for is there: all namespaces, a user, mappings. */
function goodConfig(): Record<string, unknown> {
  return {
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 }, env: ["A=b"] },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    hostname: "box",
    hooks: { poststart: [{ path: "/bin/true" }] },
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "network" },
        { type: "mount" },
        { type: "ipc" },
        { type: "uts" },
        { type: "user" },
        { type: "cgroup" },
        { type: "time" },
      ],
      uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
      gidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
    },
  };
}

export interface Case {
  readonly name: string;
  /** The pointer of the value that is replaced, or deleted where `value` is undefined. */
  readonly set: string;
  readonly value?: unknown;
  /** The pointer that the problem names; that of the replaced value unless it is given. */
  readonly pointer?: string;
  readonly message: string;
  readonly hint?: string;
  /** Further values, as in `configWith`. */
  readonly with?: Readonly<Record<string, unknown>>;
}

/** Returns the good config with some values replaced, by their pointers; undefined deletes. */
export function configWith(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const config = goodConfig();
  for (const [pointer, value] of Object.entries(values)) replace(config, pointer, value);
  return config;
}

function parts(pointer: string): string[] {
  return pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function replace(config: Record<string, unknown>, pointer: string, value: unknown): void {
  let node = config;
  const path = parts(pointer);
  const last = path.pop() ?? "";
  for (const part of path) node = (node[part] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete node[last];
  else node[last] = value;
}

function textOf(config: unknown): string {
  return JSON.stringify(config, null, 2);
}

/** Without a user namespace, nor the maps that need one. */
export const NO_USER_NAMESPACE: Readonly<Record<string, unknown>> = {
  "/linux/namespaces": [{ type: "pid" }, { type: "mount" }, { type: "uts" }],
  "/linux/uidMappings": undefined,
  "/linux/gidMappings": undefined,
};

/** Returns the problems of a text, none for a good one; any other error than ConfigError is thrown. */
export function problemsOf(text: string): readonly Problem[] {
  try {
    parseConfig(text);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Adds a test for each case: exactly this problem, at exactly this place. */
export function refuses(test: Test, symbol: string, cases: readonly Case[]): void {
  for (const { name, set, value, pointer = set, message, hint, with: others = {} } of cases) {
    test(`${symbol} refuses ${name}`, () => {
      const config = configWith({ ...others, [set]: value });
      const text = textOf(config);
      const problems = problemsOf(text);
      assert.equal(problems.map((problem) => [problem.pointer, problem.message, problem.hint]), [[pointer, message, hint]]);
      assert.ok(standsAt(text, problems[0], valueAt(config, pointer)), "the line and column are those of the value");
    });
  }
}

/** Adds a test for each set of values: no problem. */
export function accepts(test: Test, symbol: string, cases: Readonly<Record<string, Readonly<Record<string, unknown>>>>): void {
  for (const [name, values] of Object.entries(cases)) {
    test(`${symbol} accepts ${name}`, () => {
      assert.equal(problemsOf(textOf(configWith(values))), []);
    });
  }
}

function valueAt(config: unknown, pointer: string): unknown {
  return parts(pointer).reduce((node, part) => (node as Record<string, unknown>)[part], config);
}

/** Whether the text at the problem's place, once white space is taken out, begins with the value. */
function standsAt(text: string, problem: Problem | undefined, value: unknown): boolean {
  const lines = text.split("\n").slice((problem?.line ?? 0) - 1);
  const rest = lines.join("\n").slice((problem?.column ?? 0) - 1);
  return rest.replaceAll(/\s/g, "").startsWith(JSON.stringify(value).replaceAll(/\s/g, ""));
}
