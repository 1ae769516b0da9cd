/** Makes hooks: shell scripts at any of the six points, and whole lives of containers that have them. */

import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { running, silent } from "./containers.ts";
import type { Container } from "./containers.ts";

export type Hook = NonNullable<BundleConfig["hooks"]>[string][number];

/** In the order in which they run. */
export const POINTS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;
/** Without poststart, which runc runs elsewhere up to 1.5: what holds of the others should be proved on it. */
export const ALL_BUT_POSTSTART: readonly string[] = POINTS.filter((point) => point !== "poststart");
export const RUNTIME_POINTS = ["prestart", "createRuntime", "poststart", "poststop"] as const;
/** In createContainer /proc is still the host's, where a shell cannot find itself by its pid. */
export const IN_OWN_PROC: readonly string[] = POINTS.filter((point) => point !== "createContainer");
export const CREATE_POINTS = ["prestart", "createRuntime", "createContainer"] as const;
export const NAMESPACES = ["mnt", "pid", "net", "ipc", "uts"] as const;

/** A hook that runs a shell script; the script finds the test's folder in the container under its own name. */
export function hook(text: string, more: Partial<Hook> = {}): Hook {
  return { path: "/bin/sh", args: ["sh", "-c", text], env: ["PATH=/usr/bin:/bin"], ...more };
}

/** The test's folder appears in the container where it is on the host. */
export function shareFolder(t: Ground, config: BundleConfig): void {
  config.mounts.push({ destination: t.folder, source: t.folder, options: ["rbind", "rw"] });
}

/** One hook at each of the points, which runs a script with the point's name as $0. */
export function everywhere(t: Ground, config: BundleConfig, text: string, points: readonly string[] = POINTS, more: Partial<Hook> = {}): void {
  shareFolder(t, config);
  const at = (point: string): Hook => hook(text, { args: ["sh", "-c", text, point], ...more });
  config.hooks = Object.fromEntries(points.map((point) => [point, [at(point)]]));
}

/** Runs a whole life; the program ends when it is killed. */
export async function live(t: Ground, change: (config: BundleConfig) => void): Promise<Container> {
  const container = await running(t, change);
  await container.end();
  silent(await container.verb("delete"));
  return container;
}
