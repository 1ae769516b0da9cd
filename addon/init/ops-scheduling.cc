// Ops on when the process runs, where its memory comes from, and which kernel it is shown.
#include "context.h"

namespace op {

// {policy, flags, nice, priority, runtime, deadline, period}
long sched_setattr(Context&, const plan::Field* f) {
  constexpr int kThisProcess = 0;
  const sys::SchedAttr attr{sizeof attr,
                            static_cast<uint32_t>(f[0].u),
                            f[1].u,
                            static_cast<int32_t>(f[2].u),
                            static_cast<uint32_t>(f[3].u),
                            f[4].u,
                            f[5].u,
                            f[6].u,
                            0,
                            0};
  return sys::sched_setattr(kThisProcess, attr);
}

// {which, who, priority}
long ioprio_set(Context&, const plan::Field* f) {
  return sys::call(__NR_ioprio_set, static_cast<long>(f[0].u), static_cast<long>(f[1].u), static_cast<long>(f[2].u));
}

// {persona}
long personality(Context&, const plan::Field* f) {
  long before = sys::call(__NR_personality, static_cast<long>(f[0].u));
  return before < 0 ? before : 0;
}

// {mode, flags, nodes}: the kernel looks at one bit less than it is told there are.
long set_mempolicy(Context&, const plan::Field* f) {
  const long mode = static_cast<long>(f[0].u | f[1].u);
  const long bits = f[2].length == 0 ? 0 : static_cast<long>(f[2].length) * 8 + 1;
  return sys::call(__NR_set_mempolicy, mode, bits == 0 ? 0 : sys::ptr(f[2].s), bits);
}

}  // namespace op
