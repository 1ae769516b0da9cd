#include "rootfs.h"

#include <linux/openat2.h>
#include <linux/stat.h>

namespace {

constexpr size_t kPathMax = 4096;
constexpr int kMaxLinks = 40;  // the kernel's own limit (path_resolution(7))
using Path = text::Buffer<kPathMax>;

uint16_t mode_of(int fd) {
  struct statx status {};
  if (sys::call(__NR_statx, fd, sys::ptr(""), sys::kAtEmptyPath, STATX_TYPE, sys::ptr(&status)) < 0) return 0;
  return status.stx_mode & S_IFMT;
}

long open_beneath(int root, const char* path, uint64_t flags, uint64_t resolve) {
  return sys::openat2(root, *path == 0 ? "." : path,
                      {flags | sys::kOPath | sys::kOCloexec, 0, resolve | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS});
}

// Cuts the last component off: "a/b" becomes "a", "a" becomes "".
void pop(Path& path) {
  size_t length = path.length;
  while (length > 0 && path.data[length - 1] != '/') length--;
  path.truncate(length > 0 ? length - 1 : 0);
}

// Puts a link's target before what is left to walk.
long splice(Path& left, const char* rest, int link) {
  char target[kPathMax];
  long size = sys::call(__NR_readlinkat, link, sys::ptr(""), sys::ptr(target), sizeof target - 1);
  if (size < 0) return size;
  Path next;
  next.add(target, static_cast<size_t>(size));
  next.add("/");
  next.add(rest);
  if (!next.fits()) return -sys::kENAMETOOLONG;
  left = next;
  return 0;
}

long make(int root, const Path& parent, const char* name, bool directory) {
  long fd = open_beneath(root, parent.data, static_cast<uint64_t>(sys::kODirectory), 0);
  if (fd < 0) return fd;
  constexpr unsigned kDirectoryMode = 0755, kFileMode = 0644;
  long result;
  if (directory) {
    result = sys::call(__NR_mkdirat, fd, sys::ptr(name), kDirectoryMode);
  } else {
    result = sys::openat(static_cast<int>(fd), name,
                         sys::kOCreat | sys::kOExcl | sys::kOWronly | sys::kONofollow | sys::kOCloexec, kFileMode);
    if (result >= 0) result = sys::close(static_cast<int>(result));
  }
  sys::close(static_cast<int>(fd));
  return result == -sys::kEEXIST ? 0 : result;
}

struct Walk {
  Path done;  // free of symbolic links, relative to the root
  Path left;
  int links = 0;
  bool refuses_links = false;
  size_t at = 0;
};

// Takes the next component of what is left to walk; false at the end.
bool next(Walk& walk, Path& name) {
  const char* data = walk.left.data;
  while (data[walk.at] == '/') walk.at++;
  size_t begin = walk.at;
  while (data[walk.at] != 0 && data[walk.at] != '/') walk.at++;
  name.truncate(0);
  name.add(data + begin, walk.at - begin);
  return name.length > 0;
}

bool is_last(const Walk& walk) {
  size_t at = walk.at;
  while (walk.left.data[at] == '/') at++;
  return walk.left.data[at] == 0;
}

// Goes into one component, which is made when it is missing; a symbolic link is put before the rest of the way.
long enter(int root, Walk& walk, const Path& name, rootfs::Kind last) {
  Path candidate = walk.done;
  if (candidate.length > 0) candidate.add("/");
  candidate.add(name.data, name.length);
  if (!candidate.fits()) return -sys::kENAMETOOLONG;
  long fd = open_beneath(root, candidate.data, static_cast<uint64_t>(sys::kONofollow), 0);
  if (fd == -sys::kENOENT) {
    long made = make(root, walk.done, name.data, !is_last(walk) || last == rootfs::kDirectory);
    if (made < 0) return made;
    fd = open_beneath(root, candidate.data, static_cast<uint64_t>(sys::kONofollow), 0);
  }
  if (fd < 0) return fd;
  const bool link = mode_of(static_cast<int>(fd)) == S_IFLNK;
  long result = 0;
  if (!link) {
    walk.done = candidate;
  } else if (walk.refuses_links || ++walk.links > kMaxLinks) {
    result = -sys::kELOOP;
  } else {
    result = splice(walk.left, walk.left.data + walk.at, static_cast<int>(fd));
    walk.at = 0;
    if (result == 0 && walk.left.data[0] == '/') walk.done.truncate(0);
  }
  sys::close(static_cast<int>(fd));
  return result;
}

}  // namespace

namespace rootfs {

bool is_directory(int fd) { return mode_of(fd) == S_IFDIR; }

long open(int root, const char* path, uint64_t resolve) { return open_beneath(root, path, 0, resolve); }

long open_or_make(int root, const char* path, Kind kind, uint64_t resolve) {
  const uint64_t flags = kind == kDirectory ? static_cast<uint64_t>(sys::kODirectory) : 0;
  long found = open_beneath(root, path, flags, resolve);
  // Missing things are made only where links may be followed: what refuses links refuses to guess, too.
  if (found != -sys::kENOENT || kind == kAny) return found;
  static Walk walk;  // 12 KB: kept off a stack that may be small
  walk = Walk{};
  // A link may have come since the look above.
  walk.refuses_links = (resolve & RESOLVE_NO_SYMLINKS) != 0;
  walk.left.add(path);
  if (!walk.left.fits()) return -sys::kENAMETOOLONG;
  Path name;
  while (next(walk, name)) {
    if (text::equal(name.data, ".")) continue;
    if (text::equal(name.data, "..")) {
      pop(walk.done);
      continue;
    }
    long result = enter(root, walk, name, kind);
    if (result < 0) return result;
  }
  return open_beneath(root, walk.done.data, flags, resolve);
}

long open_parent(int root, const char* path, const char** name) {
  Path parent;
  parent.add(path);
  if (!parent.fits()) return -sys::kENAMETOOLONG;
  size_t end = parent.length;
  while (end > 0 && path[end - 1] == '/') end--;
  if (end == 0 || end != parent.length) return -sys::kEINVAL;  // the root itself, or a name that ends in "/"
  pop(parent);
  size_t begin = end;
  while (begin > 0 && path[begin - 1] != '/') begin--;
  *name = path + begin;
  if (text::equal(*name, ".") || text::equal(*name, "..")) return -sys::kEINVAL;
  return open_or_make(root, parent.data, kDirectory, 0);
}

}  // namespace rootfs
