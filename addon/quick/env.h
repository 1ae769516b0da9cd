// The environment that Node-API's functions get: QuickJS's context, and the handles that are open.
//
// A napi_value is the place of a value in the list of open handles, a scope the length of that list when it was opened.
#pragma once

#define NAPI_EXPERIMENTAL_DISABLED
#include <node_api.h>
#include <quickjs.h>

#include <string>
#include <vector>

struct napi_env__ {
  JSContext* context;
  std::vector<JSValue> handles;
  napi_extended_error_info last_error{};
};

namespace quick {

// Takes the value over.
inline napi_value handle(napi_env env, JSValue value) {
  env->handles.push_back(value);
  return reinterpret_cast<napi_value>(env->handles.size());
}

inline JSValueConst value_of(napi_env env, napi_value value) {
  return env->handles[reinterpret_cast<size_t>(value) - 1];
}

// Closes the handles above a length of the list.
void close_above(napi_env env, size_t length);

class Scope {
 public:
  explicit Scope(napi_env env) : env_(env), length_(env->handles.size()) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() { close_above(env_, length_); }

 private:
  napi_env env_;
  size_t length_;
};

napi_status fail(napi_env env, napi_status status);

// A value that a call made: an exception becomes the status that says so.
napi_status give(napi_env env, JSValue value, napi_value* result);

// Strings of JavaScript may hold half a surrogate pair, and bytes need not be UTF-8: either becomes U+FFFD.
std::string text_of(JSContext* context, JSValueConst value);
JSValue string_of(JSContext* context, const char* bytes, size_t size);

}  // namespace quick
