// Reads a plan from memory and trusts nothing of it: every offset is checked before it is used, every string ends in NUL
// and holds none, every descriptor index lies inside the table. Pure, so that it is tested under sanitizers.
#pragma once

#include "../plan.h"
#include "text.h"

namespace plan {

// Strings that Reader::fields accepted.
struct List {
  const char* words;  // offset and length of each
  const char* text;
  uint32_t count;

  const char* operator[](uint32_t index) const {
    uint32_t offset;
    memcpy(&offset, words + index * 2 * sizeof offset, sizeof offset);
    return text + offset;
  }
};

// One field of a step; which member is set follows from the field's kind.
struct Field {
  uint64_t u;       // u, and the index of f
  const char* s;    // s, b
  uint32_t length;  // s, b
  List list;        // l
};

constexpr uint32_t kMaxFields = 8;

class Reader {
 public:
  // The whole plan; false when its sizes do not add up to `size`.
  bool open(const char* data, size_t size, Header& header);
  bool step(StepHeader& out);
  // Decodes the fields of the step whose header was read last.
  bool fields(const char* kinds, Field* out);
  bool done() const { return left_ == 0; }

 private:
  bool word(uint32_t& out);
  bool string(Field& out);
  bool bytes(Field& out);
  bool list(Field& out);

  const char* at_ = nullptr;
  uint32_t left_ = 0;  // words
  const char* text_ = nullptr;
  uint32_t text_size_ = 0;
  const char* data_ = nullptr;
  uint32_t data_size_ = 0;
};

}  // namespace plan
