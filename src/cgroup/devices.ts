/** Attaches a device program to a container's cgroup on v2. */

import { CgroupError } from "../errors.ts";
import { closeSync } from "../native/files.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { unifiedDirectory } from "./cgroup.ts";
import { errnoOf, systemError } from "./failure.ts";
import { openDirectory } from "./files.ts";

/** What is needed of the addon (bpf(2)). */
export interface DeviceKernel {
  /** Loads a program of type BPF_PROG_TYPE_CGROUP_DEVICE and returns its descriptor. */
  bpfLoadDevice(instructions: Uint8Array): number;
  /** Attaches it with BPF_F_ALLOW_MULTI, so that the cgroup's ancestors keep their say. */
  bpfAttachDevice(cgroupFd: number, programFd: number): void;
}

const LOAD_ATTEMPTS = 10;

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
    const programFd = load(program, kernel);
    opened.push(programFd);
    kernel.bpfAttachDevice(cgroupFd, programFd);
  } catch (error) {
    throw systemError(`restrict the devices of cgroup "${directory.path}"`, error);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** The verifier gives up with EAGAIN when a signal is pending, and does it all again when asked again (bpf(2)). */
function load(program: Uint8Array, kernel: DeviceKernel): number {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return kernel.bpfLoadDevice(program);
    } catch (error) {
      if (errnoOf(error) !== "EAGAIN" || attempt === LOAD_ATTEMPTS) throw error;
    }
  }
}
