#include "gateway/rerank_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/json_scan.h"

namespace ondol {
namespace {

ApiResult<RerankRequest> with(const std::string& fields) {
  return parse_rerank_request(parse_json(R"({"model": "m", )" + fields + "}").value());
}

TEST(RerankRequest, TakesDocumentsInBothForms) {
  const RerankRequest request = with(R"("query": "q", "documents": ["a", {"text": "b", "title": "t"}, ""])").value();
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.query, "q");
  EXPECT_EQ(request.documents, (std::vector<std::string>{"a", "b", ""}));
  EXPECT_EQ(request.top_n, 3u);
  EXPECT_TRUE(request.return_documents);
  EXPECT_EQ(request.truncate, std::nullopt);
}

TEST(RerankRequest, Options) {
  const RerankRequest request = with(R"("query": "q", "documents": ["a", "b"], "top_n": 1, "return_documents": false,
      "truncate_prompt_tokens": 9, "instruction": "i", "user": "u", "max_chunks_per_doc": 4)")
                                    .value();
  EXPECT_EQ(request.top_n, 1u);
  EXPECT_FALSE(request.return_documents);
  EXPECT_EQ(request.truncate, 9);
  EXPECT_EQ(request.instruction, "i");
  EXPECT_EQ(request.ignored, std::vector<std::string>{"max_chunks_per_doc"});
  EXPECT_EQ(with(R"("query": "q", "documents": ["a", "b"], "top_n": 9)").value().top_n, 2u);
}

TEST(RerankRequest, RefusesByName) {
  struct Row {
    std::string fields, param, part;
  };
  const std::vector<Row> rows = {
      {R"("documents": ["a"])", "query", "query is missing"},
      {R"("query": "", "documents": ["a"])", "query", "query is missing"},
      {R"("query": 1, "documents": ["a"])", "query", "a string"},
      {R"("query": "q")", "documents", "documents is missing"},
      {R"("query": "q", "documents": "a")", "documents", "an array"},
      {R"("query": "q", "documents": [])", "documents", "empty array"},
      {R"("query": "q", "documents": ["a", 1])", "documents", "not the number 1"},
      {R"("query": "q", "documents": [{"title": "t"}])", "documents", "not an object"},
      {R"("query": "q", "documents": [{"text": 3}])", "documents", "not the number 3"},
      {R"("query": "q", "documents": ["a"], "top_n": 0)", "top_n", "from 1 to"},
      {R"("query": "q", "documents": ["a"], "return_documents": "yes")", "return_documents", "true or false"},
      {R"("query": "q", "documents": ["a"], "truncate_prompt_tokens": 0)", "truncate_prompt_tokens", "1 or more, or -1"},
  };
  for (const Row& row : rows) {
    const auto request = with(row.fields);
    ASSERT_FALSE(request) << row.fields;
    EXPECT_EQ(request.error().param, row.param) << row.fields;
    EXPECT_NE(request.error().message.find(row.part), std::string::npos) << request.error().message;
  }
  std::string many = R"("query": "q", "documents": ["a")";
  for (size_t i = 0; i < kMaxEmbeddingInputs; ++i) many += R"(,"a")";
  EXPECT_NE(with(many + "]").error().message.find("2049 entries"), std::string::npos);
  EXPECT_EQ(parse_rerank_request(parse_json("3").value()).error().code, "invalid_type");
  EXPECT_EQ(parse_rerank_request(parse_json("{}").value()).error().param, "model");
}

}  // namespace
}  // namespace ondol
