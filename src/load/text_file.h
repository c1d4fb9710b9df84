// Whole text files, for inputs that are read once.
//
// Any thread. Bounded by `max_bytes`.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace ondol {

// kNotFound, kPayloadTooLarge, kDataLoss (a read that failed).
Result<std::string> read_input_file(const std::string& path, size_t max_bytes);
// Replaces what is there. kPermissionDenied names the path.
Status write_output_file(const std::string& path, std::string_view text);

// Lines of a text one after the other, without LF or CRLF; the last may lack its end.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  // False at the end.
  bool next(std::string_view& line);
  // Of the line that `next` gave, from 1.
  int number() const { return number_; }
  // "line 7" in front of an error's message.
  std::string here() const { return "line " + std::to_string(number_); }

 private:
  std::string_view rest_;
  int number_ = 0;
};

}  // namespace ondol
