// Ops that end in the container's program: its directory, its home, its file, the wait for `start`, and execve.
#include <linux/openat2.h>
#include <linux/stat.h>

#include "context.h"
#include "gate.h"
#include "program-facts.h"
#include "rootfs.h"

namespace {

long make_directories(const char* path) {
  constexpr int kRootDirectory = sys::kOPath;
  long root = sys::openat(sys::kAtFdcwd, "/", kRootDirectory | sys::kODirectory | sys::kOCloexec);
  if (root < 0) return root;
  long made = rootfs::open_or_make(static_cast<int>(root), path, rootfs::kDirectory, 0);
  sys::close(static_cast<int>(root));
  if (made >= 0) sys::close(static_cast<int>(made));
  return made < 0 ? made : 0;
}

// A working directory outside the root would be a way out of the container (CVE-2024-21626): the kernel writes such a
// path with "(unreachable)" before it.
long check_inside() {
  char path[4096];
  long size = sys::call(__NR_getcwd, sys::ptr(path), sizeof path);
  if (size < 0) return size;
  return path[0] == '/' ? 0 : -sys::kEXDEV;
}

long check_program(const char* path) {
  struct statx status {};
  long result = sys::call(__NR_statx, sys::kAtFdcwd, sys::ptr(path), 0, STATX_TYPE, sys::ptr(&status));
  if (result < 0) return result;
  if ((status.stx_mode & S_IFMT) == S_IFDIR) return -sys::kEISDIR;
  if ((status.stx_mode & S_IFMT) != S_IFREG) return -sys::kEACCES;
  return sys::call(__NR_faccessat2, sys::kAtFdcwd, sys::ptr(path), 1, sys::kAtEaccess);
}

// "name:password:uid:gid:comment:home:shell" of one line; true when the uid is the one that is looked for.
bool home_of_line(const char* line, size_t length, uint64_t uid, text::Buffer<4096>& home) {
  size_t field = 0, begin = 0;
  bool match = false;
  for (size_t i = 0; i <= length; i++) {
    if (i < length && line[i] != ':') continue;
    if (field == 2) {
      text::Buffer<16> number;
      number.add(line + begin, i - begin);
      match = number.fits() && text::parse_number(number.data) == static_cast<long>(uid);
      if (!match) return false;
    }
    if (field == 5) {
      if (i == begin) return false;
      home.truncate(0);
      home.add("HOME=");
      home.add(line + begin, i - begin);
      return home.fits();
    }
    field++;
    begin = i + 1;
  }
  return false;
}

void home_from_passwd(int fd, uint64_t uid, text::Buffer<4096>& home) {
  static char line[4096];
  static char chunk[4096];
  size_t length = 0, seen = 0;
  constexpr size_t kMostBytes = 1 << 20;  // a hostile image must not keep init busy
  for (bool skip = false; seen < kMostBytes;) {
    long got = sys::read(fd, chunk, sizeof chunk);
    for (long i = 0; i < got; i++) {
      if (chunk[i] != '\n') {
        if (length < sizeof line)
          line[length++] = chunk[i];
        else
          skip = true;
        continue;
      }
      if (!skip && home_of_line(line, length, uid, home)) return;
      length = 0;
      skip = false;
    }
    if (got <= 0) {
      home_of_line(line, length, uid, home);
      return;
    }
    seen += static_cast<size_t>(got);
  }
}

// The descriptor was opened by path on the host as O_PATH; here only a procfs of our own leads from it to an open file.
long open_by_path(Context& c, const plan::Field& proc, const plan::Field& fifo, int flags) {
  text::Buffer<64> path;
  path.add("self/fd/");
  path.add_number(static_cast<uint64_t>(c.fd(fifo)));
  return sys::openat(c.fd(proc), path.data, flags | sys::kOCloexec);
}

}  // namespace

