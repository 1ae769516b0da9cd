/** The device nodes and symbolic links that every container's /dev has (config-linux.md#default-devices, runtime-linux.md). */

export interface DefaultDevice {
  /** The full path in the container. */
  readonly path: string;
  /** All of them are character devices. */
  readonly major: number;
  readonly minor: number;
}

/** The mode of all of them; their owner is root. */
export const DEFAULT_DEVICE_MODE = 0o666;

export const DEFAULT_DEVICES: readonly DefaultDevice[] = [
  { path: "/dev/null", major: 1, minor: 3 },
  { path: "/dev/zero", major: 1, minor: 5 },
  { path: "/dev/full", major: 1, minor: 7 },
  { path: "/dev/random", major: 1, minor: 8 },
  { path: "/dev/urandom", major: 1, minor: 9 },
  { path: "/dev/tty", major: 5, minor: 0 },
];

export interface DefaultSymlink {
  readonly path: string;
  readonly target: string;
  /** It is made only if this exists once the mounts are there. */
  readonly needs?: string;
}

/** /dev/ptmx is the last row: config-linux.md wants it to be the container's own. */
export const DEFAULT_SYMLINKS: readonly DefaultSymlink[] = [
  { path: "/dev/fd", target: "/proc/self/fd", needs: "/proc/self/fd" },
  { path: "/dev/stdin", target: "/proc/self/fd/0", needs: "/proc/self/fd/0" },
  { path: "/dev/stdout", target: "/proc/self/fd/1", needs: "/proc/self/fd/1" },
  { path: "/dev/stderr", target: "/proc/self/fd/2", needs: "/proc/self/fd/2" },
  { path: "/dev/ptmx", target: "pts/ptmx" },
];

export interface DefaultDeviceRule {
  readonly type: "c" | "b";
  /** undefined: all. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly access: string;
}

/**
 * What a container may do with devices besides what its rules say, as all runtimes have it: make any node, use the
 * default devices, pseudo-terminals and /dev/net/tun.
 */
export const DEFAULT_DEVICE_RULES: readonly DefaultDeviceRule[] = [
  { type: "c", major: undefined, minor: undefined, access: "m" },
  { type: "b", major: undefined, minor: undefined, access: "m" },
  ...DEFAULT_DEVICES.map(({ major, minor }): DefaultDeviceRule => ({ type: "c", major, minor, access: "rwm" })),
  { type: "c", major: 136, minor: undefined, access: "rwm" },
  { type: "c", major: 5, minor: 2, access: "rwm" },
  { type: "c", major: 10, minor: 200, access: "rwm" },
];

/** Returns a device number as mknod(2) takes it: the kernel has 12 bits for the major number and 20 for the minor. */
export function makedev(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + ((minor >>> 8) & 0xfff) * 0x100000;
}
