// Every keyword: texts that are accepted, texts that are not, and schemas that are refused with their reason.
#include <gtest/gtest.h>

#include "grammar/grammar_test_util.h"

namespace ondol {
namespace {

struct Case {
  const char* schema;
  std::vector<const char*> accepted;
  std::vector<const char*> rejected;
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const auto tester = GrammarTester::of_schema(one.schema);
    ASSERT_TRUE(tester) << one.schema << ": " << tester.error().message;
    for (const char* text : one.accepted) EXPECT_TRUE(tester->accepts(text)) << one.schema << "  " << text;
    for (const char* text : one.rejected) EXPECT_FALSE(tester->accepts(text)) << one.schema << "  " << text;
  }
}

void refused(std::string_view schema, const std::vector<std::string_view>& words) {
  const auto tester = GrammarTester::of_schema(schema);
  ASSERT_FALSE(tester) << schema;
  for (const std::string_view word : words) {
    EXPECT_NE(tester.error().message.find(word), std::string::npos)
        << schema << " should say " << word << ", says " << tester.error().message;
  }
}

TEST(SchemaTest, Types) {
  check({{R"({"type": "null"})", {"null"}, {"0", "nul", "nulll", "\"null\"", ""}},
         {R"({"type": "boolean"})", {"true", "false"}, {"True", "1"}},
         {R"({"type": "integer"})", {"0", "-1", "42", "123456789012345678"}, {"01", "-0", "1.0", "+1", "1e3", "1234567890123456789"}},
         {R"({"type": "number"})", {"0", "-1.5", "1e9", "2.5E-10", "0.001"}, {".5", "1.", "1e", "1e999", "00", "NaN"}},
         {R"({"type": "string"})",
          {R"("")", R"("a b")", R"("하나")", R"("\n\"\\\u0041\uD83D\uDE00")"},
          {"\"a", "a", "\"\n\"", R"("\x")", R"("\uD83D")", R"("\uDE00\uD83D")", "\"\xED\xA0\x80\"", "\"\xC0\x80\"", "\"\xFF\""}},
         {R"({"type": ["string", "null"]})", {R"("x")", "null"}, {"1"}},
         {R"({"type": "array"})", {"[]", "[1, [2], {\"a\":null}]", "[ ]", "[\n  1,\n  2\n]"}, {"[1,]", "[,]", "[1 2]", "[1\n\n]"}},
         {R"({"type": "object"})", {"{}", R"({"a": 1, "b": {"c": []}})", "{\n  \"a\": 1\n}"}, {"{\"a\"}", "{\"a\":1,}", "{a: 1}"}},
         {"true", {"1", "null", "{}"}, {"", "x"}},
         {"{}", {"1", "[[]]"}, {"]"}}});
  refused(R"({"type": "text"})", {"'type'", "#"});
  refused("false", {"no text"});
  refused(R"({"type": []})", {"no text"});
  refused("3", {"schema"});
}

TEST(SchemaTest, Enumerations) {
  check({{R"({"enum": ["red", 3, 1.5, null, true, [1], {"a": 2}]})",
          {"\"red\"", "3", "1.5", "null", "true", "[1]", R"({"a":2})"},
          {"\"re\"", "false", "15"}},
         {R"({"const": "한국"})", {"\"한국\""}, {"\"한\""}},
         {R"({"const": "a\"b\n"})", {R"("a\"b\n")"}, {}},
         {R"({"type": "string", "enum": ["a", 1, "bb"], "minLength": 2})", {"\"bb\""}, {"\"a\"", "1"}},
         {R"({"type": "integer", "enum": [1, 5, 9, 2.5], "minimum": 4})", {"5", "9"}, {"1", "2.5"}},
         {R"({"enum": [1, 2, 3], "allOf": [{"enum": [2, 3, 4]}], "const": 3})", {"3"}, {"2"}}});
  refused(R"({"enum": []})", {"no text"});
  refused(R"({"properties": {"a": {"const": 1, "type": "string"}}, "required": ["a"], "type": "object"})", {"no text"});
}