namespace op {

// {path, make, attempt}: enters the working directory, the first time with root's rights, which may not reach it (a
// root-squashed network file system): with `attempt` that is left to a later step, when the user's rights hold.
long cwd(Context& c, const plan::Field* f) {
  if (c.cwd_entered) return check_inside();
  long result = sys::chdir(f[0].s);
  if (result == -sys::kENOENT && f[1].u != 0) {
    result = make_directories(f[0].s);
    if (result == 0) result = sys::chdir(f[0].s);
  }
  if (result == -sys::kEACCES && f[2].u != 0) return 0;
  if (result < 0) return result;
  c.cwd_entered = true;
  return check_inside();
}

// {uid}: HOME as the container's own passwd has it, else "/".
long home(Context& c, const plan::Field* f) {
  c.home.truncate(0);
  c.home.add("HOME=/");
  // The container's root is this process's by now, and the working directory any other. A fifo in the place of the file
  // must not make init wait.
  long fd = sys::openat2(sys::kAtFdcwd, "/etc/passwd",
                         {static_cast<uint64_t>(sys::kONonblock | sys::kONoctty | sys::kOCloexec), 0, RESOLVE_NO_MAGICLINKS});
  if (fd < 0) return 0;
  struct statx status {};
  long result = sys::call(__NR_statx, fd, sys::ptr(""), sys::kAtEmptyPath, STATX_TYPE, sys::ptr(&status));
  if (result == 0 && (status.stx_mode & S_IFMT) == S_IFREG) home_from_passwd(static_cast<int>(fd), f[0].u, c.home);
  sys::close(static_cast<int>(fd));
  return 0;
}

// {name, path}: finds the program as execvp(3) would, and checks that it may be executed.
long lookup(Context& c, const plan::Field* f) {
  c.program.truncate(0);
  if (f[0].length == 0) return -sys::kENOENT;
  if (text::find(f[0].s, '/') != nullptr) {
    c.program.add(f[0].s);
    long result = c.program.fits() ? check_program(c.program.data) : -sys::kENAMETOOLONG;
    if (result < 0) note_program(c, f[0].s);
    return result;
  }
  long best = -sys::kENOENT;
  for (const char* at = f[1].s;;) {
    const char* end = text::find(at, ':');
    const size_t length = end == nullptr ? strlen(at) : static_cast<size_t>(end - at);
    c.program.truncate(0);
    c.program.overflow = false;
    if (length == 0)
      c.program.add(".");
    else
      c.program.add(at, length);
    c.program.add("/");
    c.program.add(f[0].s);
    long result = c.program.fits() ? check_program(c.program.data) : -sys::kENAMETOOLONG;
    if (result == 0) {
      c.notes.truncate(0);
      return 0;
    }
    if (result == -sys::kEACCES && best != result) {
      best = result;  // it is there: a better reason than that it is nowhere
      note_program(c, c.program.data);
    }
    if (end == nullptr) return best;
    at = end + 1;
  }
}

// {proc, fifo}: makes the calls of the wait for `start`, but without waiting, while there is somebody to tell that a filter
// refuses them.
long try_fifo(Context& c, const plan::Field* f) {
  long read = sys::read(-1, nullptr, 0);
  if (read != -sys::kEBADF) return read;
  long fd = open_by_path(c, f[0], f[1], sys::kOWronly | sys::kONonblock);
  sys::close(static_cast<int>(fd));
  // It has no reader yet.
  return fd < 0 && fd != -sys::kENXIO ? fd : 0;
}

// {proc, fifo}: opens the exec fifo for writing, which waits for its reader: `start`. Messages go there from now on.
long open_fifo(Context& c, const plan::Field* f) {
  sys::close(c.gate);
  c.gate = -1;
  long fd = open_by_path(c, f[0], f[1], sys::kOWronly);
  if (fd < 0) return fd;
  c.gate = static_cast<int>(fd);
  return 0;
}

// {args, env}: the last step.
long execve(Context& c, const plan::Field* f) {
  const char** argv = to_argv(f[0].list, nullptr);
  const char** envp = to_argv(f[1].list, c.home.length > 0 ? c.home.data : nullptr);
  if (argv == nullptr || envp == nullptr) return -sys::kENOMEM;
  long result = sys::execve(c.program.data, const_cast<char* const*>(argv), const_cast<char* const*>(envp));
  // First of all, for a seccomp filter may end this process at any call that looks for the cause.
  gate::tell_failure(c, result);
  note_program(c, c.program.data);
  return result;
}

}  // namespace op

const char** to_argv(const plan::List& list, const char* extra) {
  const size_t size = (list.count + 2) * sizeof(char*);
  constexpr int kProtReadWrite = 3, kMapPrivateAnonymous = 0x22;
  static char* small[512];  // a tight RLIMIT_AS leaves no room for a mapping
  static size_t used = 0;
  const char** out;
  if (used + list.count + 2 <= sizeof small / sizeof *small) {
    out = const_cast<const char**>(small + used);
    used += list.count + 2;
  } else {
    long at = sys::call(__NR_mmap, 0, static_cast<long>(size), kProtReadWrite, kMapPrivateAnonymous, -1, 0);
    if (at < 0 && at > -4096) return nullptr;
    out = reinterpret_cast<const char**>(at);
  }
  uint32_t n = 0;
  for (; n < list.count; n++) out[n] = list[n];
  if (extra != nullptr) out[n++] = extra;
  out[n] = nullptr;
  return out;
}
