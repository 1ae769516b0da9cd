// Waits for descriptors and signals on behalf of JavaScript. Bun has no libuv, so there is no uv_poll to lean on; epoll, a
// thread and a thread-safe function work there and in Node.js. The small engine's own loop waits for the epoll, without a thread.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "support.h"

// Of the small engine (addon/quick/loop.cc): calls back from its loop while the descriptor is readable. Null in the others.
extern "C" [[gnu::weak]] void quick_watch(int fd, void (*ready)(napi_env env));

namespace binding {
namespace {

struct Event {
  double id;
  double events;
};

// Each thread of JavaScript has its own, and each copy of the program in one: events go to who waits for them.
struct Waiter {
  UniqueFd epoll;
  UniqueFd end;  // an eventfd that is readable when the thread is to end
  Napi::ThreadSafeFunction call;
  Napi::FunctionReference dispatch;  // without a thread
  std::thread thread;
  int held = 0;  // watches that keep the event loop alive
};

int signal_pipe[2] = {-1, -1};

constexpr uint64_t kEnd = 0;  // no watch has this id

void wait_for_events(Waiter* waiter) {
  struct epoll_event events[16];
  for (;;) {
    const int count = epoll_wait(waiter->epoll.get(), events, 16, -1);
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; i++) {
      if (events[i].data.u64 == kEnd) return;
      auto* event = new Event{static_cast<double>(events[i].data.u64), static_cast<double>(events[i].events)};
      const napi_status status = waiter->call.NonBlockingCall(event, [](Napi::Env env, Napi::Function dispatch, Event* e) {
        const Event copy = *e;
        delete e;
        // What is left when the environment has gone down is called without one.
        if (env == nullptr) return;
        dispatch.Call({Napi::Number::New(env, copy.id), Napi::Number::New(env, copy.events)});
      });
      if (status != napi_ok) {
        delete event;
        return;  // the environment is going down
      }
    }
  }
}

// A worker ends before the process does, and may take the addon's code with it: no thread may be left in it.
void end_thread(Waiter* waiter) {
  const uint64_t one = 1;
  if (write(waiter->end.get(), &one, sizeof one) == sizeof one) waiter->thread.join();
  delete waiter;
}

Waiter* only_waiter = nullptr;  // the small engine has one environment

// One event, so that what it leads to is done before the next.
void take_event(napi_env raw) {
  const Napi::Env env(raw);
  struct epoll_event event;
  if (epoll_wait(only_waiter->epoll.get(), &event, 1, 0) != 1) return;
  try {
    only_waiter->dispatch.Call({Napi::Number::New(env, static_cast<double>(event.data.u64)), Napi::Number::New(env, static_cast<double>(event.events))});
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
  }
}

Waiter& waiter_of(const Napi::Value& handle) { return *reinterpret_cast<Waiter*>(static_cast<uintptr_t>(integer(handle))); }

// (dispatch: (id, events) => void) -> handle
Napi::Value start_waiter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto dispatch = info[0].As<Napi::Function>();
  auto made = std::make_unique<Waiter>();
  made->epoll = UniqueFd(static_cast<int>(check(env, epoll_create1(EPOLL_CLOEXEC), "epoll_create1")));
  Waiter* waiter = made.get();
  const auto handle = Napi::Number::New(env, static_cast<double>(reinterpret_cast<uintptr_t>(waiter)));
  if (quick_watch != nullptr) {
    waiter->call = Napi::ThreadSafeFunction::New(env, dispatch, "tsrun waiter", 0, 1);
    waiter->dispatch = Napi::Persistent(dispatch);
    waiter->dispatch.SuppressDestruct();
    only_waiter = made.release();
    quick_watch(waiter->epoll.get(), take_event);
    waiter->call.Unref(env);
    return handle;
  }
  made->end = UniqueFd(static_cast<int>(check(env, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")));
  struct epoll_event end {};
  end.events = EPOLLIN;
  end.data.u64 = kEnd;
  check(env, epoll_ctl(waiter->epoll.get(), EPOLL_CTL_ADD, waiter->end.get(), &end), "epoll_ctl");
  waiter->call = Napi::ThreadSafeFunction::New(env, dispatch, "tsrun waiter", 0, 1, [](Napi::Env, Waiter* ended) { end_thread(ended); }, made.release());
  waiter->call.Unref(env);
  // Signals are the main thread's business, and the engine's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  waiter->thread = std::thread(wait_for_events, waiter);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return handle;
}

void hold(Napi::Env env, Waiter& waiter, int change) {
  const bool before = waiter.held > 0;
  waiter.held += change;
  const bool now = waiter.held > 0;
  if (before == now) return;
  if (now)
    waiter.call.Ref(env);
  else
    waiter.call.Unref(env);
}

// (handle, fd, events, id, keepAlive): one event, then the watch is spent
Napi::Value watch(const Napi::CallbackInfo& info) {
  Waiter& waiter = waiter_of(info[0]);
  struct epoll_event event {};
  event.events = static_cast<uint32_t>(integer(info[2])) | EPOLLONESHOT;
  event.data.u64 = static_cast<uint64_t>(integer(info[3]));
  const int fd = integer32(info[1]);
  int result = epoll_ctl(waiter.epoll.get(), EPOLL_CTL_MOD, fd, &event);
  if (result < 0 && errno == ENOENT) result = epoll_ctl(waiter.epoll.get(), EPOLL_CTL_ADD, fd, &event);
  check(info.Env(), result, "epoll_ctl");
  if (info[4].As<Napi::Boolean>()) hold(info.Env(), waiter, 1);
  return info.Env().Undefined();
}

// (handle, fd): forgets a descriptor before it is closed
Napi::Value unwatch(const Napi::CallbackInfo& info) {
  epoll_ctl(waiter_of(info[0]).epoll.get(), EPOLL_CTL_DEL, integer32(info[1]), nullptr);
  return info.Env().Undefined();
}

// (fds) -> the places of those that can be read, or have hung up; waits until there is one
Napi::Value poll_in_place(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<struct pollfd> polled;
  for (const int fd : integers(info[0])) polled.push_back({fd, POLLIN, 0});
  int count;
  do count = poll(polled.data(), polled.size(), -1);
  while (count < 0 && errno == EINTR);
  check(env, count, "poll");
  auto places = Napi::Array::New(env);
  for (uint32_t place = 0; place < polled.size(); place++)
    if (polled[place].revents != 0) places.Set(places.Length(), Napi::Number::New(env, place));
  return places;
}

// () -> fd of a counter that becomes readable when it is not zero
Napi::Value event_counter(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(check(info.Env(), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")));
}

// (handle): one watch that kept the event loop alive is spent
Napi::Value release_watch(const Napi::CallbackInfo& info) {
  hold(info.Env(), waiter_of(info[0]), -1);
  return info.Env().Undefined();
}

// Added to the number of a signal that the kernel made: a terminal's Ctrl-C or Ctrl-Z, not somebody's kill(2).
constexpr unsigned char kByKernel = 0x80;
constexpr int kSignals = 65;
// What was there before: the engine sends signals to itself, to stop its own threads for example.
struct sigaction engine_actions[kSignals];

bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP || signal == SIGSYS;
}

// Faults, broken pipes, abort(3), and what the engine sends to itself.
bool is_own(int signal, const siginfo_t& info) {
  return info.si_code > 0 ? is_fault(signal) : info.si_code != SI_QUEUE && info.si_pid == getpid();
}

void pass_to_engine(int signal, siginfo_t* info, void* context) {
  const struct sigaction& action = engine_actions[signal];
  if ((action.sa_flags & SA_SIGINFO) != 0) return action.sa_sigaction(signal, info, context);
  if (action.sa_handler == SIG_IGN) return;
  if (action.sa_handler != SIG_DFL) return action.sa_handler(signal);
  // A fault comes again at once, and abort(3) raises again.
  sigaction(signal, &action, nullptr);
}

void on_signal(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  if (is_own(signal, *info)) {
    pass_to_engine(signal, info, context);
    errno = saved;
    return;
  }
  const auto byte = static_cast<unsigned char>(signal | (info->si_code == SI_KERNEL ? kByKernel : 0));
  // A full pipe holds thousands of signals that nobody has read; one more would tell nothing new.
  [[maybe_unused]] const ssize_t wrote = write(signal_pipe[1], &byte, 1);
  errno = saved;
}

// (signals) -> fd that yields one byte for each that arrives: its number, and kByKernel
Napi::Value catch_signals(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (signal_pipe[0] < 0) check(env, pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK), "pipe2");
  sigset_t caught;
  sigemptyset(&caught);
  for (const int signal : integers(info[0])) {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_RESTART | SA_SIGINFO;
    // A fault within the handler is still a fault, and the engine's own signals interrupt each other.
    struct sigaction before {};
    // The C library keeps two realtime signals to itself and refuses them.
    if (sigaction(signal, nullptr, &before) < 0) {
      if (errno != EINVAL) throw_errno(env, errno, "sigaction");
      continue;
    }
    if (before.sa_sigaction != on_signal) engine_actions[signal] = before;
    check(env, sigaction(signal, &action, nullptr), "sigaction");
    sigaddset(&caught, signal);
  }
  pthread_sigmask(SIG_UNBLOCK, &caught, nullptr);
  return Napi::Number::New(env, signal_pipe[0]);
}

// (signals): these do again what they do by default
Napi::Value release_signals(const Napi::CallbackInfo& info) {
  for (const int released : integers(info[0])) {
    check(info.Env(), signal(released, SIG_DFL) == SIG_ERR ? -1 : 0, "sigaction");
  }
  return info.Env().Undefined();
}

// (signal): this process does what the signal does by default, which is to stop; returns when it continues
Napi::Value stop(const Napi::CallbackInfo& info) {
  const int number = integer32(info[0]);
  struct sigaction standard {}, before {};
  sigset_t one, mask;
  sigemptyset(&one);
  sigaddset(&one, number);
  check(info.Env(), sigaction(number, &standard, &before), "sigaction");
  pthread_sigmask(SIG_UNBLOCK, &one, &mask);
  // To this thread, so that it is over when this returns.
  raise(number);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  sigaction(number, &before, nullptr);
  return info.Env().Undefined();
}

}  // namespace

void export_waiter(Napi::Env env, Napi::Object exports) {
  add(env, exports, "startWaiter", start_waiter);
  add(env, exports, "watch", watch);
  add(env, exports, "unwatch", unwatch);
  add(env, exports, "poll", poll_in_place);
  add(env, exports, "eventCounter", event_counter);
  add(env, exports, "releaseWatch", release_watch);
  add(env, exports, "catchSignals", catch_signals);
  add(env, exports, "releaseSignals", release_signals);
  add(env, exports, "stop", stop);
}

}  // namespace binding
