/** The addon: its types, its documentation, and how it is found. Nothing else loads it. */

import { dirname, join } from "node:path";
import { UnsupportedError } from "../errors.ts";
import type { HighestCalls } from "../seccomp/enosys.ts";

/** What every function throws: the kernel's errno, with the system call and the path that it was about. */
export interface NativeError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string;
}

export interface SpawnOptions {
  /** A descriptor of the program, or its path. */
  readonly executable?: number;
  readonly file?: string;
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** The child's descriptors from 0 on; -1: closed. No other descriptor goes along. */
  readonly fds: readonly number[];
  /** CLONE_NEW* and other flags of clone3(2). */
  readonly flags?: number | bigint;
  /** A cgroup v2 directory to be born in (CLONE_INTO_CGROUP). */
  readonly cgroup?: number;
  readonly cwd?: string;
  /** RLIMIT_NOFILE, soft and hard, where the engine changed it. */
  readonly nofile?: readonly [soft: bigint, hard: bigint];
  /** Signals that the child finds ignored, and blocked: bit n - 1 for signal n. */
  readonly ignored?: bigint;
  readonly blocked?: bigint;
}

export interface Spawned {
  readonly pid: number;
  readonly pidfd: number;
}

export interface Received {
  /** Empty at the end of file. */
  readonly bytes: Uint8Array;
  readonly fds: readonly number[];
}

/** The fields of struct sched_attr that config.json has words for. */
export interface SchedulingAttributes {
  readonly policy: number;
  readonly flags: number;
  readonly nice: number;
  readonly priority: number;
  readonly runtime: number | bigint;
  readonly deadline: number | bigint;
  readonly period: number | bigint;
}

/** What `files.ts` gives the names and forms of node:fs. */
interface NativeFiles {
  /** open(2), close-on-exec. */
  open(path: string, flags: number, mode: number): number;
  /** close(2). */
  close(fd: number): void;
  /** read(2). */
  read(fd: number, buffer: Uint8Array): number;
  /** One write(2), which may take less. */
  write(fd: number, data: string | Uint8Array): number;
  /** The whole file. */
  readBytes(path: string): Uint8Array;
  readText(path: string): string;
  /** What one read(2) brings, 4096 bytes at most: all of what the kernel makes in one piece, as /proc/PID/stat. */
  readStart(path: string): string;
  writeFile(path: string, data: string | Uint8Array, flags: number, mode: number): void;
  /** access(2), F_OK. */
  exists(path: string): boolean;
  /** access(2), W_OK, with the effective ids. */
  isWritable(path: string): boolean;
  /** stat(2). */
  stat(path: string): NativeStatus;
  /** fstat(2). */
  fstat(fd: number): NativeStatus;
  /** f_type of statfs(2). */
  statfs(path: string): number;
  /** mkdir(2). */
  mkdir(path: string, mode: number): void;
  /** rmdir(2). */
  rmdir(path: string): void;
  /** unlink(2). */
  unlink(path: string): void;
  /** realpath(3). */
  realpath(path: string): string;
  /** readlink(2). */
  readlink(path: string): string;
  /** rename(2). */
  rename(from: string, to: string): void;
  /** chown(2). */
  chown(path: string, uid: number, gid: number): void;
  /** Names in a directory, "." and ".." aside. */
  readdir(path: string, onlyDirectories: boolean): string[];
}

interface NativeStatus {
  readonly mode: number;
  readonly size: number;
  readonly inode: number;
}

/** Every function is one system call, or a walk of them, synchronous, and throws NativeError. */
export interface Native extends NativeFiles {
  /** clone3(2) with CLONE_VM and CLONE_VFORK, then execve(2): it returns when the program runs, or could not. */
  spawn(options: SpawnOptions): Spawned;
  /** The pids in a cgroup and in all below it, whatever their names and depth; none where it is gone. */
  cgroupPids(path: string): number[];
  /** Writes to the file of a cgroup and to those of all below it, as far as they take it. */
  writeCgroups(path: string, file: string, text: string): void;
  /** Removes a cgroup with all below it; returns what is held, and by whom: nothing when it is gone. */
  removeCgroup(path: string): { readonly path: string; readonly pids: readonly number[] }[];
  /** pidfd_open(2). */
  pidfdOpen(pid: number): number;
  /** pidfd_send_signal(2). */
  pidfdSendSignal(pidfd: number, signal: number): void;
  /** pidfd_getfd(2). */
  pidfdGetfd(pidfd: number, fd: number): number;
  /** waitid(2) on a child: how it ended, and it is reaped; null while it runs. */
  waitPidfd(pidfd: number): { readonly code: number; readonly signal: number } | null;
  /** kill(2). */
  kill(pid: number, signal: number): void;
  /** prlimit(2); returns the limits as they were. */
  prlimit(pid: number, resource: number, soft?: bigint, hard?: bigint): [soft: bigint, hard: bigint];
  /** sched_setattr(2). */
  schedSetattr(pid: number, attributes: SchedulingAttributes): void;
  /** PR_SET_CHILD_SUBREAPER of prctl(2). */
  becomeSubreaper(): void;
  /** setsid(2). */
  setSession(): number;
  /** waitid(2), without reaping: a child that has ended, and whether spawn() made it; null when there is none. */
  endedChild(): { readonly pid: number; readonly spawned: boolean } | null;
  /** Reaps a child that has ended. */
  reap(pid: number): void;

