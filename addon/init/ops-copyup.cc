// The op behind the mount option "tmpcopyup": copies what a new file system is about to hide into it.
#include <linux/openat2.h>
#include <linux/stat.h>

#include "context.h"
#include "rootfs.h"

namespace {

constexpr int kMostLevels = 128;  // directories; the tree is the image's, and hostile

struct Entry {
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

long copy_directory(int from, int to, int level);

long copy_file(int from, int to) {
  constexpr long kChunk = 1 << 20;
  for (;;) {
    long sent = sys::call(__NR_sendfile, to, from, 0, kChunk);
    if (sent <= 0) return sent;
  }
}

long set_owner_and_mode(int dir, const char* name, const struct statx& status) {
  long result = sys::call(__NR_fchownat, dir, sys::ptr(name), status.stx_uid, status.stx_gid, sys::kAtSymlinkNofollow);
  if (result < 0 || (status.stx_mode & S_IFMT) == S_IFLNK) return result;
  return sys::call(__NR_fchmodat, dir, sys::ptr(name), status.stx_mode & 07777);
}

long copy_link(int from, const char* name, int to) {
  char target[4096];
  long size = sys::call(__NR_readlinkat, from, sys::ptr(name), sys::ptr(target), sizeof target - 1);
  if (size < 0) return size;
  target[size] = 0;
  return sys::call(__NR_symlinkat, sys::ptr(target), to, sys::ptr(name));
}

// Leaves in `status` what was opened: another container of the same root may have put something else in its place, of
// which the opening alone could wait for ever.
long copy_open(int from, const char* name, int to, struct statx& status, int level) {
  const bool directory = (status.stx_mode & S_IFMT) == S_IFDIR;
  const int flags = sys::kONofollow | sys::kOCloexec | (directory ? sys::kODirectory : 0);
  long source = sys::openat(from, name, flags | sys::kONonblock);
  if (source < 0) return source;
  long result = sys::call(__NR_statx, source, sys::ptr(""), sys::kAtEmptyPath, STATX_BASIC_STATS, sys::ptr(&status));
  if (result == 0 && !directory && (status.stx_mode & S_IFMT) != S_IFREG) result = -sys::kEAGAIN;
  if (result == 0 && directory) result = sys::call(__NR_mkdirat, to, sys::ptr(name), 0700);
  long target = -1;
  if (result == 0) {
    target = directory ? sys::openat(to, name, flags)
                       : sys::openat(to, name, flags | sys::kOWronly | sys::kOCreat | sys::kOExcl, 0600);
    result = target < 0 ? target : 0;
  }
  if (result == 0)
    result = directory ? copy_directory(static_cast<int>(source), static_cast<int>(target), level + 1)
                       : copy_file(static_cast<int>(source), static_cast<int>(target));
  if (target >= 0) sys::close(static_cast<int>(target));
  sys::close(static_cast<int>(source));
  return result;
}

long copy_entry(int from, const char* name, int to, int level) {
  struct statx status {};
  long result = sys::call(__NR_statx, from, sys::ptr(name), sys::kAtSymlinkNofollow, STATX_BASIC_STATS, sys::ptr(&status));
  if (result < 0) return result;
  switch (status.stx_mode & S_IFMT) {
    case S_IFDIR:
    case S_IFREG:
      result = copy_open(from, name, to, status, level);
      break;
    case S_IFLNK:
      result = copy_link(from, name, to);
      break;
    default:
      result = sys::call(__NR_mknodat, to, sys::ptr(name), status.stx_mode,
                         static_cast<long>(((status.stx_rdev_major & 0xfff) << 8) | (status.stx_rdev_minor & 0xff) |
                                           ((status.stx_rdev_minor & ~0xffu) << 12)));
  }
  return result < 0 ? result : set_owner_and_mode(to, name, status);
}

long copy_directory(int from, int to, int level) {
  if (level > kMostLevels) return -sys::kELOOP;
  alignas(Entry) char buffer[2048];
  for (;;) {
    long got = sys::call(__NR_getdents64, from, sys::ptr(buffer), sizeof buffer);
    if (got <= 0) return got;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->length;
      if (text::equal(entry->name, ".") || text::equal(entry->name, "..")) continue;
      long result = copy_entry(from, entry->name, to, level);
      if (result < 0) return result;
    }
  }
}

}  // namespace

namespace op {

// {root, path, to}: `to` is a mount that is not attached yet. Nothing to copy is no failure.
long tmpcopyup(Context& c, const plan::Field* f) {
  long found = rootfs::open(c.fd(f[0]), f[1].s, 0);
  if (found == -sys::kENOENT) return 0;
  if (found < 0) return found;
  long source = sys::openat(static_cast<int>(found), ".", sys::kODirectory | sys::kOCloexec);
  sys::close(static_cast<int>(found));
  if (source < 0) return source == -sys::kENOTDIR ? 0 : source;
  long target = sys::openat(c.fd(f[2]), ".", sys::kODirectory | sys::kOCloexec);
  long result = target < 0 ? target : copy_directory(static_cast<int>(source), static_cast<int>(target), 0);
  if (target >= 0) sys::close(static_cast<int>(target));
  sys::close(static_cast<int>(source));
  return result;
}

}  // namespace op
