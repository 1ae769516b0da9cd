// The few string and memory functions that init needs, and the compiler expects.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <string.h>
#else
extern "C" {
void* memcpy(void* to, const void* from, size_t size);
void* memmove(void* to, const void* from, size_t size);
void* memset(void* to, int byte, size_t size);
int memcmp(const void* a, const void* b, size_t size);
size_t strlen(const char* text);
}
#endif

namespace text {

bool equal(const char* a, const char* b);
const char* find(const char* text, char c);  // nullptr when absent

// A path or message of bounded size; `fits()` turns false for good when something did not.
template <size_t N>
struct Buffer {
  char data[N] = {0};
  size_t length = 0;
  bool overflow = false;  // so that an empty buffer is all zeros, and lies in .bss

  bool fits() const { return !overflow; }

  void add(const char* from, size_t size) {
    if (length + size + 1 > N) {
      overflow = true;
      return;
    }
    memcpy(data + length, from, size);
    length += size;
    data[length] = 0;
  }
  void add(const char* from) { add(from, strlen(from)); }
  void add_number(uint64_t value) {
    char digits[20];
    size_t n = 0;
    do digits[n++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (n > 0) add(&digits[--n], 1);
  }
  void truncate(size_t size) {
    length = size;
    data[length] = 0;
  }
};

// A decimal number that fills the whole string; -1 when it is not one.
long parse_number(const char* text);

}  // namespace text