  /** _exit(2): all that was to be written has been, synchronously. */
  exitNow(status: number): never;

  /** setns(2): in a process with threads not for mount and user namespaces, which are steps of a plan. */
  setns(fd: number, type: number): void;
  /** pivot_root(2). */
  pivotRoot(newRoot: string, putOld: string): void;
  /** mount(2); empty strings are null pointers. */
  mount(source: string, target: string, type: string, flags: number, data: string): void;
  /** umount2(2). */
  umount(target: string, flags: number): void;
  /** fsopen(2). */
  fsopen(type: string): number;
  /** fsconfig(2). */
  fsconfig(fd: number, command: number, key?: string, value?: string): void;
  /** fsmount(2). */
  fsmount(fd: number, attributes: number): number;
  /** open_tree(2). */
  openTree(dir: number, path: string, flags: number): number;
  /** move_mount(2). */
  moveMount(fromFd: number, fromPath: string, toFd: number, toPath: string, flags: number): void;
  /** mount_setattr(2). */
  mountSetattr(
    dir: number,
    path: string,
    flags: number,
    attr: { readonly set?: number; readonly clear?: number; readonly propagation?: number; readonly userns?: number },
  ): void;

  /** openat2(2), close-on-exec. */
  openat2(dir: number, path: string, how: { readonly flags: number; readonly mode?: number; readonly resolve?: number }): number;
  /** memfd_create(2) with these bytes, and every seal. */
  sealedMemfd(name: string, bytes: Uint8Array): number;
  /** The same with a file's bytes. */
  sealedCopy(name: string, path: string): number;
  /** flock(2); false when LOCK_NB found it held. */
  flock(fd: number, operation: number): boolean;
  /**
   * Opens and locks a directory. null: LOCK_NB found it held. undefined: it does not exist, or what was locked is not
   * what the path names any more, because it was removed while the lock was waited for.
   */
  lockDirectory(path: string, operation: number): number | null | undefined;
  /** mkfifo(3), with this mode whatever the umask. */
  mkfifo(path: string, mode: number): void;
  /** f_type of fstatfs(2). */
  fstatfs(fd: number): number;
  /** One write to a file of a directory: a cgroup's, for example. */
  writeAt(dir: number, name: string, text: string): void;
  /** pipe2(2), close-on-exec. */
  pipe(): [reader: number, writer: number];
  /** A copy of a descriptor at `min` or above, close-on-exec (F_DUPFD_CLOEXEC). */
  dupAbove(fd: number, min: number): number;
  /** How many bytes of a pipe or fifo nobody has read yet, told at either end (FIONREAD of pipe(7)). */
  unread(fd: number): number;
  /** The CLONE_NEW* flag of a namespace's descriptor (NS_GET_NSTYPE of ioctl_ns(2)); ENOTTY where it is none. */
  namespaceType(fd: number): number;
  /** A descriptor of the user namespace that a namespace belongs to (NS_GET_USERNS of ioctl_ns(2)). */
  owningUserNamespace(fd: number): number;
  /** O_NONBLOCK, on or off. */
  setNonblocking(fd: number, on: boolean): void;

  /** socketpair(2): SOCK_SEQPACKET. */
  socketpair(): [number, number];
  /** A stream socket, connected to a path. */
  connectUnix(path: string): number;
  /** A stream socket that listens at a path, and is for this user alone (mode 0600). */
  listenUnix(path: string): number;
  /** A datagram socket that does not wait, connected to a path, or to "@name" of the abstract namespace. */
  connectDatagrams(path: string): number;
  /** A datagram socket that does not wait, bound to a path that must be free; everybody may write to it (mode 0777). */
  bindDatagrams(path: string): number;
  /** accept4(2); null when nobody waits. */
  accept(fd: number): number | null;
  /** sendmsg(2) with descriptors (SCM_RIGHTS). */
  send(fd: number, bytes: Uint8Array, fds?: readonly number[]): number;
  /** recvmsg(2) without waiting; null when there is nothing yet. */
  receive(fd: number): Received | null;

