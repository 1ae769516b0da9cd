// Text and memory for the launcher, which has no C library for them.
#include "launch.h"

// The compiler calls these where it likes, on some architectures more than on others.
extern "C" void* memset(void* to, int byte, size_t size) {
  auto* at = static_cast<unsigned char*>(to);
  while (size-- > 0) *at++ = static_cast<unsigned char>(byte);
  return to;
}

extern "C" void* memcpy(void* to, const void* from, size_t size) {
  auto* at = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  while (size-- > 0) *at++ = *source++;
  return to;
}

namespace launcher {

size_t length(const char* text) {
  size_t n = 0;
  while (text[n] != 0) ++n;
  return n;
}

void Text::add(char c) {
  if (full()) return;
  *at_++ = c;
  *at_ = 0;
}

void Text::add(const char* text) {
  while (*text != 0) add(*text++);
}

void Text::decimal(uint64_t value) {
  if (value > 9) decimal(value / 10);
  add(static_cast<char>('0' + value % 10));
}

void Text::hexadecimal(uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) add("0123456789abcdef"[(value >> shift) & 15]);
}

}  // namespace launcher
