// What the launcher does before the engine when it is called as containerd's shim: containerd waits for each of these
// commands, so an engine that need not start is not started.
#include "launch.h"

namespace launcher {
namespace {

constexpr const char* kShim = "containerd-shim-tsrun-v1";
// The shim writes it into a container's bundle, and removes it when the container is deleted.
constexpr const char* kRecord = "/tsrun.json";
// Where the engine finds the pipe on which it tells that it is ready.
constexpr int kReady = 3;
constexpr long kFOk = 0;

bool equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

const char* base_name(const char* path) {
  const char* base = path;
  for (; *path != 0; ++path) {
    if (*path == '/') base = path + 1;
  }
  return base;
}

const char* last_word(char* const* argv) {
  while (argv[1] != nullptr) ++argv;
  return *argv;
}

// The value of -bundle or --bundle; null: the shim stands in the bundle.
const char* bundle_of(char* const* argv) {
  for (; *argv != nullptr; ++argv) {
    const char* word = *argv;
    if (word[0] == '-' && word[1] == '-') ++word;
    if (equal(word, "-bundle")) return argv[1];
  }
  return nullptr;
}

size_t varint(unsigned char* to, uint64_t value) {
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) to[size++] = static_cast<unsigned char>(value | 0x80);
  to[size++] = static_cast<unsigned char>(value);
  return size;
}

// containerd.task.v2.DeleteResponse: exit_status (2) of SIGKILL, exited_at (3) now.
void answer_delete() {
  struct {
    int64_t seconds;
    int64_t nanos;
  } now{};
  sys::call(__NR_clock_gettime, 0, sys::ptr(&now));
  unsigned char time[24];
  size_t size = 0;
  time[size++] = 0x08;
  size += varint(time + size, static_cast<uint64_t>(now.seconds));
  time[size++] = 0x10;
  size += varint(time + size, static_cast<uint64_t>(now.nanos));
  unsigned char message[32] = {0x10, 0x89, 0x01, 0x1a, static_cast<unsigned char>(size)};
  for (size_t i = 0; i < size; ++i) message[5 + i] = time[i];
  sys::write(1, message, 5 + size);
}

// The container was deleted in order, and nothing of it is left to delete.
bool is_deleted(char* const* argv) {
  char path[kPathMax + 16];
  Text text(path, sizeof path);
  const char* bundle = bundle_of(argv);
  text.add(bundle == nullptr ? "." : bundle);
  text.add(kRecord);
  return !text.full() && sys::call(__NR_faccessat, sys::kAtFdcwd, sys::ptr(path), kFOk) == -sys::kENOENT;
}

// The engine becomes the shim that stays; this process is what containerd waits for, and ends when the shim has answered.
void fork_shim() {
  int ready[2];
  if (sys::call(__NR_pipe2, sys::ptr(ready), sys::kOCloexec) < 0) return;
  const long child = sys::call(__NR_clone, kSigchld, 0, 0, 0, 0);
  if (child < 0) sys::exit(1);
  if (child == 0) {
    if (ready[1] == kReady)
      sys::fcntl(kReady, 2, 0);
    else
      sys::dup3(ready[1], kReady, 0);
    return;
  }
  sys::close(ready[1]);
  char byte;
  if (sys::read(ready[0], &byte, 1) == 1) sys::exit(0);
  int status = 0;
  sys::call(__NR_wait4, child, sys::ptr(&status), 0, 0);
  sys::exit((status & 0x7f) == 0 ? (status >> 8) & 0xff : 1);
}

}  // namespace

void prepare_shim(char* const* argv) {
  if (argv[0] == nullptr || !equal(base_name(argv[0]), kShim)) return;
  const char* action = last_word(argv);
  if (equal(action, "delete") && is_deleted(argv)) {
    answer_delete();
    sys::exit(0);
  }
  if (equal(action, "start")) fork_shim();
}

}  // namespace launcher
