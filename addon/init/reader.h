// Reads a plan from memory and trusts nothing of it: every length is checked before it is used, every string ends in
// NUL and holds none, every descriptor index lies inside the table. Pure, so that it is tested under sanitizers.
#pragma once

#include "../plan.h"
#include "text.h"

namespace plan {

struct List {
  const char* first;  // the first entry's length word; entries follow each other
  uint32_t count;
};

// One field of a step; which member is set follows from the field's kind.
struct Field {
  uint64_t u;         // u, and the index of f
  const char* s;      // s, b
  uint32_t length;    // s, b
  List list;          // l
};

constexpr uint32_t kMaxFields = 8;

class Reader {
 public:
  Reader(const char* data, size_t size) : at_(data), left_(size) {}

  bool header(Header& out);
  bool step(StepHeader& out);
  // Decodes the payload of the step whose header was read last; false when it does not match `kinds` exactly.
  bool fields(const char* kinds, uint32_t length, Field* out);
  bool done() const { return left_ == 0; }

 private:
  bool take(void* out, size_t size);
  bool string(Field& out);
  bool bytes(Field& out);
  bool list(Field& out);

  const char* at_;
  size_t left_;
};

// The next entry of a list that Reader::fields accepted; moves `at` on.
const char* next_entry(const char*& at);

}  // namespace plan