  /** A route socket of netlink(7) in the network namespace of a descriptor, or in this process's own. */
  netlinkRoute(namespace?: number): number;

  /** Makes a terminal raw; returns its settings as they were. */
  makeRaw(fd: number): Uint8Array;
  /** Has a terminal pass on newlines as they are written, without a carriage return before them (ONLCR of termios(3)). */
  keepNewlines(fd: number): void;
  setTerminal(fd: number, settings: Uint8Array): void;
  windowSize(fd: number): [rows: number, columns: number];
  setWindowSize(fd: number, rows: number, columns: number): void;
  /** Whether no other job has the terminal: tcgetpgrp(3). */
  isForeground(fd: number): boolean;
  /** TIOCGPTPEER of ioctl_tty(2): the slave of a master, whatever is mounted on its name. */
  ptyPeer(master: number): number;
  openPty(): [master: number, slave: number];

  /** BPF_PROG_LOAD of a device program (bpf(2)). */
  bpfLoadDevice(instructions: Uint8Array): number;
  /** BPF_PROG_ATTACH; with `replace` one program takes another's place in one step. */
  bpfAttachDevice(cgroup: number, program: number, replace?: number): void;
  /** BPF_PROG_DETACH. */
  bpfDetachDevice(cgroup: number, program: number): void;
  /** BPF_PROG_QUERY: the ids of the device programs that are attached to this cgroup itself. */
  bpfQueryDevices(cgroup: number): number[];
  /** BPF_PROG_GET_FD_BY_ID. */
  bpfOpenProgram(id: number): number;
  /** The name of a program, from BPF_OBJ_GET_INFO_BY_FD. */
  bpfProgramName(program: number): string;

  /** SHA-256 of a text's UTF-8, hexadecimal. */
  sha256(text: string): string;

  /** Compiles rules of `seccomp/rules.ts` with libseccomp; `highest` is the highest call number that it knows. */
  seccompCompile(rules: object): {
    readonly bpf: Uint8Array;
    readonly unknown: readonly string[];
    readonly highest: HighestCalls;
  };
  /** The version of libseccomp. */
  seccompLibrary(): string;
  /** Whether the kernel knows these flags of SECCOMP_SET_MODE_FILTER (seccomp(2)). */
  seccompHasFlags(flags: number): boolean;

  /**
   * Copies from one descriptor to the other in a thread, and takes both. The descriptor that it returns becomes readable
   * when the copying has ended, by its source's end or a failure; closing it ends the copying. A byte written to it tells
   * that the process whose output this is has ended: when all that it wrote has been copied, the copying has ended, too,
   * whoever else may still hold the source.
   */
  startPump(from: number, to: number): number;

  /** Starts a thread that waits, and ends with this thread of JavaScript; `native/waiter.ts` is its only caller, also of the four that follow. */
  startWaiter(dispatch: (id: number, events: number) => void): number;
  watch(waiter: number, fd: number, events: number, id: number, keepAlive: boolean): void;
  unwatch(waiter: number, fd: number): void;
  /** poll(2): waits, and everything with it, until one can be read; returns the places of those that can. */
  poll(fds: readonly number[]): number[];
  releaseWatch(waiter: number): void;
  /** eventfd(2), non-blocking. */
  eventCounter(): number;
  /** Catches signals; each that arrives is one byte on the descriptor: its number, and 128 more when the kernel made it. */
  catchSignals(signals: readonly number[]): number;
  /** These signals do again what they do by default. */
  releaseSignals(signals: readonly number[]): void;
  /** Stops this process as the signal does by default, and returns when it continues. */
  stop(signal: number): void;
}

const ADDON = "tsrun.node";
let loaded: Native | undefined;

/** The addon, loaded at its first use. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** A file of the installation: beside the compiled executable, or in dist/ of the package. */
export function installedFile(name: string): string {
  // The small engine has its modules in its own file.
  if (process.versions["quickjs"] !== undefined) return join(dirname(process.execPath), name);
  const folder = import.meta.dirname;
  // Inside an executable that Bun compiled, modules live in a file system of its own.
  if (folder.startsWith("/$bunfs/")) return join(dirname(process.execPath), name);
  // dist/js/src/native, or the source itself.
  return folder.endsWith("/dist/js/src/native") ? join(folder, "../../..", name) : join(folder, "../../dist", name);
}

function load(): Native {
  const path = installedFile(ADDON);
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (error) {
    throw new UnsupportedError(`cannot load "${path}": ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return module.exports as Native;
}

/** Whether the addon is in use, so that its functions cost nothing more. */
export function isLoaded(): boolean {
  return loaded !== undefined;
}

/** Whether an error came from the kernel through the addon, or node:fs, which has the same form. */
export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && "errno" in error && "syscall" in error && "code" in error;
}
