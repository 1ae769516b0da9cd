/** `linux.cgroupsPath` as a path below each hierarchy's mount point (config-linux.md#cgroups-path). */

import { ConfigError } from "../errors.ts";

const POINTER = "/linux/cgroupsPath";

/**
 * An absolute path counts from the mount point, as the specification has it, and a relative one too: so the same value
 * always means the same place. Without one it is `/<container id>`.
 */
export function cgroupPath(cgroupsPath: string | undefined, containerId: string): string {
  if (cgroupsPath === undefined || cgroupsPath === "") return `/${containerId}`;
  const components = cgroupsPath.split("/").filter((component) => component !== "" && component !== ".");
  const problem = pathProblem(cgroupsPath, components);
  if (problem !== undefined) throw new ConfigError("config.json", [{ pointer: POINTER, ...problem }]);
  return `/${components.join("/")}`;
}

function pathProblem(
  cgroupsPath: string,
  components: readonly string[],
): { readonly message: string; readonly hint?: string } | undefined {
  const got = `got ${JSON.stringify(cgroupsPath)}`;
  if (isSystemdForm(cgroupsPath)) {
    return {
      message: `must be a path, because cgroups are managed through cgroupfs, ${got}`,
      hint: "slice:prefix:name is the form of --systemd-cgroup",
    };
  }
  if (components.includes("..")) return { message: `must not contain "..", ${got}` };
  if (cgroupsPath.includes("\0") || cgroupsPath.includes("\n")) {
    return { message: `must not contain a NUL or a newline, ${got}` };
  }
  if (components.length === 0) return { message: `must not be the host's own root cgroup, ${got}` };
  return undefined;
}

function isSystemdForm(cgroupsPath: string): boolean {
  return !cgroupsPath.includes("/") && cgroupsPath.split(":").length === 3;
}
