// What every file of the binding needs: reading arguments, and errors that keep errno, system call and path.
// Arguments were checked by TypeScript (src/native/native.ts); here they are only converted.
#pragma once

#include <napi.h>

#include <sys/types.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace binding {

// Throws a JavaScript Error { code: "ENOENT", errno, syscall, path? }.
[[noreturn]] void throw_errno(Napi::Env env, int error, const char* syscall, const std::string& path = {});

// A result of a C library call: -1 becomes an exception.
inline long check(Napi::Env env, long result, const char* syscall, const std::string& path = {}) {
  if (result < 0) throw_errno(env, errno, syscall, path);
  return result;
}

inline int64_t integer(const Napi::Value& value) { return value.As<Napi::Number>().Int64Value(); }
inline int integer32(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }
inline std::string string(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }
inline bool missing(const Napi::Value& value) { return value.IsUndefined() || value.IsNull(); }

// A number, or a bigint where 2^53 is not enough.
uint64_t unsigned64(const Napi::Value& value);

std::vector<int> integers(const Napi::Value& array);
std::vector<std::string> strings(const Napi::Value& array);

// An owned descriptor; release() is the only way out.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// The children that this process has spawned and not waited for: whoever adopts orphans must leave these alone.
void note_child(pid_t pid);
void forget_child(pid_t pid);
bool is_spawned(pid_t pid);

// One per file: adds its functions to the module.
void export_bpf(Napi::Env env, Napi::Object exports);
void export_cgroups(Napi::Env env, Napi::Object exports);
void export_digest(Napi::Env env, Napi::Object exports);
void export_files(Napi::Env env, Napi::Object exports);
void export_mounts(Napi::Env env, Napi::Object exports);
void export_netlink(Napi::Env env, Napi::Object exports);
void export_paths(Napi::Env env, Napi::Object exports);
void export_process(Napi::Env env, Napi::Object exports);
void export_pump(Napi::Env env, Napi::Object exports);
void export_seccomp(Napi::Env env, Napi::Object exports);
void export_sockets(Napi::Env env, Napi::Object exports);
void export_spawn(Napi::Env env, Napi::Object exports);
void export_terminal(Napi::Env env, Napi::Object exports);
void export_waiter(Napi::Env env, Napi::Object exports);

// What the C++ library throws where there is no memory must not reach the engine's frames: they can do nothing with it.
template <typename F>
void add(Napi::Env env, Napi::Object exports, const char* name, F function) {
  const auto guarded = [function, name](const Napi::CallbackInfo& info) -> Napi::Value {
    try {
      return function(info);
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) {
    }
    throw_errno(info.Env(), ENOMEM, name);
  };
  exports.Set(name, Napi::Function::New(env, guarded, name));
}

}  // namespace binding