TEST(SchemaTest, Strings) {
  check({{R"({"type": "string", "minLength": 2, "maxLength": 3})",
          {"\"ab\"", "\"한국인\"", R"("\n\n")", "\"😀😀\""},
          {"\"a\"", "\"abcd\"", "\"😀\""}},
         {R"({"type": "string", "pattern": "^[a-z]+$"})", {"\"abc\""}, {"\"\"", "\"aBc\"", "\"abc\\n\""}},
         {R"({"type": "string", "pattern": "b"})", {"\"abc\"", "\"b\""}, {"\"ac\""}},
         {R"({"type": "string", "pattern": "^\"\\\\$"})", {R"("\"\\")"}, {R"("\\")"}},
         {R"({"type": "string", "pattern": "^[a-z]*$", "allOf": [{"pattern": "x"}], "maxLength": 3})",
          {"\"x\"", "\"axb\""},
          {"\"ab\"", "\"axbb\"", "\"X\""}},
         {R"({"pattern": "^a"})", {"\"ab\""}, {"\"ba\"", "3"}}});
  refused(R"({"type": "string", "minLength": 5, "maxLength": 4})", {"minLength", "#"});
  refused(R"x({"type": "object", "properties": {"a/b": {"type": "string", "pattern": "(?=x)"}}})x",
          {"'pattern'", "#/properties/a~1b", "lookaround"});
  refused(R"({"type": "string", "pattern": "^a$", "minLength": 2})", {"no string"});
  refused(R"({"type": "string", "minLength": -1})", {"'minLength'"});
}

TEST(SchemaTest, Formats) {
  check({{R"({"type": "string", "format": "date"})",
          {"\"2024-02-29\"", "\"1999-12-31\""},
          {"\"2023-02-29\"", "\"2024-13-01\"", "\"1900-02-29\"", "\"2024-04-31\""}},
         {R"({"type": "string", "format": "time"})", {"\"23:59:59Z\"", "\"00:00:00.5+09:00\""}, {"\"24:00:00Z\"", "\"12:00Z\""}},
         {R"({"type": "string", "format": "date-time"})", {"\"2024-01-02T03:04:05Z\""}, {"\"2024-01-02 03:04:05Z\""}},
         {R"({"type": "string", "format": "duration"})",
          {"\"P1Y2M3DT4H5M6S\"", "\"PT1M\"", "\"P2W\""},
          {"\"P\"", "\"PT\"", "\"1D\"", "\"P1Y2D\""}},
         {R"({"type": "string", "format": "email"})", {"\"a.b@example.com\""}, {"\"a@b\"", "\"@x.com\"", "\"a..b@x.com\""}},
         {R"({"type": "string", "format": "hostname"})", {"\"www.example.com\""}, {"\"-a.com\"", "\"a_b\""}},
         {R"({"type": "string", "format": "ipv4"})", {"\"192.168.0.1\""}, {"\"256.1.1.1\"", "\"1.2.3\"", "\"01.2.3.4\""}},
         {R"({"type": "string", "format": "ipv6"})",
          {"\"::1\"", "\"2001:db8::8a2e:370:7334\"", "\"1:2:3:4:5:6:7:8\"", "\"::\"", "\"1::\""},
          {"\":::\"", "\"1:2:3\"", "\"1::2::3\"", "\"12345::\""}},
         {R"({"type": "string", "format": "uuid"})", {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123e4567\""}},
         {R"({"type": "string", "format": "uri"})", {"\"https://example.com/a?b=c#d\""}, {"\"//example.com\"", "\"http://a b\""}}});
  refused(R"({"type": "string", "format": "postal-code"})", {"'format'", "postal-code"});
}

TEST(SchemaTest, Numbers) {
  check({{R"({"type": "integer", "minimum": 1, "maximum": 10})", {"1", "10", "7"}, {"0", "11", "-1", "1.5"}},
         {R"({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3})", {"2"}, {"1", "3"}},
         {R"({"type": "integer", "minimum": -5})", {"-5", "0", "999"}, {"-6"}},
         {R"({"type": "integer", "multipleOf": 10})", {"0", "-20", "1000"}, {"5"}},
         {R"({"type": "number", "minimum": 0, "maximum": 1})", {"0", "1", "0.5", "1.0", "0.000"}, {"-0.1", "1.1", "1e0", "-1"}},
         {R"({"type": "number", "exclusiveMinimum": 0})", {"0.1", "5"}, {"0", "0.0", "-1"}},
         {R"({"type": "number", "multipleOf": 5})", {"15"}, {"1", "5.0"}},
         {R"({"minimum": 3})", {"3", "3.5"}, {"2", "\"3\""}},
         {R"({"type": "integer", "minimum": 18446744073709551615, "maximum": 18446744073709551615})",
          {"18446744073709551615"},
          {"18446744073709551614"}},
         {R"({"type": "number", "allOf": [{"minimum": 2}, {"minimum": 3}], "maximum": 4})", {"3"}, {"2.5"}}});
  refused(R"({"type": "number", "multipleOf": 0.01})", {"'multipleOf'"});
  refused(R"({"type": "integer", "minimum": 5, "maximum": 4})", {"'minimum'"});
  refused(R"({"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 5})", {"no number"});
  refused(R"({"type": "integer", "minimum": "5"})", {"'minimum'"});
}

