// Handles, scopes, references and errors of Node-API (https://nodejs.org/api/n-api.html), over QuickJS.
#include "env.h"

#include <cstdio>
#include <cstdlib>

#include "utf8.h"

using quick::fail;
using quick::give;
using quick::handle;
using quick::value_of;

struct napi_ref__ {
  JSValue value;
};

namespace quick {

void close_above(napi_env env, size_t length) {
  while (env->handles.size() > length) {
    const JSValue last = env->handles.back();
    env->handles.pop_back();
    JS_FreeValue(env->context, last);
  }
}

napi_status fail(napi_env env, napi_status status) {
  env->last_error.error_code = status;
  return status;
}

napi_status give(napi_env env, JSValue value, napi_value* result) {
  if (JS_IsException(value)) return fail(env, napi_pending_exception);
  if (result == nullptr)
    JS_FreeValue(env->context, value);
  else
    *result = handle(env, value);
  return napi_ok;
}

std::string text_of(JSContext* context, JSValueConst value) {
  size_t size = 0;
  const char* bytes = JS_ToCStringLen(context, &size, value);
  if (bytes == nullptr) return {};
  const auto* unsigned_bytes = reinterpret_cast<const unsigned char*>(bytes);
  std::string text = valid_length(unsigned_bytes, size) == size ? std::string(bytes, size) : with_replacements(unsigned_bytes, size, Source::kString);
  JS_FreeCString(context, bytes);
  return text;
}

JSValue string_of(JSContext* context, const char* bytes, size_t size) {
  const auto* unsigned_bytes = reinterpret_cast<const unsigned char*>(bytes);
  if (valid_length(unsigned_bytes, size) == size) return JS_NewStringLen(context, bytes, size);
  const std::string text = with_replacements(unsigned_bytes, size, Source::kBytes);
  return JS_NewStringLen(context, text.data(), text.size());
}

}  // namespace quick

extern "C" {

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* result) {
  *result = reinterpret_cast<napi_handle_scope>(env->handles.size() + 1);
  return napi_ok;
}

napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  quick::close_above(env, reinterpret_cast<size_t>(scope) - 1);
  return napi_ok;
}

// What escapes gets a place below the scope.
napi_status napi_open_escapable_handle_scope(napi_env env, napi_escapable_handle_scope* result) {
  env->handles.push_back(JS_UNDEFINED);
  *result = reinterpret_cast<napi_escapable_handle_scope>(env->handles.size());
  return napi_ok;
}

napi_status napi_close_escapable_handle_scope(napi_env env, napi_escapable_handle_scope scope) {
  quick::close_above(env, reinterpret_cast<size_t>(scope));
  return napi_ok;
}

napi_status napi_escape_handle(napi_env env, napi_escapable_handle_scope scope, napi_value escapee, napi_value* result) {
  const size_t place = reinterpret_cast<size_t>(scope);
  env->handles[place - 1] = JS_DupValue(env->context, value_of(env, escapee));
  *result = reinterpret_cast<napi_value>(place);
  return napi_ok;
}

// A reference holds its value until it is deleted; the addon makes no weak ones.
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t, napi_ref* result) {
  *result = new napi_ref__{JS_DupValue(env->context, value_of(env, value))};
  return napi_ok;
}

napi_status napi_delete_reference(node_api_basic_env env, napi_ref reference) {
  JS_FreeValue(env->context, reference->value);
  delete reference;
  return napi_ok;
}

napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  *result = handle(env, JS_DupValue(env->context, reference->value));
  return napi_ok;
}

// The values that carry finalizers are the addon's functions, which live as long as the process.
napi_status napi_add_finalizer(napi_env, napi_value, void*, node_api_basic_finalize, void*, napi_ref*) { return napi_ok; }

napi_status napi_throw(napi_env env, napi_value error) {
  JS_Throw(env->context, JS_DupValue(env->context, value_of(env, error)));
  return napi_ok;
}

napi_status napi_is_exception_pending(napi_env env, bool* result) {
  *result = JS_HasException(env->context);
  return napi_ok;
}

napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  const bool pending = JS_HasException(env->context);
  *result = handle(env, pending ? JS_GetException(env->context) : JS_UNDEFINED);
  return napi_ok;
}

napi_status napi_get_last_error_info(node_api_basic_env env, const napi_extended_error_info** result) {
  *result = &env->last_error;
  return napi_ok;
}

static napi_status make_error(napi_env env, JSValue error, napi_value code, napi_value message, napi_value* result) {
  if (JS_IsException(error)) return fail(env, napi_pending_exception);
  const int hidden = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  JS_DefinePropertyValueStr(env->context, error, "message", JS_DupValue(env->context, value_of(env, message)), hidden);
  if (code != nullptr) JS_SetPropertyStr(env->context, error, "code", JS_DupValue(env->context, value_of(env, code)));
  *result = handle(env, error);
  return napi_ok;
}

napi_status napi_create_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return make_error(env, JS_NewError(env->context), code, message, result);
}

napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return make_error(env, JS_NewTypeError(env->context, "%s", ""), code, message, result);
}

[[noreturn]] void napi_fatal_error(const char* location, size_t, const char* message, size_t) {
  std::fprintf(stderr, "tsrun: the addon failed in %s: %s\n", location == nullptr ? "?" : location, message == nullptr ? "?" : message);
  std::abort();
}

}  // extern "C"
