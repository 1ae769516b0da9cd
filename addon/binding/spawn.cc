// spawn: a new process by clone3, which execs at once. It is the only way to start a process from the threads of a
// JavaScript engine: the child shares the memory (CLONE_VM), the calling thread waits until it execs (CLONE_VFORK), and
// between the two it makes raw system calls only, on a stack of its own.
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "../sys.h"
#include "support.h"

namespace {

constexpr size_t kStackSize = 64 * 1024;
constexpr int kSignals = 64;
constexpr int kExitNotExecuted = 127;

struct Child {
  std::vector<int> fds;  // place -> source, -1: closed
  std::vector<char*> argv, envp;
  std::string file;      // executed by name when `executable` is -1
  std::string cwd;
  int executable = -1;
  bool has_nofile = false;
  sys::Rlimit nofile{};
  uint64_t ignored = 0;  // signals the program is to find ignored: bit n - 1
  uint64_t blocked = 0;  // and blocked

  int error = 0;              // what the child leaves here when it fails
  const char* what = nullptr;

  long failed(const char* call, long result) {
    error = static_cast<int>(-result);
    what = call;
    return kExitNotExecuted;
  }
};

// Default handling for all but what the caller ignored; the engine's own handlers and ignores must not leak.
void reset_signals(const Child& child) {
  for (int signal = 1; signal <= kSignals; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    sys::Sigaction action{};
    if (((child.ignored >> (signal - 1)) & 1) != 0) action.handler = reinterpret_cast<void (*)(int)>(1);
    sys::sigaction(signal, &action);
  }
  sys::sigprocmask(SIG_SETMASK, &child.blocked, nullptr);
}

// Puts each source at its place. First all move out of the way, so that none is overwritten before its turn.
long place_descriptors(Child& child) {
  const int count = static_cast<int>(child.fds.size());
  for (int& fd : child.fds) {
    if (fd < 0) continue;
    long moved = sys::fcntl(fd, F_DUPFD_CLOEXEC, count + 1);
    if (moved < 0) return child.failed("fcntl", moved);
    fd = static_cast<int>(moved);
  }
  if (child.executable >= 0) {
    long moved = sys::fcntl(child.executable, F_DUPFD_CLOEXEC, count + 1);
    if (moved < 0) return child.failed("fcntl", moved);
    child.executable = static_cast<int>(moved);
  }
  for (int place = 0; place < count; place++) {
    if (child.fds[place] < 0) {
      sys::close(place);
      continue;
    }
    long placed = sys::dup3(child.fds[place], place, 0);
    if (placed < 0) return child.failed("dup3", placed);
  }
  if (child.executable >= 0) {
    long placed = sys::dup3(child.executable, count, O_CLOEXEC);
    if (placed < 0) return child.failed("dup3", placed);
    child.executable = count;
  }
  // Nothing else of the host goes along (CVE-2024-21626).
  long closed = sys::close_range(static_cast<unsigned>(count + (child.executable >= 0 ? 1 : 0)), ~0u, 0);
  return closed < 0 ? child.failed("close_range", closed) : 0;
}

long child_main(void* argument) {
  Child& child = *static_cast<Child*>(argument);
  reset_signals(child);
  if (long result = place_descriptors(child); result != 0) return result;
  if (!child.cwd.empty()) {
    if (long result = sys::chdir(child.cwd.c_str()); result < 0) return child.failed("chdir", result);
  }
  if (child.has_nofile) {
    if (long result = sys::prlimit(RLIMIT_NOFILE, &child.nofile, nullptr); result < 0) return child.failed("setrlimit", result);
  }
  const long result = child.executable >= 0
                          ? sys::execveat(child.executable, "", child.argv.data(), child.envp.data(), AT_EMPTY_PATH)
                          : sys::execve(child.file.c_str(), child.argv.data(), child.envp.data());
  return child.failed("execve", result);
}

// clone3 onto a stack of the child's own, where it calls `run` and ends with its result.
#if defined(__x86_64__)
long clone_onto(sys::CloneArgs* args, size_t size, long (*run)(void*), void* argument) {
  long result;
  register auto r12 asm("r12") = run;
  register auto r13 asm("r13") = argument;
  asm volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov %%r13, %%rdi\n"
      "call *%%r12\n"
      "mov %%eax, %%edi\n"
      "mov %[exit], %%eax\n"
      "syscall\n"
      "hlt\n"
      "1:\n"
      : "=a"(result)
      : "a"(__NR_clone3), "D"(args), "S"(size), [exit] "i"(__NR_exit), "r"(r12), "r"(r13)
      : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
long clone_onto(sys::CloneArgs* args, size_t size, long (*run)(void*), void* argument) {
  register long x8 asm("x8") = __NR_clone3;
  register long x0 asm("x0") = reinterpret_cast<long>(args);
  register long x1 asm("x1") = static_cast<long>(size);
  register auto x20 asm("x20") = run;
  register auto x21 asm("x21") = argument;
  asm volatile(
      "svc 0\n"
      "cbnz x0, 1f\n"
      "mov x29, #0\n"
      "mov x0, x21\n"
      "blr x20\n"
      "mov x8, %[exit]\n"
      "svc 0\n"
      "1:\n"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x20), "r"(x21), [exit] "i"(__NR_exit)
      : "memory", "cc", "x30");
  return x0;
}
#endif

std::vector<char*> pointers(const std::vector<std::string>& from) {
  std::vector<char*> out;
  out.reserve(from.size() + 1);
  for (const std::string& entry : from) out.push_back(const_cast<char*>(entry.c_str()));
  out.push_back(nullptr);
  return out;
}

// {file | executable, argv, env, fds, flags?, cgroup?, cwd?, nofile?, ignored?, blocked?} -> {pid, pidfd}
Napi::Value spawn(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  const auto argv = binding::strings(options.Get("argv"));
  const auto environment = binding::strings(options.Get("env"));
  Child child;
  child.argv = pointers(argv);
  child.envp = pointers(environment);
  child.fds = binding::integers(options.Get("fds"));
  if (options.Has("executable")) child.executable = binding::integer32(options.Get("executable"));
  if (options.Has("file")) child.file = binding::string(options.Get("file"));
  if (options.Has("cwd")) child.cwd = binding::string(options.Get("cwd"));
  if (options.Has("nofile")) {
    const auto limit = options.Get("nofile").As<Napi::Array>();
    child.has_nofile = true;
    child.nofile = {binding::unsigned64(limit.Get(0u)), binding::unsigned64(limit.Get(1u))};
  }
  if (options.Has("ignored")) child.ignored = binding::unsigned64(options.Get("ignored"));
  if (options.Has("blocked")) child.blocked = binding::unsigned64(options.Get("blocked"));

  int pidfd = -1;
  sys::CloneArgs args{};
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  if (options.Has("flags")) args.flags |= binding::unsigned64(options.Get("flags"));
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (options.Has("cgroup")) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(binding::integer(options.Get("cgroup")));
  }
  void* stack = mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) binding::throw_errno(env, errno, "mmap");
  args.stack = reinterpret_cast<uint64_t>(stack);
  args.stack_size = kStackSize;

  // No signal may run the engine's handlers in the child, which shares its memory.
  uint64_t all = ~0ull, before = 0;
  sys::sigprocmask(SIG_SETMASK, &all, &before);
  const long pid = clone_onto(&args, sizeof args, child_main, &child);
  sys::sigprocmask(SIG_SETMASK, &before, nullptr);
  munmap(stack, kStackSize);

  if (pid < 0) binding::throw_errno(env, static_cast<int>(-pid), "clone3");
  if (child.error != 0) {
    close(pidfd);
    sys::call(__NR_wait4, pid, 0, 0, 0);
    binding::throw_errno(env, child.error, child.what, child.file);
  }
  binding::note_child(static_cast<pid_t>(pid));
  auto result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, static_cast<double>(pid)));
  result.Set("pidfd", Napi::Number::New(env, pidfd));
  return result;
}

// Only the thread of the JavaScript spawns and waits.
std::vector<pid_t>& children() {
  static std::vector<pid_t> list;
  return list;
}

}  // namespace

void binding::note_child(pid_t pid) { children().push_back(pid); }

void binding::forget_child(pid_t pid) {
  auto& list = children();
  list.erase(std::remove(list.begin(), list.end(), pid), list.end());
}

bool binding::is_spawned(pid_t pid) {
  const auto& list = children();
  return std::find(list.begin(), list.end(), pid) != list.end();
}

void binding::export_spawn(Napi::Env env, Napi::Object exports) { add(env, exports, "spawn", spawn); }
