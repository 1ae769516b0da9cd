// quick-finish PROGRAM SNAPSHOT SNAPSHOT: puts a snapshot of the engine into the program that made it; snapshot.h tells the form.
//
// Two processes made it, and the kernel had put their executables at two places. A word that differs by as much as these do is
// an address in the executable; all others have to be alike, as recorded memory lies at the same place in each.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "heap.h"
#include "snapshot.h"

namespace {

using quick::kHeapStart;
using quick::kPage;
using quick::SnapshotHeader;

// The border of the stack, which is set at the start, and what was never written beside the 32 bits of some strings' fields.
// There are five; many more would be something new.
constexpr size_t kMostOthers = 16;

struct Snapshot {
  SnapshotHeader header;
  std::vector<uint64_t> words;
};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "quick-finish: %s\n", message.c_str());
  std::exit(1);
}

std::string contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(std::string("cannot read \"") + path + "\"");
  return {std::istreambuf_iterator<char>(file), {}};
}

Snapshot read(const char* path) {
  const std::string bytes = contents(path);
  Snapshot snapshot{};
  if (bytes.size() < sizeof snapshot.header) fail(std::string("\"") + path + "\" is no snapshot");
  std::memcpy(static_cast<void*>(&snapshot.header), bytes.data(), sizeof snapshot.header);
  const size_t size = snapshot.header.end - kHeapStart;
  if (bytes.size() != sizeof snapshot.header + size) fail(std::string("\"") + path + "\" is cut off");
  snapshot.words.resize(size / sizeof(uint64_t));
  std::memcpy(snapshot.words.data(), bytes.data() + sizeof snapshot.header, size);
  return snapshot;
}

// Makes the addresses relative to the executable, and returns their places. What was never written may be half an address,
// and differ by as much where the kernel chose two places with equal lower halves: it does not lie within the executable.
std::vector<uint32_t> relocate(Snapshot& one, const Snapshot& other, size_t executable) {
  std::vector<uint32_t> places;
  size_t others = 0;
  for (size_t i = 0; i < one.words.size(); i++) {
    if (one.words[i] == other.words[i]) continue;
    const uint64_t within = one.words[i] - one.header.image;
    if (within == other.words[i] - other.header.image && within < executable) {
      one.words[i] = within;
      places.push_back(static_cast<uint32_t>(i));
    } else if (++others > kMostOthers) {
      fail("the snapshots differ in more than where the executable was, first of all at word " + std::to_string(i));
    }
  }
  return places;
}

void pad(std::string& text) { text.resize((text.size() + kPage - 1) / kPage * kPage); }

template <typename T>
void append(std::string& to, const T* values, size_t count) {
  to.append(reinterpret_cast<const char*>(values), sizeof(T) * count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) fail("usage: quick-finish PROGRAM SNAPSHOT SNAPSHOT");
  constexpr size_t kEnd = sizeof(uint64_t) + 8;  // the snapshot's offset, and what ends the file
  std::string program = contents(argv[1]);
  Snapshot one = read(argv[2]);
  const Snapshot other = read(argv[3]);
  if (one.header.image == other.header.image) fail("the kernel put the executable at the same place twice");
  if (one.header.end != other.header.end || std::memcmp(&one.header.roots, &other.header.roots, sizeof one.header.roots) != 0)
    fail("the snapshots differ");
  const std::vector<uint32_t> places = relocate(one, other, program.size());
  const std::string trailer = program.substr(program.size() - kEnd - sizeof(uint64_t) - sizeof(uint32_t));
  program.resize(program.size() - trailer.size());
  pad(program);
  const uint64_t offset = program.size();
  const size_t before_memory = sizeof(SnapshotHeader) + places.size() * sizeof(uint32_t);
  one.header.image = 0;
  one.header.words = static_cast<uint32_t>(places.size());
  one.header.memory = static_cast<uint32_t>((before_memory + kPage - 1) / kPage);
  append(program, &one.header, 1);
  append(program, places.data(), places.size());
  pad(program);
  append(program, one.words.data(), one.words.size());
  pad(program);
  program.append(trailer, 0, trailer.size() - kEnd);
  append(program, &offset, 1);
  program.append("tsrun-js");
  std::ofstream file(argv[1], std::ios::binary);
  file << program;
  if (!file.flush()) fail(std::string("cannot write \"") + argv[1] + "\"");
  std::printf("%zu kB, %zu addresses\n", one.words.size() * sizeof(uint64_t) / 1024, places.size());
  return 0;
}
