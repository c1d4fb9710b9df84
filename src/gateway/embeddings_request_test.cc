#include "gateway/embeddings_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/json_scan.h"

namespace ondol {
namespace {

ApiResult<EmbeddingsRequest> with(const std::string& fields) {
  return parse_embeddings_request(parse_json(R"({"model": "m", )" + fields + "}").value());
}

TEST(EmbeddingsRequest, TakesTheInputInItsForms) {
  const EmbeddingsRequest one = with(R"("input": "a b")").value();
  ASSERT_EQ(one.inputs.size(), 1u);
  EXPECT_TRUE(one.inputs[0].is_text);
  EXPECT_EQ(one.inputs[0].text, "a b");
  const EmbeddingsRequest texts = with(R"("input": ["a", "", "c"])").value();
  ASSERT_EQ(texts.inputs.size(), 3u);
  EXPECT_EQ(texts.inputs[2].text, "c");
  const EmbeddingsRequest ids = with(R"("input": [1, 2, 3])").value();
  ASSERT_EQ(ids.inputs.size(), 1u);
  EXPECT_FALSE(ids.inputs[0].is_text);
  EXPECT_EQ(ids.inputs[0].ids, (std::vector<int32_t>{1, 2, 3}));
  const EmbeddingsRequest lists = with(R"("input": [[1], [4, 5]])").value();
  ASSERT_EQ(lists.inputs.size(), 2u);
  EXPECT_EQ(lists.inputs[1].ids, (std::vector<int32_t>{4, 5}));
}

TEST(EmbeddingsRequest, DefaultsAndOptions) {
  const EmbeddingsRequest plain = with(R"("input": "a", "dimensions": null)").value();
  EXPECT_EQ(plain.model, "m");
  EXPECT_EQ(plain.format, EncodingFormat::kFloat);
  EXPECT_EQ(plain.dimensions, std::nullopt);
  EXPECT_EQ(plain.input_type, InputType::kNone);
  EXPECT_EQ(plain.truncate, std::nullopt);
  EXPECT_TRUE(plain.ignored.empty());
  const EmbeddingsRequest asked = with(R"("input": "a", "encoding_format": "base64", "dimensions": 12, "input_type": "query", "user": "u",
      "truncate_prompt_tokens": -1, "priority": 3)")
                                      .value();
  EXPECT_EQ(asked.format, EncodingFormat::kBase64);
  EXPECT_EQ(asked.dimensions, 12);
  EXPECT_EQ(asked.input_type, InputType::kQuery);
  EXPECT_EQ(asked.truncate, kTruncateToModel);
  EXPECT_EQ(asked.ignored, std::vector<std::string>{"priority"});
  EXPECT_EQ(with(R"("input": "a", "input_type": "search_document")").value().input_type, InputType::kPassage);
  EXPECT_EQ(with(R"("input": "a", "input_type": "none")").value().input_type, InputType::kNone);
}

TEST(EmbeddingsRequest, TakesAsManyInputsAsOpenAiDoes) {
  std::string inputs = R"("input": ["a")";
  for (size_t i = 1; i < kMaxEmbeddingInputs; ++i) inputs += R"(,"a")";
  EXPECT_EQ(with(inputs + "]").value().inputs.size(), kMaxEmbeddingInputs);
  const auto more = with(inputs + R"(,"a"])");
  ASSERT_FALSE(more);
  EXPECT_NE(more.error().message.find("2049 entries; at most 2048"), std::string::npos) << more.error().message;
}

TEST(EmbeddingsRequest, RefusesByName) {
  struct Row {
    std::string fields, param, part;
  };
  const std::vector<Row> rows = {
      {R"("user": "u")", "input", "input is missing"},
      {R"("input": 5)", "input", "not the number 5"},
      {R"("input": {})", "input", "not an object"},
      {R"("input": [])", "input", "empty array"},
      {R"("input": ["a", 1])", "input", "not the number 1"},
      {R"("input": [1, "a"])", "input", "not the string \"a\""},
      {R"("input": [[1], "a"])", "input", "not the string \"a\""},
      {R"("input": [[1], [-1]])", "input", "not the number -1"},
      {R"("input": [1.5])", "input", "not the number 1.5"},
      {R"("input": [4294967296])", "input", "not the number 4294967296"},
      {R"("input": [true])", "input", "not true"},
      {R"("input": "a", "encoding_format": "hex")", "encoding_format", "not \"hex\""},
      {R"("input": "a", "encoding_format": 1)", "encoding_format", "a string"},
      {R"("input": "a", "dimensions": 0)", "dimensions", "from 1 to"},
      {R"("input": "a", "input_type": "title")", "input_type", "not \"title\""},
      {R"("input": "a", "truncate_prompt_tokens": 0)", "truncate_prompt_tokens", "1 or more, or -1"},
      {R"("input": "a", "truncate_prompt_tokens": -2)", "truncate_prompt_tokens", "from -1 to"},
  };
  for (const Row& row : rows) {
    const auto request = with(row.fields);
    ASSERT_FALSE(request) << row.fields;
    EXPECT_EQ(request.error().param, row.param) << row.fields;
    EXPECT_NE(request.error().message.find(row.part), std::string::npos) << request.error().message;
  }
  EXPECT_EQ(parse_embeddings_request(parse_json(R"({"input": "a"})").value()).error().param, "model");
  EXPECT_EQ(parse_embeddings_request(parse_json("[]").value()).error().code, "invalid_type");
}

}  // namespace
}  // namespace ondol
