// `process` and `performance`, as far as the program uses them, and errors that nobody caught.
#include <sys/random.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "engine.h"

extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports);

namespace quick {
namespace {

#if defined(__x86_64__)
constexpr const char* kArchitecture = "x64";
#elif defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#else
#error "this architecture has no name yet"
#endif

Process started;
// By kind of what nobody caught: what the program wants called.
std::vector<JSValue> handlers[2];
constexpr const char* kEvents[] = {"uncaughtException", "unhandledRejection"};
// Promises that were rejected without a handler, and may still get one before this turn ends.
struct Rejection {
  JSValue promise, reason;
};
std::vector<Rejection> rejections;

JSValue text(JSContext* context, const std::string& value) { return string_of(context, value.data(), value.size()); }

JSValue exit_process(JSContext* context, JSValueConst, int count, JSValueConst* arguments) {
  int32_t status = 0;
  if (count > 0) JS_ToInt32(context, &status, arguments[0]);
  // Output is written synchronously, so there is nothing to wait for.
  _exit(status);
}

JSValue working_directory(JSContext* context, JSValueConst, int, JSValueConst*) {
  char path[4096];
  if (getcwd(path, sizeof path) == nullptr) return JS_ThrowPlainError(context, "ENOENT: no such file or directory, getcwd");
  return text(context, path);
}

JSValue identity(JSContext* context, JSValueConst, int, JSValueConst*, int group) {
  return JS_NewInt64(context, group != 0 ? getegid() : geteuid());
}

// Which of the two kinds an event is, or an exception.
int kind_of(JSContext* context, int count, JSValueConst* arguments) {
  const std::string event = count > 0 ? text_of(context, arguments[0]) : "";
  for (int kind = 0; kind < 2; kind++) {
    if (event == kEvents[kind]) return kind;
  }
  JS_ThrowTypeError(context, "process has no event \"%s\" here", event.c_str());
  return -1;
}

JSValue on(JSContext* context, JSValueConst receiver, int count, JSValueConst* arguments) {
  const int kind = kind_of(context, count, arguments);
  if (kind < 0) return JS_EXCEPTION;
  if (count < 2 || !JS_IsFunction(context, arguments[1])) return JS_ThrowTypeError(context, "the listener is not a function");
  handlers[kind].push_back(JS_DupValue(context, arguments[1]));
  return JS_DupValue(context, receiver);
}

JSValue remove_all_listeners(JSContext* context, JSValueConst receiver, int count, JSValueConst* arguments) {
  const int kind = kind_of(context, count, arguments);
  if (kind < 0) return JS_EXCEPTION;
  std::vector<JSValue> removed;
  removed.swap(handlers[kind]);
  for (const JSValue listener : removed) JS_FreeValue(context, listener);
  return JS_DupValue(context, receiver);
}

// The addon is part of this executable, whatever the path.
JSValue load_addon(JSContext* context, JSValueConst, int count, JSValueConst* arguments) {
  if (count < 1 || !JS_IsObject(arguments[0])) return JS_ThrowTypeError(context, "the module is not an object");
  if (JS_IsUndefined(shared.addon)) load_addon_now(context);
  JS_SetPropertyStr(context, arguments[0], "exports", JS_DupValue(context, shared.addon));
  return JS_UNDEFINED;
}

// Made when it is asked for, as a `state` never does.
JSValue environment(JSContext* context, JSValueConst receiver) {
  // A snapshot is nobody's process: what it would keep of one is another's later.
  if (started.environment == nullptr) return JS_ThrowPlainError(context, "a module reads the environment when it is loaded");
  const JSValue object = JS_NewObject(context);
  for (char** entry = started.environment; *entry != nullptr; entry++) {
    const char* equals = std::strchr(*entry, '=');
    if (equals == nullptr) continue;
    const std::string name(*entry, static_cast<size_t>(equals - *entry));
    const JSAtom atom = JS_NewAtomLen(context, name.data(), name.size());
    // The first of two with one name is the one that getenv(3) finds. Names that all objects have are names as any other.
    if (JS_GetOwnProperty(context, nullptr, object, atom) == 0) JS_DefinePropertyValue(context, object, atom, text(context, equals + 1), JS_PROP_C_W_E);
    JS_FreeAtom(context, atom);
  }
  JS_DefinePropertyValueStr(context, receiver, "env", JS_DupValue(context, object), JS_PROP_C_W_E);
  return object;
}

double milliseconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double began;

JSValue elapsed(JSContext* context, JSValueConst, int, JSValueConst*) { return JS_NewNumber(context, milliseconds(CLOCK_MONOTONIC) - began); }

void start_clock(JSContext* context, JSValueConst global) {
  began = milliseconds(CLOCK_MONOTONIC);
  const JSValue performance = JS_GetPropertyStr(context, global, "performance");
  JS_SetPropertyStr(context, performance, "timeOrigin", JS_NewNumber(context, milliseconds(CLOCK_REALTIME)));
  JS_FreeValue(context, performance);
}

// QuickJS's own would go on from what a snapshot froze.
JSValue random_number(JSContext* context, JSValueConst, int, JSValueConst*) {
  constexpr int kFraction = 53;
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != sizeof bits) return JS_ThrowPlainError(context, "getrandom failed");
  return JS_NewNumber(context, static_cast<double>(bits >> (64 - kFraction)) / static_cast<double>(uint64_t{1} << kFraction));
}

void write_error(const std::string& line) { [[maybe_unused]] const ssize_t size = write(2, line.data(), line.size()); }

void track(JSContext* context, JSValueConst promise, JSValueConst reason, bool is_handled, void*) {
  if (!is_handled) {
    rejections.push_back({JS_DupValue(context, promise), JS_DupValue(context, reason)});
    return;
  }
  for (size_t i = 0; i < rejections.size(); i++) {
    if (!JS_IsStrictEqual(context, rejections[i].promise, promise)) continue;
    const Rejection handled = rejections[i];
    rejections.erase(rejections.begin() + static_cast<ptrdiff_t>(i));
    JS_FreeValue(context, handled.promise);
    JS_FreeValue(context, handled.reason);
    return;
  }
}

}  // namespace

