// The engine as it is before a command runs.
#include "snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "heap.h"

// Where the linker put the beginning of this executable.
extern "C" const char __ehdr_start;

// In the C library's place: the seed of a Map's hashes comes from the time, and two snapshots have to be alike.
extern "C" int gettimeofday(struct timeval* given, void*) noexcept {
  struct timespec time {};
  if (!quick::is_recording()) clock_gettime(CLOCK_REALTIME, &time);
  given->tv_sec = time.tv_sec;
  given->tv_usec = time.tv_nsec / 1000;
  return 0;
}

namespace quick {
namespace {

uint64_t image() { return reinterpret_cast<uint64_t>(&__ehdr_start); }

void write_all(int fd, const void* data, size_t size) {
  for (size_t at = 0; at < size;) {
    const ssize_t written = write(fd, static_cast<const char*>(data) + at, size - at);
    if (written < 0) {
      std::perror("cannot write the snapshot");
      _exit(1);
    }
    at += static_cast<size_t>(written);
  }
}

}  // namespace

void write_snapshot(const Roots& roots, const char* path) {
  const uintptr_t end = end_recording();
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  SnapshotHeader header{};
  header.roots = roots;
  header.image = image();
  header.end = end;
  write_all(fd, &header, sizeof header);
  write_all(fd, reinterpret_cast<const void*>(kHeapStart), end - kHeapStart);
  _exit(0);
}

bool map_snapshot(const SnapshotHeader* header, int fd, uint64_t offset, Roots* roots) {
  void* const wanted = reinterpret_cast<void*>(kHeapStart);
  const size_t size = header->end - kHeapStart;
  const auto memory = static_cast<off_t>(offset + uint64_t{header->memory} * kPage);
  void* const mapped = mmap(wanted, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, memory);
  if (mapped != wanted) {
    // A kernel without the flag takes the address for a wish.
    if (mapped != MAP_FAILED) munmap(mapped, size);
    return false;
  }
  auto* words = static_cast<uint64_t*>(mapped);
  const auto* places = reinterpret_cast<const uint32_t*>(header + 1);
  const uint64_t base = image();
  for (uint32_t i = 0; i < header->words; i++) words[places[i]] += base;
  adopt_recorded(header->end);
  *roots = header->roots;
  return true;
}

}  // namespace quick