TEST(SchemaTest, Arrays) {
  check({{R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})",
          {"[1]", "[1,2,3]", "[1, 2]"},
          {"[]", "[1,2,3,4]", "[\"a\"]"}},
         {R"({"type": "array", "items": {"type": "integer"}, "minItems": 2})", {"[1,2]", "[1,2,3,4,5]"}, {"[1]"}},
         {R"({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false})",
          {"[]", "[\"a\"]", "[\"a\", 1]"},
          {"[1]", "[\"a\",1,2]"}},
         {R"({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "null"}})", {"[\"a\",null,null]"}, {"[\"a\",1]"}},
         {R"({"type": "array", "maxItems": 0})", {"[]"}, {"[1]"}},
         {R"({"type": "array", "items": false})", {"[]"}, {"[1]"}},
         {R"({"items": {"type": "integer"}, "allOf": [{"items": {"minimum": 3}}], "uniqueItems": false})", {"[3]"}, {"[2]", "3"}}});
  check({{R"({"type": "array", "maxItems": 1, "uniqueItems": true})", {"[]", "[1]"}, {"[1,1]"}}});
  refused(R"({"type": "array", "minItems": 3, "maxItems": 2})", {"'minItems'"});
  refused(R"({"type": "array", "uniqueItems": true})", {"'uniqueItems'"});
  refused(R"({"type": "array", "contains": {}})", {"'contains'"});
  refused(R"({"type": "array", "items": [{}]})", {"#/items"});
  refused(R"({"type": "array", "items": false, "minItems": 1})", {"no text"});
}

TEST(SchemaTest, Objects) {
  check(
      {{R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]})",
        {R"({"a":1})", R"({"a": 1, "b": "x"})", "{\n  \"a\": 1,\n  \"b\": \"x\"\n}"},
        {"{}", R"({"b":"x"})", R"({"b":"x","a":1})", R"({"a":1,"a":1})", R"({"a":1,"c":2})", R"({"a":1,})"}},
       {R"({"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": false})", {"{}", R"({"b":[]})"}, {R"({"c":1})"}},
       {R"({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": {"type": "integer"}})",
        {R"({"a":null,"x":1,"yy":2})", R"({"ab":1})", R"({"":1})"},
        {R"({"a":1})", R"({"x":null})", R"({"\u0061":1})", R"({"x":1,"a":null})"}},
       {R"({"type": "object", "required": ["z"]})", {R"({"z":1})"}, {"{}"}},
       {R"({"type": "object", "additionalProperties": {"type": "boolean"}})", {"{}", R"({"q":true})"}, {R"({"q":1})"}},
       {R"({"type": "object", "patternProperties": {"^n_": {"type": "integer"}, "^s": {"type": "string"}}, "additionalProperties": false})",
        {R"({"n_x":1,"s":"t"})", "{}"},
        {R"({"n_x":"1"})", R"({"x":1})"}},
       {R"({"type": "object", "properties": {"n_a": {"minimum": 3}}, "patternProperties": {"^n_": {"type": "integer"}}})",
        {R"({"n_a":3})", R"({"n_b":1})"},
        {R"({"n_a":2})", R"({"n_a":3.5})"}},
       {R"({"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties": {"type": "null"}})",
        {R"({"ab":null})"},
        {R"({"A":null})"}},
       {R"({"type": "object", "propertyNames": {"enum": ["x", "y"]}})", {R"({"x":1})"}, {R"({"z":1})"}},
       {R"({"properties": {"a": false, "b": {"type": "null"}}})", {R"({"b":null})", "{}"}, {R"({"a":1})", "3"}},
       {R"({"type": "object", "properties": {"a b\"": {"type": "null"}}, "required": ["a b\""]})", {R"({"a b\"":null})"}, {"{}"}}});
  refused(R"({"type": "object", "properties": {"a": false}, "required": ["a"]})", {"no text"});
  refused(R"({"type": "object", "required": [1]})", {"'required'"});
  for (const char* keyword : {"not", "if", "dependentRequired", "unevaluatedProperties", "dependencies"}) {
    refused(R"({"type": "object", ")" + std::string(keyword) + R"(": {}})", {keyword});
  }
}