Shared shared{0, 0, 0, JS_UNDEFINED};

void load_addon_now(JSContext* context) {
  const napi_env env = env_of(context);
  const Scope scope(env);
  bool failed = false;
  try {
    const napi_value exports = handle(env, JS_NewObject(context));
    napi_register_module_v1(env, exports);
    failed = JS_HasException(context);
    if (!failed) shared.addon = JS_DupValue(context, value_of(env, exports));
  } catch (...) {
    failed = true;
  }
  if (!failed) return;
  // The program has done nothing yet, and without it cannot even tell what is wrong.
  write_error("tsrun: cannot load the addon: ENOMEM: cannot allocate memory\n");
  _exit(1);
}

void add_process(JSContext* context) {
  const JSValue global = JS_GetGlobalObject(context), process = JS_NewObject(context), versions = JS_NewObject(context);
  JS_SetPropertyStr(context, versions, "quickjs", JS_NewString(context, JS_GetVersion()));
  JS_SetPropertyStr(context, process, "arch", JS_NewString(context, kArchitecture));
  JS_SetPropertyStr(context, process, "versions", versions);
  JS_SetPropertyStr(context, process, "exit", JS_NewCFunction(context, exit_process, "exit", 1));
  JS_SetPropertyStr(context, process, "cwd", JS_NewCFunction(context, working_directory, "cwd", 0));
  JS_SetPropertyStr(context, process, "geteuid", JS_NewCFunctionMagic(context, identity, "geteuid", 0, JS_CFUNC_generic_magic, 0));
  JS_SetPropertyStr(context, process, "getegid", JS_NewCFunctionMagic(context, identity, "getegid", 0, JS_CFUNC_generic_magic, 1));
  JS_SetPropertyStr(context, process, "on", JS_NewCFunction(context, on, "on", 2));
  JS_SetPropertyStr(context, process, "removeAllListeners", JS_NewCFunction(context, remove_all_listeners, "removeAllListeners", 1));
  JS_SetPropertyStr(context, process, "dlopen", JS_NewCFunction(context, load_addon, "dlopen", 2));
  JSCFunctionType getter;
  getter.getter = environment;
  const JSAtom env = JS_NewAtom(context, "env");
  JS_DefinePropertyGetSet(context, process, env, JS_NewCFunction2(context, getter.generic, "env", 0, JS_CFUNC_getter, 0), JS_UNDEFINED, JS_PROP_CONFIGURABLE | JS_PROP_ENUMERABLE);
  JS_FreeAtom(context, env);
  JS_SetPropertyStr(context, global, "process", process);
  const JSValue performance = JS_NewObject(context), math = JS_GetPropertyStr(context, global, "Math");
  JS_SetPropertyStr(context, performance, "now", JS_NewCFunction(context, elapsed, "now", 0));
  JS_SetPropertyStr(context, global, "performance", performance);
  JS_SetPropertyStr(context, math, "random", JS_NewCFunction(context, random_number, "random", 0));
  JS_FreeValue(context, math);
  JS_FreeValue(context, global);
  JS_SetHostPromiseRejectionTracker(JS_GetRuntime(context), track, nullptr);
}

void start_process(JSContext* context, const Process& given) {
  started = given;
  const JSValue global = JS_GetGlobalObject(context), process = JS_GetPropertyStr(context, global, "process"), argv = JS_NewArray(context);
  // As with Node.js: the executable, the program, its arguments.
  JS_SetPropertyUint32(context, argv, 0, text(context, given.executable));
  JS_SetPropertyUint32(context, argv, 1, text(context, given.executable));
  for (int i = 1; i < given.argc; i++) JS_SetPropertyUint32(context, argv, static_cast<uint32_t>(i + 1), text(context, given.argv[i]));
  JS_SetPropertyStr(context, process, "argv", argv);
  JS_SetPropertyStr(context, process, "argv0", text(context, given.argc > 0 ? given.argv[0] : ""));
  JS_SetPropertyStr(context, process, "execPath", text(context, given.executable));
  JS_SetPropertyStr(context, process, "pid", JS_NewInt32(context, getpid()));
  start_clock(context, global);
  JS_FreeValue(context, process);
  JS_FreeValue(context, global);
}

void tell_uncaught(JSContext* context, Uncaught kind, JSValue error) {
  const std::vector<JSValue>& called = handlers[static_cast<size_t>(kind)];
  for (const JSValueConst handler : called) {
    JSValueConst arguments[] = {error};
    const JSValue returned = JS_Call(context, handler, JS_UNDEFINED, 1, arguments);
    // A handler that fails has nobody above it, and may not have told anything.
    if (JS_IsException(returned)) {
      write_error("tsrun: " + text_of(context, error) + "\n");
      _exit(1);
    }
    JS_FreeValue(context, returned);
  }
  if (called.empty()) {
    write_error("tsrun: " + text_of(context, error) + "\n");
    _exit(1);
  }
  JS_FreeValue(context, error);
}

void tell_pending(JSContext* context) { tell_uncaught(context, Uncaught::kException, JS_GetException(context)); }

void tell_rejections(JSContext* context) {
  while (!rejections.empty()) {
    const Rejection first = rejections.front();
    rejections.erase(rejections.begin());
    tell_uncaught(context, Uncaught::kRejection, first.reason);
    JS_FreeValue(context, first.promise);
  }
}

}  // namespace quick
