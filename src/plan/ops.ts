/**
 * The ops of init: their numbers, their fields, and the system calls that each makes.
 *
 * One row is one line of addon/plan.h, and a test compares the two. `calls` is a regular expression over the names of
 * the system calls, each followed by a blank; strace of a real run is held against it.
 */

/** Field kinds as in addon/plan.h: u number, f descriptor, s string, b bytes, l list of strings. */
export type FieldKind = "u" | "f" | "s" | "b" | "l";

export interface OpRow {
  readonly code: number;
  readonly fields: readonly (readonly [name: string, kind: FieldKind])[];
  readonly calls: string;
}

const WALK = "(openat2 |statx |readlinkat |mkdirat |openat |close )*";

export const OPS = {
  setns: { code: 1, fields: [["fd", "f"], ["type", "u"], ["attempt", "u"]], calls: "(setns (close )?)?" },
  unshare: { code: 2, fields: [["flags", "u"]], calls: "unshare " },
  clone: { code: 3, fields: [["flags", "u"]], calls: "(pipe2 clone3 (sendmsg write )?)?(close read close )?" },
  gate: { code: 4, fields: [["name", "s"], ["send", "f"], ["receive", "f"], ["count", "u"]], calls: "(sendmsg |write )(recvmsg |read )" },
  write: { code: 5, fields: [["fd", "f"], ["data", "b"]], calls: "write " },
  close_fds: { code: 6, fields: [["keep", "f"], ["also", "f"]], calls: "(close )*" },
  chdir: { code: 7, fields: [["path", "s"]], calls: "chdir " },
  fchdir: { code: 8, fields: [["fd", "f"]], calls: "fchdir " },
  openat2: {
    code: 9,
    fields: [["dir", "f"], ["path", "s"], ["flags", "u"], ["mode", "u"], ["resolve", "u"], ["to", "f"]],
    calls: "openat2 (close )?",
  },
  open_tree: { code: 10, fields: [["dir", "f"], ["path", "s"], ["flags", "u"], ["to", "f"]], calls: "open_tree (close )?" },
  move_mount: { code: 11, fields: [["from", "f"], ["to", "f"], ["flags", "u"]], calls: "move_mount " },
  mount: {
    code: 12,
    fields: [["source", "s"], ["target", "s"], ["type", "s"], ["flags", "u"], ["data", "s"]],
    calls: "mount ",
  },
  mount_at: {
    code: 13,
    fields: [["fd", "f"], ["source", "s"], ["type", "s"], ["flags", "u"], ["data", "s"]],
    calls: "mount ",
  },
  umount2: { code: 14, fields: [["target", "s"], ["flags", "u"]], calls: "umount2 " },
  fsopen: { code: 15, fields: [["type", "s"], ["to", "f"]], calls: "fsopen (close )?" },
  fsconfig_string: { code: 16, fields: [["fd", "f"], ["key", "s"], ["value", "s"]], calls: "fsconfig " },
  fsconfig_flag: { code: 17, fields: [["fd", "f"], ["key", "s"]], calls: "fsconfig " },
  fsconfig_create: { code: 18, fields: [["fd", "f"]], calls: "fsconfig " },
  fsmount: { code: 19, fields: [["fd", "f"], ["attributes", "u"], ["to", "f"]], calls: "fsmount (close )?" },
  mount_setattr: {
    code: 20,
    fields: [["fd", "f"], ["flags", "u"], ["set", "u"], ["clear", "u"], ["propagation", "u"], ["userns", "f"]],
    calls: "mount_setattr ",
  },
  open_target: {
    code: 21,
    fields: [["root", "f"], ["path", "s"], ["kind", "u"], ["resolve", "u"], ["like", "f"], ["to", "f"]],
    calls: `(statx )?openat2 ${WALK}(close )?`,
  },
  mknod: {
    code: 22,
    fields: [["root", "f"], ["path", "s"], ["mode", "u"], ["major", "u"], ["minor", "u"], ["uid", "u"], ["gid", "u"]],
    calls: `openat2 ${WALK}mknodat (fchownat |statx )close `,
  },
  symlink: {
    code: 23,
    fields: [["root", "f"], ["path", "s"], ["target", "s"], ["replace", "u"]],
    calls: `openat2 ${WALK}(unlinkat )?symlinkat close `,
  },
  mask: {
    code: 24,
    fields: [["root", "f"], ["path", "s"], ["null", "f"], ["empty", "f"]],
    calls: "openat2 (statx (statx )?open_tree move_mount close (close )?)?",
  },
  readonly_path: {
    code: 25,
    fields: [["root", "f"], ["path", "s"]],
    calls: "openat2 (open_tree mount_setattr move_mount close close )?",
  },
  pivot_root: { code: 26, fields: [["new_root", "s"], ["put_old", "s"]], calls: "pivot_root " },
  chroot: { code: 27, fields: [["path", "s"]], calls: "chroot " },
  sethostname: { code: 28, fields: [["name", "s"]], calls: "sethostname " },
  setdomainname: { code: 29, fields: [["name", "s"]], calls: "setdomainname " },
  write_proc: { code: 30, fields: [["proc", "f"], ["path", "s"], ["data", "b"]], calls: "openat2 fstatfs write close " },
  lo_up: { code: 31, fields: [], calls: "socket ioctl ioctl close " },
  setrlimit: { code: 32, fields: [["resource", "u"], ["soft", "u"], ["hard", "u"]], calls: "prlimit64 " },
  raise_rlimit: { code: 33, fields: [["resource", "u"], ["hard", "u"]], calls: "prlimit64 (prlimit64 )?" },
  umask: { code: 34, fields: [["mask", "u"]], calls: "umask " },
  setgroups: { code: 35, fields: [["gids", "b"]], calls: "setgroups " },
  setresgid: { code: 36, fields: [["gid", "u"]], calls: "setresgid " },
  setresuid: { code: 37, fields: [["uid", "u"]], calls: "setresuid " },
  prctl: {
    code: 38,
    fields: [["option", "u"], ["arg2", "u"], ["arg3", "u"], ["arg4", "u"], ["arg5", "u"]],
    calls: "prctl ",
  },
  capbset_drop: { code: 39, fields: [["keep", "u"]], calls: "(prctl )+" },
  capset: { code: 40, fields: [["effective", "u"], ["permitted", "u"], ["inheritable", "u"]], calls: "capset " },
  ambient: { code: 41, fields: [["set", "u"]], calls: "(prctl |write )+" },
  session_keyring: { code: 42, fields: [["name", "s"]], calls: "keyctl (keyctl |write )" },
  seccomp: { code: 43, fields: [["filter", "b"], ["flags", "u"], ["listener", "f"]], calls: "seccomp (close )?" },
  setsid: { code: 44, fields: [], calls: "setsid " },
  pty: {
    code: 45,
    fields: [["root", "f"], ["rows", "u"], ["columns", "u"], ["master", "f"], ["slave", "f"]],
    calls: "openat2 fstatfs ioctl ioctl (ioctl )?",
  },
  controlling_terminal: { code: 46, fields: [["fd", "f"]], calls: "ioctl " },
  stdio: { code: 47, fields: [["fd", "f"]], calls: "dup3 dup3 dup3 " },
  fchown_stdio: { code: 48, fields: [["uid", "u"], ["terminal", "u"]], calls: "(statx |fstatfs |fchown )*" },
  hook: {
    code: 49,
    fields: [["path", "s"], ["args", "l"], ["env", "l"], ["before", "s"], ["after", "s"], ["timeout", "u"]],
    calls:
      "pipe2 pipe2 pipe2 getpid rt_sigaction (mmap )*clone3 " +
      "(close |fcntl |clock_gettime |ppoll |write |read |wait4 |kill |rt_sigaction )*",
  },
  home: { code: 50, fields: [["uid", "u"]], calls: "openat2 (statx (read )*close )?" },
  cwd: { code: 51, fields: [["path", "s"], ["make", "u"], ["attempt", "u"]], calls: `(chdir (openat ${WALK}chdir )?)?(getcwd )?` },
  lookup: { code: 52, fields: [["name", "s"], ["path", "s"]], calls: "(statx |faccessat2 )+" },
  open_fifo: { code: 53, fields: [["proc", "f"], ["fifo", "f"]], calls: "close openat " },
  execve: { code: 54, fields: [["args", "l"], ["env", "l"]], calls: "(mmap )*execve " },
  tmpcopyup: {
    code: 55,
    fields: [["root", "f"], ["path", "s"], ["to", "f"]],
    calls:
      "openat2 (openat |close |getdents64 |statx |mkdirat |sendfile |readlinkat |symlinkat |mknodat |fchownat |fchmodat )*",
  },
  fail: { code: 56, fields: [["errno", "u"]], calls: "" },
  sched_setattr: {
    code: 57,
    fields: [["policy", "u"], ["flags", "u"], ["nice", "u"], ["priority", "u"], ["runtime", "u"], ["deadline", "u"], ["period", "u"]],
    calls: "sched_setattr ",
  },
  ioprio_set: { code: 58, fields: [["which", "u"], ["who", "u"], ["priority", "u"]], calls: "ioprio_set " },
  personality: { code: 59, fields: [["persona", "u"]], calls: "personality " },
  set_mempolicy: { code: 60, fields: [["mode", "u"], ["flags", "u"], ["nodes", "b"]], calls: "set_mempolicy " },
  sched_setaffinity: { code: 61, fields: [["mask", "b"], ["attempt", "u"]], calls: "sched_setaffinity " },
  umount_at: { code: 62, fields: [["fd", "f"], ["flags", "u"]], calls: "umount2 " },
  check_device: { code: 63, fields: [["fd", "f"], ["mode", "u"], ["major", "u"], ["minor", "u"]], calls: "statx " },
  fsetxattr: { code: 64, fields: [["fd", "f"], ["name", "s"], ["value", "s"]], calls: "openat fsetxattr close " },
  try_fifo: { code: 65, fields: [["proc", "f"], ["fifo", "f"]], calls: "read openat close " },
  fsconfig_mode: { code: 66, fields: [["fd", "f"], ["root", "f"], ["path", "s"]], calls: "openat2 (statx close (fsconfig )?)?" },
} as const satisfies Readonly<Record<string, OpRow>>;

export type OpName = keyof typeof OPS;
