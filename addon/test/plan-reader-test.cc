// The pure parts of tsrun-init as a program with sanitizers, which a static one cannot have (test/sanitizers.test.ts).
//
//   plan-reader-test plans SEED FILE...   reads each plan, then what is left of it after cuts and random changes
//   plan-reader-test walk ROOT            opens or makes each path of standard input, lines of "KIND PATH", below ROOT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../init/reader.h"
#include "../init/rootfs.h"

namespace {

struct Row {
  uint32_t code;
  const char* fields;
};

constexpr Row kRows[] = {
#define X(name, code, fields) {code, fields},
    TSRUN_OPS(X)
#undef X
};

const char* fields_of(uint32_t code) {
  for (const Row& row : kRows)
    if (row.code == code) return row.fields;
  return nullptr;
}

[[noreturn]] void give_up(const std::string& why) {
  fprintf(stderr, "plan-reader-test: %s\n", why.c_str());
  exit(1);
}

volatile unsigned sink;

// Touches every byte that a field gives away, as an op might.
void use(const char* kinds, const plan::Field* fields) {
  unsigned sum = 0;
  for (; *kinds != 0; kinds++, fields++) {
    if (*kinds == 'f' && fields->u != plan::kNoFd && fields->u >= plan::kMaxFds) give_up("a descriptor lies outside the table");
    if (*kinds == 's' && strlen(fields->s) != fields->length) give_up("a string has another length than it says");
    if (*kinds == 'b')
      for (uint32_t i = 0; i < fields->length; i++) sum += static_cast<unsigned char>(fields->s[i]);
    if (*kinds == 'l')
      for (uint32_t i = 0; i < fields->list.count; i++) sum += static_cast<unsigned>(strlen(fields->list[i]));
  }
  sink = sum;
}

// As init's loop does. The bytes are copied to a block of just their size, so that one too many is an error.
bool read_plan(const std::vector<char>& bytes) {
  const std::unique_ptr<char[]> copy(new char[bytes.size()]);
  if (!bytes.empty()) memcpy(copy.get(), bytes.data(), bytes.size());
  plan::Reader reader;
  plan::Header header;
  if (!reader.open(copy.get(), bytes.size(), header)) return false;
  for (uint32_t i = 0; i < header.steps; i++) {
    plan::StepHeader step;
    plan::Field fields[plan::kMaxFields];
    if (!reader.step(step)) return false;
    const char* kinds = fields_of(step.op);
    if (kinds == nullptr || !reader.fields(kinds, fields)) return false;
    use(kinds, fields);
  }
  return reader.done();
}

std::vector<char> read_file(const char* path) {
  FILE* file = fopen(path, "rb");
  if (file == nullptr) give_up(std::string("cannot open ") + path);
  std::vector<char> bytes;
  char chunk[4096];
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) bytes.insert(bytes.end(), chunk, chunk + got);
  fclose(file);
  return bytes;
}

constexpr uint32_t kInteresting[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x40000000, 1023, 1024};

// Changes a few words or bytes: any of them, or those of the header.
void mutate(std::vector<char>& bytes, std::mt19937& random) {
  const size_t changes = 1 + random() % 4;
  for (size_t i = 0; i < changes; i++) {
    const size_t range = random() % 4 == 0 ? sizeof(plan::Header) : bytes.size();
    const size_t at = random() % (range / 4) * 4;
    uint32_t word;
    memcpy(&word, bytes.data() + at, sizeof word);
    switch (random() % 4) {
      case 0:
        word = kInteresting[random() % (sizeof kInteresting / sizeof *kInteresting)];
        break;
      case 1:
        word += random() % 17 - 8;
        break;
      case 2:
        word ^= 1u << (random() % 32);
        break;
      default:
        word = static_cast<uint32_t>(random());
    }
    memcpy(bytes.data() + at, &word, sizeof word);
  }
}

// Each two words that follow each other, as if they were a string's or bytes' offset and length at the very end.
template <typename F>
void change_pairs(const std::vector<char>& bytes, F tally) {
  plan::Header header;
  memcpy(&header, bytes.data(), sizeof header);
  for (size_t at = sizeof header; at + 8 <= sizeof header + header.words * 4; at += 4) {
    for (const uint32_t end : {header.text, header.data}) {
      const uint32_t pairs[][2] = {{end, 0}, {end, 1}, {end - 1, 0}, {end - 1, 1}, {0, end}, {0, end - 1}, {end + 1, 0xffffffff}};
      for (const auto& pair : pairs) {
        std::vector<char> changed = bytes;
        memcpy(changed.data() + at, pair, sizeof pair);
        tally(changed);
      }
    }
  }
}

int plans(uint32_t seed, int count, char** paths) {
  std::mt19937 random(seed);
  size_t refused = 0, read = 0;
  const auto tally = [&](const std::vector<char>& bytes) { (read_plan(bytes) ? read : refused)++; };
  for (int i = 0; i < count; i++) {
    const std::vector<char> bytes = read_file(paths[i]);
    if (!read_plan(bytes)) give_up(std::string("a good plan is refused: ") + paths[i]);
    for (size_t size = 0; size < bytes.size(); size++)
      if (read_plan({bytes.begin(), bytes.begin() + static_cast<long>(size)})) give_up("a plan that was cut off is read");
    std::vector<char> longer = bytes;
    longer.push_back(0);
    if (read_plan(longer)) give_up("a plan with something behind it is read");
    // Each word, with each of the values that break things.
    for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      for (const uint32_t value : kInteresting) {
        std::vector<char> changed = bytes;
        memcpy(changed.data() + at, &value, sizeof value);
        tally(changed);
      }
    }
    change_pairs(bytes, tally);
    for (int round = 0; round < 5000; round++) {
      std::vector<char> changed = bytes;
      mutate(changed, random);
      tally(changed);
    }
  }
  printf("%zu refused, %zu read\n", refused, read);
  return 0;
}

int walk(const char* root_path) {
  const int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) give_up(std::string("cannot open ") + root_path);
  char line[9000];
  while (fgets(line, sizeof line, stdin) != nullptr) {
    const size_t length = strlen(line);
    if (length < 2 || line[length - 1] != '\n') give_up("a line is too short or too long");
    line[length - 1] = 0;
    const auto kind = static_cast<rootfs::Kind>(line[0] - '0');
    const long fd = rootfs::open_or_make(root, line + 2, kind, 0);
    if (fd < 0) {
      printf("%s\n", strerrorname_np(static_cast<int>(-fd)));
      continue;
    }
    char target[9000];
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = readlink(link.c_str(), target, sizeof target);
    printf("%.*s\n", static_cast<int>(size), target);
    close(static_cast<int>(fd));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "plans" && argc > 3) return plans(static_cast<uint32_t>(atoi(argv[2])), argc - 3, argv + 3);
  if (mode == "walk" && argc == 3) return walk(argv[2]);
  give_up("use: plans SEED FILE... | walk ROOT");
}
