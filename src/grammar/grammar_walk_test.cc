// Random answers to schemas as people write them: each must be JSON, and be accepted again byte by byte.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "grammar/grammar_test_util.h"

namespace ondol {
namespace {

// The schemas of tests/grammar/schemas.json, which check_schema_suite.py also holds to another validator.
const std::vector<boost::json::value>& schemas() {
  static const std::vector<boost::json::value> list = [] {
    std::ifstream file(ONDOL_SOURCE_DIR "/tests/grammar/schemas.json");
    std::vector<boost::json::value> out;
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const boost::json::value entries = boost::json::parse(text);
    for (const boost::json::value& entry : entries.as_array()) out.push_back(entry.at("schema"));
    return out;
  }();
  return list;
}

TEST(GrammarWalkTest, RandomAnswersAreJsonAndAcceptedAgain) {
  const auto trie = small_json_trie();
  std::mt19937 random(20240601);
  for (const boost::json::value& schema : schemas()) {
    const auto tester = GrammarTester::make(spec_schema(schema));
    ASSERT_TRUE(tester) << schema << ": " << tester.error().message;
    int finished = 0;
    for (int i = 0; i < 60; ++i) {
      const auto text = random_answer(tester->matcher(), *trie, random, 400);
      if (!text) continue;
      ++finished;
      boost::system::error_code error;
      boost::json::parse(*text, error);
      EXPECT_FALSE(error) << schema << "\n" << *text;
      EXPECT_TRUE(tester->accepts(*text)) << *text;
    }
    EXPECT_GE(finished, 30) << schema;
  }
}

TEST(GrammarWalkTest, EveryPlaceHasAWayOn) {
  const auto trie = small_json_trie();
  std::mt19937 random(7);
  for (const boost::json::value& schema : schemas()) {
    const auto tester = *GrammarTester::make(spec_schema(schema), {.max_answer_depth = 4});
    for (int i = 0; i < 20; ++i) {
      GrammarMatcher matcher = tester.matcher();
      for (int step = 0; step < 120 && !matcher.must_end(); ++step) {
        auto choices = permitted(matcher.mask());
        std::erase_if(choices, [&](int32_t id) { return trie->is_end(id); });
        ASSERT_FALSE(choices.empty()) << schema;
        const std::string forced = matcher.forced();
        const int32_t token = choices[random() % choices.size()];
        const std::string_view bytes = trie->bytes(token);
        EXPECT_EQ(bytes.substr(0, forced.size()), std::string_view(forced).substr(0, bytes.size())) << schema;
        ASSERT_TRUE(matcher.accept(token));
      }
    }
  }
}

}  // namespace
}  // namespace ondol
