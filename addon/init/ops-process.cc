// Ops on the process itself: namespaces, ids, limits, capabilities, filters.
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "context.h"
#include "gate.h"

namespace op {

// {fd, type, attempt}: with `attempt`, EPERM is no failure: a later step repeats it with other privileges. A place that
// is empty was joined already.
long setns(Context& c, const plan::Field* f) {
  const int fd = c.fd(f[0]);
  if (fd < 0) return 0;
  long result = sys::setns(fd, static_cast<int>(f[1].u));
  if (result == -sys::kEPERM && f[2].u != 0) return 0;
  if (result == 0) {
    sys::close(fd);
    c.fds[f[0].u] = -1;
  }
  return result;
}

long unshare(Context&, const plan::Field* f) { return sys::unshare(f[0].u); }

// {flags}: goes on in a child with new namespaces, a sibling to the runtime's eyes; this process reports it and ends. The
// child waits for the report: a message of its own that came first would be taken for its parent's, and nobody would
// know whom to wait for.
long clone(Context& c, const plan::Field* f) {
  constexpr uint64_t kCloneParent = 0x00008000, kClonePidfd = 0x00001000;
  int pidfd = -1;
  int told[2];
  long result = sys::call(__NR_pipe2, sys::ptr(told), sys::kOCloexec);
  if (result < 0) return result;
  sys::CloneArgs args{};
  args.flags = f[0].u | kCloneParent | kClonePidfd;
  args.pidfd = static_cast<uint64_t>(sys::ptr(&pidfd));
  long pid = sys::clone3(args);
  if (pid < 0) return pid;
  char word = 0;
  if (pid == 0) {
    sys::close(told[1]);
    if (sys::read(told[0], &word, sizeof word) != sizeof word) sys::exit(1);
    sys::close(told[0]);
    return 0;
  }
  long sent = gate::send(c, plan::kChild, 0, static_cast<uint64_t>(pid), pidfd);
  if (sent == 0) sys::write(told[1], &word, sizeof word);
  sys::exit(sent < 0 ? 1 : 0);
}

// {name, send, receive, count}
long gate(Context& c, const plan::Field* f) {
  const uint32_t count = static_cast<uint32_t>(f[3].u);
  if (count > plan::kMaxGateFds || (count > 0 && f[2].u + count > plan::kMaxFds)) return -sys::kEPROTO;
  long result = gate::send(c, plan::kGate, 0, 0, c.fd(f[1]));
  if (result < 0) return result;
  return gate::wait_for_go(c, count > 0 ? &c.fds[f[2].u] : nullptr, count);
}

long sethostname(Context&, const plan::Field* f) {
  return sys::call(__NR_sethostname, sys::ptr(f[0].s), f[0].length);
}

long setdomainname(Context&, const plan::Field* f) {
  return sys::call(__NR_setdomainname, sys::ptr(f[0].s), f[0].length);
}

long setrlimit(Context&, const plan::Field* f) {
  const sys::Rlimit limit{f[1].u, f[2].u};
  return sys::prlimit(static_cast<int>(f[0].u), &limit, nullptr);
}

// {resource, hard}: raises the hard limit while the host's privileges last, and leaves a limit that is high enough.
long raise_rlimit(Context&, const plan::Field* f) {
  sys::Rlimit limit{};
  long result = sys::prlimit(static_cast<int>(f[0].u), nullptr, &limit);
  if (result < 0 || limit.hard >= f[1].u) return result;
  limit.hard = f[1].u;
  return sys::prlimit(static_cast<int>(f[0].u), &limit, nullptr);
}

long umask(Context&, const plan::Field* f) {
  sys::call(__NR_umask, static_cast<long>(f[0].u));
  return 0;
}

long setgroups(Context&, const plan::Field* f) {
  return sys::call(__NR_setgroups, f[0].length / sizeof(uint32_t), sys::ptr(f[0].s));
}

long setresgid(Context&, const plan::Field* f) {
  const long gid = static_cast<long>(f[0].u);
  return sys::call(__NR_setresgid, gid, gid, gid);
}

long setresuid(Context&, const plan::Field* f) {
  const long uid = static_cast<long>(f[0].u);
  return sys::call(__NR_setresuid, uid, uid, uid);
}

long prctl(Context&, const plan::Field* f) {
  return sys::prctl(static_cast<int>(f[0].u), f[1].u, f[2].u, f[3].u, f[4].u);
}

// {keep}: drops each capability that the kernel knows and `keep` does not hold.
long capbset_drop(Context&, const plan::Field* f) {
  for (unsigned long cap = 0; cap < 64; cap++) {
    long held = sys::prctl(PR_CAPBSET_READ, cap);
    if (held < 0) return 0;  // past the kernel's last one
    if (held == 0 || ((f[0].u >> cap) & 1) != 0) continue;
    long result = sys::prctl(PR_CAPBSET_DROP, cap);
    if (result < 0) return result;
  }
  return 0;
}

// {effective, permitted, inheritable}
long capset(Context&, const plan::Field* f) {
  struct __user_cap_header_struct header {
    _LINUX_CAPABILITY_VERSION_3, 0
  };
  struct __user_cap_data_struct data[2];
  for (int half = 0; half < 2; half++) {
    const int shift = 32 * half;
    data[half] = {static_cast<__u32>(f[0].u >> shift), static_cast<__u32>(f[1].u >> shift),
                  static_cast<__u32>(f[2].u >> shift)};
  }
  return sys::call(__NR_capset, sys::ptr(&header), sys::ptr(data));
}

// {set}: exactly these ambient capabilities; one that cannot be had is told and left out (config.md#linux-process).
long ambient(Context& c, const plan::Field* f) {
  long result = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  if (result < 0) return result;
  for (unsigned long cap = 0; cap < 64; cap++) {
    if (((f[0].u >> cap) & 1) == 0) continue;
    result = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
    if (result < 0) gate::warn(c, result, cap);
  }
  return 0;
}

// {name}: a session keyring of the container's own, so that it does not possess the caller's keys. A kernel without
// keys, or a user who has no quota left, is told and goes on: the keys of the caller are out of reach all the same once
// the keyring is gone from the process, and a container that cannot start helps nobody.
long session_keyring(Context& c, const plan::Field* f) {
  constexpr long kSearchByUser = 0x00080000, kDefault = 0x3f130000;
  long ring = sys::call(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, sys::ptr(f[0].s));
  if (ring == -sys::kENOSYS || ring == -sys::kEDQUOT) {
    gate::warn(c, ring, 0);
    return 0;
  }
  if (ring < 0) return ring;
  return sys::call(__NR_keyctl, KEYCTL_SETPERM, ring, kDefault | kSearchByUser);
}

// {filter, flags, listener}
long seccomp(Context& c, const plan::Field* f) {
  struct {
    unsigned short length;
    const char* filter;
  } program{static_cast<unsigned short>(f[0].length / 8), f[0].s};
  long result = sys::call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, static_cast<long>(f[1].u), sys::ptr(&program));
  if (result < 0 || (f[1].u & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) return result;
  return c.put(f[2], result);
}

long setsid(Context&, const plan::Field*) {
  long result = sys::call(__NR_setsid);
  // A process that leads its group already has what it needs: a session of its own came with the clone.
  return result == -sys::kEPERM ? 0 : (result < 0 ? result : 0);
}

// {mask, attempt}: an attempt may fail.
long sched_setaffinity(Context&, const plan::Field* f) {
  constexpr long kSelf = 0;
  const long result = sys::call(__NR_sched_setaffinity, kSelf, static_cast<long>(f[0].length), sys::ptr(f[0].s));
  return f[1].u != 0 ? 0 : result;
}

long fail(Context&, const plan::Field* f) { return -static_cast<long>(f[0].u); }

}  // namespace op
