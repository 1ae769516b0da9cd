// The op that runs one hook inside the container's namespaces (config.md#posix-platform-hooks).
#include <linux/prctl.h>
#include <linux/wait.h>

#include "context.h"
#include "gate.h"
#include "program-facts.h"

namespace {

constexpr short kPollin = 1, kPollout = 4, kPollerr = 8, kPollhup = 16;
constexpr int kSigpipe = 13, kSigkill = 9, kSigchld = 17;
constexpr size_t kTail = 2048;  // of what the hook wrote: its last words, for the error

struct Pipe {
  int read = -1, write = -1;
  long open() {
    int ends[2];
    long result = sys::call(__NR_pipe2, sys::ptr(ends), sys::kOCloexec);
    if (result == 0) read = ends[0], write = ends[1];
    return result;
  }
  ~Pipe() {
    if (read >= 0) sys::close(read);
    if (write >= 0) sys::close(write);
  }
  void shut(int& end) {
    sys::close(end);
    end = -1;
  }
};

struct Exit {
  int status = 0;  // the exit status, or the signal
  bool signalled = false;
};

// Keeps the end of what goes through.
struct Tail {
  char data[2 * kTail];
  size_t length = 0;
  void add(const char* from, size_t size) {
    if (length + size > sizeof data) {
      const size_t keep = length < kTail ? length : kTail;
      memmove(data, data + length - keep, keep);
      length = keep;
    }
    memcpy(data + length, from, size);
    length += size;
  }
};

[[noreturn]] void become_hook(const char* path, const char** argv, const char** envp, int input, int output, int errors) {
  sys::Sigaction ignore{};
  sys::call(__NR_rt_sigaction, kSigpipe, sys::ptr(&ignore), 0, sizeof(uint64_t));
  constexpr unsigned kCloseRangeCloexec = 4;
  sys::close_range(3, ~0u, kCloseRangeCloexec);  // what the caller preserved is for the container's program
  if (sys::dup3(input, 0, 0) < 0 || sys::dup3(output, 1, 0) < 0 || sys::dup3(output, 2, 0) < 0) sys::exit(127);
  int error = static_cast<int>(-sys::execve(path, const_cast<char* const*>(argv), const_cast<char* const*>(envp)));
  sys::write(errors, &error, sizeof error);
  sys::exit(127);
}

int64_t now_ms() {
  sys::Timespec time{};
  constexpr int kMonotonic = 1;
  sys::call(__NR_clock_gettime, kMonotonic, sys::ptr(&time));
  return time.seconds * 1000 + time.nanoseconds / 1000000;
}

// Feeds the state to the hook and keeps its last words, until it ended or its time is over.
long attend(int pidfd, Pipe& input, Pipe& output, const char* state, size_t size, int64_t deadline, Tail& tail) {
  size_t sent = 0;
  for (;;) {
    sys::Pollfd polls[3] = {{pidfd, kPollin, 0}, {output.read, kPollin, 0}, {input.write, kPollout, 0}};
    sys::Timespec left{};
    if (deadline > 0) {
      int64_t ms = deadline - now_ms();
      if (ms <= 0) return -sys::kETIMEDOUT;
      left = {ms / 1000, ms % 1000 * 1000000};
    }
    long ready = sys::call(__NR_ppoll, sys::ptr(polls), 3, deadline > 0 ? sys::ptr(&left) : 0, 0, sizeof(uint64_t));
    if (ready < 0) return ready;
    if (ready == 0) return -sys::kETIMEDOUT;
    if ((polls[2].revents & (kPollout | kPollerr | kPollhup)) != 0) {
      long wrote = sys::write(input.write, state + sent, size - sent);
      if (wrote > 0) sent += static_cast<size_t>(wrote);
      if (wrote < 0 || sent == size) input.shut(input.write);  // a hook need not read what it is told
    }
    if ((polls[1].revents & (kPollin | kPollhup)) != 0) {
      char chunk[1024];
      long got = sys::read(output.read, chunk, sizeof chunk);
      if (got > 0)
        tail.add(chunk, static_cast<size_t>(got));
      else
        output.shut(output.read);
    } else if ((polls[0].revents & kPollin) != 0) {
      return 0;  // ended, and nothing is left to read
    }
  }
}

Exit reap(long pid) {
  int status = 0;
  sys::call(__NR_wait4, pid, sys::ptr(&status), 0, 0);
  const int signal = status & 0x7f;
  return signal != 0 ? Exit{signal, true} : Exit{(status >> 8) & 0xff, false};
}

struct Spawned {
  long pid;
  int pidfd;
};

Spawned spawn(const plan::Field* f, Pipe& input, Pipe& output, Pipe& errors) {
  const char** argv = to_argv(f[1].list, nullptr);
  const char** envp = to_argv(f[2].list, nullptr);
  if (argv == nullptr || envp == nullptr) return {-sys::kENOMEM, -1};
  const char* only_path[2] = {f[0].s, nullptr};
  int pidfd = -1;
  constexpr uint64_t kClonePidfd = 0x1000;
  sys::CloneArgs args{};
  args.flags = kClonePidfd;
  args.pidfd = static_cast<uint64_t>(sys::ptr(&pidfd));
  args.exit_signal = kSigchld;
  long pid = sys::clone3(args);
  if (pid == 0) become_hook(f[0].s, argv[0] == nullptr ? only_path : argv, envp, input.read, output.write, errors.write);
  return {pid, pidfd};
}

// How the hook ended, as text for the runtime: "exit N", "signal N" or "timeout", a line end, its last words.
void describe(Context& c, const char* how, int number, const Tail& tail) {
  c.notes.add(how);
  if (number >= 0) c.notes.add_number(static_cast<uint64_t>(number));
  c.notes.add("\n");
  const size_t keep = tail.length < kTail ? tail.length : kTail;
  c.notes.add(tail.data + tail.length - keep, keep);
}

}  // namespace

