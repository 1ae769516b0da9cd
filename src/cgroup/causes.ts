/** Why the kernel refused to set a limit, where its errno alone does not say. */

import { dirname } from "node:path";
import { SystemError } from "../errors.ts";
import { readdirSync } from "../native/files.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { readText } from "./files.ts";

/** Adds what the errno does not tell to the error of a write that failed. */
export function explained(error: unknown, directory: CgroupDirectory, file: string): unknown {
  if (!(error instanceof SystemError)) return error;
  // Made here and not at the top, because most runs need none of it.
  const row = causes().find((candidate) => candidate.file.test(file) && candidate.errnos.includes(error.errno));
  let cause: string | undefined;
  try {
    cause = row?.cause(directory, file);
  } catch {
    // The errno alone, then.
  }
  if (cause === undefined) return error;
  return new SystemError(error.action, error.errno, `${error.reason} (${cause})`, { cause: error });
}

interface Cause {
  readonly file: RegExp;
  readonly errnos: readonly string[];
  readonly cause: (directory: CgroupDirectory, file: string) => string;
}

function causes(): readonly Cause[] {
  return [
    { file: /^memory\.(memsw\.)?(limit_in_bytes|max)$/, errnos: ["EBUSY", "EINVAL"], cause: memoryUsage },
    { file: /^memory\.use_hierarchy$/, errnos: ["EINVAL"], cause: () => "this kernel has no other than hierarchical accounting" },
    { file: /^cpu\.rt_runtime_us$/, errnos: ["EINVAL"], cause: realtimeAbove },
    { file: /^cpuset\.(cpus|mems)$/, errnos: ["EACCES", "EINVAL", "ERANGE", "ENOSPC"], cause: cpusetAbove },
    { file: /^hugetlb\./, errnos: ["ENOENT"], cause: pageSizes },
    { file: /weight_device$|^io\.(bfq\.)?weight$/, errnos: ["EOPNOTSUPP", "ENOTSUP"], cause: () => "the device's I/O scheduler keeps no weights" },
    { file: /^blkio\.leaf_weight/, errnos: ["ENOENT"], cause: () => "leaf weights went with CFQ in Linux 5.0" },
    { file: /./, errnos: ["ENOENT"], cause: () => "this kernel has no such limit" },
  ];
}

const USAGE_FILES: Readonly<Record<1 | 2, readonly [string, string]>> = {
  1: ["memory.usage_in_bytes", "memory.max_usage_in_bytes"],
  2: ["memory.current", "memory.peak"],
};

function memoryUsage({ path, version }: CgroupDirectory): string {
  const [current, peak] = USAGE_FILES[version].map((file) => readText(`${path}/${file}`).trim());
  return `current usage: ${current}, peak usage: ${peak}`;
}

function realtimeAbove({ path }: CgroupDirectory): string {
  const above = dirname(path);
  const [runtime, period] = ["runtime", "period"].map((name) => readText(`${above}/cpu.rt_${name}_us`).trim());
  return `the cgroup above, "${above}", has ${runtime} of ${period}`;
}

function cpusetAbove({ path, version }: CgroupDirectory, file: string): string {
  const above = dirname(path);
  // The root of v2 has this file only.
  return `the cgroup above, "${above}", has "${readText(`${above}/${version === 1 ? file : `${file}.effective`}`).trim()}"`;
}

function pageSizes({ path, version }: CgroupDirectory): string {
  const file = version === 1 ? /^hugetlb\.(\w+)\.limit_in_bytes$/ : /^hugetlb\.(\w+)\.max$/;
  const sizes = readdirSync(path).flatMap((name) => file.exec(name)?.slice(1) ?? []);
  return `the kernel's page sizes are ${sizes.map((size) => `"${size}"`).join(", ")}`;
}
