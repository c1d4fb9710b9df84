// Text that says nothing: what a twin answers, piece by piece.
//
// Owner: one answer. One thread. The same seed gives the same text; it is endless, ASCII, and begins with the well-known words by which a
// reader sees at once that no model wrote it.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace ondol {

class FillerText {
 public:
  explicit FillerText(uint64_t seed) : random_(seed) {}

  std::string next(size_t bytes);

 private:
  void add_word();

  std::mt19937_64 random_;
  std::string ready_ = "Lorem ipsum dolor sit amet, consectetur adipiscing elit.";
  uint64_t words_left_ = 0;  // of this sentence
};

}  // namespace ondol
