// Any bytes as a pattern: refused with a reason, or an automaton whose random texts it matches itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "grammar/grammar_test_util.h"
#include "grammar/regex.h"
#include "model/tokenizer_utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  if (size > 1024) return 0;
  const std::string_view pattern(reinterpret_cast<const char*>(data), size);
  GrammarLimits limits;
  limits.max_nodes = 20'000;
  limits.max_dfa_states = 500;
  limits.time_us = 500'000;
  CompileBudget budget(limits);
  const auto narrow = compile_regex(pattern, RegexUse::kWhole, false, budget);
  if (!narrow) {
    if (narrow.error().message.empty()) __builtin_trap();
    return 0;
  }
  const auto tester = GrammarTester::make(spec_regex(std::string(pattern)), limits);
  if (!tester) return 0;
  std::mt19937 random(static_cast<unsigned>(size));
  const auto text = random_answer(tester->matcher(), tester->grammar()->trie(), random, 30);
  if (!text) return 0;
  if (find_invalid_utf8(*text) != std::string_view::npos || !narrow->matches(*text)) __builtin_trap();
  const auto wide = compile_regex(pattern, RegexUse::kWhole, true, budget);
  if (wide && !wide->matches(*text)) __builtin_trap();
  return 0;
}
