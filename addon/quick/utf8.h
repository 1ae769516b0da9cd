// UTF-8 as the Encoding Standard decodes it: what is malformed is found, and replaced part by part.
#pragma once

#include <cstddef>
#include <string>

namespace quick {

struct Sequence {
  size_t size;      // bytes that belong together
  bool valid;
  bool incomplete;  // a beginning that the next bytes may complete
};

// The sequence at the beginning of bytes that are not empty (Unicode 15, table 3-7).
Sequence next_sequence(const unsigned char* bytes, size_t size);

// How many bytes from the beginning are well-formed.
size_t valid_length(const unsigned char* bytes, size_t size);

// With each malformed part replaced by U+FFFD. QuickJS writes half a surrogate pair as the three bytes that it would have as
// a character, which are one part then, not three.
enum class Source { kBytes, kString };
std::string with_replacements(const unsigned char* bytes, size_t size, Source source);

}  // namespace quick
