#include "reader.h"

namespace plan {

bool Reader::open(const char* data, size_t size, Header& header) {
  if (size < sizeof header) return false;
  memcpy(&header, data, sizeof header);
  if (header.magic != kMagic || header.version != kVersion || header.inherited > kMaxFds) return false;
  const uint64_t words = uint64_t{header.words} * sizeof(uint32_t);
  if (sizeof header + words + header.text + header.data != size) return false;
  at_ = data + sizeof header;
  left_ = header.words;
  text_ = at_ + words;
  text_size_ = header.text;
  data_ = text_ + header.text;
  data_size_ = header.data;
  return true;
}

bool Reader::word(uint32_t& out) {
  if (left_ == 0) return false;
  memcpy(&out, at_, sizeof out);
  at_ += sizeof out;
  left_--;
  return true;
}

bool Reader::step(StepHeader& out) { return word(out.op) && word(out.index); }

bool Reader::bytes(Field& out) {
  uint32_t offset = 0;
  if (!word(offset) || !word(out.length)) return false;
  if (offset > data_size_ || out.length > data_size_ - offset) return false;
  out.s = data_ + offset;
  return true;
}

bool Reader::string(Field& out) {
  uint32_t offset = 0;
  if (!word(offset) || !word(out.length)) return false;
  if (offset >= text_size_ || out.length >= text_size_ - offset) return false;
  out.s = text_ + offset;
  for (uint32_t i = 0; i < out.length; i++)
    if (out.s[i] == 0) return false;
  return out.s[out.length] == 0;
}

bool Reader::list(Field& out) {
  uint32_t count = 0;
  if (!word(count)) return false;
  out.list = {at_, text_, count};
  for (uint32_t i = 0; i < count; i++) {
    Field entry{};
    if (!string(entry)) return false;
  }
  return true;
}

bool Reader::fields(const char* kinds, Field* out) {
  for (; *kinds != 0; kinds++, out++) {
    *out = Field{};
    uint32_t low = 0, high = 0;
    bool ok = false;
    switch (*kinds) {
      case 'u':
        ok = word(low) && word(high);
        out->u = (uint64_t{high} << 32) | low;
        break;
      case 'f':
        ok = word(low) && (low < kMaxFds || low == kNoFd);
        out->u = low;
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
    if (!ok) return false;
  }
  return true;
}

}  // namespace plan
