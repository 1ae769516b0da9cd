// Copies bytes from one descriptor to another in a thread of its own, so that they never pass through JavaScript.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "support.h"

namespace binding {
namespace {

constexpr size_t kBytes = 32 * 1024;
constexpr size_t kStack = 128 * 1024;
// A container decides how many of its processes hold their streams for ever, and each of these costs a thread.
constexpr int kMostLetGo = 256;

std::atomic<int> let_go_now{0};

struct Pump {
  UniqueFd from;
  UniqueFd to;
  // Its other end belongs to JavaScript: closed there, the copying stops; a byte there tells that who wrote has ended;
  // closed here, all that it wrote has been copied.
  UniqueFd control;
  bool writer_ended = false;
  bool counted = false;

  Pump() = default;
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump() {
    if (counted) let_go_now--;
  }
};

// A byte, or the end; false when the copying is to stop.
bool obey(Pump& pump) {
  char order;
  if (recv(pump.control.get(), &order, 1, MSG_DONTWAIT) <= 0) return false;
  pump.writer_ended = true;
  return true;
}

// The reader sees the end. What others still write is taken from them, so that they see no SIGPIPE, and goes nowhere:
// as long as there is one of them, and nobody can stop that any more. False when there are too many already.
bool let_go(Pump& pump) {
  pump.counted = true;
  if (++let_go_now > kMostLetGo) return false;
  pump.to = UniqueFd();
  pump.control = UniqueFd();
  return true;
}

// Whether `fd` is ready for `events`; false when the copying is to stop.
bool wait_for(Pump& pump, int fd, short events) {
  for (;;) {
    struct pollfd fds[2] = {{fd, events, 0}, {pump.control.get(), POLLIN, 0}};
    const bool may_let_go = pump.writer_ended && pump.to.get() >= 0 && fd == pump.from.get();
    const int count = poll(fds, 2, may_let_go ? 0 : -1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (fds[1].revents != 0 && !obey(pump)) return false;
    if (fds[0].revents != 0) return true;
    if (may_let_go && !let_go(pump)) return false;
  }
}

bool write_all(Pump& pump, const char* bytes, size_t size) {
  while (size > 0 && pump.to.get() >= 0) {
    if (!wait_for(pump, pump.to.get(), POLLOUT)) return false;
    const ssize_t wrote = write(pump.to.get(), bytes, size);
    if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (wrote < 0) return false;
    bytes += wrote;
    size -= static_cast<size_t>(wrote);
  }
  return true;
}

void copy(Pump& pump) {
  char buffer[kBytes];
  while (wait_for(pump, pump.from.get(), POLLIN)) {
    const ssize_t got = read(pump.from.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    // EIO: the other side of a terminal is gone.
    if (got <= 0) return;
    if (!write_all(pump, buffer, static_cast<size_t>(got))) return;
  }
}

void* run(void* argument) {
  const std::unique_ptr<Pump> pump(static_cast<Pump*>(argument));
  copy(*pump);
  return nullptr;
}

// (from, to) -> control: takes both descriptors; the third becomes readable when the copying has ended, and closing it
// ends the copying
Napi::Value start_pump(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto pump = std::make_unique<Pump>();
  pump->from = UniqueFd(integer32(info[0]));
  pump->to = UniqueFd(integer32(info[1]));
  int ends[2];
  check(env, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
  UniqueFd control(ends[0]);
  pump->control = UniqueFd(ends[1]);
  for (const int fd : {pump->from.get(), pump->to.get()}) {
    const long flags = check(env, fcntl(fd, F_GETFL), "fcntl");
    check(env, fcntl(fd, F_SETFL, static_cast<int>(flags) | O_NONBLOCK), "fcntl");
  }
  // Signals are the main thread's business, and the engine's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, run, pump.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) throw_errno(env, error, "pthread_create");
  pump.release();
  return Napi::Number::New(env, control.release());
}

}  // namespace

void export_pump(Napi::Env env, Napi::Object exports) { add(env, exports, "startPump", start_pump); }

}  // namespace binding