TEST(SchemaTest, CountsOfProperties) {
  check(
      {{R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}, "minProperties": 2, "additionalProperties": false})",
        {R"({"a":null,"c":null})", R"({"a":null,"b":null,"c":null})"},
        {"{}", R"({"b":null})"}},
       {R"({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "maxProperties": 1})",
        {"{}", R"({"b":null})"},
        {R"({"a":null,"b":null})"}},
       {R"({"type": "object", "additionalProperties": {"type": "null"}, "minProperties": 1})",
        {R"({"x":null})", R"({"x":null,"y":null})"},
        {"{}"}},
       {R"({"type": "object", "additionalProperties": {"type": "null"}, "maxProperties": 2})",
        {"{}", R"({"x":null,"y":null})"},
        {R"({"x":null,"y":null,"z":null})"}}});
  refused(R"({"type": "object", "additionalProperties": {"type": "null"}, "minProperties": 2})", {"no text"});
}

TEST(SchemaTest, Combinations) {
  check(
      {{R"({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 5}]})", {"\"a\"", "5"}, {"4", "null"}},
       {R"({"oneOf": [{"type": "string"}, {"type": "null"}]})", {"\"a\"", "null"}, {"1"}},
       {R"({"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}, "x": {"type": "integer"}}, "required": ["k"]},
                        {"type": "object", "properties": {"k": {"const": "b"}}, "required": ["k"]}]})",
        {R"({"k":"a","x":1})", R"({"k":"b"})"},
        {R"({"k":"b","x":1})", R"({"k":"c"})"}},
       {R"({"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})",
        {R"({"a":1})", R"({"b":1})", R"({"a":1,"b":2})"},
        {"{}"}},
       {R"({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {"type": "null"}}}]})",
        {R"({"a":1,"b":null})"},
        {"{}"}},
       {R"({"anyOf": [{"const": 1}, {"const": "x"}, {"enum": [true, null]}]})", {"1", "\"x\"", "null"}, {"2", "false"}},
       {R"({"type": "string", "anyOf": [{"minLength": 3}, {"const": "a"}]})", {"\"abc\"", "\"a\""}, {"\"ab\"", "3"}},
       {R"({"oneOf": [{"type": "integer", "maximum": 3}, {"type": "integer", "minimum": 4}]})", {"3", "4"}, {}}});
  refused(R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", {"'oneOf'", "exclude"});
  refused(R"({"properties": {"x": {"oneOf": [{"minLength": 1}, {"maxLength": 3}]}}})", {"#/properties/x"});
}

