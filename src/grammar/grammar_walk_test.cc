// Random answers to schemas as people write them: each must be JSON, and be accepted again byte by byte.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "grammar/grammar_test_util.h"

namespace ondol {
namespace {

constexpr const char* kSchemas[] = {
    // An invoice.
    R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Invoice","type":"object","properties":{
        "number":{"type":"string","pattern":"^INV-\\d{4,8}$"},"date":{"type":"string","format":"date"},
        "customer":{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":80},"email":{"type":"string","format":"email"}},"required":["name"],"additionalProperties":false},
        "lines":{"type":"array","minItems":1,"maxItems":20,"items":{"type":"object","properties":{"sku":{"type":"string"},"quantity":{"type":"integer","minimum":1,"maximum":999},
          "price":{"type":"number","minimum":0}},"required":["sku","quantity","price"],"additionalProperties":false}},
        "currency":{"enum":["KRW","USD","EUR"]},"paid":{"type":"boolean","default":false}},"required":["number","date","customer","lines","currency"],"additionalProperties":false})",
    // Arguments of a tool.
    R"({"type":"object","properties":{"location":{"type":"string","description":"City"},"unit":{"type":"string","enum":["celsius","fahrenheit"]},"days":{"type":"integer","minimum":1,"maximum":14}},"required":["location"]})",
    // Korean keys and values.
    R"({"type":"object","properties":{"분류":{"type":"string","enum":["민원","제안","문의"]},"제목":{"type":"string","maxLength":30},"긴급":{"type":"boolean"},"담당 부서":{"type":["string","null"]}},"required":["분류","제목","긴급","담당 부서"],"additionalProperties":false})",
    // A tree.
    R"({"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{"value":{"type":"integer"},"children":{"type":"array","items":{"$ref":"#/$defs/Node"}}},"required":["value","children"]}}})",
    // As pydantic writes it.
    R"({"$defs":{"Address":{"properties":{"street":{"title":"Street","type":"string"},"zip":{"anyOf":[{"type":"string","pattern":"^\\d{5}$"},{"type":"null"}],"default":null,"title":"Zip"}},"required":["street"],"title":"Address","type":"object"},
        "Color":{"enum":["red","green"],"title":"Color","type":"string"}},
        "properties":{"name":{"title":"Name","type":"string"},"age":{"anyOf":[{"minimum":0,"type":"integer"},{"type":"null"}],"default":null},"address":{"$ref":"#/$defs/Address"},
        "colors":{"items":{"$ref":"#/$defs/Color"},"type":"array"},"scores":{"additionalProperties":{"type":"number"},"type":"object"}},"required":["name","address","colors"],"title":"Person","type":"object"})",
    // As zod writes it.
    R"({"type":"object","properties":{"kind":{"type":"string","const":"event"},"id":{"type":"string","format":"uuid"},"at":{"type":"string","format":"date-time"},"tags":{"type":"array","items":{"type":"string","minLength":1},"maxItems":5},
        "meta":{"type":"object","propertyNames":{"type":"string"},"additionalProperties":{}},
        "shape":{"oneOf":[{"type":"object","properties":{"type":{"type":"string","const":"circle"},"r":{"type":"number","exclusiveMinimum":0}},"required":["type","r"],"additionalProperties":false},
          {"type":"object","properties":{"type":{"type":"string","const":"square"},"side":{"type":"number","exclusiveMinimum":0}},"required":["type","side"],"additionalProperties":false}]}},
        "required":["kind","id","at","tags","meta","shape"],"additionalProperties":false,"$schema":"http://json-schema.org/draft-07/schema#"})",
    R"({"type":"array","prefixItems":[{"type":"string"},{"type":"number","minimum":-90,"maximum":90}],"items":{"type":"integer","multipleOf":25}})",
    R"({"type":"object","patternProperties":{"^x-[a-z]+$":{"type":"string"}},"additionalProperties":{"type":"integer"},"minProperties":1})",
    "true",
};

TEST(GrammarWalkTest, RandomAnswersAreJsonAndAcceptedAgain) {
  const auto trie = small_json_trie();
  std::mt19937 random(20240601);
  for (const char* schema : kSchemas) {
    const auto tester = GrammarTester::of_schema(schema);
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
  for (const char* schema : kSchemas) {
    const auto tester = *GrammarTester::of_schema(schema, {.max_answer_depth = 4});
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
