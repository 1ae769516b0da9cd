// Primitive values, strings, buffers and typed arrays of Node-API, over QuickJS.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "env.h"

using quick::fail;
using quick::give;
using quick::handle;
using quick::value_of;

namespace {

struct ArrayType {
  napi_typedarray_type theirs;
  JSTypedArrayEnum ours;
};

constexpr ArrayType kArrayTypes[] = {
    {napi_int8_array, JS_TYPED_ARRAY_INT8},       {napi_uint8_array, JS_TYPED_ARRAY_UINT8},
    {napi_uint8_clamped_array, JS_TYPED_ARRAY_UINT8C}, {napi_int16_array, JS_TYPED_ARRAY_INT16},
    {napi_uint16_array, JS_TYPED_ARRAY_UINT16},   {napi_int32_array, JS_TYPED_ARRAY_INT32},
    {napi_uint32_array, JS_TYPED_ARRAY_UINT32},   {napi_float32_array, JS_TYPED_ARRAY_FLOAT32},
    {napi_float64_array, JS_TYPED_ARRAY_FLOAT64}, {napi_bigint64_array, JS_TYPED_ARRAY_BIG_INT64},
    {napi_biguint64_array, JS_TYPED_ARRAY_BIG_UINT64},
};

void* resize_bytes(JSRuntime*, void*, void* bytes, size_t size) {
  if (size != 0) return std::realloc(bytes, size);
  std::free(bytes);
  return nullptr;
}

bool number_of(napi_env env, napi_value value, double* number) {
  const JSValueConst given = value_of(env, value);
  return JS_IsNumber(given) && JS_ToFloat64(env->context, number, given) == 0;
}

// As ECMAScript converts to an integer, but for what is beyond it: that becomes the nearest (Node-API's documentation).
template <typename T>
T nearest(double number) {
  if (!std::isfinite(number)) return 0;
  if (number >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  if (number <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  return static_cast<T>(number);
}

}  // namespace

extern "C" {

napi_status napi_get_undefined(napi_env env, napi_value* result) { return give(env, JS_UNDEFINED, result); }
napi_status napi_get_null(napi_env env, napi_value* result) { return give(env, JS_NULL, result); }
napi_status napi_get_boolean(napi_env env, bool value, napi_value* result) { return give(env, value ? JS_TRUE : JS_FALSE, result); }
napi_status napi_create_double(napi_env env, double value, napi_value* result) { return give(env, JS_NewNumber(env->context, value), result); }
napi_status napi_create_bigint_uint64(napi_env env, uint64_t value, napi_value* result) { return give(env, JS_NewBigUint64(env->context, value), result); }

napi_status napi_create_string_utf8(napi_env env, const char* text, size_t size, napi_value* result) {
  return give(env, quick::string_of(env->context, text, size == NAPI_AUTO_LENGTH ? std::strlen(text) : size), result);
}

napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result) {
  const JSValueConst given = value_of(env, value);
  if (JS_IsUndefined(given)) *result = napi_undefined;
  else if (JS_IsNull(given)) *result = napi_null;
  else if (JS_IsBool(given)) *result = napi_boolean;
  else if (JS_IsNumber(given)) *result = napi_number;
  else if (JS_IsBigInt(given)) *result = napi_bigint;
  else if (JS_IsString(given)) *result = napi_string;
  else if (JS_IsSymbol(given)) *result = napi_symbol;
  else if (JS_IsFunction(env->context, given)) *result = napi_function;
  else *result = napi_object;
  return napi_ok;
}

napi_status napi_coerce_to_bool(napi_env env, napi_value value, napi_value* result) {
  return give(env, JS_ToBool(env->context, value_of(env, value)) > 0 ? JS_TRUE : JS_FALSE, result);
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  const JSValueConst given = value_of(env, value);
  if (!JS_IsBool(given)) return fail(env, napi_boolean_expected);
  *result = JS_VALUE_GET_BOOL(given) != 0;
  return napi_ok;
}

napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t* result) {
  if (!JS_IsNumber(value_of(env, value))) return fail(env, napi_number_expected);
  JS_ToInt32(env->context, result, value_of(env, value));
  return napi_ok;
}

napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t* result) {
  return napi_get_value_int32(env, value, reinterpret_cast<int32_t*>(result));
}

napi_status napi_get_value_int64(napi_env env, napi_value value, int64_t* result) {
  double number;
  if (!number_of(env, value, &number)) return fail(env, napi_number_expected);
  *result = nearest<int64_t>(number);
  return napi_ok;
}

