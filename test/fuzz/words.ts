/** What a field of a config may be given: by its key, values that mean something there, and some that nearly do. */

import type { Json } from "./tree.ts";

const LONG = "x".repeat(255);

/** Paths, of the sandbox and of a container's root, that lead somewhere, nowhere, around, and out. */
export const PATHS: readonly string[] = [
  "/", "", ".", "..", "/..", "/../../../..", "//", "/./a", "a", "a/b", "/a/b/c/d/e", "/a/../../b", "//a//b/", "../../etc", "/a/",
  "/proc", "/proc/self", "/proc/self/fd/3", "/proc/self/exe", "/proc/1/root", "/proc/self/root", "/proc/sys", "/proc/thread-self/attr", "/proc/kcore",
  "/sys", "/sys/fs/cgroup", "/sys/firmware", "/dev", "/dev/null", "/dev/pts", "/dev/pts/0", "/dev/ptmx", "/dev/console", "/dev/shm", "/dev/mqueue", "/dev/fd",
  "/etc", "/etc/passwd", "/bin", "/bin/true", "/bin/sleep", "/tmp", "/root", "/etc/resolv.conf", "/run", "/var", "/home/user",
  "/link", "/link/x", "/loop", "/up", "/up/x", "/out", "/out/etc", "/abs", "/dangling", "/dangling/x", "/fifo",
  "/src/dir", "/src/file", "/src/empty", "/src/fifo", "/src/link", "/src/loop", "/src/dangling", "/src/missing", "/src/private", "/src/dir/file",
  "/bundle/rootfs", "/bundle", "rootfs", "rootfs/..", "./rootfs/", "rootfs/link", "rootfs/bin/true",
  `/${LONG}`, `/${LONG}x`, `/${`${LONG}/`.repeat(15)}`, `/${`${LONG}/`.repeat(20)}`, `/${"a/".repeat(500)}`,
  "/with blank", "/with\nnewline", "/with\ttab", "/\u00fcn\u00efcode", "/\u202e\u0000", "/a\0b", "/\ud800", "/a\\b", "/a,b", "/a:b", "/a=b", '/"a"', "/%s%n", "/$HOME", "/~",
];

const NUMBERS: readonly string[] = ["0", "0-1", "0,1", "1", "0-0", "0-1023", "9999", "1-0", "-", ",", "0-", " 0", "", "a", "0-1,0-1", "-1", "4294967296", "0x0", "all"];

const NAMESPACES: readonly string[] = [
  ...["net", "ipc", "uts", "user", "cgroup", "time", "mnt"].map((type) => `/run/ns/${type}`),
  ...["net", "ipc", "uts", "mnt", "pid", "user", "cgroup", "time", "pid_for_children"].map((type) => `/proc/1/ns/${type}`),
  "/proc/self/ns/net", "/proc/0/ns/net", "/proc/999999/ns/net", "/proc/1/fd/0", "/proc/self/ns", "/src/file", "/src/fifo", "",
];

const OPTIONS: readonly string[] = [
  "ro", "rw", "bind", "rbind", "nosuid", "nodev", "noexec", "relatime", "strictatime", "noatime", "nodiratime", "nosymfollow", "sync", "remount", "defaults",
  "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable", "rro", "rnoexec", "rnosuid", "rrelatime", "idmap", "ridmap", "tmpcopyup",
  "mode=755", "mode=0", "mode=99999", "mode=", "size=65536k", "size=1", "size=0", "size=-1", "size=999999999999999999999", "size=50%", "nr_inodes=2", "uid=0", "gid=4294967295",
  "newinstance", "ptmxmode=0666", "gid=5", "hidepid=2", "subset=pid", "lowerdir=/src/dir", "upperdir=/src/dir/inner", "workdir=/src", "lowerdir=/src/dir:/src",
  "none,name=x", "memory", "x=".padEnd(5000, "y"), "", ",", "=", "a=b=c", "ro,rw", "SIZE=1", "mode=\0", "context=\"x\"", "huge=always", "norelatime", "lazytime", "silent", "loud",
];

