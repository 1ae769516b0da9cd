#include "text.h"

#ifndef TSRUN_HAS_LIBC  // as tests have
// The compiler must not turn these loops into calls of themselves (see -fno-tree-loop-distribute-patterns).
extern "C" {

void* memcpy(void* to, const void* from, size_t size) {
  auto* t = static_cast<unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  for (size_t i = 0; i < size; i++) t[i] = f[i];
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  auto* t = static_cast<unsigned char*>(to);
  const auto* f = static_cast<const unsigned char*>(from);
  if (t < f)
    for (size_t i = 0; i < size; i++) t[i] = f[i];
  else
    for (size_t i = size; i > 0; i--) t[i - 1] = f[i - 1];
  return to;
}

void* memset(void* to, int byte, size_t size) {
  auto* t = static_cast<unsigned char*>(to);
  for (size_t i = 0; i < size; i++) t[i] = static_cast<unsigned char>(byte);
  return to;
}

int memcmp(const void* a, const void* b, size_t size) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < size; i++)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

size_t strlen(const char* text) {
  size_t n = 0;
  while (text[n] != 0) n++;
  return n;
}
}
#endif

namespace text {

bool equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}

const char* find(const char* text, char c) {
  for (; *text != 0; text++)
    if (*text == c) return text;
  return nullptr;
}

long parse_number(const char* text) {
  if (*text == 0) return -1;
  long value = 0;
  for (; *text != 0; text++) {
    if (*text < '0' || *text > '9' || value > 0x7fffffff) return -1;
    value = value * 10 + (*text - '0');
  }
  return value;
}

}  // namespace text
