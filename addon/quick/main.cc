// tsrun-quick: the program in QuickJS, for the commands that end in milliseconds.
//
// QuickJS starts in a tenth of the time that an engine with a compiler takes, and the program needs no more of an engine
// than this. What needs more (a package that leans on Node.js) is left to the other engine.
#include <sys/resource.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "engine.h"
#include "heap.h"
#include "snapshot.h"

namespace quick {
namespace {

constexpr const char* kOtherEngine = "tsrun-engine";
constexpr size_t kMostStack = 4 << 20;
// A command ends before it has made that much; one that waits gets another threshold (loop.cc).
constexpr size_t kGarbage = 32 << 20;

JSContext* make_context(JSRuntime* runtime) {
  JSContext* context = JS_NewContextRaw(runtime);
  // Without eval: nothing is compiled that was not there at build time.
  const bool failed = context == nullptr || JS_AddIntrinsicBaseObjects(context) || JS_AddIntrinsicDate(context) || JS_AddIntrinsicRegExp(context) ||
                      JS_AddIntrinsicJSON(context) || JS_AddIntrinsicMapSet(context) || JS_AddIntrinsicTypedArrays(context) ||
                      JS_AddIntrinsicPromise(context) || JS_AddIntrinsicWeakRef(context) || JS_AddIntrinsicAToB(context);
  return failed ? nullptr : context;
}

// Half of what the process may use, so that the native functions below the last call have the rest.
size_t stack_size() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / 2 > kMostStack) return kMostStack;
  return limit.rlim_cur / 2;
}

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size <= 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

[[noreturn]] void fail(const std::string& reason, int status) {
  const std::string line = "tsrun: " + reason + "\n";
  [[maybe_unused]] const ssize_t size = write(2, line.data(), line.size());
  _exit(status);
}

// Of the one context; a snapshot knows it by its address.
napi_env__ environment{};

JSContext* make_engine() {
  JSRuntime* runtime = JS_NewRuntime2(&kHeapFunctions, nullptr);
  JSContext* context = runtime == nullptr ? nullptr : make_context(runtime);
  if (context == nullptr) fail("cannot start the engine: ENOMEM: cannot allocate memory", 1);
  environment.context = context;
  JS_SetContextOpaque(context, &environment);
  add_timers(context);
  add_encoding(context);
  add_process(context);
  add_modules(context);
  return context;
}

// Loads what the arguments name and leaves it as it is then to a file, the first of them.
[[noreturn]] void make_snapshot(const Process& process) {
  if (process.argc < 2 || !begin_recording()) fail("cannot make a snapshot: its place in memory is taken", 1);
  JSContext* context = make_engine();
  load_addon_now(context);
  for (int i = 2; i < process.argc; i++) {
    const JSValue promise = JS_LoadModule(context, "", process.argv[i]);
    if (JS_IsException(promise)) tell_pending(context);
    run_loop(context);
    if (JS_PromiseState(context, promise) != JS_PROMISE_FULFILLED) fail(std::string("cannot load ") + process.argv[i], 1);
    JS_FreeValue(context, promise);
  }
  JS_RunGC(JS_GetRuntime(context));
  write_snapshot({JS_GetRuntime(context), context, shared}, process.argv[1]);
}

// The engine as the snapshot has it, or null.
JSContext* take_snapshot(const Program& program) {
  Roots roots{};
  if (program.snapshot == nullptr || !map_snapshot(program.snapshot, program.fd, program.snapshot_offset, &roots)) return nullptr;
  shared = roots.shared;
  environment.context = roots.context;
  JS_UpdateStackTop(roots.runtime);
  return roots.context;
}

// A shim lives long, and its garbage collector would touch all of a snapshot: it has less memory of its own without.
bool lives_long(const Process& process) {
  return process.argc > 0 && std::string_view(process.argv[0]).ends_with("containerd-shim-tsrun-v1");
}

int run(const Process& process) {
  // Who writes where nobody reads gets an error to tell, as in every engine; children get back what the caller had.
  signal(SIGPIPE, SIG_IGN);
  const Program program = open_program(process);
  if (program.is_for_snapshot) make_snapshot(process);
  JSContext* context = lives_long(process) ? nullptr : take_snapshot(program);
  if (context == nullptr) context = make_engine();
  close(program.fd);
  environment.handles.reserve(256);
  JS_SetMaxStackSize(JS_GetRuntime(context), stack_size());
  JS_SetGCThreshold(JS_GetRuntime(context), kGarbage);
  start_process(context, process);
  const JSValue promise = run_module(context, "main.js");
  if (JS_IsException(promise)) tell_pending(context);
  run_loop(context);
  // The program ends by exit(); here nothing that it waits for can come any more.
  fail("cannot go on: nothing is left to wait for", 1);
}

int begin(int argc, char** argv, char** environment) {
  try {
    return run({argc, argv, environment, own_path()});
  } catch (...) {
    // The C++ library's, where it gets no memory; what the addon throws was caught where QuickJS called it.
    fail("cannot go on: ENOMEM: cannot allocate memory", 1);
  }
}

}  // namespace

void become_other_engine(const Process& process) {
  const std::string path = process.executable.substr(0, process.executable.rfind('/') + 1) + kOtherEngine;
  execve(path.c_str(), process.argv, process.environment);
  fail("cannot execute \"" + path + "\": " + std::strerror(errno), errno == ENOENT ? 127 : 126);
}

}  // namespace quick

int main(int argc, char** argv, char** environment) { return quick::begin(argc, argv, environment); }
