// Makes the engine's environment: the caller's, without what would steer the JavaScript engine.
#include "launch.h"

namespace launcher {
namespace {

// What Bun, JavaScriptCore, its allocators and the libraries in them read, by prefix; found by tracing getenv() and
// reading the strings of the engine. mimalloc ignores case, the others do not.
// Not among them on purpose: LD_*, GLIBC_TUNABLES and MALLOC_* belong to the caller's own loader and C library, a
// program may not take them from its user, and where privileges changed (AT_SECURE) the launcher refuses to run;
// NO_COLOR, FORCE_COLOR, TERM, LANG and TZ say what the user wants to see.
struct Prefix {
  const char* text;
  bool any_case = false;
};

constexpr Prefix kEnginePrefixes[] = {
    {"BUN_"},   // options, inspector, crash reports; BUN_BE_BUN makes the executable plain bun
    {"__BUN"},  // its internals
    {"NODE_"},  // NODE_PATH, NODE_CHANNEL_FD (reads from a descriptor), NODE_EXTRA_CA_CERTS, NODE_DEBUG, ...
    {"JSC_"},
    {"JavaScriptCore"},
    {"WTF_"},
    {"WebKit"},
    {"bmalloc_"},
    {"Malloc"},  // switches of bmalloc's debug heap, such as MallocScribble
    {"mimalloc_", true},
    {"SIMDUTF_"},
    {"UV_"},
    {"HYPERFINE_"},
};

// The engine runs for milliseconds, in which a JIT costs more than it gains, and so does the memory of an idle shim: `run`
// takes a sixth longer with it. Nothing else was found to help a start (medians of 40 runs): the garbage collector's and
// WebAssembly's switches, LLInt's caches and mimalloc's arenas make no difference; mimalloc's transparent huge pages halve
// the page faults, and take as long to clear.
constexpr const char* kEngineSettings[] = {"BUN_JSC_useJIT=0"};

// execve(2): a string that is longer than 32 pages ends in E2BIG.
constexpr size_t kMaxString = 131072;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with(const char* text, const char* prefix, bool any_case = false) {
  for (; *prefix != 0; ++prefix, ++text) {
    if ((any_case ? lower(*text) : *text) != *prefix) return false;
  }
  return true;
}

bool is_engines(const char* variable) {
  for (const Prefix& prefix : kEnginePrefixes) {
    if (starts_with(variable, prefix.text, prefix.any_case)) return true;
  }
  return false;
}

bool is_ours(const char* variable) {
  return starts_with(variable, kLaunchPrefix) || starts_with(variable, kCallerPrefix);
}

void* allocate(size_t size) {
  constexpr long kReadWrite = 3, kPrivateAnonymous = 0x22;
  const long at = sys::call(__NR_mmap, 0, static_cast<long>(size), kReadWrite, kPrivateAnonymous, -1, 0);
  return at < 0 ? nullptr : reinterpret_cast<void*>(at);
}

}  // namespace

char** engine_environment(char* const* caller, char* launch) {
  const size_t prefix = length(kCallerPrefix);
  size_t count = 0, renamed = 0;
  for (; caller[count] != nullptr; ++count) {
    if (is_engines(caller[count])) renamed += prefix + length(caller[count]) + 1;
  }
  const size_t fixed = 1 + sizeof kEngineSettings / sizeof *kEngineSettings;
  const size_t slots = (fixed + count + 1) * sizeof(char*);
  auto* memory = static_cast<char*>(allocate(slots + renamed + 1));
  if (memory == nullptr) return nullptr;

  auto** environment = reinterpret_cast<char**>(memory);
  char** next = environment;
  *next++ = launch;
  for (const char* setting : kEngineSettings) *next++ = const_cast<char*>(setting);
  char* room = memory + slots;
  for (size_t i = 0; i < count; ++i) {
    if (is_ours(caller[i])) continue;
    if (!is_engines(caller[i])) {
      *next++ = caller[i];
      continue;
    }
    const size_t size = prefix + length(caller[i]) + 1;
    if (size > kMaxString) continue;
    Text text(room, size);
    text.add(kCallerPrefix);
    text.add(caller[i]);
    *next++ = room;
    room += size;
  }
  *next = nullptr;
  return environment;
}

}  // namespace launcher
