#include "pause.h"

#include "../sys.h"

namespace {

constexpr int kSigint = 2, kSigterm = 15, kSigchld = 17;
constexpr int kSigBlock = 0, kWnohang = 1;

constexpr uint64_t bit(int signal) { return uint64_t{1} << (signal - 1); }

}  // namespace

void pause_until_told() {
  const uint64_t signals = bit(kSigint) | bit(kSigterm) | bit(kSigchld);
  sys::call(__NR_rt_sigprocmask, kSigBlock, sys::ptr(&signals), 0, sizeof signals);
  for (;;) {
    // A pod may have one pid namespace for all: then this is its process 1, whose children all orphans become.
    while (sys::call(__NR_wait4, -1, 0, kWnohang, 0) > 0) {
    }
    const long signal = sys::call(__NR_rt_sigtimedwait, sys::ptr(&signals), 0, 0, sizeof signals);
    if (signal == kSigint || signal == kSigterm) sys::exit(0);
  }
}
