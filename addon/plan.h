// The wire contract between src/plan/ops.ts, which encodes a plan, and tsrun-init, which runs it.
// A test reads this file and src/plan/ops.ts and compares them.
//
//   plan    := header words:u32[] text:u8[] data:u8[]
//   header  := magic:u32 version:u32 steps:u32 inherited:u32 words:u32 text:u32 data:u32, the last three as sizes in
//              words and bytes
//   words   := step*
//   step    := op:u32 index:u32 field*                           index: the step's place in the printed plan
//
//   field kinds, in the order of the table, little endian:
//   u  two words, a u64, the low one first
//   f  one word, a descriptor of the plan: an index into init's table; kNoFd: none (AT_FDCWD where a directory is meant)
//   s  two words, offset and length in `text`; a NUL follows (the length does not count it; the bytes hold none)
//   b  two words, offset and length in `data`
//   l  one word, a count, then that many s
//
// What init finds when it begins: argv[1] is the number B of the first descriptor that is its own, in decimal.
//   B      the plan, a sealed memfd
//   B + 1  the gate, a SOCK_SEQPACKET socket
//   B + 2… the first `inherited` entries of the descriptor table, in order
//
// The gate:
//
//   init                                runtime
//    │  Message{kGate, step} + fds        │
//    ├───────────────────────────────────►│  runs the runtime's steps that stand at this gate
//    │        Reply{kGo} + fds            │
//    │◄───────────────────────────────────┤
//    │  Message{kWarning, step, errno}    │  (no reply) a step that could not be done and need not be
//    ├───────────────────────────────────►│
//    │  Message{kChild, value = pid}      │  (no reply) stage 2 lives; its pidfd is attached; stage 1 ends
//    ├───────────────────────────────────►│
//    │  Message{kFailure, step, errno}    │  (no reply) init is about to end; of two such messages the last one counts
//    ├───────────────────────────────────►│
//    │  end of file                       │  init became the program, or died
//
// After the gate "created" the same failure message goes to the exec fifo instead.
#pragma once

#include <stdint.h>

namespace plan {

constexpr uint32_t kMagic = 0x50525354;  // "TSRP"
constexpr uint32_t kVersion = 1;
constexpr uint32_t kNoFd = 0xffffffff;
constexpr uint32_t kMaxFds = 1024;

struct Header {
  uint32_t magic, version, steps, inherited, words, text, data;
};
struct StepHeader {
  uint32_t op, index;
};

enum MessageKind : uint32_t { kGate = 1, kFailure = 2, kWarning = 3, kChild = 4 };
struct Message {
  uint32_t kind, step;
  int32_t error;
  uint32_t text_length;  // bytes of text that follow: what the kernel or the op had to add
  uint64_t value;
};
enum ReplyKind : uint32_t { kGo = 1 };
struct Reply {
  uint32_t kind, fds;
};
constexpr uint32_t kMaxText = 4096 + 128;
constexpr uint32_t kMaxGateFds = 250;  // SCM_MAX_FD is 253

// X(name, code, fields)
#define TSRUN_OPS(X)                \
  X(setns, 1, "fuu")                \
  X(unshare, 2, "u")                \
  X(clone, 3, "u")                  \
  X(gate, 4, "sffu")                \
  X(write, 5, "fb")                 \
  X(close_fds, 6, "ff")             \
  X(chdir, 7, "s")                  \
  X(fchdir, 8, "f")                 \
  X(openat2, 9, "fsuuuf")           \
  X(open_tree, 10, "fsuf")          \
  X(move_mount, 11, "ffu")          \
  X(mount, 12, "sssus")             \
  X(mount_at, 13, "fssus")          \
  X(umount2, 14, "su")              \
  X(fsopen, 15, "sf")               \
  X(fsconfig_string, 16, "fss")     \
  X(fsconfig_flag, 17, "fs")        \
  X(fsconfig_create, 18, "f")       \
  X(fsmount, 19, "fuf")             \
  X(mount_setattr, 20, "fuuuuf")    \
  X(open_target, 21, "fsuuff")      \
  X(mknod, 22, "fsuuuuu")           \
  X(symlink, 23, "fssu")            \
  X(mask, 24, "fsff")               \
  X(readonly_path, 25, "fs")        \
  X(pivot_root, 26, "ss")           \
  X(chroot, 27, "s")                \
  X(sethostname, 28, "s")           \
  X(setdomainname, 29, "s")         \
  X(write_proc, 30, "fsb")          \
  X(lo_up, 31, "")                  \
  X(setrlimit, 32, "uuu")           \
  X(raise_rlimit, 33, "uu")         \
  X(umask, 34, "u")                 \
  X(setgroups, 35, "b")             \
  X(setresgid, 36, "u")             \
  X(setresuid, 37, "u")             \
  X(prctl, 38, "uuuuu")             \
  X(capbset_drop, 39, "u")          \
  X(capset, 40, "uuu")              \
  X(ambient, 41, "u")               \
  X(session_keyring, 42, "s")       \
  X(seccomp, 43, "buf")             \
  X(setsid, 44, "")                 \
  X(pty, 45, "fuuff")               \
  X(controlling_terminal, 46, "f")  \
  X(stdio, 47, "f")                 \
  X(fchown_stdio, 48, "uu")         \
  X(hook, 49, "sllssu")             \
  X(home, 50, "u")                  \
  X(cwd, 51, "suu")                 \
  X(lookup, 52, "ss")               \
  X(open_fifo, 53, "ff")            \
  X(execve, 54, "ll")               \
  X(tmpcopyup, 55, "fsf")           \
  X(fail, 56, "u")                  \
  X(sched_setattr, 57, "uuuuuuu")   \
  X(ioprio_set, 58, "uuu")          \
  X(personality, 59, "u")           \
  X(set_mempolicy, 60, "uub")       \
  X(sched_setaffinity, 61, "bu")    \
  X(umount_at, 62, "fu")            \
  X(check_device, 63, "fuuu")      \
  X(fsetxattr, 64, "fss")           \
  X(try_fifo, 65, "ff")              \
  X(fsconfig_mode, 66, "ffs")

enum class Op : uint32_t {
#define X(name, code, fields) name = code,
  TSRUN_OPS(X)
#undef X
};

}  // namespace plan
