// The engine as it is before a command runs: made once, at build time, and mapped at each start instead of being made anew.
//
// Reading the bytecode, linking the modules and running their definitions is five sixths of what a command computes, and
// always the same. A snapshot is the memory that they leave (heap.h), with a list of the words that are addresses in the
// executable, which the kernel puts elsewhere each time. A page of it is read and copied when it is touched.
#pragma once

#include "engine.h"

namespace quick {

// What is not in the recorded memory itself.
struct Roots {
  JSRuntime* runtime;
  JSContext* context;
  Shared shared;
};

// How a snapshot lies in a file, from a page's border on: this, then the list (u32: the word's place in the memory in units of
// eight bytes), then, from the next page's border on, the memory.
struct SnapshotHeader {
  Roots roots;
  uint64_t image;  // where the executable was; in a finished file 0, as the words are relative to it then
  uint64_t end;    // of the recorded memory
  uint32_t words;  // in the list
  uint32_t memory; // where the memory begins, in pages from the header
};

constexpr size_t kPage = 4096;

// Writes what has been recorded since begin_recording() to a file, for quick-compile to finish.
[[noreturn]] void write_snapshot(const Roots& roots, const char* path);

// Maps a snapshot of the executable; false where its place is taken, and all has to be made anew.
bool map_snapshot(const SnapshotHeader* header, int fd, uint64_t offset, Roots* roots);

}  // namespace quick
