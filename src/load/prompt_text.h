// Prompts of about a wished number of tokens without a tokenizer: one short common English word for each. Most vocabularies have these
// words with their leading space as one token, so the count is close; what it really was is what the server's usage says.
//
// Pure functions; any thread. Bounded by the number of words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ondol {

// The first `words` words of the endless text that belongs to `seed`: equal seeds share their beginning, whatever their lengths.
struct PromptPart {
  uint64_t seed = 0;
  int32_t words = 0;

  bool operator==(const PromptPart&) const = default;
};

// The parts one after the other, words separated by one space.
std::string prompt_text(const std::vector<PromptPart>& parts);

}  // namespace ondol
