// Ops of the mount API, one system call each.
#include <linux/stat.h>

#include "context.h"
#include "gate.h"
#include "rootfs.h"

namespace {

constexpr unsigned kFsopenCloexec = 1, kFsmountCloexec = 1;
constexpr int kSetFlag = 0, kSetString = 1, kCmdCreate = 6;

// A file system context keeps the words in which its file system explains a refusal; they end in the error.
long with_log(Context& c, int fd, long result) {
  if (result >= 0) return 0;
  char line[512];
  for (int lines = 0; lines < 8; lines++) {
    long got = sys::read(fd, line, sizeof line);
    if (got <= 0) break;
    // "e <message>\n"
    size_t size = static_cast<size_t>(got);
    if (line[size - 1] == '\n') size--;
    if (size <= 2) continue;
    if (c.notes.length > 0) c.notes.add("; ");
    c.notes.add(line + 2, size - 2);
  }
  return result;
}

// A descriptor as a path, for calls that take no descriptors.
text::Buffer<64> path_of(int fd) {
  text::Buffer<64> path;
  path.add("/proc/self/fd/");
  path.add_number(static_cast<uint64_t>(fd));
  return path;
}

const char* or_null(const plan::Field& field) { return field.length == 0 ? nullptr : field.s; }

}  // namespace

namespace op {

long mount(Context&, const plan::Field* f) {
  return sys::mount(or_null(f[0]), f[1].s, or_null(f[2]), f[3].u, or_null(f[4]));
}

// {fd, source, type, flags, data}: mount(2) on what a descriptor names, for what the new calls cannot express.
long mount_at(Context& c, const plan::Field* f) {
  return sys::mount(or_null(f[1]), path_of(c.fd(f[0])).data, or_null(f[2]), f[3].u, or_null(f[4]));
}

long umount2(Context&, const plan::Field* f) {
  return sys::call(__NR_umount2, sys::ptr(f[0].s), static_cast<long>(f[1].u));
}

// {fd, flags}: the mount whose root the descriptor names.
long umount_at(Context& c, const plan::Field* f) {
  return sys::call(__NR_umount2, sys::ptr(path_of(c.fd(f[0])).data), static_cast<long>(f[1].u));
}

long open_tree(Context& c, const plan::Field* f) {
  return c.put(f[3], sys::open_tree(c.dir(f[0]), f[1].s, static_cast<unsigned>(f[2].u)));
}

// {from, to, flags}: an empty `to` is the current directory.
long move_mount(Context& c, const plan::Field* f) {
  return sys::move_mount(c.fd(f[0]), "", c.dir(f[1]), "", static_cast<unsigned>(f[2].u));
}

long fsopen(Context& c, const plan::Field* f) {
  return c.put(f[1], sys::call(__NR_fsopen, sys::ptr(f[0].s), kFsopenCloexec));
}

long fsconfig_string(Context& c, const plan::Field* f) {
  const int fd = c.fd(f[0]);
  return with_log(c, fd, sys::call(__NR_fsconfig, fd, kSetString, sys::ptr(f[1].s), sys::ptr(f[2].s), 0));
}

long fsconfig_flag(Context& c, const plan::Field* f) {
  const int fd = c.fd(f[0]);
  return with_log(c, fd, sys::call(__NR_fsconfig, fd, kSetFlag, sys::ptr(f[1].s), 0, 0));
}

// {fd, root, path}: the option "mode" of a file system is that of the directory it will cover, where there is one.
long fsconfig_mode(Context& c, const plan::Field* f) {
  const long found = rootfs::open(c.fd(f[1]), f[2].s, 0);
  // Whatever is wrong with the path is told when something is to be mounted there.
  if (found < 0) return 0;
  struct statx status {};
  const long result =
      sys::call(__NR_statx, found, sys::ptr(""), sys::kAtEmptyPath, STATX_TYPE | STATX_MODE, sys::ptr(&status));
  sys::close(static_cast<int>(found));
  if (result < 0) return result;
  if ((status.stx_mode & S_IFMT) != S_IFDIR) return 0;
  const unsigned mode = status.stx_mode & 07777u;
  char octal[5] = {};
  for (int at = 0; at < 4; at++) octal[at] = static_cast<char>('0' + ((mode >> (3 * (3 - at))) & 7));
  const int fd = c.fd(f[0]);
  return with_log(c, fd, sys::call(__NR_fsconfig, fd, kSetString, sys::ptr("mode"), sys::ptr(octal), 0));
}

long fsconfig_create(Context& c, const plan::Field* f) {
  const int fd = c.fd(f[0]);
  return with_log(c, fd, sys::call(__NR_fsconfig, fd, kCmdCreate, 0, 0, 0));
}

long fsmount(Context& c, const plan::Field* f) {
  const int fd = c.fd(f[0]);
  long mounted = sys::call(__NR_fsmount, fd, kFsmountCloexec, static_cast<long>(f[1].u));
  return mounted < 0 ? with_log(c, fd, mounted) : c.put(f[2], mounted);
}

// {fd, name, value}: of the root of a mount, whose descriptor is a path only.
long fsetxattr(Context& c, const plan::Field* f) {
  long fd = sys::openat(c.fd(f[0]), ".", sys::kODirectory | sys::kOCloexec);
  if (fd < 0) return fd;
  long result = sys::call(__NR_fsetxattr, fd, sys::ptr(f[1].s), sys::ptr(f[2].s), f[2].length, 0);
  sys::close(static_cast<int>(fd));
  return result;
}

// {fd, flags, set, clear, propagation, userns}
long mount_setattr(Context& c, const plan::Field* f) {
  sys::MountAttr attr{f[2].u, f[3].u, f[4].u, 0};
  if (f[5].u != plan::kNoFd) attr.userns_fd = static_cast<uint64_t>(c.fd(f[5]));
  return sys::mount_setattr(c.fd(f[0]), "", static_cast<unsigned>(f[1].u) | sys::kAtEmptyPath, attr);
}

long pivot_root(Context&, const plan::Field* f) {
  return sys::call(__NR_pivot_root, sys::ptr(f[0].s), sys::ptr(f[1].s));
}

long chroot(Context&, const plan::Field* f) { return sys::call(__NR_chroot, sys::ptr(f[0].s)); }

long chdir(Context&, const plan::Field* f) { return sys::chdir(f[0].s); }

long fchdir(Context& c, const plan::Field* f) { return sys::fchdir(c.fd(f[0])); }

// {dir, path, flags, mode, resolve, to}
long openat2(Context& c, const plan::Field* f) {
  return c.put(f[5], sys::openat2(c.dir(f[0]), f[1].s, {f[2].u | sys::kOCloexec, f[3].u, f[4].u}));
}

// {fd, bytes}: all of them in one call, as files of the kernel want it.
long write(Context& c, const plan::Field* f) {
  long result = sys::write(c.fd(f[0]), f[1].s, f[1].length);
  return result < 0 ? result : (static_cast<uint32_t>(result) == f[1].length ? 0 : -sys::kEIO);
}

// {keep, also}: closes every descriptor of the plan but these two, when the host's are no longer needed. Up to here a
// name that is used again closes what it named before.
long close_fds(Context& c, const plan::Field* f) {
  for (uint32_t place = 0; place < plan::kMaxFds; place++) {
    if (c.fds[place] < 0 || place == f[0].u || place == f[1].u) continue;
    sys::close(c.fds[place]);
    c.fds[place] = -1;
  }
  return 0;
}

}  // namespace op
