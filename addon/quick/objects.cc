// Objects, arrays and functions of Node-API, over QuickJS.
#include "env.h"

using quick::fail;
using quick::give;
using quick::handle;
using quick::value_of;

struct napi_callback_info__ {
  JSValueConst receiver;
  int count;
  JSValueConst* arguments;
  void* data;
};

namespace {

struct NativeFunction {
  napi_env env;
  napi_callback callback;
  void* data;
};

JSValue call_native(JSContext* context, JSValueConst receiver, int count, JSValueConst* arguments, int, void* opaque) {
  const auto* function = static_cast<const NativeFunction*>(opaque);
  const napi_env env = function->env;
  const quick::Scope scope(env);
  napi_callback_info__ info{receiver, count, arguments, function->data};
  napi_value returned = nullptr;
  try {
    returned = function->callback(env, &info);
  } catch (...) {
    // Even the memory for an error was missing. QuickJS's frames would end the process.
    if (!JS_HasException(context)) JS_ThrowOutOfMemory(context);
  }
  if (JS_HasException(context)) return JS_EXCEPTION;
  return returned == nullptr ? JS_UNDEFINED : JS_DupValue(context, value_of(env, returned));
}

}  // namespace

extern "C" {

napi_status napi_create_object(napi_env env, napi_value* result) { return give(env, JS_NewObject(env->context), result); }
napi_status napi_create_array(napi_env env, napi_value* result) { return give(env, JS_NewArray(env->context), result); }

napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  const JSValue array = JS_NewArray(env->context);
  JS_SetLength(env->context, array, static_cast<int64_t>(length));
  return give(env, array, result);
}

napi_status napi_get_array_length(napi_env env, napi_value array, uint32_t* result) {
  int64_t length = 0;
  if (!JS_IsArray(value_of(env, array))) return fail(env, napi_array_expected);
  if (JS_GetLength(env->context, value_of(env, array), &length) < 0) return fail(env, napi_pending_exception);
  *result = static_cast<uint32_t>(length);
  return napi_ok;
}

napi_status napi_get_element(napi_env env, napi_value array, uint32_t index, napi_value* result) {
  return give(env, JS_GetPropertyUint32(env->context, value_of(env, array), index), result);
}

napi_status napi_set_element(napi_env env, napi_value array, uint32_t index, napi_value value) {
  const JSValue given = JS_DupValue(env->context, value_of(env, value));
  return JS_SetPropertyUint32(env->context, value_of(env, array), index, given) < 0 ? fail(env, napi_pending_exception) : napi_ok;
}

napi_status napi_get_named_property(napi_env env, napi_value object, const char* name, napi_value* result) {
  return give(env, JS_GetPropertyStr(env->context, value_of(env, object), name), result);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char* name, napi_value value) {
  const JSValue given = JS_DupValue(env->context, value_of(env, value));
  return JS_SetPropertyStr(env->context, value_of(env, object), name, given) < 0 ? fail(env, napi_pending_exception) : napi_ok;
}

static napi_status has(napi_env env, napi_value object, JSAtom name, bool* result) {
  const int found = JS_HasProperty(env->context, value_of(env, object), name);
  JS_FreeAtom(env->context, name);
  if (found < 0) return fail(env, napi_pending_exception);
  *result = found > 0;
  return napi_ok;
}

napi_status napi_has_named_property(napi_env env, napi_value object, const char* name, bool* result) {
  return has(env, object, JS_NewAtom(env->context, name), result);
}

napi_status napi_has_property(napi_env env, napi_value object, napi_value key, bool* result) {
  return has(env, object, JS_ValueToAtom(env->context, value_of(env, key)), result);
}

napi_status napi_get_property(napi_env env, napi_value object, napi_value key, napi_value* result) {
  const JSAtom name = JS_ValueToAtom(env->context, value_of(env, key));
  const JSValue found = JS_GetProperty(env->context, value_of(env, object), name);
  JS_FreeAtom(env->context, name);
  return give(env, found, result);
}

// Values only: the addon defines no accessors and no classes.
napi_status napi_define_properties(napi_env env, napi_value object, size_t count, const napi_property_descriptor* properties) {
  for (size_t i = 0; i < count; i++) {
    const napi_property_descriptor& property = properties[i];
    if (property.value == nullptr) return fail(env, napi_invalid_arg);
    const JSAtom name = property.utf8name != nullptr ? JS_NewAtom(env->context, property.utf8name)
                                                     : JS_ValueToAtom(env->context, value_of(env, property.name));
    const int flags = (property.attributes & napi_writable ? JS_PROP_WRITABLE : 0) | (property.attributes & napi_enumerable ? JS_PROP_ENUMERABLE : 0) |
                      (property.attributes & napi_configurable ? JS_PROP_CONFIGURABLE : 0);
    const int defined = JS_DefinePropertyValue(env->context, value_of(env, object), name, JS_DupValue(env->context, value_of(env, property.value)), flags);
    JS_FreeAtom(env->context, name);
    if (defined < 0) return fail(env, napi_pending_exception);
  }
  return napi_ok;
}

napi_status napi_create_function(napi_env env, const char* name, size_t, napi_callback callback, void* data, napi_value* result) {
  auto* function = new NativeFunction{env, callback, data};
  return give(env, JS_NewCClosure(env->context, call_native, name == nullptr ? "" : name, nullptr, 0, 0, function), result);
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count, napi_value* arguments, napi_value* receiver, void** data) {
  if (count != nullptr) {
    for (size_t i = 0; arguments != nullptr && i < *count; i++) {
      const bool given = i < static_cast<size_t>(info->count);
      arguments[i] = handle(env, given ? JS_DupValue(env->context, info->arguments[i]) : JS_UNDEFINED);
    }
    *count = static_cast<size_t>(info->count);
  }
  if (receiver != nullptr) *receiver = handle(env, JS_DupValue(env->context, info->receiver));
  if (data != nullptr) *data = info->data;
  return napi_ok;
}

napi_status napi_call_function(napi_env env, napi_value receiver, napi_value function, size_t count, const napi_value* arguments, napi_value* result) {
  if (JS_HasException(env->context)) return fail(env, napi_pending_exception);
  std::vector<JSValueConst> given;
  given.reserve(count);
  for (size_t i = 0; i < count; i++) given.push_back(value_of(env, arguments[i]));
  const JSValueConst on = receiver == nullptr ? JS_UNDEFINED : value_of(env, receiver);
  return give(env, JS_Call(env->context, value_of(env, function), on, static_cast<int>(count), given.data()), result);
}

}  // extern "C"
