// The engine's memory: the C library's, but for what a snapshot holds (snapshot.h), which lies at a place of its own.
#pragma once

#include <quickjs.h>

#include <cstddef>
#include <cstdint>

namespace quick {

// Where recorded memory lies, in every process alike: hashes and comparisons of addresses stay what they were. It is far
// from where the kernel puts programs, stacks and mappings, also where it has only 39 bits for addresses.
constexpr uintptr_t kHeapStart = 0x1f00000000;

extern const JSMallocFunctions kHeapFunctions;

// From now on everything that is allocated, by C++ too, lies there. False where the place is taken.
bool begin_recording();
bool is_recording();
// The end of what was recorded; from then on the C library allocates again.
uintptr_t end_recording();

// What lies below this, from kHeapStart on, was recorded; it is never given back.
void adopt_recorded(uintptr_t end);
size_t recorded_bytes();

}  // namespace quick
