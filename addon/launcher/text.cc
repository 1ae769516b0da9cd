// Text for the launcher, which has no C library to make it.
#include "launch.h"

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
