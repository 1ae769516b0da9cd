// The engine's parts: one process, one context, one thread that runs JavaScript.
#pragma once

#include "env.h"

namespace quick {

// What the process was started with.
struct Process {
  int argc;
  char** argv;
  char** environment;
  std::string executable;  // its real path
};

// What several parts know of one context, and a snapshot keeps.
struct Shared {
  JSClassID timer, encoder, decoder;
  JSValue addon;
};
extern Shared shared;

// Adds what the Encoding Standard and HTML call TextEncoder, TextDecoder, setTimeout and the like.
void add_encoding(JSContext* context);
void add_timers(JSContext* context);
void add_process(JSContext* context);
// Makes the addon's functions; otherwise they are made when the program asks for them.
void load_addon_now(JSContext* context);
// What differs from start to start.
void start_process(JSContext* context, const Process& process);

// The modules that were compiled into the executable, and the snapshot, if there is one.
struct SnapshotHeader;
struct Program {
  int fd;
  const SnapshotHeader* snapshot;
  uint64_t snapshot_offset;
  bool is_for_snapshot;  // it is the build's, to make one
};
Program open_program(const Process& process);
void add_modules(JSContext* context);
// Runs the module's code; the value is the promise of its end.
JSValue run_module(JSContext* context, const char* name);

// Runs what is due until nothing is left that could be: jobs, timers, immediates, calls of other threads.
void run_loop(JSContext* context);

// Tells the program's handlers of an error that nobody caught; without a handler the process ends.
enum class Uncaught { kException, kRejection };
void tell_uncaught(JSContext* context, Uncaught kind, JSValue error);
void track_rejections(JSContext* context);
void tell_rejections(JSContext* context);

// The pending exception, told and forgotten.
void tell_pending(JSContext* context);

// Becomes the other engine, which has what this one was built without.
[[noreturn]] void become_other_engine(const Process& process);

inline napi_env env_of(JSContext* context) { return static_cast<napi_env>(JS_GetContextOpaque(context)); }

}  // namespace quick
