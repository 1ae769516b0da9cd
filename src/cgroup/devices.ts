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

/** What a program is found by, and exchanged. */
export interface ReplacingKernel extends DeviceKernel {
  bpfAttachDevice(cgroupFd: number, programFd: number, replacedFd?: number): void;
  bpfDetachDevice(cgroupFd: number, programFd: number): void;
  /** The ids of the programs that are attached to this cgroup itself. */
  bpfQueryDevices(cgroupFd: number): readonly number[];
  bpfOpenProgram(id: number): number;
  bpfProgramName(programFd: number): string;
}

/** The name that the addon loads each program with: those of others, systemd for one, are left alone. */
const PROGRAM_NAME = "tsrun_devices";
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

/**
 * Puts another program in the place of the one that is attached, in one step (BPF_F_REPLACE), so that at no time both or
 * none decide; without a program nothing is restricted any more.
 */
export function replaceDevices(directories: readonly CgroupDirectory[], program: Uint8Array | undefined, kernel: ReplacingKernel): void {
  const directory = unifiedDirectory(directories);
  if (directory === undefined) throw new CgroupError("cannot restrict devices: the container has no cgroup on v2");
  const opened: number[] = [];
  const held = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const cgroupFd = held(openDirectory(directory.path, 2));
    const old: number[] = [];
    for (const id of kernel.bpfQueryDevices(cgroupFd)) {
      const fd = held(kernel.bpfOpenProgram(id));
      if (kernel.bpfProgramName(fd) === PROGRAM_NAME) old.push(fd);
    }
    const [first, ...rest] = old;
    if (program !== undefined) kernel.bpfAttachDevice(cgroupFd, held(load(program, kernel)), first);
    for (const fd of program === undefined ? old : rest) kernel.bpfDetachDevice(cgroupFd, fd);
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
