#include "program-facts.h"

#include <asm/statfs.h>
#include <linux/stat.h>

namespace {

constexpr size_t kHead = 4096;  // a dynamic loader's name lies within it, even in programs of Go

bool stat(const char* path, int flags, struct statx& status) {
  const unsigned mask = STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID;
  return sys::call(__NR_statx, sys::kAtFdcwd, sys::ptr(path), flags, mask, sys::ptr(&status)) == 0;
}

void note_head(Context& context, const char* path) {
  // A device or a fifo must not be opened, and what is no longer a file by now does not keep init waiting.
  long fd = sys::openat(sys::kAtFdcwd, path, sys::kONonblock | sys::kONoctty | sys::kOCloexec);
  if (fd < 0) return;
  static char head[kHead];
  long got = sys::read(static_cast<int>(fd), head, sizeof head);
  if (got > 0) context.notes.add(head, static_cast<size_t>(got));
  sys::close(static_cast<int>(fd));
}

}  // namespace

void note_program(Context& context, const char* path) {
  struct statx status {};
  const bool there = stat(path, 0, status);
  if (!there && !stat(path, sys::kAtSymlinkNofollow, status)) return;
  struct statfs system {};
  if (there) sys::call(__NR_statfs, sys::ptr(path), sys::ptr(&system));
  context.notes.add("file ");
  const uint64_t numbers[] = {status.stx_mode, static_cast<uint64_t>(system.f_flags), status.stx_uid, status.stx_gid};
  for (uint64_t number : numbers) {
    context.notes.add_number(number);
    context.notes.add(" ");
  }
  context.notes.add("\n");
  if (there && (status.stx_mode & S_IFMT) == S_IFREG) note_head(context, path);
}
