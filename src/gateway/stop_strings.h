// Finds stop strings in a text that arrives in pieces, and holds back only what may still become one.
//
// Owner: one answer. One thread. Bounded: what is held back is shorter than the longest stop string; time is bytes times stop strings,
// in the worst case too (Knuth-Morris-Pratt, one automaton for each).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

class StopStrings {
 public:
  // No stop string may be empty.
  explicit StopStrings(std::vector<std::string> stops);

  // The text that may be shown now. The stop string that ends first counts, of those that end together the longest; so the result does
  // not depend on how the text was cut. After a hit nothing more comes. Valid UTF-8 in whole characters stays so.
  std::string push(std::string_view text);
  // What was held back, at the end of a text without a hit.
  std::string finish();

  bool hit() const { return hit_; }

 private:
  struct Automaton {
    std::string stop;
    std::vector<uint32_t> fallback;  // [n]: longest proper border of the first n bytes
    uint32_t matched = 0;
  };
  static void advance(Automaton& automaton, char c);

  std::vector<Automaton> automata_;
  std::string held_;
  bool hit_ = false;
};

}  // namespace ondol