TEST(SchemaTest, References) {
  check(
      {{R"({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}})", {"1"}, {"\"1\""}},
       {R"({"$ref": "#/$defs/x", "minimum": 3, "$defs": {"x": {"type": "integer"}}})", {"3"}, {"2"}},
       {R"({"properties": {"a": {"type": "integer"}, "b": {"$ref": "#/properties/a"}}, "type": "object"})",
        {R"({"b":1})"},
        {R"({"b":null})"}},
       {R"({"$ref": "#here", "definitions": {"q": {"$anchor": "here", "type": "null"}}})", {"null"}, {"1"}},
       {R"({"$defs": {"a/b~c d": {"type": "null"}}, "$ref": "#/$defs/a~1b~0c%20d"})", {"null"}, {"1"}},
       {R"({"type": "object", "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["v", "next"]})",
        {R"({"v":1,"next":{"v":2,"next":null}})"},
        {R"({"v":1,"next":{"v":2}})", R"({"v":1})"}},
       {R"({"$id": "https://e.com/s", "$ref": "https://e.com/s#/$defs/x", "$defs": {"x": {"type": "null"}}})", {"null"}, {"1"}}});
  check({{R"({"$ref": "#/$defs/e", "$defs": {"e": {"oneOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]}}})",
          {"1", "[[1],2]"},
          {"\"a\"", "[null]"}}});
  refused(R"({"$ref": "#/$defs/e", "$defs": {"e": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}})", {"'$ref'"});
  refused(R"({"$ref": "#"})", {"'$ref'"});
  refused(R"({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}})", {"'$ref'"});
  refused(R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})", {"'$ref'"});
  refused(R"({"anyOf": [{"$ref": "#"}]})", {"'$ref'"});
  refused(R"({"$ref": "#/$defs/none"})", {"points to nothing"});
  refused(R"({"$ref": "other.json"})", {"another document"});
  refused(R"({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]})", {"no text"});
}

TEST(SchemaTest, AnswersNestAsDeepAsAllowedAndCanAlwaysEnd) {
  const auto tester = GrammarTester::of_schema("{}", {.max_answer_depth = 5});
  ASSERT_TRUE(tester);
  EXPECT_TRUE(tester->accepts("[[[[[]]]]]"));
  EXPECT_FALSE(tester->accepts("[[[[[[]]]]]]"));
  EXPECT_TRUE(tester->accepts("[[[[[1]]]]]"));
  const std::string deepest = std::string(32, '[') + std::string(32, ']');  // what Boost.JSON parses unless told otherwise
  EXPECT_NO_THROW(boost::json::parse(deepest));
  EXPECT_TRUE(GrammarTester::of_schema("{}")->accepts(deepest));
  EXPECT_FALSE(GrammarTester::of_schema("{}")->accepts("[" + deepest + "]"));
  GrammarMatcher matcher = tester->matcher();
  ASSERT_TRUE(matcher.accept_bytes("[[[[["));
  EXPECT_FALSE(matcher.accept_bytes("["));
  EXPECT_FALSE(matcher.accept_bytes("{"));
  EXPECT_TRUE(matcher.accept_bytes("]"));
}

TEST(SchemaTest, BombsAreRefusedInTime) {
  const auto nested = [](std::string schema, int times) {
    for (int i = 0; i < times; ++i) schema = R"({"type":"array","minItems":1000,"maxItems":1000,"items":)" + schema + "}";
    return schema;
  };
  EXPECT_TRUE(GrammarTester::of_schema(nested("{\"type\":\"null\"}", 3)));  // the lists share their rules, so this is small
  std::string branches = "{\"anyOf\":[";
  for (int i = 0; i < 20'000; ++i) branches += R"({"type":"string","minLength":)" + std::to_string(i) + "},";
  branches.back() = ']';
  EXPECT_FALSE(GrammarTester::of_schema(branches + "}"));
  std::string values = "{\"enum\":[";
  for (int i = 0; i < 10'000; ++i) values += "\"value " + std::to_string(i * 7919) + "\",";
  values.back() = ']';
  const auto many = GrammarTester::of_schema(values + "}");
  ASSERT_TRUE(many) << many.error().message;
  EXPECT_TRUE(many->accepts("\"value 7919\""));
  EXPECT_FALSE(many->accepts("\"value 7918\""));
  EXPECT_FALSE(GrammarTester::of_schema("{\"pattern\":\"" + std::string(900'000, 'a') + "\"}"));
  EXPECT_FALSE(GrammarTester::of_schema("{\"const\":\"" + std::string(1 << 20, 'a') + "\"}"));
  std::string choices = "{\"$defs\":{";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "{\"$ref\":\"#/$defs/d" + std::to_string(i + 1) + "\"}";
    choices += "\"d" + std::to_string(i) + R"(":{"allOf":[{"anyOf":[{"minLength":)" + std::to_string(i) + R"(},{"maxLength":)" +
               std::to_string(i) + "}]}," + next + "]},";
  }
  EXPECT_FALSE(GrammarTester::of_schema(choices + R"("d40":{"type":"string"}},"$ref":"#/$defs/d0"})"));
}

TEST(SchemaTest, CompilingStopsAtTheDeadline) {
  class LateClock final : public Clock {
   public:
    int64_t now_us() const override { return now_ += 1'000'000; }
    mutable int64_t now_ = 0;
  };
  const LateClock clock;
  const auto tester = GrammarTester::of_schema(R"({"type":"string","pattern":"^[a-f]{2,200}$","maxLength":300})", {.clock = &clock});
  ASSERT_FALSE(tester);
  EXPECT_EQ(tester.error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace ondol
