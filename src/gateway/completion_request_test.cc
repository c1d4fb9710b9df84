#include "gateway/completion_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/json_scan.h"

namespace ondol {
namespace {

ApiResult<CompletionRequest> with(const std::string& fields) {
  return parse_completion_request(parse_json(R"({"model": "m", )" + fields + "}").value());
}

TEST(CompletionRequest, TakesThePromptInItsForms) {
  EXPECT_EQ(with(R"("prompt": "a b")").value().prompt.text, "a b");
  EXPECT_EQ(with(R"("prompt": ["a b"])").value().prompt.text, "a b");
  const CompletionPrompt ids = with(R"("prompt": [1, 2, 3])").value().prompt;
  EXPECT_FALSE(ids.is_text);
  EXPECT_EQ(ids.ids, (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(with(R"("prompt": [[4, 5]])").value().prompt.ids, (std::vector<int32_t>{4, 5}));
}

TEST(CompletionRequest, HasTheEndpointsOwnDefaults) {
  const CompletionRequest plain = with(R"("prompt": "a")").value();
  EXPECT_EQ(plain.common.max_tokens, 16);
  EXPECT_EQ(plain.common.logprobs, -1);
  const CompletionRequest asked =
      with(R"("prompt": "a", "max_tokens": 3, "logprobs": 0, "echo": false, "best_of": 1, "suffix": "")").value();
  EXPECT_EQ(asked.common.max_tokens, 3);
  EXPECT_EQ(asked.common.logprobs, 0);
  const CompletionRequest scored = with(R"("prompt": "a", "max_tokens": 0, "logprobs": 2, "echo": true)").value();
  EXPECT_EQ(scored.common.max_tokens, 0);
  EXPECT_EQ(scored.common.logprobs, 2);
  EXPECT_TRUE(scored.echo);
  EXPECT_EQ(with(R"("prompt": "a", "max_completion_tokens": 3)").value().common.ignored, std::vector<std::string>{"max_completion_tokens"});
}

TEST(CompletionRequest, RefusesByName) {
  struct Row {
    std::string fields, param, part;
  };
  const std::vector<Row> rows = {
      {R"("n": 1)", "prompt", "prompt is missing"},
      {R"("prompt": 5)", "prompt", "not the number 5"},
      {R"("prompt": [])", "prompt", "empty array"},
      {R"("prompt": ["a", "b"])", "prompt", "2 prompts; send one request for each"},
      {R"("prompt": [[1], [2]])", "prompt", "2 prompts"},
      {R"("prompt": [1, "a"])", "prompt", "not the string \"a\""},
      {R"("prompt": [-1])", "prompt", "not the number -1"},
      {R"("prompt": [4294967296])", "prompt", "not the number 4294967296"},
      {R"("prompt": [{}])", "prompt", "not an object"},
      {R"("prompt": "a", "suffix": "b")", "suffix", "suffix is not supported"},
      {R"("prompt": "a", "best_of": 2)", "best_of", "best_of is not supported"},
      {R"("prompt": "a", "n": 17)", "n", "from 1 to 16"},
      {R"("prompt": "a", "max_tokens": -1)", "max_tokens", "from 0 to"},
      {R"("prompt": "a", "logprobs": 6)", "logprobs", "from 0 to 5"},
      {R"("prompt": "a", "logprobs": true)", "logprobs", "an integer"},
  };
  for (const Row& row : rows) {
    const auto request = with(row.fields);
    ASSERT_FALSE(request) << row.fields;
    EXPECT_EQ(request.error().param, row.param) << row.fields;
    EXPECT_NE(request.error().message.find(row.part), std::string::npos) << request.error().message;
  }
}

}  // namespace
}  // namespace ondol
