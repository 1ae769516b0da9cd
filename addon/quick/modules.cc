// The modules of the program, compiled and appended to the executable: how they are found, and loaded when they are asked for.
//
// At the end of the file, in the order in which it is read (addon/quick/compile.cc writes it, all numbers little-endian):
//
//   bytecode...
//   entry...     for each module: u32 length of its name, the name, u32 length of what it exports, names that each end in a
//                zero byte (of late modules only), u64 offset of its bytecode in the file, u64 size
//   snapshot     or nothing; snapshot.h tells its form
//   u64          offset of the first entry
//   u32          number of entries
//   u64          offset of the snapshot, 0: there is none
//   8 bytes      "tsrun-js", or "tsrun-mk" for the build, which has it make a snapshot
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "engine.h"

namespace quick {
namespace {

struct Module {
  std::string_view name;
  std::string_view exports;
  const uint8_t* bytecode;
  size_t size;
  JSValue loaded;  // a late module's namespace, once it is there
};

constexpr std::string_view kMagic = "tsrun-js", kMagicOfMaker = "tsrun-mk";
constexpr size_t kTrailer = sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint64_t) + kMagic.size();

Process started;
std::vector<Module> modules;

// What is not of the program itself, by the module that it is in.
struct Alias {
  const char* name;
  const char* module;
};
constexpr Alias kModules[] = {{"node:path", "path.js"}};
constexpr Alias kGlobals[] = {{"AbortController", "abort.js"}};

template <typename T>
T take(const uint8_t*& at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  at += sizeof value;
  return value;
}

std::string_view take_text(const uint8_t*& at) {
  const auto size = take<uint32_t>(at);
  const auto* text = reinterpret_cast<const char*>(at);
  at += size;
  return {text, size};
}

[[noreturn]] void fail(const Process& process, const std::string& reason) {
  const std::string line = "tsrun: cannot run \"" + process.executable + "\": " + reason + "\n";
  [[maybe_unused]] const ssize_t size = write(2, line.data(), line.size());
  _exit(126);
}

[[noreturn]] void damaged(const Process& process) { fail(process, "it holds no program: install tsrun again"); }
[[noreturn]] void unreadable(const Process& process) { fail(process, std::string("it cannot be read: ") + std::strerror(errno)); }

Module* find(std::string_view name) {
  for (Module& module : modules) {
    if (module.name == name) return &module;
  }
  return nullptr;
}

JSValue read(JSContext* context, const Module& module) { return JS_ReadObject(context, module.bytecode, module.size, JS_READ_OBJ_BYTECODE); }

JSModuleDef* definition_of(JSValueConst module) { return static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module)); }

// By its file's name: all modules lie in one folder.
char* normalize(JSContext* context, const char*, const char* name, void*) {
  for (const Alias& alias : kModules) {
    if (std::strcmp(alias.name, name) == 0) return js_strdup(context, alias.module);
  }
  if (name[0] != '.') return js_strdup(context, name);
  std::string file = name;
  file.erase(0, file.rfind('/') + 1);
  if (file.ends_with(".ts")) file.replace(file.size() - 2, 2, "js");
  return js_strdup(context, file.c_str());
}

// Runs a module that waits for nothing; what it exports, or the exception.
JSValue exports_of(JSContext* context, const Module& module) {
  const JSValue value = read(context, module);
  if (JS_IsException(value)) return value;
  if (JS_ResolveModule(context, value) < 0) {
    JS_FreeValue(context, value);
    return JS_EXCEPTION;
  }
  JSModuleDef* definition = definition_of(value);
  const JSValue promise = JS_EvalFunction(context, value);
  if (JS_IsException(promise)) return promise;
  JS_FreeValue(context, promise);
  return JS_GetModuleNamespace(context, definition);
}

// A function of a late module, called for the first time or again.
JSValue call_late(JSContext* context, JSValueConst receiver, int count, JSValueConst* arguments, int which, JSValueConst* data) {
  Module& module = modules[static_cast<size_t>(which)];
  if (JS_IsUndefined(module.loaded)) {
    const JSValue exports = exports_of(context, module);
    if (JS_IsException(exports)) return exports;
    module.loaded = exports;
  }
  const JSAtom name = JS_ValueToAtom(context, data[0]);
  const JSValue function = JS_GetProperty(context, module.loaded, name);
  JS_FreeAtom(context, name);
  const JSValue returned = JS_Call(context, function, receiver, count, arguments);
  JS_FreeValue(context, function);
  return returned;
}

template <typename F>
void each_export(const Module& module, F function) {
  for (size_t at = 0; at < module.exports.size(); at = module.exports.find('\0', at) + 1) function(module.exports.data() + at);
}

