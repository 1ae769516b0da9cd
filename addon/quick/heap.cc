// The engine's memory.
#include "heap.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace quick {
namespace {

constexpr size_t kMost = 64 << 20;
constexpr size_t kUnit = 16;
constexpr size_t kClasses = 512;  // of sizes that are used again while recording: up to 8 KiB

// Stands before each recorded block.
struct Header {
  size_t size;
  size_t unused;
};

struct Free {
  Free* next;
};

bool recording = false;
uintptr_t next_block = 0;
uintptr_t recorded_end = kHeapStart;
Free* free_blocks[kClasses];

bool is_recorded(const void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  return address >= kHeapStart && address < recorded_end;
}

size_t recorded_size(const void* pointer) { return static_cast<const Header*>(pointer)[-1].size; }

void* record(size_t wanted) {
  const size_t size = wanted == 0 ? kUnit : (wanted + kUnit - 1) / kUnit * kUnit, place = size / kUnit;
  if (place < kClasses && free_blocks[place] != nullptr) {
    Free* block = free_blocks[place];
    free_blocks[place] = block->next;
    std::memset(static_cast<void*>(block), 0, size);
    return block;
  }
  if (next_block + sizeof(Header) + size > kHeapStart + kMost) return nullptr;
  auto* header = reinterpret_cast<Header*>(next_block);
  header->size = size;
  next_block += sizeof(Header) + size;
  return header + 1;
}

void forget(void* pointer) {
  const size_t place = recorded_size(pointer) / kUnit;
  if (!recording || place >= kClasses) return;
  auto* block = static_cast<Free*>(pointer);
  block->next = free_blocks[place];
  free_blocks[place] = block;
}

void* allocate(void*, size_t size) { return recording ? record(size) : std::malloc(size); }

// Recorded memory is zero when it is given out, for the first time or again.
void* allocate_zeroed(void*, size_t count, size_t size) {
  if (!recording) return std::calloc(count, size);
  size_t whole;
  return __builtin_mul_overflow(count, size, &whole) ? nullptr : record(whole);
}

void release(void*, void* pointer) {
  if (is_recorded(pointer)) forget(pointer);
  else std::free(pointer);
}

void* reallocate(void* opaque, void* pointer, size_t size) {
  if (pointer == nullptr) return allocate(opaque, size);
  if (!is_recorded(pointer)) return std::realloc(pointer, size);
  const size_t before = recorded_size(pointer);
  if (size != 0 && size <= before) return pointer;
  void* moved = size == 0 ? nullptr : allocate(opaque, size);
  if (size != 0 && moved == nullptr) return nullptr;
  if (moved != nullptr) std::memcpy(moved, pointer, before);
  release(opaque, pointer);
  return moved;
}

size_t usable_size(const void* pointer) { return is_recorded(pointer) ? recorded_size(pointer) : malloc_usable_size(const_cast<void*>(pointer)); }

}  // namespace

const JSMallocFunctions kHeapFunctions = {allocate_zeroed, allocate, release, reallocate, usable_size};

bool begin_recording() {
  void* const wanted = reinterpret_cast<void*>(kHeapStart);
  void* const mapped = mmap(wanted, kMost, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapped != wanted) return false;
  next_block = kHeapStart;
  recorded_end = kHeapStart + kMost;
  recording = true;
  return true;
}

bool is_recording() { return recording; }

uintptr_t end_recording() {
  recording = false;
  return next_block;
}

void adopt_recorded(uintptr_t end) { recorded_end = end; }
size_t recorded_bytes() { return recorded_end - kHeapStart; }

}  // namespace quick

// The addon's own objects are recorded with the values that refer to them.
void* operator new(size_t size) {
  void* const made = quick::allocate(nullptr, size == 0 ? 1 : size);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}
void operator delete(void* pointer) noexcept { quick::release(nullptr, pointer); }
void operator delete(void* pointer, size_t) noexcept { quick::release(nullptr, pointer); }
