// TextEncoder and TextDecoder of the Encoding Standard, for UTF-8, which is all that the program uses.
#include <cstring>

#include "engine.h"
#include "utf8.h"

namespace quick {
namespace {

struct Decoder {
  bool fatal, keeps_mark;
  bool begun = false;     // what a byte order mark would stand before has been seen
  std::string withheld;   // the beginning of a sequence, from the last part of a stream
};

JSValue new_encoder(JSContext* context, JSValueConst, int, JSValueConst*) { return JS_NewObjectClass(context, static_cast<int>(shared.encoder)); }

JSValue encode(JSContext* context, JSValueConst, int count, JSValueConst* arguments) {
  if (count < 1 || JS_IsUndefined(arguments[0])) return JS_NewUint8ArrayCopy(context, nullptr, 0);
  size_t size = 0;
  const char* bytes = JS_ToCStringLen(context, &size, arguments[0]);
  if (bytes == nullptr) return JS_EXCEPTION;
  const auto* source = reinterpret_cast<const uint8_t*>(bytes);
  JSValue encoded;
  if (valid_length(source, size) == size) {
    encoded = JS_NewUint8ArrayCopy(context, source, size);
  } else {
    const std::string text = text_of(context, arguments[0]);
    encoded = JS_NewUint8ArrayCopy(context, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }
  JS_FreeCString(context, bytes);
  return encoded;
}

bool option(JSContext* context, JSValueConst options, const char* name) {
  if (!JS_IsObject(options)) return false;
  const JSValue value = JS_GetPropertyStr(context, options, name);
  const bool set = JS_ToBool(context, value) > 0;
  JS_FreeValue(context, value);
  return set;
}

JSValue new_decoder(JSContext* context, JSValueConst, int count, JSValueConst* arguments) {
  if (count > 0 && !JS_IsUndefined(arguments[0])) {
    const std::string label = text_of(context, arguments[0]);
    if (label != "utf-8" && label != "utf8") return JS_ThrowRangeError(context, "the encoding \"%s\" is not supported", label.c_str());
  }
  const JSValueConst options = count > 1 ? arguments[1] : JS_UNDEFINED;
  const JSValue object = JS_NewObjectClass(context, static_cast<int>(shared.decoder));
  JS_SetOpaque(object, new Decoder{option(context, options, "fatal"), option(context, options, "ignoreBOM"), false, {}});
  return object;
}

void free_decoder(JSRuntime*, JSValueConst object) { delete static_cast<Decoder*>(JS_GetOpaque(object, shared.decoder)); }

// The bytes of a typed array, a DataView's or an ArrayBuffer's.
bool bytes_of(JSContext* context, JSValueConst value, const uint8_t** bytes, size_t* size) {
  if (JS_IsArrayBuffer(value)) {
    *bytes = JS_GetArrayBuffer(context, size, value);
    return true;
  }
  if (JS_GetTypedArrayType(value) < 0) return false;
  size_t offset = 0, whole = 0, unit = 1;
  const JSValue buffer = JS_GetTypedArrayBuffer(context, value, &offset, size, &unit);
  const uint8_t* memory = JS_GetArrayBuffer(context, &whole, buffer);
  JS_FreeValue(context, buffer);
  *bytes = memory == nullptr ? nullptr : memory + offset;
  return true;
}

// How many bytes at the end are the beginning of a sequence.
size_t unfinished(const uint8_t* bytes, size_t size) {
  for (size_t back = 1; back <= 3 && back <= size; back++) {
    const uint8_t byte = bytes[size - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xC0) return next_sequence(bytes + size - back, back).incomplete ? back : 0;
  }
  return 0;
}

JSValue decode(JSContext* context, JSValueConst receiver, int count, JSValueConst* arguments) {
  auto* decoder = static_cast<Decoder*>(JS_GetOpaque2(context, receiver, shared.decoder));
  if (decoder == nullptr) return JS_EXCEPTION;
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  if (count > 0 && !JS_IsUndefined(arguments[0]) && !bytes_of(context, arguments[0], &bytes, &size))
    return JS_ThrowTypeError(context, "the input is neither an ArrayBuffer nor a view of one");
  const bool more_follows = count > 1 && option(context, arguments[1], "stream");
  std::string joined;
  if (!decoder->withheld.empty()) {
    joined = decoder->withheld;
    joined.append(reinterpret_cast<const char*>(bytes), size);
    bytes = reinterpret_cast<const uint8_t*>(joined.data());
    size = joined.size();
    decoder->withheld.clear();
  }
  if (more_follows) {
    const size_t rest = unfinished(bytes, size);
    decoder->withheld.assign(reinterpret_cast<const char*>(bytes) + size - rest, rest);
    size -= rest;
  }
  const bool at_start = !decoder->begun;
  decoder->begun = more_follows && (decoder->begun || size > 0);
  if (at_start && !decoder->keeps_mark && size >= 3 && std::memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
    bytes += 3;
    size -= 3;
  }
  if (size == 0) return JS_NewStringLen(context, "", 0);
  if (decoder->fatal && valid_length(bytes, size) != size) {
    decoder->withheld.clear();
    decoder->begun = false;
    return JS_ThrowTypeError(context, "the encoded data was not valid for encoding utf-8");
  }
  return string_of(context, reinterpret_cast<const char*>(bytes), size);
}

void add_class(JSContext* context, JSClassID* id, const JSClassDef& definition, JSCFunction* constructor, const char* method, JSCFunction* function) {
  JSRuntime* runtime = JS_GetRuntime(context);
  JS_NewClassID(runtime, id);
  JS_NewClass(runtime, *id, &definition);
  const JSValue prototype = JS_NewObject(context);
  JS_SetPropertyStr(context, prototype, method, JS_NewCFunction(context, function, method, 1));
  const JSValue made = JS_NewCFunction2(context, constructor, definition.class_name, 0, JS_CFUNC_constructor, 0);
  JS_SetConstructor(context, made, prototype);
  JS_SetClassProto(context, *id, prototype);
  const JSValue global = JS_GetGlobalObject(context);
  JS_DefinePropertyValueStr(context, global, definition.class_name, made, JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
  JS_FreeValue(context, global);
}

}  // namespace

void add_encoding(JSContext* context) {
  JSClassDef encoder{}, decoder{};
  encoder.class_name = "TextEncoder";
  decoder.class_name = "TextDecoder";
  decoder.finalizer = free_decoder;
  add_class(context, &shared.encoder, encoder, new_encoder, "encode", encode);
  add_class(context, &shared.decoder, decoder, new_decoder, "decode", decode);
}

}  // namespace quick