int fill_stand_in(JSContext* context, JSModuleDef* definition) {
  const JSAtom atom = JS_GetModuleName(context, definition);
  size_t size = 0;
  const char* name = JS_AtomToCStringLen(context, &size, atom);
  const Module* module = find({name, size});
  JS_FreeCString(context, name);
  JS_FreeAtom(context, atom);
  each_export(*module, [&](const char* exported) {
    JSValue data = JS_NewString(context, exported);
    JS_SetModuleExport(context, definition, exported, JS_NewCFunctionData(context, call_late, 0, static_cast<int>(module - modules.data()), 1, &data));
    JS_FreeValue(context, data);
  });
  return 0;
}

// What stands for a late module until somebody calls one of its functions.
JSModuleDef* stand_in(JSContext* context, const Module& module, const char* name) {
  JSModuleDef* definition = JS_NewCModule(context, name, fill_stand_in);
  if (definition == nullptr) return nullptr;
  each_export(module, [&](const char* exported) { JS_AddModuleExport(context, definition, exported); });
  return definition;
}

JSModuleDef* load(JSContext* context, const char* name, void*) {
  const Module* module = find(name);
  // It is another's package, which needs more of an engine than this one is.
  if (module == nullptr) become_other_engine(started);
  if (!module->exports.empty()) return stand_in(context, *module, name);
  const JSValue value = read(context, *module);
  if (JS_IsException(value)) return nullptr;
  JSModuleDef* definition = definition_of(value);
  // The context refers to it too.
  JS_FreeValue(context, value);
  return definition;
}

// A global that is a module's export, loaded by who asks for it first.
JSValue global_of(JSContext* context, JSValueConst, int which) {
  const Alias& alias = kGlobals[which];
  const Module* module = find(alias.module);
  if (module == nullptr) damaged(started);
  const JSValue exports = exports_of(context, *module);
  if (JS_IsException(exports)) return exports;
  const JSValue value = JS_GetPropertyStr(context, exports, alias.name);
  JS_FreeValue(context, exports);
  const JSValue global = JS_GetGlobalObject(context);
  JS_DefinePropertyValueStr(context, global, alias.name, JS_DupValue(context, value), JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
  JS_FreeValue(context, global);
  return value;
}

void add_lazy_globals(JSContext* context) {
  const JSValue global = JS_GetGlobalObject(context);
  for (size_t i = 0; i < sizeof kGlobals / sizeof *kGlobals; i++) {
    JSCFunctionType getter;
    getter.getter_magic = global_of;
    const JSAtom name = JS_NewAtom(context, kGlobals[i].name);
    const JSValue function = JS_NewCFunction2(context, getter.generic, kGlobals[i].name, 0, JS_CFUNC_getter_magic, static_cast<int>(i));
    JS_DefinePropertyGetSet(context, global, name, function, JS_UNDEFINED, JS_PROP_CONFIGURABLE);
    JS_FreeAtom(context, name);
  }
  JS_FreeValue(context, global);
}

void read_entries(const uint8_t* at, uint32_t count, const uint8_t* file) {
  modules.reserve(count);
  for (uint32_t i = 0; i < count; i++) {
    const std::string_view name = take_text(at), exports = take_text(at);
    const auto start = take<uint64_t>(at);
    modules.push_back({name, exports, file + start, static_cast<size_t>(take<uint64_t>(at)), JS_UNDEFINED});
  }
}

}  // namespace

Program open_program(const Process& process) {
  started = process;
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) < 0) unreadable(process);
  const auto size = static_cast<size_t>(status.st_size);
  void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapped == MAP_FAILED) unreadable(process);
  if (size < kTrailer) damaged(process);
  const auto* file = static_cast<const uint8_t*>(mapped);
  const std::string_view magic(reinterpret_cast<const char*>(file) + size - kMagic.size(), kMagic.size());
  if (magic != kMagic && magic != kMagicOfMaker) damaged(process);
  const uint8_t* trailer = file + size - kTrailer;
  const auto entries = take<uint64_t>(trailer);
  read_entries(file + entries, take<uint32_t>(trailer), file);
  const auto offset = take<uint64_t>(trailer);
  return {fd, offset == 0 ? nullptr : reinterpret_cast<const SnapshotHeader*>(file + offset), offset, magic == kMagicOfMaker};
}

void add_modules(JSContext* context) {
  JS_SetModuleLoaderFunc(JS_GetRuntime(context), normalize, load, nullptr);
  add_lazy_globals(context);
}

JSValue run_module(JSContext* context, const char* name) {
  const Module* module = find(name);
  if (module == nullptr) damaged(started);
  const JSValue value = read(context, *module);
  if (JS_IsException(value)) return value;
  if (JS_ResolveModule(context, value) < 0) {
    JS_FreeValue(context, value);
    return JS_EXCEPTION;
  }
  return JS_EvalFunction(context, value);
}

}  // namespace quick
