// Ops for the standard streams and the terminal.
#include <linux/openat2.h>
#include <linux/stat.h>

#include "context.h"

namespace {

constexpr unsigned long kTiocsptlck = 0x40045431, kTiocgptpeer = 0x5441, kTiocswinsz = 0x5414, kTiocsctty = 0x540e;
constexpr long kDevptsMagic = 0x1cd1;

long ioctl(int fd, unsigned long request, long argument) {
  return sys::call(__NR_ioctl, fd, static_cast<long>(request), argument);
}

}  // namespace

namespace op {

// {root, rows, columns, master, slave}: a pty pair of the container's own devpts. The slave comes from the master
// (TIOCGPTPEER), never by its name, which the container's root file system could redirect (CVE-2025-52565).
long pty(Context& c, const plan::Field* f) {
  long master = sys::openat2(c.fd(f[0]), "dev/pts/ptmx",
                             {static_cast<uint64_t>(sys::kORdwr | sys::kONoctty | sys::kOCloexec), 0,
                              RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS});
  if (master < 0) return master;
  const int fd = static_cast<int>(master);
  int unlocked = 0;
  long slave = sys::file_system_of(fd) == kDevptsMagic ? 0 : -sys::kENOTTY;
  if (slave == 0) slave = ioctl(fd, kTiocsptlck, sys::ptr(&unlocked));
  if (slave == 0) slave = ioctl(fd, kTiocgptpeer, sys::kORdwr | sys::kONoctty | sys::kOCloexec);
  if (slave >= 0 && f[1].u != 0 && f[2].u != 0) {
    const unsigned short size[4] = {static_cast<unsigned short>(f[1].u), static_cast<unsigned short>(f[2].u), 0, 0};
    long sized = ioctl(fd, kTiocswinsz, sys::ptr(size));
    if (sized < 0) slave = sized;
  }
  if (slave < 0) {
    sys::close(fd);
    return slave;
  }
  c.put(f[3], master);
  return c.put(f[4], slave);
}

long controlling_terminal(Context& c, const plan::Field* f) {
  long result = ioctl(c.fd(f[0]), kTiocsctty, 0);
  return result < 0 ? result : 0;
}

long stdio(Context& c, const plan::Field* f) {
  for (int target = 0; target < 3; target++) {
    long result = sys::dup3(c.fd(f[0]), target, 0);
    if (result < 0) return result;
  }
  return 0;
}

// {uid, terminal}: gives the standard streams to the program's user, so that it may open /dev/stdout again. A device of
// the host keeps its owner (CVE-2026-88265), the caller's own terminal among them: a character device changes hands only
// where `terminal` says that the plan made it. What cannot be given (a read-only file system, an unmapped owner) is left
// as it is: the descriptors work all the same.
long fchown_stdio(Context&, const plan::Field* f) {
  constexpr long kKeepGid = -1;
  for (int fd = 0; fd < 3; fd++) {
    struct statx status {};
    if (sys::call(__NR_statx, fd, sys::ptr(""), sys::kAtEmptyPath, STATX_TYPE | STATX_UID, sys::ptr(&status)) < 0) continue;
    const uint16_t type = status.stx_mode & S_IFMT;
    const bool own_terminal = f[1].u != 0 && type == S_IFCHR && sys::file_system_of(fd) == kDevptsMagic;
    if (status.stx_uid == f[0].u || (type != S_IFIFO && type != S_IFSOCK && type != S_IFREG && !own_terminal)) continue;
    sys::call(__NR_fchown, fd, static_cast<long>(f[0].u), kKeepGid);
  }
  return 0;
}

}  // namespace op
