// Compiles seccomp rules with libseccomp. What the rules are was decided in src/seccomp/rules.ts.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>

#include "support.h"

namespace binding {
namespace {

// libseccomp asks the kernel what it can do, by a dozen failing calls, unless it is told. This level (2.5.0) is that of
// Linux 5.7, below our floor.
constexpr unsigned kApiLevel = 6;
constexpr uint32_t kBinaryTree = 2;

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

uint32_t u32(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

// libseccomp returns -errno; `about` is the name of a call, where there is one.
void check_scmp(Napi::Env env, int result, const char* function, const std::string& about = {}) {
  if (result < 0) throw_errno(env, -result, function, about);
}

Context open_context(Napi::Env env, const Napi::Object& rules) {
  seccomp_api_set(kApiLevel);
  Context context(seccomp_init(u32(rules.Get("defaultAction"))));
  if (!context) throw_errno(env, EINVAL, "seccomp_init");
  check_scmp(env, seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0), "seccomp_attr_set", "SCMP_FLTATR_CTL_NNP");
  // A call of an architecture that the filter does not know could be any: its thread is killed, as all runtimes have it.
  check_scmp(env, seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_THREAD), "seccomp_attr_set",
             "SCMP_FLTATR_ACT_BADARCH");
  if (rules.Get("tree").ToBoolean())
    check_scmp(env, seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree), "seccomp_attr_set",
               "SCMP_FLTATR_CTL_OPTIMIZE");
  return context;
}

std::vector<uint32_t> add_architectures(Napi::Env env, void* context, const Napi::Object& rules) {
  const auto list = rules.Get("architectures").As<Napi::Array>();
  std::vector<uint32_t> architectures;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const uint32_t token = u32(list.Get(i));
    architectures.push_back(token);
    const int result = seccomp_arch_add(context, token);
    if (result != -EEXIST) check_scmp(env, result, "seccomp_arch_add");
  }
  const uint32_t native = seccomp_arch_native();
  if (std::find(architectures.begin(), architectures.end(), native) == architectures.end() && !architectures.empty())
    check_scmp(env, seccomp_arch_remove(context, native), "seccomp_arch_remove");
  return architectures;
}

std::vector<scmp_arg_cmp> conditions(const Napi::Object& rule) {
  const auto list = rule.Get("conditions").As<Napi::Array>();
  std::vector<scmp_arg_cmp> out;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const auto condition = Napi::Value(list.Get(i)).As<Napi::Object>();
    out.push_back({u32(condition.Get("index")), static_cast<scmp_compare>(u32(condition.Get("op"))),
                   unsigned64(condition.Get("value")), unsigned64(condition.Get("valueTwo"))});
  }
  return out;
}

// What the profile's names mean, collected on the way.
struct Names {
  std::vector<uint32_t> architectures;
  std::vector<int> highest;  // one for each architecture, -1 if no name is a call of it
  std::set<std::string> seen, unknown;

  void note(const std::string& name) {
    if (!seen.insert(name).second) return;
    for (size_t i = 0; i < architectures.size(); i++)
      highest[i] = std::max(highest[i], seccomp_syscall_resolve_name_arch(architectures[i], name.c_str()));
  }
};

void add_rule(Napi::Env env, void* context, const Napi::Object& rule, Names& names) {
  const uint32_t action = u32(rule.Get("action"));
  const std::vector<scmp_arg_cmp> tests = conditions(rule);
  for (const std::string& name : strings(rule.Get("names"))) {
    names.note(name);
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) {
      names.unknown.insert(name);
      continue;
    }
    const int result = seccomp_rule_add_array(context, action, number, static_cast<unsigned>(tests.size()), tests.data());
    check_scmp(env, result, "seccomp_rule_add", name);
  }
}

Napi::Value export_filter(Napi::Env env, void* context) {
  const UniqueFd fd(memfd_create("tsrun-seccomp", MFD_CLOEXEC));
  check(env, fd.get(), "memfd_create");
  check_scmp(env, seccomp_export_bpf(context, fd.get()), "seccomp_export_bpf");
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  check(env, size, "lseek");
  auto bytes = Napi::Buffer<uint8_t>::New(env, static_cast<size_t>(size));
  if (check(env, pread(fd.get(), bytes.Data(), bytes.Length(), 0), "pread") != size) throw_errno(env, EIO, "pread");
  return bytes;
}

// (rules) -> { bpf, unknown, highest: [architecture, number][] }
Napi::Value seccomp_compile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto rules = info[0].As<Napi::Object>();
  const Context context = open_context(env, rules);
  Names names;
  names.architectures = add_architectures(env, context.get(), rules);
  names.highest.assign(names.architectures.size(), -1);
  const auto list = rules.Get("rules").As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++)
    add_rule(env, context.get(), Napi::Value(list.Get(i)).As<Napi::Object>(), names);
  for (const std::string& name : strings(rules.Get("defaulted"))) names.note(name);

  auto result = Napi::Object::New(env);
  result.Set("bpf", export_filter(env, context.get()));
  auto unknown = Napi::Array::New(env);
  for (const std::string& name : names.unknown) unknown.Set(unknown.Length(), name);
  result.Set("unknown", unknown);
  auto highest = Napi::Array::New(env);
  for (size_t i = 0; i < names.highest.size(); i++) {
    if (names.highest[i] < 0) continue;
    auto pair = Napi::Array::New(env);
    pair.Set(0u, Napi::Number::New(env, names.architectures[i]));
    pair.Set(1u, Napi::Number::New(env, names.highest[i]));
    highest.Set(highest.Length(), pair);
  }
  result.Set("highest", highest);
  return result;
}

// () -> "2.5.4"
Napi::Value seccomp_library(const Napi::CallbackInfo& info) {
  const scmp_version* version = seccomp_version();
  return Napi::String::New(info.Env(), std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                                           std::to_string(version->micro));
}

// (flags) -> whether the kernel knows them: only then does it look at the filter, which is not there
Napi::Value seccomp_has_flags(const Napi::CallbackInfo& info) {
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, u32(info[0]), nullptr);
  return Napi::Boolean::New(info.Env(), result < 0 && errno == EFAULT);
}

}  // namespace

void export_seccomp(Napi::Env env, Napi::Object exports) {
  add(env, exports, "seccompCompile", seccomp_compile);
  add(env, exports, "seccompLibrary", seccomp_library);
  add(env, exports, "seccompHasFlags", seccomp_has_flags);
}

}  // namespace binding
