// The event loop: timers, immediates, the addon's epoll, and calls that other threads ask for (Node-API's thread-safe functions).
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <deque>
#include <mutex>

#include "engine.h"
#include "heap.h"

using quick::handle;

struct napi_threadsafe_function__ {
  napi_env env;
  JSValue function;
  napi_threadsafe_function_call_js call;
  void* context;
  bool keeps_alive = true;
  std::mutex mutex;
  std::deque<void*> queue;
};

namespace quick {
namespace {

struct Timer {
  uint32_t id;
  double due;       // of CLOCK_MONOTONIC, milliseconds
  double interval;  // negative: once
  bool keeps_alive;
  JSValue callback;
};

uint32_t last_id = 0;
std::vector<Timer> timers;
std::deque<Timer> immediates;
std::vector<napi_threadsafe_function> functions;
int wakeup = -1;

// What the addon waits for: one descriptor, an epoll of all the others.
struct Source {
  int fd;
  void (*ready)(napi_env env);
};
Source source{-1, nullptr};
bool source_is_ready = false;

double now() {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

uint32_t id_of(JSValueConst timer) { return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(JS_GetOpaque(timer, shared.timer))); }

JSValue timer_object(JSContext* context, uint32_t id) {
  const JSValue object = JS_NewObjectClass(context, static_cast<int>(shared.timer));
  JS_SetOpaque(object, reinterpret_cast<void*>(static_cast<uintptr_t>(id)));
  return object;
}

enum { kOnce, kRepeatedly };

JSValue set_timer(JSContext* context, JSValueConst, int count, JSValueConst* arguments, int kind) {
  if (count < 1 || !JS_IsFunction(context, arguments[0])) return JS_ThrowTypeError(context, "the callback is not a function");
  double delay = 0;
  if (count > 1 && !JS_IsUndefined(arguments[1]) && JS_ToFloat64(context, &delay, arguments[1]) < 0) return JS_EXCEPTION;
  // As the engines of HTML and Node.js do with what a 32 bit integer cannot hold.
  if (!(delay >= 1) || delay > 2147483647) delay = 1;
  timers.push_back({++last_id, now() + delay, kind == kRepeatedly ? delay : -1, true, JS_DupValue(context, arguments[0])});
  return timer_object(context, last_id);
}

JSValue set_immediate(JSContext* context, JSValueConst, int count, JSValueConst* arguments) {
  if (count < 1 || !JS_IsFunction(context, arguments[0])) return JS_ThrowTypeError(context, "the callback is not a function");
  immediates.push_back({++last_id, 0, -1, true, JS_DupValue(context, arguments[0])});
  return timer_object(context, last_id);
}

template <typename Timers>
void forget(JSContext* context, Timers& list, uint32_t id) {
  const auto found = std::find_if(list.begin(), list.end(), [id](const Timer& timer) { return timer.id == id; });
  if (found == list.end()) return;
  const JSValue callback = found->callback;
  list.erase(found);
  JS_FreeValue(context, callback);
}

JSValue clear_timer(JSContext* context, JSValueConst, int count, JSValueConst* arguments) {
  const uint32_t id = count < 1 ? 0 : id_of(arguments[0]);
  forget(context, timers, id);
  forget(context, immediates, id);
  return JS_UNDEFINED;
}

JSValue keep_alive(JSContext* context, JSValueConst receiver, int, JSValueConst*, int whether) {
  const uint32_t id = id_of(receiver);
  for (Timer& timer : timers) {
    if (timer.id == id) timer.keeps_alive = whether != 0;
  }
  return JS_DupValue(context, receiver);
}

void run_jobs(JSContext* context) {
  JSContext* of;
  int ran;
  while ((ran = JS_ExecutePendingJob(JS_GetRuntime(context), &of)) != 0) {
    if (ran < 0) tell_pending(context);
  }
  tell_rejections(context);
}

void call(JSContext* context, JSValueConst callback) {
  const JSValue returned = JS_Call(context, callback, JS_UNDEFINED, 0, nullptr);
  if (JS_IsException(returned)) tell_pending(context);
  JS_FreeValue(context, returned);
  run_jobs(context);
}

void run_due_timers(JSContext* context) {
  const double time = now();
  std::vector<uint32_t> due;
  for (const Timer& timer : timers) {
    if (timer.due <= time) due.push_back(timer.id);
  }
  std::sort(due.begin(), due.end(), [](uint32_t left, uint32_t right) {
    const auto due_of = [](uint32_t id) { return std::find_if(timers.begin(), timers.end(), [id](const Timer& timer) { return timer.id == id; })->due; };
    return due_of(left) != due_of(right) ? due_of(left) < due_of(right) : left < right;
  });
  for (const uint32_t id : due) {
    // Another's callback may have cleared it.
    const auto timer = std::find_if(timers.begin(), timers.end(), [id](const Timer& candidate) { return candidate.id == id; });
    if (timer == timers.end()) continue;
    const JSValue callback = JS_DupValue(context, timer->callback);
    if (timer->interval < 0) forget(context, timers, id);
    else timer->due = now() + timer->interval;
    call(context, callback);
    JS_FreeValue(context, callback);
  }
}

// Those that were there when the turn began; what they add is for the next one.
void run_immediates(JSContext* context) {
  for (size_t left = immediates.size(); left > 0 && !immediates.empty(); left--) {
    const JSValue callback = immediates.front().callback;
    immediates.pop_front();
    call(context, callback);
    JS_FreeValue(context, callback);
  }
}

void run_asked_calls(JSContext* context) {
  // A call may make another function: by place, as the list may move.
  for (size_t place = 0; place < functions.size(); place++) {
    const napi_threadsafe_function function = functions[place];
    std::deque<void*> asked;
    {
      const std::lock_guard lock(function->mutex);
      asked.swap(function->queue);
    }
    for (void* data : asked) {
      {
        const Scope scope(function->env);
        const napi_value callee = handle(function->env, JS_DupValue(context, function->function));
        function->call(function->env, callee, function->context, data);
      }
      if (JS_HasException(context)) tell_pending(context);
      run_jobs(context);
    }
  }
}

bool is_alive() {
  if (!immediates.empty()) return true;
  for (const Timer& timer : timers) {
    if (timer.keeps_alive) return true;
  }
  for (const napi_threadsafe_function__* function : functions) {
    if (function->keeps_alive) return true;
  }
  return false;
}

int milliseconds_to_wait() {
  if (!immediates.empty()) return 0;
  double soonest = -1;
  for (const Timer& timer : timers) {
    if (soonest < 0 || timer.due < soonest) soonest = timer.due;
  }
  return soonest < 0 ? -1 : static_cast<int>(std::ceil(std::max(0.0, soonest - now())));
}

void wait() {
  struct pollfd polled[] = {{wakeup, POLLIN, 0}, {source.fd, POLLIN, 0}};
  if (poll(polled, 2, milliseconds_to_wait()) <= 0) return;
  source_is_ready = polled[1].revents != 0;
  if (polled[0].revents == 0) return;
  uint64_t count;
  [[maybe_unused]] const ssize_t size = read(wakeup, &count, sizeof count);
}

void run_source(JSContext* context) {
  if (!source_is_ready) return;
  source_is_ready = false;
  const napi_env env = env_of(context);
  {
    const Scope scope(env);
    source.ready(env);
  }
  if (JS_HasException(context)) tell_pending(context);
  run_jobs(context);
}

// Who waits has time to clear away; a command that only runs has not made enough for that to be worth it. What a snapshot
// holds is not counted: to look through it is to copy all of its pages.
void expect_long_life(JSContext* context) {
  constexpr size_t kGarbage = 1 << 20;
  static bool done = false;
  if (!done) JS_SetGCThreshold(JS_GetRuntime(context), recorded_bytes() + kGarbage);
  done = true;
}

void add(JSContext* context, JSValueConst object, const char* name, JSValue function) { JS_SetPropertyStr(context, object, name, function); }

}  // namespace

void add_timers(JSContext* context) {
  JSRuntime* runtime = JS_GetRuntime(context);
  JS_NewClassID(runtime, &shared.timer);
  JSClassDef definition{};
  definition.class_name = "Timeout";
  JS_NewClass(runtime, shared.timer, &definition);
  const JSValue prototype = JS_NewObject(context);
  add(context, prototype, "ref", JS_NewCFunctionMagic(context, keep_alive, "ref", 0, JS_CFUNC_generic_magic, 1));
  add(context, prototype, "unref", JS_NewCFunctionMagic(context, keep_alive, "unref", 0, JS_CFUNC_generic_magic, 0));
  JS_SetClassProto(context, shared.timer, prototype);
  const JSValue global = JS_GetGlobalObject(context);
  add(context, global, "setTimeout", JS_NewCFunctionMagic(context, set_timer, "setTimeout", 2, JS_CFUNC_generic_magic, kOnce));
  add(context, global, "setInterval", JS_NewCFunctionMagic(context, set_timer, "setInterval", 2, JS_CFUNC_generic_magic, kRepeatedly));
  add(context, global, "setImmediate", JS_NewCFunction(context, set_immediate, "setImmediate", 1));
  for (const char* name : {"clearTimeout", "clearInterval", "clearImmediate"}) add(context, global, name, JS_NewCFunction(context, clear_timer, name, 1));
  JS_FreeValue(context, global);
}

void run_loop(JSContext* context) {
  run_jobs(context);
  while (is_alive()) {
    run_due_timers(context);
    run_asked_calls(context);
    run_source(context);
    run_immediates(context);
    if (!is_alive()) break;
    expect_long_life(context);
    wait();
  }
}

}  // namespace quick

