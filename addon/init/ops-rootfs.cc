// Ops on paths inside the container's root file system; each resolves its path at time of use.
#include <linux/openat2.h>
#include <linux/stat.h>

#include "context.h"
#include "gate.h"
#include "rootfs.h"

namespace {

constexpr unsigned kOpenTreeClone = 1, kOpenTreeCloexec = static_cast<unsigned>(sys::kOCloexec);
constexpr unsigned kMoveFromFd = 0x00000004, kMoveToFd = 0x00000040;
constexpr uint64_t kMountAttrRdonly = 1;
constexpr long kProcMagic = 0x9fa0;

uint32_t make_device(uint64_t major, uint64_t minor) {
  return static_cast<uint32_t>(((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xffULL) << 12)));
}

long clone_tree(int fd, unsigned flags) {
  return sys::open_tree(fd, "", kOpenTreeClone | kOpenTreeCloexec | static_cast<unsigned>(sys::kAtEmptyPath) | flags);
}

// The kernel's null device, by what it is: its name may be anything in a mount namespace that others made.
bool is_null_device(int fd) {
  struct statx status {};
  if (sys::call(__NR_statx, fd, sys::ptr(""), sys::kAtEmptyPath, STATX_TYPE, sys::ptr(&status)) < 0) return false;
  return (status.stx_mode & S_IFMT) == S_IFCHR && status.stx_rdev_major == 1 && status.stx_rdev_minor == 3;
}

// Puts a copy of one mount on top of what `target` names. Before Linux 6.15 a mount that is not attached anywhere cannot
// be copied: then it is attached here itself, and the next copy is made of it.
long cover(int target, int with) {
  long copy = clone_tree(with, 0);
  if (copy == -sys::kEINVAL) return sys::move_mount(with, "", target, "", kMoveFromFd | kMoveToFd);
  if (copy < 0) return copy;
  long result = sys::move_mount(static_cast<int>(copy), "", target, "", kMoveFromFd | kMoveToFd);
  sys::close(static_cast<int>(copy));
  return result;
}

struct Device {
  uint64_t mode, major, minor;  // of the mode the type counts
};

// 0: it is that device, 1: it is something else.
long compare_device(int dir, const char* name, int flags, const Device& device) {
  struct statx found {};
  long result = sys::call(__NR_statx, dir, sys::ptr(name), sys::kAtSymlinkNofollow | flags, STATX_TYPE, sys::ptr(&found));
  if (result < 0) return result;
  const uint64_t type = device.mode & S_IFMT;
  if ((found.stx_mode & S_IFMT) != type) return 1;
  if (type == S_IFIFO) return 0;
  return found.stx_rdev_major == device.major && found.stx_rdev_minor == device.minor ? 0 : 1;
}

}  // namespace