namespace op {

// {path, args, env, before, after, timeout}: the state on stdin is `before`, this process's pid as the container sees
// it, `after`; timeout in seconds, 0: none. The working directory is the current one.
long hook(Context& c, const plan::Field* f) {
  Pipe input, output, errors;
  long result = input.open();
  if (result == 0) result = output.open();
  if (result == 0) result = errors.open();
  if (result < 0) return result;
  static text::Buffer<1 << 18> state;
  state.truncate(0);
  state.overflow = false;
  state.add(f[3].s);
  state.add_number(static_cast<uint64_t>(sys::call(__NR_getpid)));
  state.add(f[4].s);
  if (!state.fits()) return -sys::kE2BIG;

  sys::Sigaction ignore{reinterpret_cast<void (*)(int)>(1), 0, nullptr, 0}, before{};
  sys::call(__NR_rt_sigaction, kSigpipe, sys::ptr(&ignore), sys::ptr(&before), sizeof(uint64_t));
  Spawned hook = spawn(f, input, output, errors);
  if (hook.pid < 0) return hook.pid;
  input.shut(input.read);
  output.shut(output.write);
  errors.shut(errors.write);
  sys::fcntl(input.write, 4 /* F_SETFL */, sys::kONonblock);
  static Tail tail;
  tail.length = 0;
  const int64_t deadline = f[5].u > 0 ? now_ms() + static_cast<int64_t>(f[5].u) * 1000 : 0;
  result = attend(hook.pidfd, input, output, state.data, state.length, deadline, tail);
  if (result < 0) sys::call(__NR_kill, hook.pid, kSigkill);
  Exit end = reap(hook.pid);
  sys::close(hook.pidfd);
  sys::call(__NR_rt_sigaction, kSigpipe, sys::ptr(&before), 0, sizeof(uint64_t));

  int error = 0;
  if (sys::read(errors.read, &error, sizeof error) == sizeof error && error != 0) {
    note_program(c, f[0].s);
    return -error;
  }
  if (result == -sys::kETIMEDOUT) describe(c, "timeout ", static_cast<int>(f[5].u), tail);
  if (result < 0) return result;
  if (!end.signalled && end.status == 0) return 0;
  describe(c, end.signalled ? "signal " : "exit ", end.status, tail);
  return -sys::kEIO;
}

}  // namespace op