napi_status napi_get_value_double(napi_env env, napi_value value, double* result) {
  return number_of(env, value, result) ? napi_ok : fail(env, napi_number_expected);
}

napi_status napi_get_value_bigint_uint64(napi_env env, napi_value value, uint64_t* result, bool* lossless) {
  const JSValueConst given = value_of(env, value);
  if (!JS_IsBigInt(given)) return fail(env, napi_bigint_expected);
  JS_ToBigUint64(env->context, result, given);
  const JSValue back = JS_NewBigUint64(env->context, *result);
  *lossless = JS_IsStrictEqual(env->context, back, given);
  JS_FreeValue(env->context, back);
  return napi_ok;
}

// Without a buffer it tells the length; with one it copies what fits, never half a character.
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t capacity, size_t* result) {
  if (!JS_IsString(value_of(env, value))) return fail(env, napi_string_expected);
  const std::string text = quick::text_of(env->context, value_of(env, value));
  size_t size = text.size();
  if (buffer != nullptr) {
    if (capacity == 0) return fail(env, napi_invalid_arg);
    if (size >= capacity) {
      size = capacity - 1;
      while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) size--;
    }
    std::memcpy(buffer, text.data(), size);
    buffer[size] = 0;
  }
  if (result != nullptr) *result = size;
  return napi_ok;
}

napi_status napi_create_arraybuffer(napi_env env, size_t size, void** data, napi_value* result) {
  auto* bytes = static_cast<uint8_t*>(std::calloc(size == 0 ? 1 : size, 1));
  if (bytes == nullptr) return fail(env, napi_generic_failure);
  if (data != nullptr) *data = bytes;
  return give(env, JS_NewArrayBuffer(env->context, bytes, size, 0, resize_bytes, nullptr, false), result);
}

napi_status napi_get_arraybuffer_info(napi_env env, napi_value buffer, void** data, size_t* size) {
  size_t length = 0;
  uint8_t* bytes = JS_GetArrayBuffer(env->context, &length, value_of(env, buffer));
  if (data != nullptr) *data = bytes;
  if (size != nullptr) *size = length;
  return napi_ok;
}

napi_status napi_create_buffer(napi_env env, size_t size, void** data, napi_value* result) {
  auto* bytes = static_cast<uint8_t*>(std::calloc(size == 0 ? 1 : size, 1));
  if (bytes == nullptr) return fail(env, napi_generic_failure);
  if (data != nullptr) *data = bytes;
  return give(env, JS_NewUint8Array(env->context, bytes, size, resize_bytes, nullptr, false), result);
}

napi_status napi_create_buffer_copy(napi_env env, size_t size, const void* from, void** data, napi_value* result) {
  void* bytes = nullptr;
  const napi_status status = napi_create_buffer(env, size, &bytes, result);
  if (status != napi_ok) return status;
  if (size > 0) std::memcpy(bytes, from, size);
  if (data != nullptr) *data = bytes;
  return napi_ok;
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value buffer, size_t offset, napi_value* result) {
  for (const ArrayType& known : kArrayTypes) {
    if (known.theirs != type) continue;
    JSValueConst arguments[] = {value_of(env, buffer), JS_NewInt64(env->context, static_cast<int64_t>(offset)),
                                JS_NewInt64(env->context, static_cast<int64_t>(length))};
    return give(env, JS_NewTypedArray(env->context, 3, arguments, known.ours), result);
  }
  return fail(env, napi_invalid_arg);
}

napi_status napi_get_typedarray_info(napi_env env, napi_value array, napi_typedarray_type* type, size_t* length, void** data,
                                     napi_value* buffer, size_t* offset) {
  const JSValueConst given = value_of(env, array);
  const int ours = JS_GetTypedArrayType(given);
  if (ours < 0) return fail(env, napi_invalid_arg);
  for (const ArrayType& known : kArrayTypes) {
    if (known.ours == ours && type != nullptr) *type = known.theirs;
  }
  size_t start = 0, bytes = 0, unit = 1, whole = 0;
  const JSValue whole_buffer = JS_GetTypedArrayBuffer(env->context, given, &start, &bytes, &unit);
  if (JS_IsException(whole_buffer)) return fail(env, napi_pending_exception);
  uint8_t* memory = JS_GetArrayBuffer(env->context, &whole, whole_buffer);
  if (length != nullptr) *length = bytes / unit;
  if (data != nullptr) *data = memory == nullptr ? nullptr : memory + start;
  if (offset != nullptr) *offset = start;
  if (buffer == nullptr) JS_FreeValue(env->context, whole_buffer);
  else *buffer = handle(env, whole_buffer);
  return napi_ok;
}

}  // extern "C"
