// The static launcher `tsrun`: notes what the caller gave, then becomes the engine beside it.
//
// It has no C library; addon/CMakeLists.txt has the flags.
#include "launch.h"

namespace launcher {
namespace {

// Where the kernel puts what execve(2) passed; see getauxval(3).
struct Start {
  char** argv;
  char** envp;
  bool secure = false;
};

constexpr unsigned long kAtSecure = 23;

// The shells' statuses for a command that cannot be executed.
constexpr int kNotExecutable = 126, kNotFound = 127;

// The small engine starts in a tenth of the time, and becomes the other where it is not enough.
constexpr const char* kEngines[] = {"tsrun-quick", "tsrun-engine"};

struct Errno {
  int number;
  const char* text;
};

constexpr Errno kErrnos[] = {
    {sys::kEPERM, "EPERM: operation not permitted"},
    {sys::kENOENT, "ENOENT: no such file or directory"},
    {sys::kEIO, "EIO: input/output error"},
    {sys::kE2BIG, "E2BIG: argument list too long"},
    {sys::kENOEXEC, "ENOEXEC: exec format error"},
    {sys::kENOMEM, "ENOMEM: cannot allocate memory"},
    {sys::kEACCES, "EACCES: permission denied"},
    {sys::kENOTDIR, "ENOTDIR: not a directory"},
    {sys::kENAMETOOLONG, "ENAMETOOLONG: file name too long"},
    {sys::kELOOP, "ELOOP: too many levels of symbolic links"},
};

Start read_start(long* stack) {
  Start start;
  const long argc = *stack;
  start.argv = reinterpret_cast<char**>(stack + 1);
  start.envp = start.argv + argc + 1;
  char** end = start.envp;
  while (*end != nullptr) ++end;
  for (auto* entry = reinterpret_cast<unsigned long*>(end + 1); entry[0] != 0; entry += 2) {
    if (entry[0] == kAtSecure) start.secure = entry[1] != 0;
  }
  return start;
}

[[noreturn]] void fail(const char* action, const char* object, const char* reason, int status) {
  char buffer[2 * kPathMax];
  Text text(buffer, sizeof buffer);
  text.add("tsrun: cannot ");
  text.add(action);
  text.add(" \"");
  text.add(object);
  text.add("\": ");
  text.add(reason);
  text.add('\n');
  sys::write(2, buffer, length(buffer));
  sys::exit(status);
}

[[noreturn]] void fail(const char* action, const char* object, long result) {
  const int status = result == -sys::kENOENT ? kNotFound : kNotExecutable;
  for (const Errno& known : kErrnos) {
    if (known.number == -result) fail(action, object, known.text, status);
  }
  char reason[32];
  Text text(reason, sizeof reason);
  text.add("errno ");
  text.decimal(static_cast<uint64_t>(-result));
  fail(action, object, reason, status);
}

// The working directory, empty where it has no path: the kernel then says "(unreachable)/...", or fails.
void read_cwd(char* cwd) {
  const long size = sys::call(__NR_getcwd, sys::ptr(cwd), kPathMax);
  if (size <= 0 || cwd[0] != '/') cwd[0] = 0;
}

// The launcher's real file, as it is usually executed through a symbolic link in the PATH. Without /proc the engine
// would abort in its first millisecond, with a report of a crash.
void read_own_path(char* own) {
  const long size = sys::call(__NR_readlinkat, sys::kAtFdcwd, sys::ptr("/proc/self/exe"), sys::ptr(own), kPathMax - 1);
  if (size <= 0 || own[0] != '/') fail("read", "/proc/self/exe", "procfs is not mounted on /proc", kNotExecutable);
  own[size] = 0;
}

// The engines lie beside the launcher.
void engine_path(char* path, size_t size, const char* own, const char* engine) {
  size_t folder = length(own);
  while (folder > 0 && own[folder - 1] != '/') --folder;
  Text text(path, size);
  for (size_t i = 0; i < folder; ++i) text.add(own[i]);
  text.add(engine);
}

[[noreturn]] void launch(const Start& start) {
  // Set-user-ID and file capabilities would let the caller's LD_PRELOAD, limits and signals run with another's rights.
  if (start.secure) fail("run", "tsrun", "it is set-user-ID, set-group-ID or has file capabilities", kNotExecutable);
  prepare_shim(start.argv);
  char cwd[kPathMax], own[kPathMax], engine[kPathMax + 32], note[kLaunchSize];
  read_cwd(cwd);
  read_own_path(own);
  Text text(note, sizeof note);
  describe_caller(text, cwd);
  char** environment = engine_environment(start.envp, note);
  if (environment == nullptr) fail("execute", own, -sys::kENOMEM);
  // Where it is ignored, children end without a trace, and nobody could wait for them.
  sys::Sigaction standard = {};
  sys::sigaction(kSigchld, &standard);
  // The engine looks into its working directory and that one's parents, and a bundle is not to be trusted.
  const long entered = sys::chdir("/");
  if (entered < 0) fail("enter", "/", entered);
  long executed = -sys::kENOENT;
  for (const char* name : kEngines) {
    engine_path(engine, sizeof engine, own, name);
    executed = sys::execve(engine, start.argv, environment);
    if (executed != -sys::kENOENT) break;
  }
  fail("execute", engine, executed);
}

}  // namespace
}  // namespace launcher

extern "C" [[noreturn]] void launcher_start(long* stack);
extern "C" [[noreturn, gnu::used]] void launcher_start(long* stack) { launcher::launch(launcher::read_start(stack)); }

#if defined(__x86_64__)
asm(R"(
  .globl _start
  .type _start, @function
_start:
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call launcher_start
)");
#else
asm(R"(
  .globl _start
  .type _start, %function
_start:
  mov x29, #0
  mov x30, #0
  mov x0, sp
  bl launcher_start
)");
#endif
