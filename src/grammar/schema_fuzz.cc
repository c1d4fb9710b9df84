// Any bytes as a schema: refused with a reason, or a grammar whose random answers are JSON.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "grammar/grammar_test_util.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  if (size > 4096) return 0;
  boost::system::error_code error;
  boost::json::value schema = boost::json::parse(std::string_view(reinterpret_cast<const char*>(data), size), error);
  if (error) return 0;
  GrammarLimits limits;
  limits.max_nodes = 20'000;
  limits.max_refs = 200;
  limits.max_dfa_states = 1000;
  limits.max_answer_depth = 6;
  limits.time_us = 500'000;
  const auto tester = GrammarTester::make(spec_schema(std::move(schema)), limits);
  if (!tester) {
    if (tester.error().message.empty() || tester.error().code == Code::kInternal) __builtin_trap();
    return 0;
  }
  std::mt19937 random(static_cast<unsigned>(size));
  const auto text = random_answer(tester->matcher(), tester->grammar()->trie(), random, 60);
  if (!text) return 0;
  boost::json::parse(*text, error);
  if (error || !tester->accepts(*text)) __builtin_trap();
  return 0;
}
