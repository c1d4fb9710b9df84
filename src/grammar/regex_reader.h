// The characters of a pattern one after the other, and its escapes.
//
// Owner: the parser of one pattern, one thread. Bounded by the pattern.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "grammar/char_set.h"

namespace ondol {

class RegexReader {
 protected:
  static constexpr char32_t kEndOfPattern = 0xFFFFFFFF;

  // The pattern must be valid UTF-8 by the time it is read. `wide`: what \d and its like mean, see compile_regex.
  RegexReader(std::string_view pattern, bool wide) : text_(pattern), wide_(wide) {}

  // An error with the pattern and the place.
  std::unexpected<Error> wrong(const std::string& what) const;
  char32_t peek() const;
  char32_t take();
  bool skip(std::string_view literal);
  // Digits, if there are any; no more than `most`.
  std::optional<uint32_t> number(uint32_t most);
  // After the backslash: a class or one character.
  Result<CharSet> escape();

  std::string_view text_;
  bool wide_;
  size_t at_ = 0;

 private:
  Result<CharSet> property();
  Result<char32_t> char_escape(char32_t c);
  Result<char32_t> unicode_escape();
  Result<char32_t> hex(size_t digits);
};

}  // namespace ondol
