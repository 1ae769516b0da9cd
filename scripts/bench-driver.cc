// Executes the commands that it reads and tells how long each took: scripts/bench.mjs, without an engine in between.
//
// A command is a line on standard input, its words separated by the unit separator (0x1f):
//
//   run   KEY PAUSE_MS PROGRAM ARG...   waits, executes, prints: KEY, wall time in ns, processor time in us, page faults
//   reap  PID_FILE                      waits for the end of a process whose number is in a file
//
// PROGRAM is a path. Its standard streams are /dev/null and the file that argv[1] names, as a container that goes on
// running would hold a pipe open. The first failure ends the driver with status 1. Processes of containers become the
// driver's children when their creator ends, and are waited for at once, as an engine does: a runtime may look whether
// they still exist.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <iostream>
#include <set>
#include <spawn.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using Words = std::vector<std::string>;
using Pids = std::set<pid_t>;

constexpr char kSeparator = '\x1f';

Words split(const std::string& line) {
  Words words;
  for (size_t start = 0; start <= line.size();) {
    size_t end = line.find(kSeparator, start);
    if (end == std::string::npos) end = line.size();
    words.push_back(line.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

long long now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

void sleep_ms(long milliseconds) {
  timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR) {
  }
}

long long microseconds(const timeval& time) { return time.tv_sec * 1000000LL + time.tv_usec; }

posix_spawn_file_actions_t redirect(const char* output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  return actions;
}

// Waits for one child; others that end before are noted.
bool wait_for(pid_t wanted, Pids& ended, int* status, rusage* usage) {
  if (ended.erase(wanted) != 0) return true;
  for (;;) {
    const pid_t pid = wait4(-1, status, 0, usage);
    if (pid == wanted) return true;
    if (pid > 0) ended.insert(pid);
    if (pid < 0 && errno != EINTR) return false;
  }
}

bool run(const Words& words, const posix_spawn_file_actions_t& actions, Pids& ended) {
  std::vector<char*> argv;
  for (size_t i = 3; i < words.size(); ++i) argv.push_back(const_cast<char*>(words[i].c_str()));
  argv.push_back(nullptr);
  sleep_ms(std::strtol(words[2].c_str(), nullptr, 10));
  pid_t pid;
  int status = 0;
  rusage usage = {};
  const long long start = now();
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  if (error != 0) {
    std::fprintf(stderr, "cannot execute \"%s\": %s\n", argv[0], std::strerror(error));
    return false;
  }
  if (!wait_for(pid, ended, &status, &usage)) return false;
  const long long wall = now() - start;
  if (status != 0) {
    for (size_t i = 3; i < words.size(); ++i) std::fprintf(stderr, "%s ", words[i].c_str());
    std::fprintf(stderr, "ended with %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
  }
  std::printf("%s %lld %lld %ld\n", words[1].c_str(), wall, microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
              usage.ru_minflt);
  return true;
}

bool reap(const Words& words, Pids& ended) {
  std::FILE* file = std::fopen(words[1].c_str(), "re");
  long pid = 0;
  const bool read = file != nullptr && std::fscanf(file, "%ld", &pid) == 1 && pid > 0;
  if (file != nullptr) std::fclose(file);
  if (read && wait_for(static_cast<pid_t>(pid), ended, nullptr, nullptr)) return true;
  std::fprintf(stderr, "cannot wait for the process of \"%s\"\n", words[1].c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const posix_spawn_file_actions_t actions = redirect(argv[1]);
  Pids ended;
  for (std::string line; std::getline(std::cin, line);) {
    const Words words = split(line);
    const bool isRun = words[0] == "run" && words.size() >= 4;
    if (!isRun && !(words[0] == "reap" && words.size() == 2)) return 2;
    if (!(isRun ? run(words, actions, ended) : reap(words, ended))) return 1;
  }
  return 0;
}
