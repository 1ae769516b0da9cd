// quick-compile BASE OUTPUT FOLDER: appends the modules of a folder, compiled, to an executable; modules.cc tells the form.
//
// Those in FOLDER/late are loaded when a function of theirs is called for the first time, not when they are imported.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <quickjs.h>

namespace {

struct Entry {
  std::string name;
  std::string exports;  // of a late module: names that each end in a zero byte
  uint64_t offset, size;
};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "quick-compile: %s\n", message.c_str());
  std::exit(1);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot read \"" + path.string() + "\"");
  return {std::istreambuf_iterator<char>(file), {}};
}

// What a module imports is resolved when it is loaded; the compiler only asks that there be something.
JSModuleDef* stand_in(JSContext* context, const char* name, void*) {
  return JS_NewCModule(context, name, [](JSContext*, JSModuleDef*) { return 0; });
}

[[noreturn]] void fail_with_exception(JSContext* context, const std::string& action) {
  const JSValue error = JS_GetException(context);
  const char* text = JS_ToCString(context, error);
  fail("cannot " + action + ": " + (text == nullptr ? "?" : text));
}

// Without the sources; the places in them stay, as import() asks its function for the file that it is in. The checksum is left out, as JS_ReadObject allows: what executes this
// file trusts it.
std::string bytecode(JSContext* context, JSValueConst module) {
  constexpr size_t kChecksum = 1;
  size_t size = 0;
  uint8_t* bytes = JS_WriteObject(context, &size, module, JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE);
  if (bytes == nullptr) fail_with_exception(context, "write a module");
  std::string text(reinterpret_cast<char*>(bytes), size);
  js_free(context, bytes);
  return text.replace(kChecksum, 4, "\xFF\xFF\xFF\xFF");
}

// The module is run for that: it may import nothing.
std::string exports_of(JSContext* context, JSValueConst module) {
  auto* definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module));
  if (JS_ResolveModule(context, module) < 0) fail_with_exception(context, "resolve a late module");
  const JSValue promise = JS_EvalFunction(context, JS_DupValue(context, module));
  if (JS_IsException(promise)) fail_with_exception(context, "run a late module");
  JSPropertyEnum* names = nullptr;
  uint32_t count = 0;
  std::string exports;
  if (JS_GetOwnPropertyNames(context, &names, &count, JS_GetModuleNamespace(context, definition), JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0)
    fail_with_exception(context, "list what a late module exports");
  for (uint32_t i = 0; i < count; i++) {
    exports += JS_ToCString(context, JS_AtomToString(context, names[i].atom));
    exports += '\0';
  }
  return exports;
}

template <typename T>
void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Adds the modules of a folder to the output, and what is known of them to the entries.
void add_modules(JSContext* context, const std::filesystem::path& folder, bool late, std::string& output, std::vector<Entry>& entries) {
  std::vector<std::filesystem::path> sources;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".js") sources.push_back(file.path());
  }
  std::sort(sources.begin(), sources.end());
  for (const auto& path : sources) {
    const std::string name = path.filename().string(), source = contents(path);
    const JSValue module = JS_Eval(context, source.c_str(), source.size(), name.c_str(), JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module)) fail_with_exception(context, "compile \"" + name + "\"");
    const std::string compiled = bytecode(context, module);
    entries.push_back({name, late ? exports_of(context, module) : "", output.size(), compiled.size()});
    output += compiled;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) fail("usage: quick-compile BASE OUTPUT FOLDER");
  JSRuntime* runtime = JS_NewRuntime();
  JSContext* context = JS_NewContext(runtime);
  JS_SetModuleLoaderFunc(runtime, nullptr, stand_in, nullptr);
  std::string output = contents(argv[1]);
  std::vector<Entry> entries;
  const std::filesystem::path folder = argv[3], late = folder / "late";
  add_modules(context, folder, false, output, entries);
  if (std::filesystem::exists(late)) add_modules(context, late, true, output, entries);
  const uint64_t index = output.size();
  for (const Entry& entry : entries) {
    append(output, static_cast<uint32_t>(entry.name.size()));
    output += entry.name;
    append(output, static_cast<uint32_t>(entry.exports.size()));
    output += entry.exports;
    append(output, entry.offset);
    append(output, entry.size);
  }
  append(output, index);
  append(output, static_cast<uint32_t>(entries.size()));
  append(output, uint64_t{0});
  output += "tsrun-js";
  std::ofstream file(argv[2], std::ios::binary);
  file << output;
  if (!file.flush()) fail(std::string("cannot write \"") + argv[2] + "\"");
  return 0;
}
