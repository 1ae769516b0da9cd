// Paths inside a root file system, which is hostile: resolved at time of use, below a descriptor, to a descriptor.
#pragma once

#include "context.h"

namespace rootfs {

enum Kind : uint32_t { kAny = 0, kDirectory = 1, kFile = 2 };

// Opens `path` below `root` as O_PATH, as a process whose root it is would find it; `resolve` adds to RESOLVE_IN_ROOT.
long open(int root, const char* path, uint64_t resolve);

// The same, and makes what is missing: directories (0755) on the way, at the end a directory, or an empty file (0644).
// Dangling symbolic links are followed to where they point, inside the root, as mount(8) on a chroot would.
long open_or_make(int root, const char* path, Kind kind, uint64_t resolve);

// Makes the directories above `path`, opens the last of them, and points `name` at the final component (no "/" in it).
long open_parent(int root, const char* path, const char** name);

bool is_directory(int fd);

}  // namespace rootfs
