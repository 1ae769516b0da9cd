// UTF-8 as the Encoding Standard decodes it.
#include "utf8.h"

#include <cstdint>
#include <cstring>

namespace quick {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

struct Lead {
  unsigned char from, to;  // of the first byte
  unsigned char low, high;  // of the second
  size_t size;
};

constexpr Lead kLeads[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3},
    {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

const Lead* lead_of(unsigned char byte) {
  for (const Lead& lead : kLeads) {
    if (byte >= lead.from && byte <= lead.to) return &lead;
  }
  return nullptr;
}

bool is_surrogate(const unsigned char* bytes, size_t size) { return size >= 3 && bytes[0] == 0xED && bytes[1] >= 0xA0; }

}  // namespace

Sequence next_sequence(const unsigned char* bytes, size_t size) {
  if (bytes[0] < 0x80) return {1, true, false};
  const Lead* lead = lead_of(bytes[0]);
  if (lead == nullptr) return {1, false, false};
  for (size_t i = 1; i < lead->size; i++) {
    if (i == size) return {i, false, true};
    const unsigned char low = i == 1 ? lead->low : 0x80, high = i == 1 ? lead->high : 0xBF;
    if (bytes[i] < low || bytes[i] > high) return {i, false, false};
  }
  return {lead->size, true, false};
}

size_t valid_length(const unsigned char* bytes, size_t size) {
  size_t at = 0;
  while (at < size) {
    // Nearly all text is ASCII: eight bytes at a time.
    uint64_t eight;
    while (at + sizeof eight <= size && (std::memcpy(&eight, bytes + at, sizeof eight), (eight & 0x8080808080808080) == 0)) at += sizeof eight;
    if (at == size) break;
    const Sequence sequence = next_sequence(bytes + at, size - at);
    if (!sequence.valid) break;
    at += sequence.size;
  }
  return at;
}

std::string with_replacements(const unsigned char* bytes, size_t size, Source source) {
  std::string text;
  text.reserve(size);
  for (size_t at = 0; at < size;) {
    const size_t valid = valid_length(bytes + at, size - at);
    text.append(reinterpret_cast<const char*>(bytes + at), valid);
    at += valid;
    if (at == size) break;
    text.append(kReplacement);
    const bool half = source == Source::kString && is_surrogate(bytes + at, size - at);
    at += half ? 3 : next_sequence(bytes + at, size - at).size;
  }
  return text;
}

}  // namespace quick
