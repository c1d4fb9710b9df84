#include "gateway/json_scan.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ondol {
namespace {

std::string message_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto value = parse_json(text, limits);
  EXPECT_FALSE(value) << text;
  return value ? "" : value.error().message;
}

bool says(std::string_view text, std::string_view part) {
  const std::string message = message_of(text);
  if (message.find(part) == std::string::npos) ADD_FAILURE() << message << " does not say " << part;
  return true;
}

TEST(JsonScan, TellsTheByteAndWhatStandsThere) {
  EXPECT_EQ(message_of(R"({"a": 1 x})"), R"(The body is not valid JSON: a syntax error at byte 8, near "x}".)");
  EXPECT_EQ(message_of(R"({"a": )"), "The body is not valid JSON: it ends too early at byte 6.");
  EXPECT_EQ(message_of(""), "The body is not valid JSON: it ends too early at byte 0.");
  EXPECT_EQ(message_of("{} {}"), R"(The body is not valid JSON: there is more behind the end of the value at byte 3, near "{}".)");
  says("{'a': 1}", "a syntax error at byte 1");
  says("[1,]", "a syntax error at byte 3");
  says("[NaN]", "a syntax error at byte 1");
  says("\"a\nb\"", "a syntax error at byte 2");
}

TEST(JsonScan, RefusesWhatIsNotUnicode) {
  says("{\"a\": \"\xff\"}", "invalid UTF-8 at byte 7");
  says("[\"\xed\xa0\x80\"]", "invalid UTF-8 at byte 2");
  says("[\"\xf4\x90\x80\x80\"]", "invalid UTF-8 at byte 2");
  says("[\"\xc0\xaf\"]", "invalid UTF-8 at byte 2");
  says("[\"\xe2\x82", "invalid UTF-8 at byte 2");
  says(R"(["\ud83d"])", "a lone UTF-16 surrogate");
  says(R"(["\ude00"])", "a lone UTF-16 surrogate");
  says(R"(["\ud83dx"])", "a lone UTF-16 surrogate");
  EXPECT_EQ(parse_json(R"(["\ud83d\ude00 한"])").value().as_array()[0].as_string(), "😀 한");
}

TEST(JsonScan, BoundsDepthBytesAndValues) {
  const JsonLimits limits{.max_bytes = 100, .max_depth = 4, .max_values = 10};
  EXPECT_TRUE(parse_json("[[[[1]]]]", limits));
  EXPECT_NE(message_of("[[[[[1]]]]]", limits).find("nested too deep at byte 4"), std::string::npos);
  EXPECT_TRUE(parse_json("[0,0,0,0,0,0,0,0]", limits));
  EXPECT_NE(message_of("[0,0,0,0,0,0,0,0,0,0,0]", limits).find("12 JSON values; at most 10"), std::string::npos);
  EXPECT_TRUE(parse_json(R"(["commas, in, text, do, not, count, [[[{{{ \", , ,"])", limits));
  const auto large = parse_json(std::string(101, ' '), limits);
  EXPECT_EQ(large.error().status, 413);
  EXPECT_NE(large.error().message.find("101 bytes; at most 100"), std::string::npos);
  says(std::string(100'000, '['), "nested too deep");
}

TEST(JsonScan, CountsAtLeastTheValuesOfTheDom) {
  for (const char* text : {"1", "[]", "{}", "[1,2]", R"({"a":1,"b":[1,2,{"c":null}]})", "[[],[],[[]]]"}) {
    const auto count = [](const auto& self, const boost::json::value& value) -> size_t {
      size_t n = 1;
      if (const auto* array = value.if_array()) {
        for (const auto& item : *array) n += self(self, item);
      }
      if (const auto* object = value.if_object()) {
        for (const auto& field : *object) n += self(self, field.value());
      }
      return n;
    };
    EXPECT_GE(count_json_values(text), count(count, parse_json(text).value())) << text;
  }
}

TEST(JsonScan, NumbersAreFiniteAndTheLastOfEqualKeysHolds) {
  EXPECT_FALSE(parse_json("[1e999]"));
  EXPECT_FALSE(parse_json("{\"a\": {\"b\": [-1e999]}}"));
  EXPECT_TRUE(parse_json("[1e300, -5, 18446744073709551615]"));
  EXPECT_EQ(parse_json(R"({"a": 1, "a": 2})").value().as_object()["a"], 2);
}

}  // namespace
}  // namespace ondol
