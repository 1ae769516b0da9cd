// Notes what the caller gave to this process: limits, signals, descriptors.
#include "launch.h"

namespace launcher {
namespace {

constexpr int kRlimitNofile = 7;
constexpr int kSigBlock = 0;
constexpr int kFGetfd = 1;
constexpr int kSignals = 64;

// struct linux_dirent64, up to the name.
struct Dirent {
  uint64_t inode;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[1];
};

// The kernel's own list costs what is open, not what could be; see getdents64(2).
class Descriptors {
 public:
  // /proc may be missing (a chroot): then each number is asked, as far as a usual limit goes.
  Descriptors() {
    if (!read_proc()) probe(1024);
  }
  bool has(unsigned fd) const { return fd < kMaxFd && ((bits_[fd / 64] >> (fd % 64)) & 1) != 0; }

 private:
  void set(unsigned fd) {
    if (fd < kMaxFd) bits_[fd / 64] |= 1ull << (fd % 64);
  }
  void probe(unsigned end) {
    for (unsigned fd = 0; fd < end; ++fd) {
      if (sys::fcntl(static_cast<int>(fd), kFGetfd, 0) >= 0) set(fd);
    }
  }
  bool read_proc();
  void read_names(const char* buffer, long size, unsigned own);

  uint64_t bits_[kMaxFd / 64] = {};
};

bool Descriptors::read_proc() {
  const long own = sys::openat(sys::kAtFdcwd, "/proc/self/fd", sys::kODirectory | sys::kOCloexec);
  if (own < 0) return false;
  alignas(Dirent) char buffer[4096];
  long size;
  while ((size = sys::call(__NR_getdents64, own, sys::ptr(buffer), sizeof buffer)) > 0) {
    read_names(buffer, size, static_cast<unsigned>(own));
  }
  sys::close(static_cast<int>(own));
  return size == 0;
}

void Descriptors::read_names(const char* buffer, long size, unsigned own) {
  for (long at = 0; at < size;) {
    const auto* entry = reinterpret_cast<const Dirent*>(buffer + at);
    at += entry->size;
    unsigned fd = 0;
    const char* digit = entry->name;
    for (; *digit >= '0' && *digit <= '9' && fd < kMaxFd; ++digit) fd = fd * 10 + static_cast<unsigned>(*digit - '0');
    if (digit != entry->name && fd != own) set(fd);
  }
}

uint64_t ignored_signals() {
  uint64_t ignored = 0;
  for (int signal = 1; signal <= kSignals; ++signal) {
    sys::Sigaction action = {};
    const long result = sys::call(__NR_rt_sigaction, signal, 0, sys::ptr(&action), sizeof(uint64_t));
    if (result == 0 && reinterpret_cast<long>(action.handler) == 1) ignored |= 1ull << (signal - 1);
  }
  return ignored;
}

void add_descriptors(Text& text) {
  const Descriptors open;
  bool any = false;
  for (unsigned fd = 0; fd < kMaxFd; ++fd) {
    if (!open.has(fd)) continue;
    if (any) text.add(',');
    any = true;
    text.decimal(fd);
    unsigned last = fd;
    while (open.has(last + 1)) ++last;
    if (last == fd) continue;
    text.add('-');
    text.decimal(last);
    fd = last;
  }
  if (!any) text.add('-');
}

}  // namespace

void describe_caller(Text& text, const char* cwd) {
  sys::Rlimit nofile = {};
  sys::prlimit(kRlimitNofile, nullptr, &nofile);
  uint64_t blocked = 0;
  sys::sigprocmask(kSigBlock, nullptr, &blocked);

  text.add(kLaunchPrefix);
  text.add("1 nofile=");
  text.decimal(nofile.soft);
  text.add(':');
  text.decimal(nofile.hard);
  text.add(" ignored=");
  text.hexadecimal(ignored_signals());
  text.add(" blocked=");
  text.hexadecimal(blocked);
  text.add(" fds=");
  add_descriptors(text);
  text.add(" cwd=");
  text.add(cwd);
}

}  // namespace launcher
