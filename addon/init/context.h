// What a running plan carries from step to step, and what every op may use.
//
// Its zeros are what the file begins with: there is no C runtime that would call a constructor.
#pragma once

#include "../plan.h"
#include "../sys.h"
#include "reader.h"
#include "text.h"

struct Context {
  int fds[plan::kMaxFds] = {};
  int own = 0;          // the first descriptor that is init's own; those below are the container's
  int gate = 0;         // the exec fifo's write end, once that is open
  uint32_t step = 0;    // the index of the step that runs
  bool cwd_entered = false;
  text::Buffer<4096> program;          // what `lookup` found
  text::Buffer<4096> home;             // "HOME=…", what `home` found; empty when the environment has one
  text::Buffer<plan::kMaxText> notes;  // what the kernel or the op has to add to an error

  int fd(const plan::Field& field) const { return field.u == plan::kNoFd ? -1 : fds[field.u]; }
  int dir(const plan::Field& field) const { return field.u == plan::kNoFd ? sys::kAtFdcwd : fds[field.u]; }

  // Puts a descriptor, or a failure, into the table. A place that is taken is closed first.
  long put(const plan::Field& field, long fd) {
    if (fd < 0) return fd;
    int& place = fds[field.u];
    if (place >= 0) sys::close(place);
    place = static_cast<int>(fd);
    return 0;
  }
};

// An op: 0, or -errno. The fields were decoded by the op's signature in plan.h.
using OpFunction = long (*)(Context&, const plan::Field*);

// Array of pointers to a list's entries, NULL-terminated; `extra` is appended when it is not null. nullptr: no memory.
const char** to_argv(const plan::List& list, const char* extra);

namespace op {
#define X(name, code, fields) long name(Context&, const plan::Field*);
TSRUN_OPS(X)
#undef X
}  // namespace op
