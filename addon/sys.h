// System calls without a C library, for code that runs where none may be trusted: the static init, and the child
// between clone and exec, which shares its parent's memory and so must not touch errno or any lock.
// Each returns the kernel's value, -errno on failure.
#pragma once

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

namespace sys {

#if defined(__x86_64__)
inline long call(long n, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call(long n, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long x8 asm("x8") = n;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
  return x0;
}
#else
#error "tsrun knows x86_64 and aarch64"
#endif

inline long ptr(const void* p) { return reinterpret_cast<long>(p); }

// The kernel's own structures, where the UAPI headers clash with those of a C library.
struct OpenHow {
  uint64_t flags, mode, resolve;
};
struct MountAttr {
  uint64_t attr_set, attr_clr, propagation, userns_fd;
};
struct CloneArgs {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
struct Iovec {
  void* base;
  size_t length;
};
struct Msghdr {
  void* name;
  int name_length;
  Iovec* iov;
  size_t iov_length;
  void* control;
  size_t control_length;
  unsigned flags;
};
struct Cmsghdr {
  size_t length;
  int level, type;
};
struct Rlimit {
  uint64_t soft, hard;
};
// struct sched_attr of linux/sched/types.h, version 1. No field of config.json says what the clamps are.
struct SchedAttr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t clamp_min, clamp_max;
};
static_assert(sizeof(SchedAttr) == 56);
struct Timespec {
  int64_t seconds, nanoseconds;
};
struct Pollfd {
  int fd;
  short events, revents;
};
struct Sigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

constexpr int kAtFdcwd = -100;
constexpr int kAtEmptyPath = 0x1000;
constexpr int kAtSymlinkNofollow = 0x100;
constexpr int kAtRecursive = 0x8000;
constexpr int kAtEaccess = 0x200;
constexpr int kAtRemovedir = 0x200;

// The open flags differ between the architectures.
constexpr int kOWronly = 01, kORdwr = 02, kOCreat = 0100, kOExcl = 0200, kOTrunc = 01000, kONonblock = 04000;
constexpr int kOCloexec = 02000000, kOPath = 010000000, kONoctty = 0400;
#if defined(__aarch64__)
constexpr int kODirectory = 040000, kONofollow = 0100000;
#else
constexpr int kODirectory = 0200000, kONofollow = 0400000;
#endif

constexpr int kEPERM = 1, kENOENT = 2, kEINTR = 4, kEIO = 5, kENXIO = 6, kE2BIG = 7, kENOEXEC = 8, kEBADF = 9, kEAGAIN = 11,
              kENOMEM = 12, kEACCES = 13, kEFAULT = 14, kEEXIST = 17, kEXDEV = 18, kENODEV = 19, kENOTDIR = 20, kEISDIR = 21,
              kEINVAL = 22, kENOTTY = 25, kEPIPE = 32, kENAMETOOLONG = 36, kENOSYS = 38, kELOOP = 40, kEPROTO = 71,
              kEOPNOTSUPP = 95, kETIMEDOUT = 110, kEDQUOT = 122, kEROFS = 30;

inline long read(int fd, void* buffer, size_t size) { return call(__NR_read, fd, ptr(buffer), (long)size); }
inline long write(int fd, const void* buffer, size_t size) { return call(__NR_write, fd, ptr(buffer), (long)size); }
inline long close(int fd) { return call(__NR_close, fd); }
inline long close_range(unsigned first, unsigned last, unsigned flags) {
  return call(__NR_close_range, first, last, flags);
}
inline long openat(int dir, const char* path, int flags, unsigned mode = 0) {
  return call(__NR_openat, dir, ptr(path), flags, mode);
}
// Below a root the kernel gives up on ".." when anything has been renamed or mounted meanwhile, wherever on the machine:
// whoever renames without end, in another container, shall not keep this one from its way (openat2(2), EAGAIN).
inline long openat2(int dir, const char* path, const OpenHow& how) {
  constexpr int kMostTries = 1000;
  long result = -kEAGAIN;
  for (int tries = 0; result == -kEAGAIN && tries < kMostTries; tries++)
    result = call(__NR_openat2, dir, ptr(path), ptr(&how), sizeof how);
  return result;
}
inline long dup3(int from, int to, int flags) { return call(__NR_dup3, from, to, flags); }
inline long fcntl(int fd, int command, long argument) { return call(__NR_fcntl, fd, command, argument); }
inline long execve(const char* path, char* const* argv, char* const* envp) {
  return call(__NR_execve, ptr(path), ptr(argv), ptr(envp));
}
inline long execveat(int fd, const char* path, char* const* argv, char* const* envp, int flags) {
  return call(__NR_execveat, fd, ptr(path), ptr(argv), ptr(envp), flags);
}
[[noreturn]] inline void exit(int status) {
  call(__NR_exit_group, status);
  // A seccomp filter may refuse even this; a fault ends the process all the same, pid 1 too.
  __builtin_trap();
}
inline long prctl(int option, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0, unsigned long d = 0) {
  return call(__NR_prctl, option, (long)a, (long)b, (long)c, (long)d);
}
inline long prlimit(int resource, const Rlimit* set, Rlimit* old) {
  return call(__NR_prlimit64, 0, resource, ptr(set), ptr(old));
}
// struct statfs begins with f_type, a long, on both architectures; the rest is not looked at.
inline long file_system_of(int fd) {
  long status[32];
  long result = call(__NR_fstatfs, fd, ptr(status));
  return result < 0 ? result : status[0];
}
inline long sched_setattr(int pid, const SchedAttr& attr) { return call(__NR_sched_setattr, pid, ptr(&attr), 0); }
inline long sigaction(int signal, const Sigaction* action) {
  return call(__NR_rt_sigaction, signal, ptr(action), 0, sizeof(uint64_t));
}
inline long sigprocmask(int how, const uint64_t* set, uint64_t* old) {
  return call(__NR_rt_sigprocmask, how, ptr(set), ptr(old), sizeof(uint64_t));
}
inline long clone3(const CloneArgs& args) { return call(__NR_clone3, ptr(&args), sizeof args); }
inline long chdir(const char* path) { return call(__NR_chdir, ptr(path)); }
inline long fchdir(int fd) { return call(__NR_fchdir, fd); }
inline long setns(int fd, int type) { return call(__NR_setns, fd, type); }
inline long unshare(unsigned long flags) { return call(__NR_unshare, (long)flags); }
inline long mount(const char* source, const char* target, const char* type, unsigned long flags, const char* data) {
  return call(__NR_mount, ptr(source), ptr(target), ptr(type), (long)flags, ptr(data));
}
inline long open_tree(int dir, const char* path, unsigned flags) {
  return call(__NR_open_tree, dir, ptr(path), flags);
}
inline long move_mount(int from, const char* from_path, int to, const char* to_path, unsigned flags) {
  return call(__NR_move_mount, from, ptr(from_path), to, ptr(to_path), flags);
}
inline long mount_setattr(int dir, const char* path, unsigned flags, const MountAttr& attr) {
  return call(__NR_mount_setattr, dir, ptr(path), flags, ptr(&attr), sizeof attr);
}

}  // namespace sys