namespace op {

// {root, path, kind, resolve, like, to}: with `like`, what is made is of that descriptor's kind: a directory or a file.
long open_target(Context& c, const plan::Field* f) {
  auto kind = static_cast<rootfs::Kind>(f[2].u);
  if (f[4].u != plan::kNoFd) kind = rootfs::is_directory(c.fd(f[4])) ? rootfs::kDirectory : rootfs::kFile;
  return c.put(f[5], rootfs::open_or_make(c.fd(f[0]), f[1].s, kind, f[3].u));
}

// {root, path, mode, major, minor, uid, gid}: mode holds the type. The plan sets the umask to 0 before.
long mknod(Context& c, const plan::Field* f) {
  const char* name = nullptr;
  long parent = rootfs::open_parent(c.fd(f[0]), f[1].s, &name);
  if (parent < 0) return parent;
  const int dir = static_cast<int>(parent);
  const uint64_t mode = f[2].u;
  long result = sys::call(__NR_mknodat, dir, sys::ptr(name), static_cast<long>(mode), make_device(f[3].u, f[4].u));
  if (result == -sys::kEEXIST) {
    // An existing file counts as the device when it is that device (config-linux.md#devices demands the error otherwise).
    result = compare_device(dir, name, 0, {mode, f[3].u, f[4].u});
    if (result > 0) result = -sys::kEEXIST;
  } else if (result == 0) {
    result = sys::call(__NR_fchownat, dir, sys::ptr(name), static_cast<long>(f[5].u), static_cast<long>(f[6].u),
                       sys::kAtSymlinkNofollow);
  }
  sys::close(dir);
  return result;
}

// {fd, mode, major, minor}: the descriptor is that device's.
long check_device(Context& c, const plan::Field* f) {
  long result = compare_device(c.fd(f[0]), "", sys::kAtEmptyPath, {f[1].u, f[2].u, f[3].u});
  return result > 0 ? -sys::kENODEV : result;
}

// {root, path, target, replace}: a name that exists is left as it is, or with `replace` removed first.
long symlink(Context& c, const plan::Field* f) {
  const char* name = nullptr;
  long parent = rootfs::open_parent(c.fd(f[0]), f[1].s, &name);
  if (parent < 0) return parent;
  if (f[3].u != 0) sys::call(__NR_unlinkat, parent, sys::ptr(name), 0);
  long result = sys::call(__NR_symlinkat, sys::ptr(f[2].s), parent, sys::ptr(name));
  sys::close(static_cast<int>(parent));
  return result == -sys::kEEXIST ? 0 : result;
}

// {root, path, null, empty}: hides a file under the host's null device, a directory under an empty read-only one. What
// does not exist needs no hiding. Both covers are descriptors that were verified, so nothing in the root file system can
// stand in for them (CVE-2025-31133).
long mask(Context& c, const plan::Field* f) {
  long target = rootfs::open(c.fd(f[0]), f[1].s, 0);
  if (target == -sys::kENOENT || target == -sys::kENOTDIR) return 0;
  if (target < 0) return target;
  const int fd = static_cast<int>(target);
  long result = -sys::kENODEV;
  if (rootfs::is_directory(fd))
    result = cover(fd, c.fd(f[3]));
  else if (is_null_device(c.fd(f[2])))
    result = cover(fd, c.fd(f[2]));
  sys::close(fd);
  return result;
}

// {root, path}: binds a path on itself, read-only; what does not exist stays so.
long readonly_path(Context& c, const plan::Field* f) {
  long target = rootfs::open(c.fd(f[0]), f[1].s, 0);
  if (target == -sys::kENOENT || target == -sys::kENOTDIR) return 0;
  if (target < 0) return target;
  const int fd = static_cast<int>(target);
  long copy = clone_tree(fd, static_cast<unsigned>(sys::kAtRecursive));
  long result = copy;
  if (copy >= 0) {
    const int tree = static_cast<int>(copy);
    result = sys::mount_setattr(tree, "", static_cast<unsigned>(sys::kAtEmptyPath), {kMountAttrRdonly, 0, 0, 0});
    if (result == 0) result = sys::move_mount(tree, "", fd, "", kMoveFromFd | kMoveToFd);
    sys::close(tree);
  }
  sys::close(fd);
  return result;
}

// {proc, path, bytes}: writes a file of procfs. Neither a mount on top of it nor a link elsewhere can redirect the write
// (CVE-2019-16884, CVE-2025-52881): `proc` is a mount of our own, and resolution may not leave it. Where it is that of a
// mount namespace that others made, it may be anything, so what is open is looked at.
long write_proc(Context& c, const plan::Field* f) {
  long fd = sys::openat2(c.fd(f[0]), f[1].s,
                         {static_cast<uint64_t>(sys::kOWronly | sys::kOCloexec), 0,
                          RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV});
  if (fd < 0) return fd;
  long result = sys::file_system_of(static_cast<int>(fd)) == kProcMagic ? 0 : -sys::kEXDEV;
  if (result == 0) result = sys::write(static_cast<int>(fd), f[2].s, f[2].length);
  sys::close(static_cast<int>(fd));
  return result < 0 ? result : 0;
}

}  // namespace op
