// What the launcher tells the engine: the contract between addon/launcher and src/linux/launch.ts.
//
// Before its first line of JavaScript the engine changes limits, signals and descriptors, so what the caller had can
// only be noted before it runs. The launcher notes it in one variable of the engine's environment:
//
//   TSRUN_LAUNCH="1 nofile=1024:1048576 ignored=0000000000001000 blocked=0000000000000000 fds=0-2,5 cwd=/home/user"
//
//   1         the version of this format; first, so that launcher and engine of two builds notice each other
//   nofile    soft and hard RLIMIT_NOFILE, decimal
//   ignored   signals whose disposition is SIG_IGN, 16 hexadecimal digits, bit n-1 for signal n
//   blocked   signals in the mask, the same form
//   fds       descriptors that are open, in ascending order and ranges; "-" for none, those from 4096 up are not noted.
//             Those with FD_CLOEXEC are never among them: they ended when the launcher was executed
//   cwd       the working directory, to the end of the text, as it may contain anything; empty where it has no path
//             (removed, or outside of the process's root)
//
// Variables that would steer the JavaScript engine are not for it to see, but hooks get the caller's environment: each
// is renamed to TSRUN_CALLER_<name>. What the caller itself calls TSRUN_LAUNCH or TSRUN_CALLER_* is dropped.
#pragma once

#include "../sys.h"

namespace launcher {

constexpr int kSigchld = 17;

constexpr const char* kLaunchPrefix = "TSRUN_LAUNCH=";
constexpr const char* kCallerPrefix = "TSRUN_CALLER_";
constexpr unsigned kMaxFd = 4096;
constexpr size_t kPathMax = 4096;
// Room for everything: the worst list of descriptors leaves out every third, and has 10 characters ("1000-1001,") for each.
constexpr size_t kLaunchSize = (kMaxFd / 3 + 1) * 10 + kPathMax + 256;

// The length of a string that ends with a zero byte.
size_t length(const char* text);

// Text that grows to the right in memory it does not own; what does not fit is cut off, and told by full().
class Text {
 public:
  Text(char* start, size_t size) : at_(start), end_(start + size - 1) { *at_ = 0; }
  void add(char c);
  void add(const char* text);
  void decimal(uint64_t value);
  void hexadecimal(uint64_t value);
  bool full() const { return at_ == end_; }

 private:
  char* at_;
  char* end_;
};

// Writes TSRUN_LAUNCH=... as described above; `cwd` is empty where there is none.
void describe_caller(Text& text, const char* cwd);

// Under containerd's name for a shim: answers at once where there is nothing to decide, or returns in a child that is to
// become the shim. It does nothing under any other name.
void prepare_shim(char* const* argv);

// The environment for the engine, in memory of its own: `launch` and the engine's settings first, then the caller's
// variables, those that the engine would read renamed. Null when there is no memory.
char** engine_environment(char* const* caller, char* launch);

}  // namespace launcher
