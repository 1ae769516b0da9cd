#include "reader.h"

namespace plan {

bool Reader::take(void* out, size_t size) {
  if (left_ < size) return false;
  memcpy(out, at_, size);
  at_ += size;
  left_ -= size;
  return true;
}

bool Reader::header(Header& out) {
  return take(&out, sizeof out) && out.magic == kMagic && out.version == kVersion && out.inherited <= kMaxFds;
}

bool Reader::step(StepHeader& out) { return take(&out, sizeof out) && out.length <= left_; }

bool Reader::bytes(Field& out) {
  if (!take(&out.length, sizeof out.length) || out.length > left_) return false;
  out.s = at_;
  at_ += out.length;
  left_ -= out.length;
  return true;
}

bool Reader::string(Field& out) {
  if (!take(&out.length, sizeof out.length) || out.length >= left_) return false;
  for (uint32_t i = 0; i < out.length; i++)
    if (at_[i] == 0) return false;
  if (at_[out.length] != 0) return false;
  out.s = at_;
  at_ += out.length + 1;
  left_ -= out.length + 1;
  return true;
}

bool Reader::list(Field& out) {
  uint32_t count;
  if (!take(&count, sizeof count)) return false;
  out.list = {at_, count};
  for (uint32_t i = 0; i < count; i++) {
    Field entry{};
    if (!string(entry)) return false;
  }
  return true;
}

bool Reader::fields(const char* kinds, uint32_t length, Field* out) {
  const size_t after = left_ - length;  // step() made sure that length <= left_
  for (; *kinds != 0; kinds++, out++) {
    *out = Field{};
    uint32_t index = 0;
    bool ok = false;
    switch (*kinds) {
      case 'u':
        ok = take(&out->u, sizeof out->u);
        break;
      case 'f':
        ok = take(&index, sizeof index) && (index < kMaxFds || index == kNoFd);
        out->u = index;
        break;
      case 's':
        ok = string(*out);
        break;
      case 'b':
        ok = bytes(*out);
        break;
      case 'l':
        ok = list(*out);
        break;
      default:
        break;
    }
    if (!ok || left_ < after) return false;
  }
  return left_ == after;
}

const char* next_entry(const char*& at) {
  uint32_t length;
  memcpy(&length, at, sizeof length);
  const char* entry = at + sizeof length;
  at = entry + length + 1;
  return entry;
}

}  // namespace plan
