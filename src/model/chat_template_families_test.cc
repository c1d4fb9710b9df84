// Whole templates in the styles of known models, byte for byte against what Python's jinja2 made of them (tests/templates/README.md).

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <fstream>
#include <iterator>

#include "model/chat_template.h"
#include "model/chat_template_testing.h"

namespace ondol {
namespace {

std::string file_text(const std::string& name) {
  std::ifstream file(std::string(ONDOL_SOURCE_DIR) + "/tests/templates/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Families : public testing::TestWithParam<const char*> {};

TEST_P(Families, RenderAsJinjaDoes) {
  const auto conversations = boost::json::parse(file_text("conversations.json")).as_object();
  const auto expected = boost::json::parse(file_text("expected.json")).as_object().at(GetParam()).as_object();
  ASSERT_EQ(expected.size(), conversations.size());
  const auto parsed = ChatTemplate::parse(file_text(std::string(GetParam()) + ".jinja"));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  for (const auto& [name, text] : expected) {
    SCOPED_TRACE(std::string(name));
    const auto result = parsed->render(conversations.at(name).as_object(), kTestNow);
    if (text.is_null()) {
      ASSERT_FALSE(result.has_value()) << *result;
      EXPECT_EQ(result.error().code, Code::kInvalidArgument) << result.error().message;
      EXPECT_NE(result.error().message.find("line "), std::string::npos) << result.error().message;
    } else {
      ASSERT_TRUE(result.has_value()) << result.error().message;
      EXPECT_EQ(*result, std::string_view(text.as_string()));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Styles, Families,
                         testing::Values("chatml_tools", "declarations", "exaone4", "headers_date", "inst_alternating", "namespace_flags",
                                         "thinking_reverse", "turns_parts"),
                         [](const auto& test) { return std::string(test.param); });

// The format that reference/exaone.md section 4 describes, spelled out, so that it does not hang on the golden file alone.
TEST(Exaone4, FollowsTheDescribedFormat) {
  const std::string source = file_text("exaone4.jinja");
  EXPECT_EQ(
      rendered(source,
               R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}], "add_generation_prompt": true})"),
      "[|system|]\nS[|endofturn|]\n[|user|]\nU[|endofturn|]\n[|assistant|]\n<think>\n\n</think>\n\n");
  EXPECT_EQ(rendered(source, R"({"messages": [{"role": "user", "content": "U"}], "add_generation_prompt": true, "enable_thinking": true})"),
            "[|user|]\nU[|endofturn|]\n[|assistant|]\n<think>\n");
  EXPECT_EQ(rendered(source, R"({"messages": [{"role": "assistant", "content": "<think>\nreason\n</think>\n\nA"}]})"),
            "[|assistant|]\n<think>\n\n</think>\n\nA[|endofturn|]\n");
  // Nine characters go although "<think>\n" has eight: the original does so, and prompts have to match it.
  EXPECT_EQ(rendered(source, R"({"messages": [{"role": "assistant", "content": "<think>\nreason\n</think>\n\nA"}], "skip_think": false})"),
            "[|assistant|]\n<think>\neason\n</think>\n\nA[|endofturn|]\n");
  EXPECT_EQ(rendered(source, R"({"messages": [{"role": "tool", "content": "1"}, {"role": "tool", "content": {"값": 2}}]})"),
            "[|tool|]\n<tool_result>{\"result\": 1}</tool_result>\n<tool_result>{\"result\": {\"값\": 2}}</tool_result>[|endofturn|]\n");
}

}  // namespace
}  // namespace ondol
