#include "support.h"

#include <string.h>
#include <unistd.h>

namespace binding {

void throw_errno(Napi::Env env, int error, const char* syscall, const std::string& path) {
  const char* name = strerrorname_np(error);
  const std::string code = name == nullptr ? "E" + std::to_string(error) : name;
  const char* description = strerrordesc_np(error);
  std::string message = code + ": " + (description == nullptr ? "unknown error" : description) + ", " + syscall;
  if (!path.empty()) message += " '" + path + "'";
  Napi::Error exception = Napi::Error::New(env, message);
  exception.Set("code", Napi::String::New(env, code));
  exception.Set("errno", Napi::Number::New(env, error));
  exception.Set("syscall", Napi::String::New(env, syscall));
  if (!path.empty()) exception.Set("path", Napi::String::New(env, path));
  throw exception;
}

uint64_t unsigned64(const Napi::Value& value) {
  if (!value.IsBigInt()) return static_cast<uint64_t>(integer(value));
  bool lossless = false;
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

std::vector<int> integers(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<int> out(array.Length());
  for (uint32_t i = 0; i < out.size(); i++) out[i] = integer32(array.Get(i));
  return out;
}

std::vector<std::string> strings(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> out(array.Length());
  for (uint32_t i = 0; i < out.size(); i++) out[i] = string(array.Get(i));
  return out;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace binding