const TYPES: readonly string[] = ["tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "bind", "none", "overlay", "ramfs", "ext4", "nfs", "fuse", "xxx", "", "TMPFS", "tmpfs\0", "tmpfs.x", "devtmpfs", "debugfs"];

const CAPABILITIES: readonly string[] = ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_KILL", "CAP_SYS_BOOT", "CAP_NET_ADMIN", "CAP_CHECKPOINT_RESTORE", "CAP_NONE", "chown", "CAP_LAST_CAP", "CAP_40", "cap_kill", "ALL", ""];

const RLIMITS: readonly string[] = ["AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE", "NPROC", "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK"].map((name) => `RLIMIT_${name}`);

const TEXTS: readonly string[] = ["", "x", " ", "\0", "a\0b", "\n", "-", "--", "=", "A=b", "A", "=b", "A=b\0C=d", LONG, "x".repeat(5000), "\ud800", "\u{1f600}", "\u202e", "%s%n%d", "${HOME}", "`id`", "../..", "null", "0", "-1", "true", "[]", '"', "\\", "__proto__", "constructor", "toString"];

/** By key; where a key means different things, the list has values for all of them. */
export const WORDS: Readonly<Record<string, readonly Json[]>> = {
  ociVersion: ["1.0.0", "1.0.2-dev", "1.2.1", "1.3.0", "1.9.9", "2.0.0", "0.9.0", "1", "1.0", "v1.0.0", "1.0.0+x", ""],
  path: [...PATHS, ...NAMESPACES, "/hooks/true", "/hooks/false", "/hooks/cat", "/hooks/script", "/hooks/lost", "/hooks/text", "/hooks", "/hooks/none"],
  destination: PATHS,
  source: [...PATHS, "tmpfs", "none", "proc", "/run/ns/net", "/bundle/config.json", "/state"],
  type: [...TYPES, "c", "b", "u", "p", "a", "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", ...RLIMITS],
  options: OPTIONS,
  cwd: [...PATHS, "/new/place"],
  args: ["/bin/sleep", "/bin/true", "sleep", "true", "60", "/bin/script", "/bin/lost", "/bin/text", "/bin/none", "none", "/bin", "/", "./true", "bin/true", "", ".", "..", "/link/true", "/loop", "/dev/null", "/fifo"],
  env: ["PATH=/bin", "PATH=", "PATH", "HOME=/x", "A=b", "A=b", "=", "=x", "", "LISTEN_FDS=3", "LD_PRELOAD=/x", `A=${"x".repeat(131072)}`, "A=\0", "A=\n"],
  rootfsPropagation: ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable", "", "none", "SHARED"],
  cgroupsPath: ["/a", "a", "a/b/c", "/a/b/../c", "..", "/..", "/", "", "//", "/driver", "/driver/x", "system.slice:a:b", "a:b:c:d", "/.", "/a\nb", "/a\0b", `/${LONG}`, `/${LONG}x`, `/${"a/".repeat(200)}`, "/cgroup.procs", "/memory.max", "/-", "/\u00fc", "unified", "/memory"],
  bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES, inheritable: CAPABILITIES, ambient: CAPABILITIES,
  maskedPaths: PATHS,
  readonlyPaths: PATHS,
  cpus: NUMBERS, mems: NUMBERS, nodes: NUMBERS, initial: NUMBERS, final: NUMBERS,
  access: ["r", "w", "m", "rw", "rwm", "", "x", "rwmrwm", "RWM", "r w"],
  hostname: ["x", "a.b", LONG, "x".repeat(64), "x".repeat(65), "", "a\0b", "\u00fc", "a b"],
  domainname: ["x", "a.b", "x".repeat(64), "x".repeat(65), "", "a\0b"],
  apparmorProfile: ["", "unconfined", "docker-default", "none", "a\0b", "x".repeat(5000)],
  selinuxLabel: ["", "system_u:system_r:container_t:s0", "x", "a\0b"],
  mountLabel: ["", "system_u:object_r:container_file_t:s0", "x"],
  listenerPath: ["/run/seccomp.sock", "/src/missing", "/src/file", "/src/fifo", "seccomp.sock", "", `/${LONG}`],
  listenerMetadata: TEXTS,
  names: ["read", "write", "execve", "openat", "clone", "clone3", "mount", "none", "", "ptrace", "futex", "exit_group", "sendmsg", "write\0", "socketcall", "_llseek"],
  flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_NONE", "SCHED_FLAG_RESET_ON_FORK", "MPOL_F_STATIC_NODES", ""],
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_NONE"],
  schemata: ["L3:0=f", "L3:0=", "MB:0=50", "", "L3:0=f\nL3:1=f"],
  closID: ["a", "..", "/", "a/b", ".", "", "x".repeat(300)],
  pageSize: ["2MB", "1GB", "4KB", "3MB", "", "2mb", "64KB"],
  name: ["fuzz0", "fuzz1", "lo", "eth0", "none", "x".repeat(15), "x".repeat(16), "", "a/b", ".", "..", "a b", "%d", "a\0b"],
  username: TEXTS,
  domain: ["LINUX", "LINUX32", "BSD", ""],
  mode: ["MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL", "MPOL_NONE"],
};

/** Keys of maps, by the map's own key. */
export const MAP_KEYS: Readonly<Record<string, readonly string[]>> = {
  sysctl: ["kernel.shmmax", "kernel.msgmax", "kernel.sem", "kernel.hostname", "kernel.domainname", "kernel.panic", "kernel/shmmax", "net.ipv4.ip_forward", "net.core.somaxconn", "net.ipv4.conf.lo/x.forwarding", "net.ipv4.conf.all.none", "net.core.rmem_max", "fs.mqueue.msg_max", "fs.file-max", "vm.overcommit_memory", "kernel", "", ".", "..", "net..x", "net/../kernel/panic", "net.\0", "user.max_user_namespaces", "kernel.shm_rmid_forced"],
  annotations: ["a", "", "org.opencontainers.image.os", "run.oci.handler", "org.systemd.property.X", "\0", "x".repeat(10000)],
  unified: ["memory.high", "memory.max", "pids.max", "cpu.max", "cgroup.procs", "cgroup.freeze", "cgroup.kill", "cgroup.subtree_control", "../memory.max", "a/b", "", ".", "none", "memory.none", "io.max", "memory.max\0", "hugetlb.2MB.max"],
  netDevices: ["fuzz0", "fuzz1", "fuzz2", "fuzz3", "lo", "none", "", "x".repeat(16), "a/b", ".."],
  rdma: ["mlx5_0", "", "a b", "/"],
  "": ["a", "", "x.y", "\0"],
};

/** Values of maps of strings, by the map's own key. */
export const MAP_VALUES: Readonly<Record<string, readonly Json[]>> = {
  sysctl: ["0", "1", "65536", "-1", "", "x", "1 2 3 4", "0\n1", "9".repeat(50), "x".repeat(5000), "\0"],
  unified: ["0", "1", "max", "-1", "", "x", "100000 100000", "1000000", "+memory", "\0", "a\nb"],
};

export { TEXTS };
