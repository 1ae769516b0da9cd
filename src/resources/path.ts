/** `linux.cgroupsPath` as a path below each hierarchy's mount point, or as a unit of systemd's (config-linux.md#cgroups-path). */

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
  if (namesUnit(cgroupsPath)) {
    return {
      message: `must be a path, because cgroups are managed through cgroupfs, ${got}`,
      hint: "slice:prefix:name is what --systemd-cgroup takes",
    };
  }
  if (components.includes("..")) return { message: `must not contain "..", ${got}` };
  if (cgroupsPath.includes("\0") || cgroupsPath.includes("\n")) {
    return { message: `must not contain a NUL or a newline, ${got}` };
  }
  if (components.length === 0) return { message: `must not be the host's own root cgroup, ${got}` };
  return undefined;
}

/** Whether it is of the form "slice:prefix:name". */
export function namesUnit(cgroupsPath: string): boolean {
  return !cgroupsPath.includes("/") && cgroupsPath.split(":").length === 3;
}

/** A scope of systemd's, and the slice that it is in. */
export interface UnitName {
  readonly name: string;
  readonly slice: string;
}

const SUFFIX = ".slice";
const ROOT_SLICE = "-.slice";

/** `slice:prefix:name`; without a path it is a scope of the container's name in the default slice. */
export function unitOf(cgroupsPath: string | undefined, containerId: string, defaultSlice: string): UnitName {
  const given = cgroupsPath === undefined || cgroupsPath === "" ? `:tsrun:${containerId}` : cgroupsPath;
  const [slice = "", prefix = "", name = "", ...rest] = given.split(":");
  const isUnit = !given.includes("/") && rest.length === 0 && name !== "" && given.split(":").length === 3;
  const unit = { name: prefix === "" ? `${name}.scope` : `${prefix}-${name}.scope`, slice: slice === "" ? defaultSlice : slice };
  if (isUnit && isSlice(unit.slice)) return unit;
  const got = `got ${JSON.stringify(given)}`;
  const message = isUnit ? `must begin with the name of a slice, ${got}` : `must be of the form "slice:prefix:name", because cgroups are managed through systemd, ${got}`;
  throw new ConfigError("config.json", [{ pointer: POINTER, message, hint: "for example \"system.slice:tsrun:web\"" }]);
}

/** Where systemd puts it: `a-b.slice` is within `a.slice` (systemd.slice(5)). */
export function pathOfUnit({ name, slice }: UnitName, root: string): string {
  const parts = slice === ROOT_SLICE ? [] : slice.slice(0, -SUFFIX.length).split("-");
  const slices = parts.map((_, n) => `/${parts.slice(0, n + 1).join("-")}${SUFFIX}`);
  return `${root}${slices.join("")}/${name}`;
}

function isSlice(slice: string): boolean {
  return slice === ROOT_SLICE || /^[A-Za-z0-9_.:\\]+(-[A-Za-z0-9_.:\\]+)*\.slice$/.test(slice);
}
