/** Attaches a device program to a container's cgroup on v2. */

import { closeSync } from "node:fs";
import { CgroupError } from "../errors.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { unifiedDirectory } from "./cgroup.ts";
import { systemError } from "./failure.ts";
import { openDirectory } from "./files.ts";

/** What is needed of the addon (bpf(2)). */
export interface DeviceKernel {
  /** Loads a program of type BPF_PROG_TYPE_CGROUP_DEVICE and returns its descriptor. */
  bpfLoadDevice(instructions: Uint8Array): number;
  /** Attaches it with BPF_F_ALLOW_MULTI, so that the cgroup's ancestors keep their say. */
  bpfAttachDevice(cgroupFd: number, programFd: number): void;
}

/** Loads and attaches the program; the kernel keeps it as long as the cgroup exists. */
export function attachDevices(
  directories: readonly CgroupDirectory[],
  program: Uint8Array,
  kernel: DeviceKernel,
): void {
  const directory = unifiedDirectory(directories);
  if (directory === undefined) throw new CgroupError("cannot restrict devices: the container has no cgroup on v2");
  const opened: number[] = [];
  try {
    const cgroupFd = openDirectory(directory.path, 2);
    opened.push(cgroupFd);
    const programFd = kernel.bpfLoadDevice(program);
    opened.push(programFd);
    kernel.bpfAttachDevice(cgroupFd, programFd);
  } catch (error) {
    throw systemError(`restrict the devices of cgroup "${directory.path}"`, error);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