// Its reader is called from the loop, one event at a time, as long as it has any (addon/binding/waiter.cc).
extern "C" void quick_watch(int fd, void (*ready)(napi_env env)) { quick::source = {fd, ready}; }

extern "C" {

napi_status napi_create_threadsafe_function(napi_env env, napi_value function, napi_value, napi_value, size_t, size_t, void*, napi_finalize,
                                            void* context, napi_threadsafe_function_call_js call, napi_threadsafe_function* result) {
  if (quick::wakeup < 0) quick::wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (quick::wakeup < 0) return quick::fail(env, napi_generic_failure);
  auto* made = new napi_threadsafe_function__{};
  made->env = env;
  made->function = function == nullptr ? JS_UNDEFINED : JS_DupValue(env->context, quick::value_of(env, function));
  made->call = call;
  made->context = context;
  quick::functions.push_back(made);
  *result = made;
  return napi_ok;
}

napi_status napi_get_threadsafe_function_context(napi_threadsafe_function function, void** result) {
  *result = function->context;
  return napi_ok;
}

napi_status napi_call_threadsafe_function(napi_threadsafe_function function, void* data, napi_threadsafe_function_call_mode) {
  {
    const std::lock_guard lock(function->mutex);
    function->queue.push_back(data);
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t size = write(quick::wakeup, &one, sizeof one);
  return napi_ok;
}

// Thread-safe functions live as long as the process.
napi_status napi_acquire_threadsafe_function(napi_threadsafe_function) { return napi_ok; }
napi_status napi_release_threadsafe_function(napi_threadsafe_function, napi_threadsafe_function_release_mode) { return napi_ok; }

napi_status napi_ref_threadsafe_function(node_api_basic_env, napi_threadsafe_function function) {
  function->keeps_alive = true;
  return napi_ok;
}

napi_status napi_unref_threadsafe_function(node_api_basic_env, napi_threadsafe_function function) {
  function->keeps_alive = false;
  return napi_ok;
}

// Asynchronous contexts are for who follows calls from one turn of the loop to another; nobody does here.
napi_status napi_async_destroy(napi_env, napi_async_context) { return napi_ok; }
napi_status napi_close_callback_scope(napi_env, napi_callback_scope) { return napi_ok; }

}  // extern "C"
