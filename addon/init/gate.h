// Init's side of the gate: messages to the runtime, and its replies (see plan.h for the drawing).
#pragma once

#include "context.h"

namespace gate {

// Reports the step that runs; `fd` is attached when it is not negative.
long send(Context& context, plan::MessageKind kind, long error, uint64_t value, int fd);

// Waits for the runtime's word; up to `count` descriptors are stored from `places` on. End of file ends the process:
// the runtime is gone, and with it the reason to live.
long wait_for_go(Context& context, int* places, uint32_t count);

// Says that a step was not done, and goes on.
void warn(Context& context, long error, uint64_t value);

// Says why, and goes on: more may be found out, and told in a second message, which then counts.
void tell_failure(Context& context, long error);

// Says why, and ends.
[[noreturn]] void fail(Context& context, long error);

}  // namespace gate
